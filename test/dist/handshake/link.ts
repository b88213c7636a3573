// Two handshake machines, or one and a script, on a link that delivers whole chunks, single bytes, or with more behind.
import { Acceptor, type AcceptorOptions } from '../../../src/dist/handshake/acceptor.js';
import type { Established, HandshakeStep, Identity } from '../../../src/dist/handshake/handshake.js';
import { Initiator, type InitiatorOptions } from '../../../src/dist/handshake/initiator.js';
import type { HandshakeError } from '../../../src/errors.js';

export interface Machine {
  receive(chunk: Uint8Array): HandshakeStep;
}

/** What a machine did with some input, whatever the number of chunks. */
export interface Outcome {
  readonly sent: Buffer;
  readonly established: Established | undefined;
  readonly failure: HandshakeError | undefined;
}

export const ways = ['whole', 'byte by byte', 'two by two'] as const;
export type Way = (typeof ways)[number];

const sizes: Readonly<Record<Way, number>> = { whole: Number.POSITIVE_INFINITY, 'byte by byte': 1, 'two by two': 2 };

export function feed(machine: Machine, bytes: Uint8Array, way: Way = 'whole'): Outcome {
  const sent: Buffer[] = [];
  const rest: Uint8Array[] = [];
  let established: Established | undefined;
  let failure: HandshakeError | undefined;
  const size = Math.min(sizes[way], Math.max(1, bytes.length));
  for (let at = 0; at < bytes.length; at += size) {
    const chunk = bytes.subarray(at, at + size);
    if (established !== undefined) {
      rest.push(chunk);
      continue;
    }
    const step = machine.receive(chunk);
    sent.push(...step.output);
    established = step.established;
    failure ??= step.failure;
  }
  if (established !== undefined) established = { ...established, rest: Buffer.concat([established.rest, ...rest]) };
  return { sent: Buffer.concat(sent), established, failure };
}

export const flags = 0xd075f5fbcn;
export const us: Identity = { node: 'ts@127.0.0.1', creation: 0x01020304, flags };
export const them: Identity = { node: 'e@127.0.0.1', creation: 0x0a0b0c0d, flags: 0xd07df7fbdn };

export function initiator(options: Partial<InitiatorOptions> = {}): Initiator {
  return new Initiator({ self: us, peer: them.node, cookie: 'secret', challenge: 12345, lengthBytes: 2, ...options });
}

/** Lets everybody in who knows the cookie, unless `options` say otherwise. */
export function acceptor(options: Partial<AcceptorOptions> = {}): Acceptor {
  return new Acceptor({
    self: them,
    challenge: 0xfedcba98,
    lengthBytes: 2,
    allow: () => true,
    decide: () => 'ok',
    cookie: () => 'secret',
    isOwnChallenge: () => false,
    ...options,
  });
}

/** Lets two machines talk until neither has anything to say. */
export function talk(a: Initiator, b: Acceptor, way: Way = 'whole'): { a: Outcome; b: Outcome } {
  let atA: Outcome = { sent: Buffer.alloc(0), established: undefined, failure: undefined };
  let atB = atA;
  const join = (before: Outcome, now: Outcome): Outcome => ({
    sent: Buffer.concat([before.sent, now.sent]),
    established: before.established ?? now.established,
    failure: before.failure ?? now.failure,
  });
  let toB = a.start();
  while (toB.length > 0) {
    const answer = feed(b, toB, way);
    atB = join(atB, answer);
    const reply = feed(a, answer.sent, way);
    atA = join(atA, reply);
    toB = reply.sent;
  }
  return { a: atA, b: atB };
}
