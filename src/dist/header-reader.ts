// Packets of connections with a distribution header (protocol sections 3.4 and 3.5): whole ones and fragments.
// The atom cache is kept for every packet, whatever becomes of its message.
import { Buffer } from 'node:buffer';
import { ProtocolError } from '../errors.js';
import type { Decoder } from '../etf/decode.js';
import { VERSION_MAGIC } from '../etf/tags.js';
import type { Atom } from '../term/atom.js';
import type { Term } from '../term/term.js';
import { IncomingAtoms } from './atom-cache.js';
import type { ControlMessage } from './control.js';
import { type ControlContext, readControl } from './control-reader.js';
import { Fragments } from './fragments.js';
import type { ConnectionLimits } from './limits.js';
import { decodePart, firstBytes, type PacketReader } from './packet.js';

/** Second byte of a packet. */
export const DIST_HEADER = 68;
export const DIST_FRAG_HEADER = 69;
export const DIST_FRAG_CONT = 70;
/** Bytes before the references of a first fragment, and before the content of the others. */
export const FRAGMENT_HEAD = 18;

/** Bytes in which the head of a first fragment, its atoms and its control term nearly always fit. */
const USUAL_CONTROL = 4096;

export interface HeaderFormat {
  /** DFLAG_DIST_HDR_ATOM_CACHE was negotiated. */
  readonly atomCache: boolean;
  /** DFLAG_FRAGMENTS was negotiated. */
  readonly fragments: boolean;
}

/**
 * Packets of a peer with which DFLAG_DIST_HDR_ATOM_CACHE was agreed on: the atoms of the header, then a message or a piece of
 * one. Gives one message at a time; what does not fit the format is a ProtocolError, which ends the connection.
 */
export class HeaderReader implements PacketReader {
  readonly #decoder: Decoder;
  readonly #format: HeaderFormat;
  readonly #context: ControlContext;
  readonly #cache = new IncomingAtoms();
  readonly #fragments: Fragments;
  // The message that is being read: its bytes, where its payload starts, its atoms.
  #bytes: Buffer | undefined;
  #at = 0;
  #end = 0;
  #atoms: readonly Atom[] = [];

  constructor(decoder: Decoder, self: string, peer: string, format: HeaderFormat, limits: ConnectionLimits) {
    this.#decoder = decoder;
    this.#format = format;
    this.#fragments = new Fragments(limits);
    this.#context = { self, peer, payload: () => this.#payload() };
  }

  get openFragments(): number {
    return this.#fragments.size;
  }

  pass(elapsed: number): void {
    this.#fragments.pass(elapsed);
  }

  read(bytes: Buffer, start: number, end: number): ControlMessage | undefined {
    const kind = end - start >= 2 && bytes[start] === VERSION_MAGIC ? bytes[start + 1] : undefined;
    if (kind === DIST_HEADER) {
      const atoms = this.#readAtoms(bytes, start + 2, end);
      return this.#message(bytes, this.#cache.end, end, atoms);
    }
    if (this.#format.fragments && (kind === DIST_FRAG_HEADER || kind === DIST_FRAG_CONT)) {
      return this.#fragment(bytes.subarray(start, end), kind === DIST_FRAG_HEADER);
    }
    const got = firstBytes(bytes, start, end);
    throw new ProtocolError('bad_frame', `expected a packet with a distribution header, got ${got}`);
  }

  /** Fragments: their content is kept in pieces anyway. Of a first one, control term and atoms should be in this chunk. */
  takesPieces(chunk: Buffer, start: number): boolean {
    if (!this.#format.fragments || chunk[start] !== VERSION_MAGIC) return false;
    const here = chunk.length - start;
    return chunk[start + 1] === DIST_FRAG_CONT ? here >= FRAGMENT_HEAD : isFirst(chunk, start) && here >= USUAL_CONTROL;
  }

  readPieces([head, ...others]: readonly Buffer[]): ControlMessage | undefined {
    return this.#fragment(head as Buffer, isFirst(head as Buffer, 0), others);
  }

  #readAtoms(bytes: Buffer, at: number, end: number): readonly Atom[] {
    if (!this.#format.atomCache && at < end && bytes[at] !== 0) {
      throw new ProtocolError('bad_header', 'the peer uses an atom cache that was not agreed on');
    }
    return this.#cache.read(bytes, at, end);
  }

  /** @param others what belongs to the same fragment. */
  #fragment(frame: Buffer, first: boolean, others: readonly Buffer[] = []): ControlMessage | undefined {
    if (frame.length < FRAGMENT_HEAD) throw new ProtocolError('bad_header', 'the header of a fragment is cut short');
    const sequence = frame.readBigUInt64BE(2);
    const fragment = Number(frame.readBigUInt64BE(10));
    // A BEAM takes 0 for "not fragmented".
    if (sequence === 0n) throw new ProtocolError('bad_header', 'the id of a fragmented message must not be 0');
    if (fragment === 0 || !Number.isSafeInteger(fragment)) {
      throw new ProtocolError('bad_header', 'fragments are numbered down to 1');
    }
    if (!first) {
      const whole = this.#fragments.continue(sequence, fragment, frame.subarray(FRAGMENT_HEAD), ...others);
      return whole === undefined ? undefined : this.#message(whole.bytes, 0, whole.bytes.length, whole.atoms);
    }
    if (fragment === 1) {
      const whole = others.length === 0 ? frame : Buffer.concat([frame, ...others]);
      const atoms = this.#readAtoms(whole, FRAGMENT_HEAD, whole.length);
      return this.#message(whole, this.#cache.end, whole.length, atoms);
    }
    this.#startMessage(sequence, fragment, frame, others);
    return undefined;
  }

  #startMessage(sequence: bigint, fragment: number, frame: Buffer, others: readonly Buffer[]): void {
    try {
      const atoms = this.#readAtoms(frame, FRAGMENT_HEAD, frame.length);
      const at = this.#cache.end;
      // The control term must be complete here; it is read for good when the payload is.
      decodePart(this.#decoder, frame, at, frame.length, 'bad_control', atoms);
      this.#fragments.start(sequence, fragment, atoms, frame.subarray(at), ...others);
    } catch (error) {
      // An unusually long control term: it may go on in the other pieces. To read the atoms again changes nothing.
      if (others.length === 0 || !(error instanceof ProtocolError)) throw error;
      this.#startMessage(sequence, fragment, Buffer.concat([frame, ...others]), []);
    }
  }

  #message(bytes: Buffer, at: number, end: number, atoms: readonly Atom[]): ControlMessage {
    const control = decodePart(this.#decoder, bytes, at, end, 'bad_control', atoms);
    this.#bytes = bytes;
    this.#end = end;
    this.#at = this.#decoder.end;
    this.#atoms = atoms;
    const message = readControl(control, this.#context);
    if (this.#at !== end) {
      throw new ProtocolError('bad_payload', `${end - this.#at} bytes too many behind a ${message.op} message`);
    }
    this.#bytes = undefined;
    return message;
  }

  #payload(): Term {
    const payload = decodePart(this.#decoder, this.#bytes as Buffer, this.#at, this.#end, 'bad_payload', this.#atoms);
    this.#at = this.#decoder.end;
    return payload;
  }
}

function isFirst(frame: Buffer, start: number): boolean {
  return frame[start + 1] === DIST_FRAG_HEADER;
}
