// The keys of plain objects, encoded once: after each key, the keys that followed it last are tried first, so that
// objects of the same making cost one comparison per key. Invariant: bounded, whatever keys a program uses.
import { Buffer } from 'node:buffer';
import { type Atom, internAtom, type Wire } from '../term/atom.js';
import { atomWire, makeWire } from './atoms.js';
import { BINARY_EXT } from './tags.js';

/** Keys that are kept; when there are more, all are forgotten and learnt anew. */
const MAX_KEYS = 4096;
/** Longer keys are encoded each time. Fits into the slack of a sink. */
const MAX_KEY_SIZE = 120;

/** A key, its encoded form, and which keys came after it. */
export class KeyNode {
  readonly key: string | undefined;
  readonly wire: Wire;
  readonly size: number;
  readonly words: readonly number[];
  /** The first four words, so that most keys need no loop. */
  readonly word0: number;
  readonly word1: number;
  readonly word2: number;
  readonly word3: number;
  /** The atom that the key is; `undefined` for a binary. */
  readonly atom: Atom | undefined;
  next: KeyNode;
  other: KeyNode;

  constructor(key: string | undefined, wire: Wire, atom: Atom | undefined) {
    this.key = key;
    this.wire = wire;
    this.size = wire.bytes.length;
    this.words = wire.words;
    this.word0 = wire.words[0] ?? 0;
    this.word1 = wire.words[1] ?? 0;
    this.word2 = wire.words[2] ?? 0;
    this.word3 = wire.words[3] ?? 0;
    this.atom = atom;
    this.next = this;
    this.other = this;
  }
}

export class Keys {
  readonly #strings: boolean;
  #nodes = new Map<string, KeyNode>();
  /** Stands before the first key of an object. */
  root: KeyNode = new KeyNode(undefined, makeWire(), undefined);

  constructor(strings: boolean) {
    this.#strings = strings;
  }

  /** The node of `key`, which follows `after`; `undefined` when this key is not kept. */
  follow(after: KeyNode, key: string): KeyNode | undefined {
    const other = after.other;
    if (other.key === key) {
      after.other = after.next;
      after.next = other;
      return other;
    }
    const node = this.#nodes.get(key) ?? this.#learn(key);
    if (node === undefined) return undefined;
    after.other = after.next;
    after.next = node;
    return node;
  }

  #learn(key: string): KeyNode | undefined {
    if (key.length > MAX_KEY_SIZE || Buffer.byteLength(key) > MAX_KEY_SIZE || !key.isWellFormed()) return undefined;
    if (this.#nodes.size >= MAX_KEYS) {
      this.#nodes = new Map();
      this.root = new KeyNode(undefined, makeWire(), undefined);
    }
    const atom = this.#strings ? undefined : internAtom(key);
    const node = new KeyNode(key, atom === undefined ? binaryWire(key) : makeWire(atomWire(atom)), atom);
    this.#nodes.set(key, node);
    return node;
  }
}

/** A key as a binary; it has less than 256 bytes. */
export function binaryWire(key: string): Wire {
  const text = Buffer.from(key);
  const head = new Uint8Array(5);
  head[0] = BINARY_EXT;
  head[4] = text.length;
  return makeWire(head, text);
}
