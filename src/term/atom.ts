// Atoms, interned: two atoms with the same text are the same object as long as anybody holds one.
// Atoms that nobody holds are collected, so a peer that sends a million of them costs nothing for good.
import { ArgumentError } from '../errors.js';

/** OTP's limit (protocol section 5.1): characters, not bytes. */
export const MAX_ATOM_CHARACTERS = 255;

/** An encoded form that is written often: its bytes, and the same bytes as big-endian words, the last one padded. */
export interface Wire {
  readonly bytes: Uint8Array;
  readonly size: number;
  readonly words: readonly number[];
  /** The first words, so that most need no loop. */
  readonly word0: number;
  readonly word1: number;
  readonly word2: number;
}

/** An Erlang atom. Made by {@link atom} only; compare with `===`. */
export class Atom<Text extends string = string> {
  readonly text: Text;
  /** @internal A slot in which the codec keeps this atom's encoded form: its bytes, and the same as 32-bit words. */
  wire: Wire | undefined = undefined;

  /** @internal */
  constructor(text: Text) {
    this.text = text;
  }

  toString(): string {
    return this.text;
  }

  toJSON(): string {
    return this.text;
  }
}

/** The four atoms that JavaScript has words for; every other atom is an {@link Atom}. */
export type AtomLiterals = { true: true; false: false; undefined: undefined; nil: null };

/** What `atom(text)` gives for a text known to the type checker. */
export type AtomOf<Text extends string> = Text extends keyof AtomLiterals
  ? AtomLiterals[Text]
  : string extends Text
    ? Atom | boolean | null | undefined
    : Atom<Text>;

/**
 * The atom with this text. `true`, `false`, `undefined` and `nil` are JavaScript's `true`, `false`, `undefined` and
 * `null`, so that one Erlang term has exactly one representation.
 *
 * @throws ArgumentError `badarg` for more than 255 characters or a lone surrogate.
 */
export function atom<const Text extends string>(text: Text): AtomOf<Text>;
export function atom(text: string): Atom | boolean | null | undefined {
  switch (text) {
    case 'true':
      return true;
    case 'false':
      return false;
    case 'undefined':
      return undefined;
    case 'nil':
      return null;
    default:
      return internAtom(text);
  }
}

/**
 * @internal The {@link Atom} object for a text, also for the four that {@link atom} spells differently. Node names,
 * module and function names are kept this way, because a node may well be called `nil@host` or a module `true`.
 */
export function internAtom<Text extends string>(text: Text): Atom<Text> {
  const known = recall(text);
  if (known !== undefined) return known as Atom<Text>;
  checkAtomText(text);
  const fresh = new Atom(text);
  everyone.set(text, new WeakRef<Atom>(fresh));
  forgotten.register(fresh, text);
  remember(text, fresh);
  return fresh;
}

/** @internal The {@link Atom} with this text if somebody holds one; nothing is interned. */
export function knownAtom(text: string): Atom | undefined {
  return recall(text);
}

/** @internal How many atoms are interned now; for tests and measurements. */
export function atomCount(): number {
  return everyone.size;
}

// Identity lives in `everyone`; `recent` and `before` are two generations of strong references that spare the hot
// atoms the weak look-up and being collected between two messages. Both are bounded.
const GENERATION = 4096;
const everyone = new Map<string, WeakRef<Atom>>();
let recent = new Map<string, Atom>();
let before = new Map<string, Atom>();
const forgotten = new FinalizationRegistry<string>((text) => {
  if (everyone.get(text)?.deref() === undefined) everyone.delete(text);
});

function recall(text: string): Atom | undefined {
  const hot = recent.get(text);
  if (hot !== undefined) return hot;
  const known = before.get(text) ?? everyone.get(text)?.deref();
  if (known !== undefined) remember(text, known);
  return known;
}

function remember(text: string, value: Atom): void {
  if (recent.size >= GENERATION) {
    before = recent;
    recent = new Map();
  }
  recent.set(text, value);
}

/** @internal @throws ArgumentError `badarg` for what no atom can hold. */
export function checkAtomText(text: string): void {
  if (typeof text !== 'string') {
    throw new ArgumentError('badarg', `an atom's text must be a string, not ${typeof text}`);
  }
  // Counted only up to twice the limit in UTF-16 units: anything longer is too long whatever it holds.
  const isLong = text.length > MAX_ATOM_CHARACTERS;
  if (isLong && (text.length > 2 * MAX_ATOM_CHARACTERS || [...text].length > MAX_ATOM_CHARACTERS)) {
    throw new ArgumentError('badarg', `an atom has at most ${MAX_ATOM_CHARACTERS} characters`);
  }
  if (!text.isWellFormed()) throw new ArgumentError('badarg', 'an atom cannot hold a lone surrogate');
}

// Reserved words must be quoted; the list is erl_scan's (`maybe` and `else` since 27).
const RESERVED = new Set(
  (
    'after and andalso band begin bnot bor bsl bsr bxor case catch cond div else end fun if let maybe not of or orelse ' +
    'receive rem try when xor'
  ).split(' '),
);
// Reserved in newer releases only: printed with quotes, but understood without them, as they come from older nodes.
const LATELY_RESERVED = new Set(['maybe', 'else']);

/** @internal Whether an unquoted word cannot be an atom in any release since 25. */
export function isReservedWord(word: string): boolean {
  return RESERVED.has(word) && !LATELY_RESERVED.has(word);
}

const UNQUOTED = /^[a-zß-öø-ÿ][0-9A-Za-z_@À-ÖØ-öø-ÿ]*$/;

/** An atom's text as Erlang source: quoted and escaped where `~tp` would do it, or `~p` with `unicode` false. */
export function quoteAtom(text: string, unicode = true): string {
  if (UNQUOTED.test(text) && !RESERVED.has(text)) return text;
  const escaped = escapeText(text, "'");
  return `'${unicode ? escaped : escaped.replace(BEYOND_LATIN1, hexadecimal)}'`;
}

const BEYOND_LATIN1 = /[^\0-\xff]/gu;

function hexadecimal(character: string): string {
  return `\\x{${(character.codePointAt(0) as number).toString(16).toUpperCase()}}`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\n': '\\n',
  '\t': '\\t',
  '\r': '\\r',
  '\v': '\\v',
  '\b': '\\b',
  '\f': '\\f',
  '\x1b': '\\e',
  '\x7f': '\\d',
  '\\': '\\\\',
};

// Cc is exactly what io_lib escapes: 0 to 31 and 127 to 159.
const TO_ESCAPE = /["'\\\p{Cc}]/gu;

/** @internal Text between quotes as io_lib writes it: control characters escaped, everything else as it is. */
export function escapeText(text: string, quote: '"' | "'"): string {
  return text.replace(TO_ESCAPE, (character) => {
    if (character === '"' || character === "'") return character === quote ? `\\${character}` : character;
    return ESCAPES[character] ?? `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`;
  });
}
