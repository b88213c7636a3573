// Pids, ports and references in all their generations (protocol sections 5.1 and 5.4).
// Out goes the newest form that every supported release reads; in comes every form, with OTP's own range checks.
import { ArgumentError } from '../errors.js';
import { Atom } from '../term/atom.js';
import { Pid, Port, Reference } from '../term/identifiers.js';
import { readAtom } from './atoms.js';
import type { Refusal } from './refusal.js';
import type { Sink } from './sink.js';
import type { Source } from './source.js';
import * as tags from './tags.js';

// V8 treats a constant of this module as one, an imported one as a variable.
const NEW_PID_EXT = tags.NEW_PID_EXT;
const NEW_PORT_EXT = tags.NEW_PORT_EXT;
const NEW_REFERENCE_EXT = tags.NEW_REFERENCE_EXT;
const NEWER_REFERENCE_EXT = tags.NEWER_REFERENCE_EXT;
const PID_EXT = tags.PID_EXT;
const PORT_EXT = tags.PORT_EXT;
const REFERENCE_EXT = tags.REFERENCE_EXT;
const V4_PORT_EXT = tags.V4_PORT_EXT;

/** Words of a reference at most. */
const MAX_WORDS = 5;

/** Writes an atom at a position: plain, as an old release has it, or as a reference to an atom cache. */
export type WriteAtom = (atom: Atom, pos: number) => number;

/** OTP 23 takes what it cannot hold for a corrupted term, and hangs up (protocol section 5.4). */
function tooLarge(what: string, wanted: string): ArgumentError {
  return new ArgumentError(
    'not_encodable',
    `${what} of a newer release does not fit into OTP 23's, which has ${wanted}`,
  );
}

/** Whether a field of 32 bits can hold it. */
export function isWord(value: number): boolean {
  return value >>> 0 === value;
}

/** What keeps an identifier from being one; those that were decoded or made by a node have none. */
export function pidFlaw(pid: Pid): Refusal | undefined {
  const { creation, id, nodeAtom, serial } = pid;
  if (!(nodeAtom instanceof Atom)) return 'a pid whose node is no atom';
  return isWord(id) && isWord(serial) && isWord(creation) ? undefined : 'a pid whose fields are no integers of 32 bits';
}

export function portFlaw(port: Port): Refusal | undefined {
  const { creation, id, nodeAtom } = port;
  if (!(nodeAtom instanceof Atom)) return 'a port whose node is no atom';
  const fits = typeof id === 'bigint' ? BigInt.asUintN(64, id) === id : Number.isSafeInteger(id) && id >= 0;
  return fits && isWord(creation) ? undefined : 'a port whose fields are no integers of 64 and 32 bits';
}

export function referenceFlaw(reference: Reference): Refusal | undefined {
  const { creation, nodeAtom, words } = reference;
  if (!(nodeAtom instanceof Atom)) return 'a reference whose node is no atom';
  if (words.length > MAX_WORDS) return `a reference of ${words.length} words (at most ${MAX_WORDS})`;
  const fits = isWord(creation) && words.every(isWord);
  return fits ? undefined : 'a reference whose fields are no integers of 32 bits';
}

export function writePid(sink: Sink, pid: Pid, pos: number, writeAtom: WriteAtom): number {
  if (sink.smallIdentifiers && (pid.id > 0x7fff || pid.serial > 0x1fff)) throw tooLarge('a pid', '15 and 13 bits');
  pos = sink.room(pos, 1);
  sink.view.setUint8(pos, NEW_PID_EXT);
  pos = sink.room(writeAtom(pid.nodeAtom, pos + 1), 12);
  sink.view.setUint32(pos, pid.id);
  sink.view.setUint32(pos + 4, pid.serial);
  sink.view.setUint32(pos + 8, pid.creation);
  return pos + 12;
}

