// Atoms: ATOM_EXT, SMALL_ATOM_EXT (Latin-1), ATOM_UTF8_EXT, SMALL_ATOM_UTF8_EXT, ATOM_CACHE_REF (protocol section 5.1).
// Atoms seen before are found by their bytes, without making a string; the table is bounded.
import { Buffer, isUtf8 } from 'node:buffer';
import { type Atom, checkAtomText, internAtom, knownAtom, MAX_ATOM_CHARACTERS, type Wire } from '../term/atom.js';
import { ByteTable } from './byte-table.js';
import type { Sink } from './sink.js';
import type { Source } from './source.js';
import * as tags from './tags.js';

// V8 treats a constant of this module as one, an imported one as a variable.
const ATOM_CACHE_REF = tags.ATOM_CACHE_REF;
const ATOM_EXT = tags.ATOM_EXT;
const ATOM_UTF8_EXT = tags.ATOM_UTF8_EXT;
const SMALL_ATOM_EXT = tags.SMALL_ATOM_EXT;
const SMALL_ATOM_UTF8_EXT = tags.SMALL_ATOM_UTF8_EXT;

export type AtomTerm = Atom | boolean | null | undefined;

export const TRUE: Atom = internAtom('true');
export const FALSE: Atom = internAtom('false');
export const UNDEFINED: Atom = internAtom('undefined');
export const NIL: Atom = internAtom('nil');

/** What an atom is as a term: four of them have JavaScript's own words. */
export function atomTerm(atom: Atom): AtomTerm {
  if (atom === TRUE) return true;
  if (atom === FALSE) return false;
  if (atom === UNDEFINED) return undefined;
  if (atom === NIL) return null;
  return atom;
}

export function makeWire(...parts: readonly Uint8Array[]): Wire {
  const size = parts.reduce((sum, part) => sum + part.length, 0);
  const words = Math.ceil(size / 4);
  // Its own memory (not Node's pool): it lives as long as what it belongs to.
  const padded = new Uint8Array(words * 4);
  let at = 0;
  for (const part of parts) {
    padded.set(part, at);
    at += part.length;
  }
  const view = new DataView(padded.buffer);
  const all = Array.from({ length: words }, (_, i) => view.getInt32(i * 4));
  const [word0 = 0, word1 = 0, word2 = 0] = all;
  return { bytes: padded.subarray(0, size), size, words: all, word0, word1, word2 };
}

/** The canonical spelling: tag, length, UTF-8. Kept with the atom. */
export function atomWire(atom: Atom): Uint8Array {
  return (atom.wire ?? spell(atom)).bytes;
}

function spell(atom: Atom): Wire {
  // The class is public: not every object of it is one of ours.
  checkAtomText(atom.text);
  const size = Buffer.byteLength(atom.text);
  const head = size <= 255 ? [SMALL_ATOM_UTF8_EXT, size] : [ATOM_UTF8_EXT, size >> 8, size & 255];
  const wire = makeWire(Uint8Array.from(head), Buffer.from(atom.text));
  atom.wire = wire;
  return wire;
}

/** Beyond this many words, one copy is quicker than a loop. */
const LOOPED_WORDS = 16;

export function writeAtom(sink: Sink, atom: Atom, pos: number): number {
  return writeWire(sink, atom.wire ?? spell(atom), pos);
}

export function writeWire(sink: Sink, wire: Wire, pos: number): number {
  const { words, bytes } = wire;
  const count = words.length;
  // The last word may be longer than the bytes: what it writes too much is written over by what comes next.
  pos = sink.room(pos, count * 4);
  if (count <= LOOPED_WORDS) {
    const { view } = sink;
    for (let i = 0, at = pos; i < count; i++, at += 4) view.setInt32(at, words[i] as number);
  } else sink.buffer.set(bytes, pos);
  return pos + bytes.length;
}

/** As minor versions 0 and 1 have it: Latin-1 where the text allows. */
export function writeOldAtom(sink: Sink, atom: Atom, pos: number): number {
  const size = atom.text.length;
  if (size > MAX_ATOM_CHARACTERS) return writeAtom(sink, atom, pos);
  for (let i = 0; i < size; i++) if (atom.text.charCodeAt(i) > 255) return writeAtom(sink, atom, pos);
  pos = sink.room(pos, 3 + size);
  sink.view.setUint8(pos, ATOM_EXT);
  sink.view.setUint16(pos + 1, size);
  sink.buffer.latin1Write(atom.text, pos + 3, size);
  return pos + 3 + size;
}

