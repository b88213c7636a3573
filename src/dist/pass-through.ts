// Packets of connections without header (protocol section 3.3): 112, then control term and payload, each with its 131.
// Messages are written one behind the other into one output, and each length is filled in when its message is complete.
import { Buffer } from 'node:buffer';
import { ProtocolError } from '../errors.js';
import type { Decoder } from '../etf/decode.js';
import type { Encoder } from '../etf/encode.js';
import { VERSION_MAGIC } from '../etf/tags.js';
import type { Term } from '../term/term.js';
import type { ControlMessage } from './control.js';
import { type ControlContext, readControl } from './control-reader.js';
import { type ControlWriter, payloadOf } from './control-writer.js';
import { decodePart, firstBytes, type PacketReader, type PacketWriter } from './packet.js';

const PASS_THROUGH = 112;
const LENGTH_BYTES = 4;
const noLength = Buffer.alloc(LENGTH_BYTES);
/** Outputs are not gathered beyond this, so that the encoder's buffer stays small. */
const GATHER_BYTES = 64 * 1024;

export class PassThroughReader implements PacketReader {
  readonly openFragments = 0;
  /** No message is ever unfinished. */
  pass(): void {}
  readonly #decoder: Decoder;
  readonly #context: ControlContext;
  // The message that is being read: its bytes, where its payload starts, where it ends.
  #bytes: Buffer = noLength;
  #at = 0;
  #end = 0;

  constructor(decoder: Decoder, self: string, peer: string) {
    this.#decoder = decoder;
    this.#context = { self, peer, payload: () => this.#payload() };
  }

  read(bytes: Buffer, start: number, end: number): ControlMessage {
    if (end - start < 2 || bytes[start] !== PASS_THROUGH || bytes[start + 1] !== VERSION_MAGIC) {
      const got = firstBytes(bytes, start, end);
      throw new ProtocolError('bad_frame', `expected a packet that starts with 112, 131; got ${got}`);
    }
    this.#bytes = bytes;
    this.#end = end;
    const control = decodePart(this.#decoder, bytes, start + 2, end, 'bad_control');
    this.#at = this.#decoder.end;
    const message = readControl(control, this.#context);
    if (this.#at !== end) {
      throw new ProtocolError('bad_payload', `${end - this.#at} bytes too many behind a ${message.op} message`);
    }
    this.#bytes = noLength;
    return message;
  }

  takesPieces(): boolean {
    return false;
  }

  readPieces(pieces: readonly Buffer[]): ControlMessage {
    const whole = Buffer.concat(pieces);
    return this.read(whole, 0, whole.length);
  }

  #payload(): Term {
    if (this.#at >= this.#end || this.#bytes[this.#at] !== VERSION_MAGIC) {
      throw new ProtocolError('bad_payload', 'expected a payload that starts with 131');
    }
    const payload = decodePart(this.#decoder, this.#bytes, this.#at + 1, this.#end, 'bad_payload');
    this.#at = this.#decoder.end;
    return payload;
  }
}

export class PassThroughWriter implements PacketWriter {
  readonly cacheHits = 0;
  readonly cacheFills = 0;
  readonly #encoder: Encoder;
  readonly #control: ControlWriter;
  /** Complete outputs of the encoder. */
  #done: Buffer[] = [];
  #doneBytes = 0;
  #open = false;
  /** Where the messages of the open output start. */
  #starts: number[] = [];

  constructor(encoder: Encoder, control: ControlWriter) {
    this.#encoder = encoder;
    this.#control = control;
  }

  get bytes(): number {
    return this.#doneBytes + (this.#open ? this.#encoder.length : 0);
  }

  write(message: ControlMessage): void {
    const out = this.#encoder;
    const start = this.#start();
    try {
      out.byte(PASS_THROUGH);
      out.byte(VERSION_MAGIC);
      if (this.#control.write(out, message)) {
        out.byte(VERSION_MAGIC);
        out.term(payloadOf(message));
      }
    } catch (error) {
      this.#starts.pop();
      this.#close(start);
      throw error;
    }
    if (out.length >= GATHER_BYTES) this.#close(out.length);
  }

  tick(): void {
    this.#start();
  }

  take(): Buffer[] {
    if (this.#open) this.#close(this.#encoder.length);
    const taken = this.#done;
    this.#done = [];
    this.#doneBytes = 0;
    return taken;
  }

  #start(): number {
    if (!this.#open) {
      this.#encoder.begin();
      this.#open = true;
    }
    const start = this.#encoder.length;
    this.#encoder.bytes(noLength);
    this.#starts.push(start);
    return start;
  }

  /** Ends the open output after `length` bytes. */
  #close(length: number): void {
    const whole = this.#encoder.finish();
    const starts = this.#starts;
    for (let i = 0; i < starts.length; i++) {
      const start = starts[i] as number;
      whole.writeUInt32BE((starts[i + 1] ?? length) - start - LENGTH_BYTES, start);
    }
    this.#starts = [];
    this.#open = false;
    if (length === 0) return;
    this.#done.push(whole.subarray(0, length));
    this.#doneBytes += length;
  }
}
