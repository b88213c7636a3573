// Lists are arrays; this file has the two that are not: improper lists, and texts that Erlang keeps as lists.
import { ArgumentError } from '../errors.js';
import type { Term } from './term.js';

/** `[1, 2 | Tail]`: at least one element, and a tail that is not a list. Made by {@link improperList}. */
export class ImproperList {
  readonly elements: readonly Term[];
  readonly tail: Term;

  /** @internal */
  constructor(elements: readonly Term[], tail: Term) {
    this.elements = elements;
    this.tail = tail;
  }
}

/**
 * The list of `elements` ending in `tail`. As in Erlang, no elements give the tail itself, and a tail that is a list
 * continues the list: only a tail that is no list makes an {@link ImproperList}.
 */
export function improperList(elements: readonly Term[], tail: Term): Term {
  if (elements.length === 0) return tail;
  if (Array.isArray(tail)) return [...elements, ...(tail as readonly Term[])];
  if (tail instanceof ImproperList) return new ImproperList([...elements, ...tail.elements], tail.tail);
  return new ImproperList(elements, tail);
}

/** A text as Erlang's `"abc"`: the list of its code points. */
export function charlist(text: string): number[] {
  if (typeof text !== 'string') throw new ArgumentError('badarg', `charlist() takes a string, not a ${typeof text}`);
  return Array.from(text, (character) => character.codePointAt(0) as number);
}

/**
 * Reads chardata or iodata: a string, a binary (UTF-8), a charlist, or any nesting of them. A character may begin in one
 * binary and end in the next, as in `unicode:characters_to_list/1`.
 *
 * @throws ArgumentError `badarg` for anything else, for bytes that are not UTF-8, for numbers that are no character and
 *   for a list that contains itself.
 */
export function text(term: Term): string {
  // A number is a character in a list only.
  if (typeof term === 'number') throw new ArgumentError('badarg', 'text() takes a binary, a string or a list');
  let out = '';
  const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  // The last text was a binary, so a character may be incomplete.
  let afterBinary = false;
  /** The lists that are being read, each within the one before, and how far. */
  const open: { readonly list: Chardata; readonly items: readonly Term[]; at: number }[] = [];
  const within = new Set<Chardata>();
  const read = (next: Term): void => {
    if (afterBinary && (typeof next === 'string' || typeof next === 'number')) {
      out += decodeUtf8(utf8);
      afterBinary = false;
    }
    if (typeof next === 'string') out += wellFormed(next);
    else if (next instanceof Uint8Array) {
      out += decodeUtf8(utf8, next);
      afterBinary = true;
    } else if (typeof next === 'number') out += character(next);
    else if (Array.isArray(next) || next instanceof ImproperList) {
      const list = next as Chardata;
      if (within.has(list)) throw new ArgumentError('badarg', 'text() met a list that contains itself');
      within.add(list);
      open.push({ list, items: list instanceof ImproperList ? [...list.elements, list.tail] : list, at: 0 });
    } else throw new ArgumentError('badarg', 'text() reads binaries, strings and (nested) lists of characters only');
  };
  read(term);
  for (let last = open.at(-1); last !== undefined; last = open.at(-1)) {
    if (last.at < last.items.length) read(last.items[last.at++]);
    else within.delete((open.pop() as typeof last).list);
  }
  return out + decodeUtf8(utf8);
}

type Chardata = readonly Term[] | ImproperList;

/** The text of `bytes` as far as it is complete; without any, only that nothing is left incomplete. */
function decodeUtf8(decoder: InstanceType<typeof TextDecoder>, bytes?: Uint8Array): string {
  try {
    return decoder.decode(bytes, { stream: bytes !== undefined });
  } catch (cause) {
    throw new ArgumentError('badarg', 'text() met a binary that is not UTF-8', { cause });
  }
}

function wellFormed(text: string): string {
  if (text.isWellFormed()) return text;
  throw new ArgumentError('badarg', 'text() met a string with a lone surrogate');
}

function character(code: number): string {
  if (!Number.isInteger(code) || code < 0 || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
    throw new ArgumentError('badarg', `text() met ${code}, which is no character`);
  }
  return String.fromCodePoint(code);
}
