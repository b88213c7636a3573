// The atom caches of a connection, one per direction (protocol section 3.4): a packet's header says which slots its atoms
// are in, and fills slots anew. Updates count in the order of the packets, so a packet that is written must be sent.
import { type Buffer, isUtf8 } from 'node:buffer';
import { ProtocolError } from '../errors.js';
import { atomWire } from '../etf/atoms.js';
import type { AtomCacheWriter } from '../etf/encode.js';
import { type Atom, internAtom, MAX_ATOM_CHARACTERS } from '../term/atom.js';

export const ATOM_CACHE_SIZE = 2048;
/** References that one packet can have: its count is one byte. */
export const MAX_REFERENCES = 255;

const SEGMENT_SIZE = 256;
const NEW_ENTRY = 8;
const SEGMENT_BITS = 7;
const LONG_ATOMS = 1;

/** Flag nibbles stand two to a byte, the first one low. There is one per reference and one for the header itself. */
function flagBytes(references: number): number {
  return references === 0 ? 0 : (references >> 1) + 1;
}

/**
 * The peer's side: what it has put into which of the 2,048 slots. `read` takes the header of a packet and gives the atoms
 * that its terms call by number; a slot that was never filled is a ProtocolError `bad_header`.
 */
export class IncomingAtoms {
  readonly #slots: (Atom | undefined)[] = new Array<Atom | undefined>(ATOM_CACHE_SIZE).fill(undefined);
  #end = 0;

  /** Offset after the header read last. */
  get end(): number {
    return this.#end;
  }

  /**
   * Reads the references at `at` of a packet that ends at `end`, and takes over new entries; the atoms in the order in which terms refer to them.
   *
   * @throws ProtocolError `bad_header`: from then on the cache is not the peer's any more
   */
  read(frame: Buffer, at: number, end: number): readonly Atom[] {
    if (at >= end) throw cutShort();
    const count = frame[at] as number;
    const flags = at + 1;
    let pos = flags + flagBytes(count);
    if (pos > end) throw cutShort();
    const atoms: Atom[] = [];
    const long = count > 0 && (nibble(frame, flags, count) & LONG_ATOMS) !== 0;
    for (let i = 0; i < count; i++) {
      const flag = nibble(frame, flags, i);
      if (pos >= end) throw cutShort();
      const index = frame[pos++] as number;
      const slot = (flag & SEGMENT_BITS) * SEGMENT_SIZE + index;
      if ((flag & NEW_ENTRY) !== 0) {
        const size = long ? pos + 2 : pos + 1;
        if (size > end) throw cutShort();
        const textEnd = size + (long ? frame.readUInt16BE(pos) : (frame[pos] as number));
        if (textEnd > end) throw cutShort();
        this.#slots[slot] = readText(frame.subarray(size, textEnd));
        pos = textEnd;
      }
      const atom = this.#slots[slot];
      if (atom === undefined) {
        throw new ProtocolError('bad_header', `the peer refers to slot ${slot} of its atom cache, which is empty`);
      }
      atoms.push(atom);
    }
    this.#end = pos;
    return atoms;
  }
}

function nibble(frame: Buffer, flags: number, i: number): number {
  const byte = frame[flags + (i >> 1)] as number;
  return (i & 1) === 0 ? byte & 15 : byte >> 4;
}

function cutShort(): ProtocolError {
  return new ProtocolError('bad_header', 'the header of a packet is cut short');
}

function readText(bytes: Buffer): Atom {
  if (!isUtf8(bytes)) throw new ProtocolError('bad_header', 'an atom in the header of a packet is not UTF-8');
  const text = bytes.toString('utf8');
  if (text.length > MAX_ATOM_CHARACTERS && [...text].length > MAX_ATOM_CHARACTERS) {
    throw new ProtocolError(
      'bad_header',
      `an atom in the header of a packet has over ${MAX_ATOM_CHARACTERS} characters`,
    );
  }
  return internAtom(text);
}

/**
 * Our side: which slot has which atom, and the references of the packet that is being written. Atoms ask for a number while
 * terms are encoded; the header, which stands before them, is written last. A number is good for this packet only.
 */
