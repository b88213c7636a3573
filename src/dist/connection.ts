// One connection after its handshake: bytes in, control messages out, and back (protocol sections 3 and 4).
// Pure: no socket, no clock. Whatever it throws on receive ends this connection and nothing else.
import { Buffer } from 'node:buffer';
import { ProtocolError } from '../errors.js';
import type { DecodeOptions } from '../etf/decode.js';
import type { EncodeOptions } from '../etf/encode.js';
import type { ControlMessage } from './control.js';
import type { ConnectionLimits } from './limits.js';

export interface ConnectionSink {
  /** Every message, in the order of arrival. */
  onControl(message: ControlMessage): void;
}

export interface ConnectionOptions {
  /** Our name. */
  readonly self: string;
  /** The peer's name. */
  readonly peer: string;
  /** The negotiated flags. */
  readonly flags: bigint;
  readonly terms?: DecodeOptions;
  readonly encoding?: EncodeOptions;
  readonly limits?: Partial<ConnectionLimits>;
  /** OTP's net_ticktime, seconds. Default 60. */
  readonly tickTime?: number;
  /** OTP's net_tickintensity: intervals per tick time. Default 4. */
  readonly tickIntensity?: number;
  /** Milliseconds of a clock that never goes back. */
  readonly now: number;
  readonly sink: ConnectionSink;
}

export interface ConnectionStatistics {
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly messagesIn: number;
  readonly messagesOut: number;
  readonly ticksIn: number;
  readonly ticksOut: number;
}

export class Connection {
  constructor(_options: ConnectionOptions) {}

  /** Milliseconds after which {@link tick} wants to be called, again and again. */
  readonly tickInterval: number = 15_000;

  /**
   * Feeds what the socket gave; messages go to the sink. Do not write to `chunk` afterwards: binaries may be views of it.
   *
   * @throws ProtocolError, LimitError: the reason why this connection ends; the machine is dead from then on.
   */
  receive(_chunk: Buffer, _now: number): void {
    throw new ProtocolError('bad_frame', 'not written yet');
  }

  /** Appends a message to the output. False: this peer did not announce what it takes to understand the message. */
  send(_message: ControlMessage): boolean {
    return false;
  }

  /** The bytes to write now, in order; they are handed over and never touched again. */
  takeOutput(): Buffer[] {
    return [Buffer.alloc(0)];
  }

  /** Bytes that wait for {@link takeOutput}. */
  get outputBytes(): number {
    return 0;
  }

  /**
   * Time goes by: may append a tick to the output. `unsentBytes`: what was taken but has not left this process.
   * `'net_tick_timeout'`: the peer is dead; destroy the socket.
   */
  tick(_now: number, _unsentBytes: number): 'alive' | 'net_tick_timeout' {
    return 'alive';
  }

  get statistics(): ConnectionStatistics {
    return { bytesIn: 0, bytesOut: 0, messagesIn: 0, messagesOut: 0, ticksIn: 0, ticksOut: 0 };
  }
}
