// MAP_EXT as a null-prototype object. Maps of one making share their keys: after some of them a reader is generated for
// their shape. Invariant: a map that only begins like a known one is read on from where it differs, nothing is read twice.
import { Buffer } from 'node:buffer';
import { internAtom } from '../term/atom.js';
import type { Term } from '../term/term.js';
import { atomTerm, readSmallAtom } from './atoms.js';
import { makeMap, nameOf } from './maps.js';
import { type GeneratedReader, generate, type KeyWire, type Read, type Tally } from './read-shapes.js';
import type { Source } from './source.js';
import * as tags from './tags.js';
import { readName } from './utf8.js';

// V8 treats a constant of this module as one, an imported one as a variable.
const BINARY_EXT = tags.BINARY_EXT;
const SMALL_ATOM_UTF8_EXT = tags.SMALL_ATOM_UTF8_EXT;

/** Maps with more keys, and keys of more bytes, get no reader. */
const MAX_KEYS = 64;
const MAX_KEY_SIZE = 64;
/** Maps of one shape in a row before a reader is generated; maps of other shapes in a row before it is given up. */
const GENERATE_AFTER = 8;
const FORGET_AFTER = 32;
/** Readers that are ever generated in one process. */
const MAX_READERS = 1024;
const SLOTS = 512;

interface Shape extends Tally {
  /** Names of the keys, and their tags. */
  readonly names: readonly string[];
  readonly tags: readonly number[];
  seen: number;
  read: GeneratedReader | undefined;
}

const shapes: (Shape | undefined)[] = new Array<Shape | undefined>(SLOTS).fill(undefined);
let readersLeft = MAX_READERS;

/** The map of `count` entries at the source's position, whose tag stands at `start`. */
export function readObject(source: Source, count: number, start: number, depth: number, read: Read): Term {
  const slot = count > 0 && count <= MAX_KEYS && source.generateCode ? slotOf(source, count) : -1;
  if (slot < 0) return collect(source, [], count, start, depth, read, undefined);
  const shape = shapes[slot];
  if (shape === undefined || shape.read === undefined || shape.names.length !== count) {
    return learn(source, count, start, depth, read, slot);
  }
  return shape.read(source, start, depth);
}

/** By the number of keys and what the first one looks like; -1 when it is none that shapes have. */
function slotOf(source: Source, count: number): number {
  const { bytes, pos, end } = source;
  const tag = bytes[pos];
  const head = tag === SMALL_ATOM_UTF8_EXT ? 2 : tag === BINARY_EXT ? 5 : 0;
  if (head === 0 || end - pos < head) return -1;
  const size = bytes[pos + head - 1] as number;
  if (size === 0 || end - pos < head + size) return -1;
  const first = bytes[pos + head] as number;
  const last = bytes[pos + head + size - 1] as number;
  return (count * 37 + size * 11 + first * 67 + last * 5 + head) & (SLOTS - 1);
}

/** Reads a map key by key and takes note of its shape. */
function learn(source: Source, count: number, start: number, depth: number, read: Read, slot: number): Term {
  const entries: Term[] = [];
  const marks: number[] = [];
  const term = collect(source, entries, count, start, depth, read, marks);
  if (readersLeft <= 0 || Object.getPrototypeOf(term) !== null) return term;
  const shape = shapes[slot];
  if (shape === undefined || shape.read !== undefined || !isOf(shape, source, entries, marks)) {
    const names: string[] = [];
    for (let i = 0; i < entries.length; i += 2) names.push(nameOf(entries[i]) as string);
    const tags = marks.filter((_, i) => i % 2 === 0).map((at) => source.bytes[at] as number);
    const known = tags.every((tag) => tag === SMALL_ATOM_UTF8_EXT || tag === BINARY_EXT);
    if (known) shapes[slot] = { names, tags, seen: 1, misses: 0, read: undefined };
  } else if (++shape.seen >= GENERATE_AFTER) generateReader(source, shape, marks, read, slot);
  return term;
}

function isOf(shape: Shape, source: Source, entries: readonly Term[], marks: readonly number[]): boolean {
  if (shape.names.length * 2 !== entries.length) return false;
  for (const [i, name] of shape.names.entries()) {
    if (source.bytes[marks[2 * i] as number] !== shape.tags[i] || nameOf(entries[2 * i]) !== name) return false;
  }
  return true;
}

function generateReader(source: Source, shape: Shape, marks: readonly number[], read: Read, slot: number): void {
  const keys: KeyWire[] = [];
  for (const [i, name] of shape.names.entries()) {
    const bytes = Uint8Array.prototype.slice.call(source.bytes, marks[2 * i], marks[2 * i + 1]);
    if (bytes.length > MAX_KEY_SIZE) return;
    keys.push({ name, bytes, tag: source.bytes[marks[2 * i + 1] as number] });
  }
  const giveUp = (from: Source, start: number, depth: number, values: Term[]): Term => {
    shape.misses++;
    if (shape.misses > FORGET_AFTER && shapes[slot] === shape) shapes[slot] = undefined;
    const entries: Term[] = [];
    for (const [i, value] of values.entries()) entries.push(keyTerm(shape, i, from), value);
    return collect(from, entries, shape.names.length, start, depth, read, undefined);
  };
  shape.read = generate(keys, read, giveUp, shape);
  readersLeft = shape.read === undefined ? 0 : readersLeft - 1;
}

/** A key of a shape as it would have been decoded. */
function keyTerm(shape: Shape, i: number, source: Source): Term {
  const name = shape.names[i] as string;
  if (shape.tags[i] === SMALL_ATOM_UTF8_EXT) return atomTerm(internAtom(name));
  return source.stringBinaries ? name : Buffer.from(name);
}

/** Reads on until there are `count` keys and values; `marks` gets where each key begins and ends. */
function collect(
  source: Source,
  entries: Term[],
  count: number,
  start: number,
  depth: number,
  read: Read,
  marks: number[] | undefined,
): Term {
  while (entries.length < 2 * count) {
    const at = source.pos;
    const tag = at < source.end ? source.bytes[at] : undefined;
    if (tag === SMALL_ATOM_UTF8_EXT) {
      source.pos++;
      entries.push(atomTerm(readSmallAtom(source)));
    } else if (tag === BINARY_EXT && source.stringBinaries) {
      source.pos++;
      const size = source.u32('the length of BINARY_EXT');
      entries.push(readName(source, source.skip(size, 'a binary'), size));
    } else {
      source.inKey = true;
      entries.push(read(source, depth));
      source.inKey = false;
    }
    if (marks !== undefined) marks.push(at, source.pos);
    entries.push(read(source, depth));
  }
  return makeMap(source, entries, start);
}