export class OutgoingAtoms implements AtomCacheWriter {
  readonly #slots: (Atom | undefined)[] = new Array<Atom | undefined>(ATOM_CACHE_SIZE).fill(undefined);
  readonly #slotOf = new Map<Atom, number>();
  /** The slot to be filled next: the one filled longest ago. */
  #next = 0;
  /** Per slot: the packet that used it last, and under which index. */
  readonly #usedIn = new Float64Array(ATOM_CACHE_SIZE);
  readonly #indexOf = new Uint8Array(ATOM_CACHE_SIZE);
  #packet = 0;
  // The references of the packet: slots, and which of them are new entries.
  readonly #references = new Uint16Array(MAX_REFERENCES);
  readonly #fresh = new Uint8Array(MAX_REFERENCES);
  #count = 0;
  #newEntries = 0;
  #newBytes = 0;
  #long = false;
  #hits = 0;
  #fills = 0;

  /** References to atoms that the peer had already. */
  get hits(): number {
    return this.#hits;
  }

  /** Atoms that were spelled out and put into a slot. */
  get fills(): number {
    return this.#fills;
  }

  /** Starts the references of a packet. */
  begin(): void {
    this.#packet++;
    this.#count = 0;
    this.#newEntries = 0;
    this.#newBytes = 0;
    this.#long = false;
  }

  refer(atom: Atom): number {
    const slot = this.#slotOf.get(atom);
    if (slot === undefined) return this.#fill(atom);
    if (this.#usedIn[slot] === this.#packet) return this.#indexOf[slot] as number;
    if (this.#count === MAX_REFERENCES) return -1;
    this.#hits++;
    return this.#add(slot, 0);
  }

  /** The packet will not be sent: its new entries count as never made. What they replaced will be told anew. */
  abort(): void {
    for (let i = 0; i < this.#count; i++) {
      if (this.#fresh[i] === 0) continue;
      const slot = this.#references[i] as number;
      this.#slotOf.delete(this.#slots[slot] as Atom);
      this.#slots[slot] = undefined;
      this.#fills--;
    }
    this.begin();
  }

  /** Bytes that {@link write} writes. */
  get size(): number {
    const count = this.#count;
    const lengths = this.#long ? 2 : 1;
    return 1 + flagBytes(count) + count + this.#newBytes + this.#newEntries * lengths;
  }

  /** Writes the references of the packet to `out` at `at`; gives the offset behind them. */
  write(out: Buffer, at: number): number {
    const count = this.#count;
    out[at] = count;
    if (count === 0) return at + 1;
    const flags = at + 1;
    let pos = flags + flagBytes(count);
    out.fill(0, flags, pos);
    for (let i = 0; i < count; i++) {
      const slot = this.#references[i] as number;
      const fresh = this.#fresh[i] === 1;
      setNibble(out, flags, i, Math.floor(slot / SEGMENT_SIZE) | (fresh ? NEW_ENTRY : 0));
      out[pos++] = slot % SEGMENT_SIZE;
      if (!fresh) continue;
      const text = textOf(this.#slots[slot] as Atom);
      if (this.#long) pos = out.writeUInt16BE(text.length, pos);
      else out[pos++] = text.length;
      out.set(text, pos);
      pos += text.length;
    }
    if (this.#long) setNibble(out, flags, count, LONG_ATOMS);
    return pos;
  }

  #fill(atom: Atom): number {
    const slot = this.#next;
    // After a packet with very many atoms the oldest slot may be one that it refers to; it must not change meanwhile.
    if (this.#count === MAX_REFERENCES || this.#usedIn[slot] === this.#packet) return -1;
    this.#next = (slot + 1) % ATOM_CACHE_SIZE;
    const before = this.#slots[slot];
    if (before !== undefined) this.#slotOf.delete(before);
    this.#slots[slot] = atom;
    this.#slotOf.set(atom, slot);
    const size = textOf(atom).length;
    this.#newBytes += size;
    if (size > 255) this.#long = true;
    this.#fills++;
    this.#newEntries++;
    return this.#add(slot, 1);
  }

  #add(slot: number, fresh: 0 | 1): number {
    const index = this.#count++;
    this.#references[index] = slot;
    this.#fresh[index] = fresh;
    this.#usedIn[slot] = this.#packet;
    this.#indexOf[slot] = index;
    return index;
  }
}

/** The atom's UTF-8 text, cut from its canonical encoding. */
function textOf(atom: Atom): Uint8Array {
  const wire = atomWire(atom);
  return wire.subarray(wire.length > 2 + 255 ? 3 : 2);
}

function setNibble(out: Buffer, flags: number, i: number, value: number): void {
  const at = flags + (i >> 1);
  out[at] = (out[at] as number) | ((i & 1) === 0 ? value : value << 4);
}
