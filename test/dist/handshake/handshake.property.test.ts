// Whatever comes, a handshake machine waits, fails with its typed error, or is right to be content; it never throws.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { HandshakeError } from '../../../src/errors.js';
import { acceptor, feed, initiator, type Machine, talk, us } from './link.js';

const garbage = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  // Messages with a right length, so that garbage gets past the framing.
  fc
    .array(fc.tuple(fc.constantFrom(...'NnscraX'), fc.uint8Array({ maxLength: 60 })), { maxLength: 4 })
    .map((messages) =>
      Buffer.concat(
        messages.map(([tag, body]) => Buffer.concat([Buffer.from([0, body.length + 1]), Buffer.from(tag), body])),
      ),
    ),
);

function behaves(machine: Machine & { readonly awaits: string }, input: Uint8Array): void {
  const way = input.length < 200 ? 'byte by byte' : 'whole';
  const { failure, established } = feed(machine, input, way);
  expect(established).toBeUndefined();
  if (failure === undefined) expect(machine.awaits).not.toBe('nothing');
  else {
    expect(failure).toBeInstanceOf(HandshakeError);
    expect(failure.code).not.toBe('aborted');
    expect(failure.message.length).toBeLessThan(700);
    expect(machine.awaits).toBe('nothing');
  }
}

test('random garbage', () => {
  fc.assert(
    fc.property(garbage, (input) => {
      behaves(initiator(), input);
      behaves(acceptor(), input);
    }),
  );
});

// A whole conversation as both sides sent it, to be damaged.
const { a, b } = talk(initiator(), acceptor());
const fromA = Buffer.concat([initiator().start(), a.sent]);
const fromB = b.sent;

const damage = fc.record({ at: fc.nat(10_000), cut: fc.nat(3), insert: fc.uint8Array({ maxLength: 3 }) });

function damaged(bytes: Buffer, { at, cut, insert }: { at: number; cut: number; insert: Uint8Array }): Buffer {
  const start = at % bytes.length;
  return Buffer.concat([bytes.subarray(0, start), insert, bytes.subarray(start + cut)]);
}

test('mutated conversations', () => {
  fc.assert(
    fc.property(damage, fc.boolean(), (how, toAcceptor) => {
      const machine = toAcceptor ? acceptor() : initiator();
      const { failure, established } = feed(machine, damaged(toAcceptor ? fromA : fromB, how));
      // Flags, creation, another name or another challenge of the peer may change without anybody being able to tell.
      if (established !== undefined) expect(machine.awaits).toBe('nothing');
      else if (failure !== undefined) expect(failure).toBeInstanceOf(HandshakeError);
      else expect(machine.awaits).not.toBe('nothing');
    }),
  );
});

test('no acceptor acknowledges, and no initiator is content, when the proof is damaged', () => {
  fc.assert(
    fc.property(fc.nat(15), fc.integer({ min: 1, max: 255 }), (at, change) => {
      const digestOfA = Buffer.from(fromA);
      const inA = digestOfA.length - 16 + at;
      digestOfA[inA] = (digestOfA[inA] as number) ^ change;
      expect(feed(acceptor(), digestOfA).failure?.code).toBe('bad_cookie');
      const digestOfB = Buffer.from(fromB);
      const inB = digestOfB.length - 16 + at;
      digestOfB[inB] = (digestOfB[inB] as number) ^ change;
      expect(feed(initiator(), digestOfB).failure?.code).toBe('bad_cookie');
    }),
  );
});

test('nothing that a peer without the cookie says makes us say a digest first', () => {
  fc.assert(
    fc.property(garbage, (input) => {
      const { sent } = feed(acceptor(), Buffer.concat([initiator().start(), input]));
      // Status and challenge are all that it hears.
      expect(sent).toEqual(feed(acceptor(), initiator().start()).sent);
    }),
  );
});

test('any cookie, any challenge, any name: two machines agree exactly when the cookies are equal', () => {
  const cookie = fc.string({ unit: fc.constantFrom(...'abcXYZ019!~é'), minLength: 1, maxLength: 20 });
  const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
  fc.assert(
    fc.property(cookie, cookie, fc.boolean(), u32, u32, (mine, other, same, first, second) => {
      fc.pre(first !== second);
      const theirs = same ? mine : other;
      const { a, b } = talk(
        initiator({ cookie: mine, challenge: first }),
        acceptor({ cookie: () => theirs, challenge: second }),
        'byte by byte',
      );
      if (mine === theirs) expect([a.failure, b.failure, b.established?.peer]).toEqual([undefined, undefined, us.node]);
      else expect([a.established, b.established, b.failure?.code]).toEqual([undefined, undefined, 'bad_cookie']);
    }),
  );
});
