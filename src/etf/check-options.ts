// The options of encode() and decode(), checked before a byte is looked at: a word that is not understood must not mean
// the default. Written without loops or tables, as it runs at every call.
import { ArgumentError } from '../errors.js';
import { CODEC_LIMITS, type CodecLimits } from './limits.js';
import type { DecodeOptions, EncodeOptions } from './options.js';

/** @throws ArgumentError `badarg`. */
export function checkDecodeOptions(options: DecodeOptions): void {
  if (typeof options !== 'object' || options === null) throw noObject('decode()', options);
  const { floats, binaries, maps, limits } = options;
  if (floats !== undefined && floats !== 'number' && floats !== 'exact') throw bad('floats', "'number' or 'exact'");
  if (binaries !== undefined && binaries !== 'buffer' && binaries !== 'string')
    throw bad('binaries', "'buffer' or 'string'");
  if (maps !== undefined && maps !== 'map' && maps !== 'object') throw bad('maps', "'map' or 'object'");
  if (!isSwitch(options.safe)) throw bad('safe', 'true or false');
  if (!isSwitch(options.allowTrailing)) throw bad('allowTrailing', 'true or false');
  if (!isSwitch(options.copyBinaries)) throw bad('copyBinaries', 'true or false');
  if (!isSwitch(options.generateCode)) throw bad('generateCode', 'true or false');
  if (limits !== undefined) checkCodecLimits(limits);
}

/** @throws ArgumentError `badarg`. */
export function checkEncodeOptions(options: EncodeOptions): void {
  if (typeof options !== 'object' || options === null) throw noObject('encode()', options);
  const { minorVersion, keys, limits } = options;
  if (minorVersion !== undefined && minorVersion !== 2 && minorVersion !== 1 && minorVersion !== 0)
    throw bad('minorVersion', '0, 1 or 2');
  if (keys !== undefined && keys !== 'atom' && keys !== 'string') throw bad('keys', "'atom' or 'string'");
  if (!isSwitch(options.deterministic)) throw bad('deterministic', 'true or false');
  if (!isSwitch(options.generateCode)) throw bad('generateCode', 'true or false');
  if (limits !== undefined) checkCodecLimits(limits);
}

/** A limit with a name that is misspelt would limit nothing. @throws ArgumentError `badarg`. */
export function checkCodecLimits(limits: CodecLimits): void {
  if (typeof limits !== 'object' || limits === null) throw bad('limits', 'an object { … }');
  for (const [name, value] of Object.entries(limits)) {
    if (!Object.hasOwn(CODEC_LIMITS, name)) {
      const known = Object.keys(CODEC_LIMITS).join(', ');
      throw new ArgumentError('badarg', `the codec has no limit ${JSON.stringify(name)}; it has ${known}`);
    }
    if (value !== undefined && (typeof value !== 'number' || !(value >= 0))) throw bad(`limits.${name}`, 'a number');
  }
}

function isSwitch(value: unknown): boolean {
  return value === undefined || value === true || value === false;
}

function bad(option: string, wanted: string): ArgumentError {
  return new ArgumentError('badarg', `the option ${option} of the codec must be ${wanted}`);
}

function noObject(where: string, options: unknown): ArgumentError {
  const given = options === null ? 'null' : typeof options;
  return new ArgumentError('badarg', `${where} takes its options as an object { … }, not ${given}`);
}
