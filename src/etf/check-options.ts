// The options of encode() and decode(), checked before a byte is looked at: a word that is not understood must not mean
// the default. Written without loops or tables, as it runs at every call.
import { ArgumentError } from '../errors.js';
import { CODEC_LIMITS, type CodecLimits } from './limits.js';
import type { DecodeOptions, EncodeOptions } from './options.js';

/** In {@link encodeKind} and {@link decodeKind}: there are limits. */
export const LIMITED = 64;
/** In {@link encodeKind}: the minor version in two bits, and what else is asked for. */
const MINOR_VERSION_2 = 2;
const DETERMINISTIC = 4;
const STRING_KEYS = 8;
const NO_WRITERS = 16;
/** Numbers below this are kinds of encoders without limits of their own. */
export const ENCODERS = 32;
/** In {@link decodeKind}. */
const EXACT_FLOATS = 1;
const STRINGS = 2;
const OBJECTS = 4;
const SAFE = 8;
const COPIES = 16;
const NO_READERS = 32;

/**
 * Checks the options of decode() and answers which decoder they ask for.
 *
 * @throws ArgumentError `badarg`.
 */
export function decodeKind(options: DecodeOptions): number {
  if (typeof options !== 'object' || options === null) throw noObject('decode()', options);
  const { floats, binaries, maps, safe, copyBinaries, generateCode, limits } = options;
  let kind = 0;
  if (floats !== undefined && floats !== 'number') {
    if (floats !== 'exact') throw bad('floats', "'number' or 'exact'");
    kind |= EXACT_FLOATS;
  }
  if (binaries !== undefined && binaries !== 'buffer') {
    if (binaries !== 'string') throw bad('binaries', "'buffer' or 'string'");
    kind |= STRINGS;
  }
  if (maps !== undefined && maps !== 'map') {
    if (maps !== 'object') throw bad('maps', "'map' or 'object'");
    kind |= OBJECTS;
  }
  if (isSet('safe', safe)) kind |= SAFE;
  if (isSet('copyBinaries', copyBinaries)) kind |= COPIES;
  if (generateCode !== undefined && !isSet('generateCode', generateCode)) kind |= NO_READERS;
  isSet('allowTrailing', options.allowTrailing);
  if (limits !== undefined) {
    checkCodecLimits(limits);
    kind |= LIMITED;
  }
  return kind;
}

/**
 * Checks the options of encode() and answers which encoder they ask for.
 *
 * @throws ArgumentError `badarg`.
 */
export function encodeKind(options: EncodeOptions): number {
  if (typeof options !== 'object' || options === null) throw noObject('encode()', options);
  const { minorVersion, keys, deterministic, generateCode, limits } = options;
  let kind = MINOR_VERSION_2;
  if (minorVersion !== undefined) {
    if (minorVersion !== 2 && minorVersion !== 1 && minorVersion !== 0) throw bad('minorVersion', '0, 1 or 2');
    kind = minorVersion;
  }
  if (keys !== undefined && keys !== 'atom') {
    if (keys !== 'string') throw bad('keys', "'atom' or 'string'");
    kind |= STRING_KEYS;
  }
  if (isSet('deterministic', deterministic)) kind |= DETERMINISTIC;
  if (generateCode !== undefined && !isSet('generateCode', generateCode)) kind |= NO_WRITERS;
  if (limits !== undefined) {
    checkCodecLimits(limits);
    kind |= LIMITED;
  }
  return kind;
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

function isSet(option: string, value: unknown): boolean {
  if (value === undefined || value === false) return false;
  if (value !== true) throw bad(option, 'true or false');
  return true;
}

function bad(option: string, wanted: string): ArgumentError {
  return new ArgumentError('badarg', `the option ${option} of the codec must be ${wanted}`);
}

function noObject(where: string, options: unknown): ArgumentError {
  const given = options === null ? 'null' : typeof options;
  return new ArgumentError('badarg', `${where} takes its options as an object { … }, not ${given}`);
}
