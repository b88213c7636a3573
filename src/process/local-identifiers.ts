// The identifiers that this node makes, and the keys under which its tables keep any identifier. Identifiers of its
// own get a number: building a text for each call and monitor would cost more than the call.
import { ArgumentError } from '../errors.js';
import { type Atom, internAtom } from '../term/atom.js';
import { Pid, Reference } from '../term/identifiers.js';

/** Stands for a pid or a reference in a Map of this node. */
export type Key = number | string;

// Small ids first: OTP 23 takes 15 bits of id and 13 bits of serial only.
const PIDS_PER_SERIAL = 0x7fff;
const MAX_SERIAL = 0xffff_ffff;
// OTP takes back a reference as its own with 18 bits in the first word only (protocol section 5.4).
const FIRST_WORD = 0x40000;

export class LocalIdentifiers {
  readonly nodeAtom: Atom;
  readonly creation: number;
  readonly #seed: number;
  #pids = 0;
  #references = 0;

  /** @param seed any 32 bits: makes references of different lives differ even where creations do not. */
  constructor(node: string, creation: number, seed: number) {
    this.nodeAtom = internAtom(node);
    this.creation = creation;
    this.#seed = seed >>> 0;
  }

  /** A pid that was never used in this node's life. @throws ArgumentError `system_limit` after 2^47 of them. */
  makePid(): Pid {
    const n = this.#pids++;
    const serial = Math.floor(n / PIDS_PER_SERIAL);
    if (serial > MAX_SERIAL) throw new ArgumentError('system_limit', 'this node has no process identifiers left');
    return new Pid(this.nodeAtom, 1 + (n % PIDS_PER_SERIAL), serial, this.creation);
  }

  /** A reference that was never used in this node's life: 3 words. */
  makeReference(): Reference {
    const n = ++this.#references;
    const words = [n % FIRST_WORD, Math.floor(n / FIRST_WORD) % 0x1_0000_0000, this.#seed];
    return new Reference(this.nodeAtom, this.creation, words);
  }

  /** Whether the identifier belongs to this life of this node. */
  owns(identifier: Pid | Reference): boolean {
    return identifier.nodeAtom === this.nodeAtom && identifier.creation === this.creation;
  }

  pidKey(pid: Pid): Key {
    return pid.id <= PIDS_PER_SERIAL && this.owns(pid) ? pid.serial * 0x8000 + pid.id : pid.key;
  }

  referenceKey(ref: Reference): Key {
    const { words } = ref;
    const first = words[0] as number;
    if (first >= FIRST_WORD || words.length !== 3 || words[2] !== this.#seed || !this.owns(ref)) return ref.key;
    return (words[1] as number) * FIRST_WORD + first;
  }
}
