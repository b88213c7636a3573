// Messages that come in fragments, put together again (protocol section 3.5): any interleaving of sequences, each one
// counting down to 1. Bounded in number, in bytes and in time; memory follows bytes that arrived.
import { Buffer } from 'node:buffer';
import { LimitError, ProtocolError } from '../errors.js';
import type { Atom } from '../term/atom.js';
import type { ConnectionLimits } from './limits.js';

/** Parts from this size on are kept as they came; smaller ones are copied together. */
const LARGE_PART = 16 * 1024;
/** What an unfinished sequence costs beside its bytes, so that ten thousand empty ones count for something. */
const SEQUENCE_BYTES = 512;

/** A message whose last fragment has come: control term and payload, and the atoms of its header. */
export interface Assembled {
  readonly bytes: Buffer;
  readonly atoms: readonly Atom[];
}

interface Sequence {
  readonly atoms: readonly Atom[];
  readonly parts: Buffer[];
  /** Small parts that are still being copied together. */
  tail: Buffer | undefined;
  tailBytes: number;
  bytes: number;
  /** The id that the next fragment must have. */
  expected: number;
  /** When the last one came, as far as {@link Fragments.pass} knew. */
  touched: number;
}

/**
 * The peer's messages that are on their way in pieces, by sequence number, in any interleaving. A sequence that the peer
 * does not go on with, too many of them and too many bytes are LimitErrors, which end the connection.
 */
export class Fragments {
  readonly #limits: ConnectionLimits;
  readonly #open = new Map<bigint, Sequence>();
  #bytes = 0;
  /** Milliseconds that have passed, as far as we are told. */
  #now = 0;

  constructor(limits: ConnectionLimits) {
    this.#limits = limits;
  }

  /** Number of unfinished sequences. */
  get size(): number {
    return this.#open.size;
  }

  /** Bytes of all unfinished sequences. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * The first of `fragment` fragments (two or more): the whole control term and the start of the payload.
   *
   * @throws ProtocolError `bad_header`; LimitError `too_many_fragments`, `message_too_large`
   */
  start(sequence: bigint, fragment: number, atoms: readonly Atom[], ...pieces: readonly Buffer[]): void {
    if (this.#open.has(sequence)) {
      throw new ProtocolError('bad_header', 'the peer starts a fragmented message under an id that is in use');
    }
    const { fragmentSequences } = this.#limits;
    if (this.#open.size >= fragmentSequences) {
      const what = 'unfinished fragmented messages';
      throw new LimitError('too_many_fragments', what, fragmentSequences, this.#open.size + 1);
    }
    const expected = fragment - 1;
    const started = { atoms, parts: [], tail: undefined, tailBytes: 0, bytes: 0, expected, touched: this.#now };
    this.#bytes += SEQUENCE_BYTES;
    for (const piece of pieces) this.#add(started, piece);
    this.#open.set(sequence, started);
  }

  /**
   * Any other fragment; the message, when it was the last one.
   *
   * @throws ProtocolError `bad_header`; LimitError `too_many_fragments`, `message_too_large`
   */
  continue(sequence: bigint, fragment: number, ...pieces: readonly Buffer[]): Assembled | undefined {
    const started = this.#open.get(sequence);
    if (started === undefined) {
      throw new ProtocolError('bad_header', 'the peer continues a fragmented message that it has not started');
    }
    if (fragment !== started.expected) {
      const what = `expected fragment ${started.expected} of a message, got ${fragment}`;
      throw new ProtocolError('bad_header', what);
    }
    for (const piece of pieces) this.#add(started, piece);
    if (fragment > 1) {
      started.expected--;
      started.touched = this.#now;
      return undefined;
    }
    this.#open.delete(sequence);
    this.#bytes -= started.bytes + SEQUENCE_BYTES;
    closeTail(started);
    return {
      bytes: started.parts.length === 1 ? (started.parts[0] as Buffer) : Buffer.concat(started.parts),
      atoms: started.atoms,
    };
  }

  /**
   * Time has gone by. What comes between two calls counts as if it had come with the first of them: a message gets up to
   * `elapsed` more than its due, and never less.
   *
   * @param elapsed milliseconds since the last call
   * @throws LimitError `fragment_timeout`
   */
  pass(elapsed: number): void {
    this.#now += elapsed;
    const seconds = this.#limits.fragmentTime;
    const due = this.#now - elapsed - seconds * 1000;
    for (const { touched } of this.#open.values()) {
      if (touched >= due) continue;
      const waited = Math.round((this.#now - touched) / 1000);
      throw new LimitError('fragment_timeout', 'seconds without the next fragment of a message', seconds, waited);
    }
  }

  #add(sequence: Sequence, part: Buffer): void {
    const { messageBytes, fragmentBytes } = this.#limits;
    const size = sequence.bytes + part.length;
    if (size > messageBytes)
      throw new LimitError('message_too_large', 'bytes in a fragmented message', messageBytes, size);
    const all = this.#bytes + part.length;
    if (all > fragmentBytes) {
      throw new LimitError('too_many_fragments', 'bytes in unfinished fragmented messages', fragmentBytes, all);
    }
    sequence.bytes = size;
    this.#bytes = all;
    // A view keeps all of its memory alive: twice itself at most, as the tail does.
    if (part.length >= LARGE_PART && part.length * 2 >= part.buffer.byteLength) {
      closeTail(sequence);
      sequence.parts.push(part);
      return;
    }
    append(sequence, part);
  }
}

function append(sequence: Sequence, part: Buffer): void {
  const { tail, tailBytes } = sequence;
  const size = tailBytes + part.length;
  if (tail === undefined || size > tail.length) {
    const grown = Buffer.allocUnsafeSlow(size * 2);
    tail?.copy(grown, 0, 0, tailBytes);
    sequence.tail = grown;
  }
  part.copy(sequence.tail as Buffer, tailBytes);
  sequence.tailBytes = size;
}

function closeTail(sequence: Sequence): void {
  if (sequence.tail !== undefined) sequence.parts.push(sequence.tail.subarray(0, sequence.tailBytes));
  sequence.tail = undefined;
  sequence.tailBytes = 0;
}