/** Port numbers of up to 28 bits go out in the form that OTP 23 reads, too; OTP 24 and 25 write them that way. */
export function writePort(sink: Sink, port: Port, pos: number, writeAtom: WriteAtom): number {
  const small = port.id < 0x1000_0000;
  if (sink.smallIdentifiers && !small) throw tooLarge('a port', '28 bits');
  pos = sink.room(pos, 1);
  sink.view.setUint8(pos, small ? NEW_PORT_EXT : V4_PORT_EXT);
  pos = sink.room(writeAtom(port.nodeAtom, pos + 1), 12);
  if (small) sink.view.setUint32(pos, Number(port.id));
  else sink.view.setBigUint64(pos, BigInt(port.id));
  pos += small ? 4 : 8;
  sink.view.setUint32(pos, port.creation);
  return pos + 4;
}

export function writeReference(sink: Sink, reference: Reference, pos: number, writeAtom: WriteAtom): number {
  const { words } = reference;
  if (sink.smallIdentifiers && words.length > 3) throw tooLarge('a reference', '3 words');
  pos = sink.room(pos, 3);
  sink.view.setUint8(pos, NEWER_REFERENCE_EXT);
  sink.view.setUint16(pos + 1, words.length);
  pos = sink.room(writeAtom(reference.nodeAtom, pos + 3), 4 + 4 * words.length);
  sink.view.setUint32(pos, reference.creation);
  pos += 4;
  for (let i = 0; i < words.length; i++, pos += 4) sink.view.setUint32(pos, words[i] as number);
  return pos;
}

/** A pid where nothing else may stand: the creator of a fun. */
export function readCreator(source: Source): Pid {
  const at = source.pos;
  const tag = source.u8('the creator of a fun');
  if (tag !== NEW_PID_EXT && tag !== PID_EXT) {
    throw source.error('bad_fun', `expected a pid as the creator of a fun, got tag ${tags.tagName(tag)}`, at);
  }
  return readPid(source, tag);
}

/** After the tag NEW_PID_EXT or PID_EXT. */
export function readPid(source: Source, tag: number): Pid {
  const start = source.pos - 1;
  const node = readAtom(source, 'the node of a pid');
  const id = source.u32('the id of a pid');
  const serial = source.u32('the serial of a pid');
  const creation = readCreation(source, tag === PID_EXT, start);
  return new Pid(node, id, serial, creation);
}

/** After the tag of any port. */
export function readPort(source: Source, tag: number): Port {
  const start = source.pos - 1;
  const node = readAtom(source, 'the node of a port');
  let id: number | bigint;
  if (tag === V4_PORT_EXT) {
    const high = source.u32('the id of a port');
    const low = source.u32('the id of a port');
    id = high < 0x200000 ? high * 2 ** 32 + low : (BigInt(high) << 32n) | BigInt(low);
  } else id = source.u32('the id of a port');
  return new Port(node, id, readCreation(source, tag === PORT_EXT, start));
}

/** After the tag of any reference. */
export function readReference(source: Source, tag: number): Reference {
  const start = source.pos - 1;
  if (tag === REFERENCE_EXT) {
    const node = readAtom(source, 'the node of a reference');
    const id = source.u32('the id of a reference');
    return new Reference(node, readCreation(source, true, start), [checkFirst(source, id, start)]);
  }
  const count = source.u16('the size of a reference');
  if (count > MAX_WORDS) {
    throw source.error('bad_identifier', `expected a reference of at most ${MAX_WORDS} words, got ${count}`, start);
  }
  const old = tag === NEW_REFERENCE_EXT;
  if (old && count === 0)
    throw source.error('bad_identifier', 'expected a reference of at least one word, got 0', start);
  const node = readAtom(source, 'the node of a reference');
  const creation = readCreation(source, old, start);
  const words = new Array<number>(count);
  for (let i = 0; i < count; i++) words[i] = source.u32('the words of a reference');
  if (old) checkFirst(source, words[0] as number, start);
  return new Reference(node, creation, words);
}

/** Old forms have a creation of one byte, of which two bits count. */
function readCreation(source: Source, old: boolean, start: number): number {
  if (!old) return source.u32('the creation of an identifier');
  const creation = source.u8('the creation of an identifier');
  if (creation <= 3) return creation;
  throw source.error(
    'bad_identifier',
    `expected a creation of 0 to 3 in an identifier of the old form, got ${creation}`,
    start,
  );
}

function checkFirst(source: Source, word: number, start: number): number {
  if (word < 2 ** 18) return word;
  throw source.error('bad_identifier', 'expected at most 18 bits in the first word of an old reference', start);
}
