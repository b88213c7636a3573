// Connections for tests: one with its messages recorded, and raw packets as a peer might send them.
import { Connection, type ConnectionOptions } from '../../src/dist/connection.js';
import type { ControlMessage } from '../../src/dist/control.js';
import { Encoder } from '../../src/etf/encode.js';
import { pid, reference } from '../../src/term/identifiers.js';
import type { Term } from '../../src/term/term.js';

export const self = 'ts@127.0.0.1';
export const peer = 'e@127.0.0.1';
export const passThrough = 0xd075f5fbcn;

export const mine = pid(self, 1, 0, 5);
export const theirs = pid(peer, 85, 0, 6);
export const foreign = pid('other@127.0.0.1', 7, 0, 8);
export const myRef = reference(self, 5, [1, 2, 3]);
export const theirRef = reference(peer, 6, [4, 5, 6]);

export interface Recorded {
  readonly connection: Connection;
  readonly messages: ControlMessage[];
  /** Everything that is to be sent now. */
  output(): Buffer;
}

export function connect(options: Partial<ConnectionOptions> = {}): Recorded {
  const messages: ControlMessage[] = [];
  const connection = new Connection({
    self,
    peer,
    flags: passThrough,
    now: 0,
    sink: { onControl: (message) => messages.push(message) },
    ...options,
  });
  return { connection, messages, output: () => Buffer.concat(connection.takeOutput()) };
}

export function encoded(term: Term): Buffer {
  const encoder = new Encoder();
  encoder.begin();
  encoder.term(term);
  return encoder.finish();
}

export function framed(...parts: (Uint8Array | readonly number[])[]): Buffer {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part)));
  const head = Buffer.alloc(4);
  head.writeUInt32BE(body.length);
  return Buffer.concat([head, body]);
}

/** A packet of a connection without header. */
export function packet(control: Term, ...payload: Term[]): Buffer {
  return framed([112, 131], encoded(control), ...payload.flatMap((term) => [[131], encoded(term)]));
}
