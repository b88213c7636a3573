// The shapes that objects are written with again and again, as a tree of keys, and the writers generated for them.
// Invariant: keys enter generated code as numbers and through JSON.stringify; there are at most MAX_WRITERS, ever.
import { Buffer } from 'node:buffer';
import { internAtom } from '../term/atom.js';
import type { Term } from '../term/term.js';
import { atomWire, makeWire } from './atoms.js';
import { SLACK } from './sink.js';
import { INTEGER_EXT, MAP_EXT, SMALL_INTEGER_EXT } from './tags.js';
import { binaryWire } from './write-keys.js';
import type { Writer } from './write-leaf.js';
import { writeText, writeWord } from './write-short.js';

/** Writes a term where there is room for a small one; answers the next position, or -1 when it cannot. */
export type WriteTerm = (writer: Writer, term: Term, pos: number, depth: number) => number;
/** Writes an object, MAP_EXT first, whose keys are known; `depth` is that of its values. */
type WriteShape = (writer: Writer, object: object, pos: number, depth: number) => number;

/** Objects with more keys, and keys with more bytes, get no writer. Key and short value must fit into the slack. */
const MAX_KEYS = 32;
const MAX_KEY_SIZE = 64;
/** How often a shape is noted before a writer is generated for it. */
const GENERATE_AFTER = 4;
/** Writers that are ever generated in one process. */
const MAX_WRITERS = 1024;
/** Shapes that are being noted; a new one takes the place of an old one. */
const NOTED = 256;
const SLOTS = 32;

/** The beginning of a shape: a way from the root of a tree. */
export class Shape {
  readonly key: string | undefined;
  /** The keys on the way here. */
  readonly keys: readonly string[];
  /** For objects that have these keys and no more. */
  write: WriteShape | undefined = undefined;
  /** The follower met last, so that most steps are one comparison; without any, the shape itself. */
  next: Shape;
  /** Made with the second follower: all of them, and those met last by what their keys look like. */
  #followers: Map<string, Shape> | undefined = undefined;
  #slots: Shape[] | undefined = undefined;

  constructor(keys: readonly string[]) {
    this.key = keys.at(-1);
    this.keys = keys;
    this.next = this;
  }

  /** One key on; `undefined` when no shape that is known goes on like this. */
  follow(key: string): Shape | undefined {
    const slots = this.#slots;
    if (slots === undefined || key === '') return undefined;
    const slot = (key.charCodeAt(0) * 3 + key.length) & (SLOTS - 1);
    let found = slots[slot];
    if (found === undefined || found.key !== key) {
      found = this.#followers?.get(key);
      if (found === undefined) return undefined;
      slots[slot] = found;
    }
    this.next = found;
    return found;
  }

  add(key: string): Shape {
    const { next } = this;
    if (next !== this && next.key === key) return next;
    const known = this.#followers?.get(key);
    if (known !== undefined) return known;
    const made = new Shape([...this.keys, key]);
    if (next === this) this.next = made;
    else {
      this.#followers ??= new Map([[next.key as string, next]]);
      this.#followers.set(key, made);
      this.#slots ??= new Array<Shape>(SLOTS).fill(next);
    }
    return made;
  }
}

interface Note {
  readonly keys: readonly string[];
  seen: number;
}

// Shared by all encoders: connections come and go, what their objects look like stays.
const atomRoot = new Shape([]);
const stringRoot = new Shape([]);
const atomNotes = new Array<Note | undefined>(NOTED).fill(undefined);
const stringNotes = new Array<Note | undefined>(NOTED).fill(undefined);
let writersLeft = MAX_WRITERS;

/** Where the shapes that this writer may use begin. */
export function shapesOf(writer: Writer): Shape | undefined {
  if (!(writer.plainKeys && writer.generateCode)) return undefined;
  return writer.stringKeys ? stringRoot : atomRoot;
}

/** Takes note of an object's shape, and has a writer made when it was noted often enough. */
export function takeNote(writer: Writer, object: { readonly [key: string]: Term }, write: WriteTerm): void {
  if (writersLeft <= 0) return;
  const keys = Object.keys(object);
  const { length } = keys;
  if (length === 0 || length > MAX_KEYS || !keys.every(isPlain)) return;
  const notes = writer.stringKeys ? stringNotes : atomNotes;
  const first = keys[0] as string;
  const last = keys[length - 1] as string;
  const slot = (length * 37 + first.length * 11 + first.charCodeAt(0) * 67 + last.charCodeAt(0) * 5) & (NOTED - 1);
  const note = notes[slot];
  if (note === undefined || note.keys.length !== length || !note.keys.every((key, i) => key === keys[i])) {
    notes[slot] = { keys, seen: 1 };
  } else if (++note.seen >= GENERATE_AFTER) {
    notes[slot] = undefined;
    learn(writer, object, keys, write);
  }
}

/** Not empty, short, well formed, and nothing that might mean an object's prototype. */
function isPlain(key: string): boolean {
  return key.length > 0 && key !== '__proto__' && Buffer.byteLength(key) <= MAX_KEY_SIZE && key.isWellFormed();
}

function learn(
  writer: Writer,
  object: { readonly [key: string]: Term },
  keys: readonly string[],
  write: WriteTerm,
): void {
  const made = generate(object, keys, writer.stringKeys, write);
  if (made === undefined) {
    writersLeft = 0;
    return;
  }
  writersLeft--;
  let shape = writer.stringKeys ? stringRoot : atomRoot;
  for (const key of keys) shape = shape.add(key);
  shape.write = made;
}

/** What is tried first for a value that is like the one seen. */
function likely(value: Term): string {
  if (typeof value === 'string') return `if (typeof v === 'string') p = text(sink, v, p); else `;
  if (typeof value === 'boolean' || value === null) {
    return `if (typeof v === 'boolean' || v === null) p = word(writer, v, p); else `;
  }
  if (typeof value !== 'number') return '';
  return (
    `if (typeof v === 'number' && (v | 0) === v) { if ((v & 255) === v) { ` +
    `view.setUint16(p, ${SMALL_INTEGER_EXT << 8} | v); p += 2; } else { ` +
    `view.setUint8(p, ${INTEGER_EXT}); view.setInt32(p + 1, v); p += 5; } } else `
  );
}

/** `undefined` where generating code is not allowed (`--disallow-code-generation-from-strings`). */
function generate(
  object: { readonly [key: string]: Term },
  keys: readonly string[],
  strings: boolean,
  write: WriteTerm,
): WriteShape | undefined {
  const entries = keys.map((key) => {
    const { bytes, words } = strings ? binaryWire(key) : makeWire(atomWire(internAtom(key)));
    const stores = words.map((word, i) => `view.setInt32(p + ${4 * i}, ${word});`).join(' ');
    const name = JSON.stringify(key);
    return `
  if (p > sink.soft) { p = sink.grow(p, ${SLACK}); }
  view = sink.view;
  ${stores}
  p += ${bytes.length};
  v = object[${name}];
  ${likely(Object.getOwnPropertyDescriptor(object, key)?.value as Term)}p = write(writer, v, p, depth);
  if (p < 0) return -1;`;
  });
  const code = `"use strict";
return function (writer, object, p, depth) {
  const sink = writer.sink;
  let view = sink.view, v;
  view.setUint8(p, ${MAP_EXT}); view.setUint32(p + 1, ${keys.length});
  p += 5;${entries.join('')}
  return p;
};`;
  try {
    const make = new Function('write', 'text', 'word', code) as (...parts: readonly unknown[]) => WriteShape;
    return make(write, writeText, writeWord);
  } catch {
    return undefined;
  }
}
