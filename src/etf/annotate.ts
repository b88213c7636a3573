// Bytes with meanings, for debugging: one line for each piece of a term, indented by nesting (protocol section 5.1).
// It checks nothing that decode() does not check better; where the bytes end or make no sense, it says so and stops.
import { Buffer } from 'node:buffer';
import { ArgumentError, DecodeError, LimitError } from '../errors.js';
import { readCompressed } from './compressed.js';
import { isBytes } from './raw-buffer.js';
import { Source } from './source.js';
import * as tags from './tags.js';
import { VERSION_MAGIC } from './tags.js';

/** What follows a tag: fixed fields with their sizes and names, then text or data, then terms. */
interface Layout {
  readonly fields: readonly (readonly [size: number, name: string])[];
  /** Bytes after the fields, as many as the field at this index says (or the number itself says, when negative). */
  readonly data?: number;
  /** Terms after that: how many, from the fields' values. */
  readonly terms?: (fields: readonly number[]) => number;
  /** Fields that stand after the terms. */
  readonly after?: readonly (readonly [size: number, name: string])[];
}

const ID = [4, 'id'] as const;
const SERIAL = [4, 'serial'] as const;
const CREATION = [4, 'creation'] as const;
const OLD_CREATION = [1, 'creation'] as const;
const one = () => 1;

const LAYOUTS: ReadonlyMap<number, Layout> = new Map<number, Layout>([
  [tags.SMALL_INTEGER_EXT, { fields: [[1, 'value']] }],
  [tags.INTEGER_EXT, { fields: [[4, 'value']] }],
  [tags.NEW_FLOAT_EXT, { fields: [[8, 'value']] }],
  [tags.FLOAT_EXT, { fields: [], data: -31 }],
  [tags.ATOM_EXT, { fields: [[2, 'length']], data: 0 }],
  [tags.SMALL_ATOM_EXT, { fields: [[1, 'length']], data: 0 }],
  [tags.ATOM_UTF8_EXT, { fields: [[2, 'length']], data: 0 }],
  [tags.SMALL_ATOM_UTF8_EXT, { fields: [[1, 'length']], data: 0 }],
  [tags.ATOM_CACHE_REF, { fields: [[1, 'index']] }],
  [tags.NIL_EXT, { fields: [] }],
  [tags.STRING_EXT, { fields: [[2, 'length']], data: 0 }],
  [tags.BINARY_EXT, { fields: [[4, 'length']], data: 0 }],
  [
    tags.BIT_BINARY_EXT,
    {
      fields: [
        [4, 'length'],
        [1, 'bits in the last byte'],
      ],
      data: 0,
    },
  ],
  [
    tags.SMALL_BIG_EXT,
    {
      fields: [
        [1, 'size'],
        [1, 'sign'],
      ],
      data: 0,
    },
  ],
  [
    tags.LARGE_BIG_EXT,
    {
      fields: [
        [4, 'size'],
        [1, 'sign'],
      ],
      data: 0,
    },
  ],
  [tags.SMALL_TUPLE_EXT, { fields: [[1, 'arity']], terms: ([n = 0]) => n }],
  [tags.LARGE_TUPLE_EXT, { fields: [[4, 'arity']], terms: ([n = 0]) => n }],
  [tags.LIST_EXT, { fields: [[4, 'length']], terms: ([n = 0]) => n + 1 }],
  [tags.MAP_EXT, { fields: [[4, 'size']], terms: ([n = 0]) => 2 * n }],
  [
    tags.RECORD_EXT,
    {
      fields: [
        [4, 'size'],
        [1, 'flags'],
      ],
      terms: ([n = 0]) => 2 + 2 * n,
    },
  ],
  [tags.EXPORT_EXT, { fields: [], terms: () => 3 }],
  [tags.NEW_PID_EXT, { fields: [], terms: one, after: [ID, SERIAL, CREATION] }],
  [tags.PID_EXT, { fields: [], terms: one, after: [ID, SERIAL, OLD_CREATION] }],
  [tags.V4_PORT_EXT, { fields: [], terms: one, after: [[8, 'id'], CREATION] }],
  [tags.NEW_PORT_EXT, { fields: [], terms: one, after: [ID, CREATION] }],
  [tags.PORT_EXT, { fields: [], terms: one, after: [ID, OLD_CREATION] }],
  [tags.REFERENCE_EXT, { fields: [], terms: one, after: [ID, OLD_CREATION] }],
  [
    tags.NEW_FUN_EXT,
    {
      fields: [
        [4, 'size'],
        [1, 'arity'],
        [8, 'uniq'],
        [8, 'uniq'],
        [4, 'index'],
        [4, 'free variables'],
      ],
      terms: (fields) => 4 + (fields[5] ?? 0),
    },
  ],
]);

/** References have their number of words in front of the node, and the words behind it. */
const WORDS_AFTER: ReadonlyMap<number, readonly [size: number, name: string]> = new Map<
  number,
  readonly [number, string]
>([
  [tags.NEWER_REFERENCE_EXT, CREATION],
  [tags.NEW_REFERENCE_EXT, OLD_CREATION],
]);

/** Data longer than this is shown by its beginning. */
const SHOWN = 16;
const MAX_LINES = 10_000;

interface Open {
  left: number;
  readonly after: readonly (readonly [size: number, name: string])[];
}

