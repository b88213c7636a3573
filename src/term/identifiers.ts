// Pids, ports and references. All fields count, creation included: an identifier of a node's previous life is another.
// `key` is the canonical text to use in a JavaScript Map or Set.
import { type Atom, internAtom } from './atom.js';

/** A process. Prints as its own node prints it, `<0.85.0>`; `node` says which node that is. */
export class Pid {
  /** Tells it from the others where only shapes are compared. */
  declare protected readonly identifier: 'Pid';
  /** @internal The node's name as an atom (its encoded bytes are cached there). */
  readonly nodeAtom: Atom;
  readonly id: number;
  readonly serial: number;
  readonly creation: number;

  /** @internal */
  constructor(nodeAtom: Atom, id: number, serial: number, creation: number) {
    this.nodeAtom = nodeAtom;
    this.id = id;
    this.serial = serial;
    this.creation = creation;
  }

  get node(): string {
    return this.nodeAtom.text;
  }

  get key(): string {
    return `<${this.nodeAtom.text} ${this.creation} ${this.id}.${this.serial}>`;
  }

  equals(other: unknown): boolean {
    return (
      other instanceof Pid &&
      other.nodeAtom === this.nodeAtom &&
      other.id === this.id &&
      other.serial === this.serial &&
      other.creation === this.creation
    );
  }

  toString(): string {
    return `<0.${this.id}.${this.serial}>`;
  }
}

/** A port. `id` is 64 bits wide: a `bigint` where a number would not be exact. */
export class Port {
  /** Tells it from the others where only shapes are compared. */
  declare protected readonly identifier: 'Port';
  /** @internal */
  readonly nodeAtom: Atom;
  readonly id: number | bigint;
  readonly creation: number;

  /** @internal */
  constructor(nodeAtom: Atom, id: number | bigint, creation: number) {
    this.nodeAtom = nodeAtom;
    this.id = id;
    this.creation = creation;
  }

  get node(): string {
    return this.nodeAtom.text;
  }

  get key(): string {
    return `#Port<${this.nodeAtom.text} ${this.creation} ${this.id}>`;
  }

  equals(other: unknown): boolean {
    return (
      other instanceof Port &&
      other.nodeAtom === this.nodeAtom &&
      other.id === this.id &&
      other.creation === this.creation
    );
  }

  toString(): string {
    return `#Port<0.${this.id}>`;
  }
}

/** A reference: 1 to 5 words of 32 bits, the first one least significant (protocol section 5.5). */
export class Reference {
  /** Tells it from the others where only shapes are compared. */
  declare protected readonly identifier: 'Reference';
  /** @internal */
  readonly nodeAtom: Atom;
  readonly creation: number;
  readonly words: readonly number[];

  /** @internal */
  constructor(nodeAtom: Atom, creation: number, words: readonly number[]) {
    this.nodeAtom = nodeAtom;
    this.creation = creation;
    this.words = words;
  }

  get node(): string {
    return this.nodeAtom.text;
  }

  get key(): string {
    return `#Ref<${this.nodeAtom.text} ${this.creation} ${this.words.join('.')}>`;
  }

  equals(other: unknown): boolean {
    if (!(other instanceof Reference) || other.nodeAtom !== this.nodeAtom || other.creation !== this.creation) {
      return false;
    }
    if (other.words.length !== this.words.length) return false;
    for (let i = 0; i < this.words.length; i++) if (this.words[i] !== other.words[i]) return false;
    return true;
  }

  toString(): string {
    return `#Ref<0.${this.words.toReversed().join('.')}>`;
  }
}

/** @internal */
export function pid(node: string, id: number, serial: number, creation: number): Pid {
  return new Pid(internAtom(node), id, serial, creation);
}

/** @internal */
export function reference(node: string, creation: number, words: readonly number[]): Reference {
  return new Reference(internAtom(node), creation, words);
}
