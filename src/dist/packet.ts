// What a connection needs of a packet format (protocol section 3.3): which one is used is decided once, by the flags.
import type { Buffer } from 'node:buffer';
import type { ControlMessage } from './control.js';

export interface PacketReader {
  /**
   * The message in a frame that is not a tick; undefined when it was a part of a message.
   *
   * @throws ProtocolError, LimitError
   */
  read(frame: Buffer): ControlMessage | undefined;
}

export interface PacketWriter {
  /** Appends one message, framed. When it throws, nothing was appended. @throws ArgumentError, LimitError */
  write(message: ControlMessage): void;
  tick(): void;
  /** Bytes that {@link take} would give. */
  readonly bytes: number;
  take(): Buffer[];
}