/**
 * The pieces of an encoded term (with or without 131), each with its offset, its bytes and what they are:
 * `   1: 68 02        SMALL_TUPLE_EXT arity 2`.
 *
 * @throws ArgumentError `badarg` for no bytes; whatever the bytes are, there is a text.
 */
export function annotate(bytes: Uint8Array): string {
  if (!isBytes(bytes)) throw new ArgumentError('badarg', `annotate() takes a Uint8Array, not ${typeof bytes}`);
  if (bytes[0] === VERSION_MAGIC && bytes[1] === tags.COMPRESSED) return annotateCompressed(bytes);
  const input = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const lines: string[] = [];
  const stack: Open[] = [{ left: 1, after: [] }];
  let pos = 0;
  const line = (start: number, meaning: string) => {
    const shown = input
      .subarray(start, Math.min(pos, start + SHOWN))
      .toString('hex')
      .replace(/(..)(?=.)/g, '$1 ');
    const hex = pos - start > SHOWN ? `${shown} …` : shown;
    lines.push(
      `${String(start).padStart(5)}: ${hex.padEnd(26)} ${'  '.repeat(Math.min(stack.length - 1, 20))}${meaning}`,
    );
  };
  /** Reads fields and answers their values, `undefined` at the end of the bytes. */
  const take = (fields: Layout['fields'], values: number[], texts: string[]): boolean => {
    for (const [size, name] of fields) {
      if (pos + size > input.length) return false;
      const value = size === 8 ? input.readBigUInt64BE(pos) : input.readUIntBE(pos, size);
      values.push(Number(value));
      texts.push(`${name} ${value}`);
      pos += size;
    }
    return true;
  };
  if (input[0] === VERSION_MAGIC) {
    pos = 1;
    line(0, 'version');
  }
  while (stack.length > 0 && lines.length < MAX_LINES) {
    const top = stack.at(-1) as Open;
    if (top.left === 0) {
      const start = pos;
      const texts: string[] = [];
      if (top.after.length > 0) {
        const complete = take(top.after, [], texts);
        line(start, `${texts.join(', ')}${complete ? '' : ' (the bytes end here)'}`);
        if (!complete) break;
      }
      stack.pop();
      continue;
    }
    top.left--;
    const start = pos;
    const tag = input[pos];
    if (tag === undefined) {
      line(start, `(the bytes end here; ${top.left + 1} more terms were promised)`);
      break;
    }
    pos++;
    const name = tags.TAG_NAMES.get(tag) ?? `unknown tag ${tag}`;
    const words = WORDS_AFTER.get(tag);
    if (words !== undefined) {
      const values: number[] = [];
      const complete = take([[2, 'words']], values, []);
      line(start, `${name} words ${values[0]}`);
      const count = Math.min(values[0] ?? 0, 8);
      if (!complete) break;
      stack.push({ left: 1, after: [words, ...Array.from({ length: count }, () => [4, 'word'] as const)] });
      continue;
    }
    const layout = LAYOUTS.get(tag);
    if (layout === undefined) {
      line(start, `${name}: no term begins like this`);
      break;
    }
    const values: number[] = [];
    const texts: string[] = [];
    let complete = take(layout.fields, values, texts);
    let data = '';
    if (complete && layout.data !== undefined) {
      const size = layout.data < 0 ? -layout.data : (values[layout.data] as number);
      data = ` ${printable(input.subarray(pos, pos + size))}`;
      complete = pos + size <= input.length;
      pos = Math.min(pos + size, input.length);
    }
    line(
      start,
      `${name} ${describe(tag, input, start, texts)}${data}${complete ? '' : ' (the bytes end here)'}`.trimEnd(),
    );
    if (!complete) break;
    stack.push({ left: layout.terms?.(values) ?? 0, after: layout.after ?? [] });
  }
  if (pos < input.length && stack.length === 0) {
    const start = pos;
    pos = input.length;
    stack.push({ left: 0, after: [] });
    line(start, `${input.length - start} bytes after the term`);
  }
  return lines.join('\n');
}

/** The version, the tag and the size. */
const COMPRESSED_HEAD = 6;

/** The pieces of the inflated bytes, with their places in those. */
function annotateCompressed(bytes: Uint8Array): string {
  const source = new Source({});
  source.open(bytes, 0, undefined, bytes.length);
  source.pos += 2;
  try {
    const inner = readCompressed(source);
    const size = `COMPRESSED ${source.pos - source.base - COMPRESSED_HEAD} bytes, inflated ${inner.length}:`;
    return `    0: 83 50                      version, ${size}\n${annotate(inner)}`;
  } catch (error) {
    if (!(error instanceof DecodeError || error instanceof LimitError)) throw error;
    return `    0: 83 50                      version, COMPRESSED, but ${error.message}`;
  } finally {
    source.close();
  }
}

function describe(tag: number, input: Buffer, start: number, texts: readonly string[]): string {
  if (tag === tags.INTEGER_EXT && start + 5 <= input.length) return String(input.readInt32BE(start + 1));
  if (tag === tags.SMALL_INTEGER_EXT && start + 2 <= input.length) return String(input[start + 1]);
  if (tag === tags.NEW_FLOAT_EXT && start + 9 <= input.length) return String(input.readDoubleBE(start + 1));
  return texts.join(', ');
}

function printable(data: Uint8Array): string {
  const text = Buffer.from(data.subarray(0, 40)).toString('latin1');
  const shown = text.replace(/[^\x20-\x7e]/g, '.');
  return `"${shown}${data.length > 40 ? '…' : ''}"`;
}
