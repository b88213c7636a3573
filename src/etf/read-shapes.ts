// Generated readers for maps of one shape: keys are compared as 32-bit numbers, values read in turn, the object filled in
// at once. Invariant: keys enter the generated code as numbers and through JSON.stringify, never as text of their own.
import type { Term } from '../term/term.js';
import { makeWire } from './atoms.js';
import { readText } from './binaries.js';
import { readSmallBig } from './integers.js';
import type { Source } from './source.js';
import { BINARY_EXT, INTEGER_EXT, SMALL_ATOM_UTF8_EXT, SMALL_BIG_EXT, SMALL_INTEGER_EXT } from './tags.js';

/** A key of a shape: its name in JavaScript, and its bytes from the tag on. */
export interface KeyWire {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** The tag that its value had when the shape was learnt: that is tried first. */
  readonly tag: number | undefined;
}

export type Read = (source: Source, depth: number) => Term;
/** Reads on where a map is not of the shape: `values` are those of the shape's first keys. */
export type GiveUp = (source: Source, start: number, depth: number, values: Term[]) => Term;
/** Reads a map from its first key on. */
export type GeneratedReader = (source: Source, start: number, depth: number) => Term;

/** `misses` counts maps in a row that are not of the shape. */
export interface Tally {
  misses: number;
}

/** A value that begins like the one seen is read here or by the one function that can, all others by `read`. */
function likely(tag: number | undefined, value: string): string {
  const other = `{ source.pos = p; ${value} = read(source, depth); p = source.pos; }`;
  switch (tag) {
    case INTEGER_EXT:
    case SMALL_INTEGER_EXT:
      return `
  if (end - p < 5) ${other}
  else if (bytes[p] === ${SMALL_INTEGER_EXT}) { ${value} = bytes[p + 1]; p += 2; }
  else if (bytes[p] === ${INTEGER_EXT}) { ${value} = view.getInt32(p + 1); p += 5; }
  else ${other}`;
    case BINARY_EXT:
      return `
  if (p < end && bytes[p] === ${BINARY_EXT}) { ${value} = binary(source, p); p = source.pos; } else ${other}`;
    case SMALL_BIG_EXT:
      return `
  if (p < end && bytes[p] === ${SMALL_BIG_EXT}) { source.pos = p; ${value} = big(source); p = source.pos; } else ${other}`;
    case SMALL_ATOM_UTF8_EXT:
      return `
  if (end - p >= 7 && view.getInt32(p) === ${FALSE_1} && view.getInt32(p + 3) === ${FALSE_2}) { ${value} = false; p += 7; }
  else if (end - p >= 6 && view.getInt32(p) === ${TRUE_1} && view.getInt32(p + 2) === ${TRUE_2}) { ${value} = true; p += 6; }
  else ${other}`;
    default:
      return other;
  }
}

// The atoms false and true as two words that overlap.
const FALSE_1 = 0x77_05_66_61;
const FALSE_2 = 0x61_6c_73_65;
const TRUE_1 = 0x77_04_74_72;
const TRUE_2 = 0x74_72_75_65;

/** `undefined` where generating code is not allowed (`--disallow-code-generation-from-strings`). */
export function generate(
  keys: readonly KeyWire[],
  read: Read,
  giveUp: GiveUp,
  tally: Tally,
): GeneratedReader | undefined {
  const values = keys.map((_, i) => `v${i}`);
  const reads = keys.map(({ bytes, tag }, i) => {
    const { words } = makeWire(bytes);
    const size = bytes.length;
    const differs: string[] = [];
    if (size >= 4) {
      for (let at = 0; at + 4 <= size; at += 4) differs.push(`view.getInt32(p + ${at}) !== ${words[at / 4]}`);
      // The last word overlaps the one before it.
      if (size % 4 !== 0)
        differs.push(`view.getInt32(p + ${size - 4}) !== ${makeWire(bytes.subarray(size - 4)).words[0]}`);
    } else for (let at = 0; at < size; at++) differs.push(`view.getUint8(p + ${at}) !== ${bytes[at]}`);
    return `
  if (end - p < ${size} || ${differs.join(' || ')}) {
    source.pos = p;
    return giveUp(source, start, depth, [${values.slice(0, i).join(', ')}]);
  }
  p += ${size};
  let ${values[i]};${likely(tag, values[i] as string)}`;
  });
  const fields = keys.map(({ name }, i) => `  object[${JSON.stringify(name)}] = ${values[i]};`);
  const blank = keys.map(({ name }) => {
    // Without brackets, `__proto__` in a literal would be no key.
    return `${name === '__proto__' ? '["__proto__"]' : JSON.stringify(name)}: undefined`;
  });
  const code = `"use strict";
const blank = { ${blank.join(', ')} };
return function (source, start, depth) {
  const bytes = source.bytes, view = source.view, end = source.end;
  let p = source.pos;${reads.join('')}
  source.pos = p;
  tally.misses = 0;
  const object = { ...blank, __proto__: null };
${fields.join('\n')}
  return object;
};`;
  try {
    const make = new Function('read', 'binary', 'big', 'giveUp', 'tally', code) as (
      ...parts: readonly unknown[]
    ) => GeneratedReader;
    return make(read, readText, readSmallBig, giveUp, tally);
  } catch {
    return undefined;
  }
}

const BLANK = {};

/**
 * An object without prototype, and not as Object.create(null) or a literal makes them, which V8 keeps as hash tables: a
 * copy of another object stays quick, and V8 makes it without going into C++.
 */
export function bare(): { [name: string]: Term } {
  return { ...BLANK, __proto__: null } as unknown as { [name: string]: Term };
}