/** An atom where the format has one inside something else (a node, a module): always an {@link Atom}. */
export function readAtom(source: Source, what: string): Atom {
  const at = source.pos;
  const tag = source.u8(what);
  const atom = readAtomAfter(source, tag);
  if (atom === undefined)
    throw source.error('bad_tag', `expected an atom for ${what}, got tag ${tags.tagName(tag)}`, at);
  return atom;
}

/** After a tag; `undefined` when it is none of an atom's. */
export function readAtomAfter(source: Source, tag: number): Atom | undefined {
  switch (tag) {
    case SMALL_ATOM_UTF8_EXT:
      return readText(source, source.u8('the length of SMALL_ATOM_UTF8_EXT'), true);
    case ATOM_UTF8_EXT:
      return readText(source, source.u16('the length of ATOM_UTF8_EXT'), true);
    case SMALL_ATOM_EXT:
      return readText(source, source.u8('the length of SMALL_ATOM_EXT'), false);
    case ATOM_EXT:
      return readText(source, source.u16('the length of ATOM_EXT'), false);
    case ATOM_CACHE_REF:
      return readCacheRef(source);
    default:
      return undefined;
  }
}

function readCacheRef(source: Source): Atom {
  const at = source.pos - 1;
  if (source.atoms === undefined) {
    throw source.error('bad_tag', 'ATOM_CACHE_REF outside of a packet that has an atom cache', at);
  }
  const index = source.u8('the index of ATOM_CACHE_REF');
  const atom = source.atoms[index];
  if (atom === undefined) {
    const count = source.atoms.length;
    throw source.error('bad_atom', `ATOM_CACHE_REF ${index}, but the packet's header has ${count} atoms`, at);
  }
  return atom;
}

/** By their UTF-8 bytes, which Latin-1 ones equal only where both are ASCII: those have a table of their own. */
const utf8Atoms = new ByteTable<Atom>();
const latin1Atoms = new ByteTable<Atom>();

function readText(source: Source, size: number, utf8: boolean): Atom {
  const at = source.skip(size, 'the text of an atom');
  const table = utf8 ? utf8Atoms : latin1Atoms;
  const known = table.find(source, at, size);
  if (known !== undefined) return known;
  const atom = readUnknown(source, at, size, utf8);
  table.keep(source, at, size, atom);
  return atom;
}

/** After the tag SMALL_ATOM_UTF8_EXT: what nearly every atom is. */
export function readSmallAtom(source: Source): Atom {
  return readText(source, source.u8('the length of SMALL_ATOM_UTF8_EXT'), true);
}

function readUnknown(source: Source, at: number, size: number, utf8: boolean): Atom {
  if (size > MAX_ATOM_CHARACTERS * (utf8 ? 4 : 1)) {
    throw source.error(
      'bad_atom',
      `an atom has at most ${MAX_ATOM_CHARACTERS} characters; this one has ${size} bytes`,
      at,
    );
  }
  let text: string;
  if (utf8) {
    if (!isUtf8(source.bytes.subarray(at, at + size))) throw source.error('bad_utf8', 'an atom that is not UTF-8', at);
    text = source.bytes.utf8Slice(at, at + size);
    if (text.length > MAX_ATOM_CHARACTERS) checkCharacters(source, text, at);
  } else text = source.bytes.latin1Slice(at, at + size);
  if (!source.safe) return internAtom(text);
  const known = knownAtom(text);
  if (known === undefined) throw source.error('unknown_atom', 'a new atom, which `safe` refuses', at);
  return known;
}

function checkCharacters(source: Source, text: string, at: number): void {
  let characters = 0;
  for (const _ of text) characters++;
  if (characters > MAX_ATOM_CHARACTERS) {
    throw source.error('bad_atom', `an atom has at most ${MAX_ATOM_CHARACTERS} characters, not ${characters}`, at);
  }
}
