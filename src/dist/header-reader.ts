// Packets of connections with a distribution header (protocol sections 3.4 and 3.5): whole ones and fragments.
// The atom cache is kept for every packet, whatever becomes of its message.
import type { Buffer } from 'node:buffer';
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

export interface HeaderFormat {
  /** DFLAG_DIST_HDR_ATOM_CACHE was negotiated. */
  readonly atomCache: boolean;
  /** DFLAG_FRAGMENTS was negotiated. */
  readonly fragments: boolean;
}

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

  /** Fragments of a large message, but for the first: their content is kept in pieces anyway. */
  takesPieces(chunk: Buffer, start: number): boolean {
    const isContinuation = chunk[start] === VERSION_MAGIC && chunk[start + 1] === DIST_FRAG_CONT;
    return isContinuation && this.#format.fragments && chunk.length - start >= FRAGMENT_HEAD;
  }

  readPieces([head, ...others]: readonly Buffer[]): ControlMessage | undefined {
    return this.#fragment(head as Buffer, false, others);
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
    const atoms = this.#readAtoms(frame, FRAGMENT_HEAD, frame.length);
    const at = this.#cache.end;
    if (fragment === 1) return this.#message(frame, at, frame.length, atoms);
    // The control term must be complete here; it is read for good when the payload is.
    decodePart(this.#decoder, frame, at, frame.length, 'bad_control', atoms);
    this.#fragments.start(sequence, fragment, atoms, frame.subarray(at));
    return undefined;
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
