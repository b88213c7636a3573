// Model: whatever is sent, in whatever format, cut and taken in whatever way, arrives once, unchanged, and in order for
// each sender; and whatever is damaged on the way ends in a typed error or is a message, never in anything else.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Connection } from '../../src/dist/connection.js';
import type { ControlMessage } from '../../src/dist/control.js';
import { type ErlnodeError, LimitError, ProtocolError } from '../../src/errors.js';
import { atom, internAtom } from '../../src/term/atom.js';
import { pid, reference } from '../../src/term/identifiers.js';
import type { Term } from '../../src/term/term.js';
import { tuple } from '../../src/term/tuple.js';
import { connect, mine, passThrough, peer, self, theirRef, theirs } from './peers.js';

const fragments = 0x800000n;
const cache = 0x2000n;
const profiles: [string, bigint][] = [
  ['OTP 23 without header', 0x1015f5fbcn],
  ['the bare minimum', 0x1070f94n],
  ['pass-through', passThrough],
  ['atom cache', passThrough | cache],
  ['fragments', passThrough | fragments],
  ['atom cache and fragments', passThrough | cache | fragments],
  ['all of OTP 29', passThrough | cache | fragments | 0x6000000000n],
];

const pids = [1, 2, 3].map((id) => pid(self, id, 0, 5));
const name = fc.constantFrom('echo', 'true', 'undefined', 'a name', 'ä'.repeat(200), '');
const from = fc.constantFrom(...pids);
const to = fc.constant(theirs);
// No more words than OTP 23 takes.
const ref = fc.record({ words: fc.array(fc.nat(0xffff_ffff), { minLength: 1, maxLength: 3 }), ours: fc.boolean() });
const madeRef = ref.map(({ words, ours }) => reference(ours ? self : peer, 7, words));
// Big ones are views of one buffer, so that they cost the test little.
const bulk = Buffer.from(Array.from({ length: 400_000 }, (_, i) => i % 251));
const big: fc.Arbitrary<Term> = fc.integer({ min: 60_000, max: bulk.length }).map((size) => bulk.subarray(0, size));
const leaf: fc.Arbitrary<Term> = fc.oneof(
  fc.integer(),
  fc.constantFrom(atom('ok'), atom('error'), true, undefined, null),
  fc.nat(5000).map((i) => internAtom(`atom_${i}`)),
  fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
  from,
  madeRef,
);
const term: fc.Arbitrary<Term> = fc.oneof(
  { weight: 6, arbitrary: leaf },
  { weight: 3, arbitrary: fc.array(leaf, { maxLength: 30 }).map((elements) => tuple(...elements)) },
  { weight: 2, arbitrary: big },
);

const message: fc.Arbitrary<ControlMessage> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.oneof(
      fc.record({ op: fc.constant('SEND' as const), from, to, message: term }),
      fc.record({ op: fc.constant('REG_SEND' as const), from, to: name, message: term }),
      fc.record({ op: fc.constant('ALIAS_SEND' as const), from, to: fc.constant(theirRef), message: term }),
    ),
  },
  fc.record({ op: fc.constant('SEND' as const), from: fc.constant(undefined), to, message: term }),
  fc.record({ op: fc.constant('LINK' as const), from, to }),
  fc.record({ op: fc.constant('UNLINK' as const), from, to, id: fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }) }),
  fc.record({ op: fc.constant('UNLINK_ACK' as const), from, to, id: fc.integer({ min: 1, max: 2 ** 40 }) }),
  fc.record({ op: fc.constant('EXIT' as const), from, to, reason: term }),
  fc.record({ op: fc.constant('EXIT2' as const), from, to: fc.constantFrom(theirs, theirRef), reason: term }),
  fc.record({
    op: fc.constantFrom('MONITOR_P' as const, 'DEMONITOR_P' as const),
    from,
    to: fc.oneof(to, name),
    ref: madeRef,
  }),
  fc.record({ op: fc.constant('MONITOR_P_EXIT' as const), from: fc.oneof(from, name), to, ref: madeRef, reason: term }),
  fc.record({ op: fc.constant('GROUP_LEADER' as const), leader: from, to }),
  fc.record({
    op: fc.constant('SPAWN_REQUEST' as const),
    ref: fc.constant(reference(self, 5, [1, 2, 3])),
    from,
    groupLeader: from,
    module: name,
    function: name,
    arity: fc.nat(255),
    options: fc.constant([atom('link')]),
    args: fc.array(leaf, { minLength: 1, maxLength: 5 }),
  }),
  fc.record({
    op: fc.constant('SPAWN_REPLY' as const),
    ref: fc.constant(theirRef),
    to,
    link: fc.boolean(),
    monitor: fc.boolean(),
    result: fc.oneof(from, name),
  }),
);

/** What this profile makes of a message on its way: old spellings say less. */
function asReceived(sent: ControlMessage, flags: bigint): ControlMessage {
  if (sent.op === 'SEND' && (flags & 0x80000n) === 0n) return { ...sent, from: undefined };
  if (sent.op === 'UNLINK' && (flags & 0x2000000n) === 0n) return { ...sent, id: undefined };
  return sent;
}

const senderOf = (sent: ControlMessage) =>
  'from' in sent && sent.from !== undefined && typeof sent.from !== 'string' ? sent.from.key : undefined;

/** Large binaries as their size and a check: comparing them byte by byte is slow in a test. */
function brief(value: unknown): unknown {
  if (Buffer.isBuffer(value) && value.length > 1000)
    return `${value.length} ${value.equals(bulk.subarray(0, value.length))}`;
  return value;
}

function briefly(sent: ControlMessage): unknown {
  return Object.fromEntries(Object.entries(sent).map(([key, value]) => [key, brief(value)]));
}

const step = fc.oneof(
  { weight: 6, arbitrary: message },
  { weight: 3, arbitrary: fc.nat(200_000).map((atMost) => ({ op: 'take' as const, atMost })) },
  { weight: 1, arbitrary: fc.nat(5000).map((i) => ({ op: 'fail' as const, atom: internAtom(`atom_${i}`) })) },
);

describe.each(profiles)('%s', (_name, flags) => {
  test('everything arrives, in order for each sender', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), fc.integer({ min: 1, max: 100_000 }), (steps, chunkSize) => {
        const here = connect({ flags });
        const there = connect({ flags, self: peer, peer: self });
        const sent: ControlMessage[] = [];
        const deliver = (atMost?: number) => {
          const bytes = Buffer.concat(here.connection.takeOutput(atMost));
          const size = Math.max(chunkSize, Math.ceil(bytes.length / 50));
          for (let at = 0; at < bytes.length; at += size) there.connection.receive(bytes.subarray(at, at + size), 0);
        };
        for (const each of steps) {
          if (each.op === 'take') deliver(each.atMost);
          else if (each.op === 'fail') {
            const message = [each.atom, atom('new_every_time'), Symbol('no term') as unknown as Term];
            expect(() => here.connection.send({ op: 'SEND', from: mine, to: theirs, message })).toThrow('symbol');
          } else if (each.op === 'SEND' && each.message === atom('ok')) {
            // After a message that failed, its atoms are not taken for known.
            const known = { ...each, message: atom('new_every_time') };
            here.connection.send(known);
            sent.push(known);
          } else if (here.connection.send(each)) sent.push(each);
        }
        deliver();
        expect(here.connection.outputBytes).toBe(0);
        expect(there.connection.statistics.openFragments).toBe(0);
        const wanted = sent.map((each) => asReceived(each, flags));
        expect(there.messages.length).toBe(wanted.length);
        for (const sender of [undefined, ...pids.map(({ key }) => key)]) {
          const bySender = (each: ControlMessage) => sender === undefined || senderOf(each) === sender;
          const got = there.messages.filter(bySender).map(briefly);
          const expected = wanted.filter(bySender).map(briefly);
          if (sender !== undefined) expect(got).toEqual(expected);
          // Over all senders the order may differ, the messages may not.
          else expect(got).toEqual(expect.arrayContaining(expected));
        }
      }),
    );
  });

  test('whole, byte by byte, and with the beginning of more behind it: the same messages', () => {
    const few = fc.array(
      message.filter((each) => !('message' in each || 'reason' in each) || JSON.stringify(briefly(each)).length < 500),
      { minLength: 1, maxLength: 6 },
    );
    fc.assert(
      fc.property(few, fc.nat(30), (messages, more) => {
        const here = connect({ flags });
        for (const each of messages) here.connection.send(each);
        const bytes = here.output();
        here.connection.send({ op: 'SEND', from: mine, to: theirs, message: atom('only_begun') });
        const behind = here.output();
        const read = (...chunks: Buffer[]) => {
          const there = connect({ flags, self: peer, peer: self });
          for (const chunk of chunks) there.connection.receive(chunk, 0);
          return there.messages.map(briefly);
        };
        const whole = read(bytes);
        const inBytes = Array.from(bytes.length > 4000 ? [] : bytes, (_, at) => bytes.subarray(at, at + 1));
        if (inBytes.length > 0) expect(read(...inBytes)).toEqual(whole);
        expect(read(Buffer.concat([bytes, behind.subarray(0, Math.min(more, behind.length - 1))]))).toEqual(whole);
        expect(read(bytes, behind)).toHaveLength(whole.length + 1);
      }),
    );
  });

  test('damaged output is a typed error or a message', () => {
    const damage = fc.array(fc.tuple(fc.nat(1_000_000), fc.integer({ min: 1, max: 255 })), {
      minLength: 1,
      maxLength: 3,
    });
    const small = message.filter((each) => !('message' in each) || !Buffer.isBuffer(each.message));
    fc.assert(
      fc.property(fc.array(small, { minLength: 1, maxLength: 5 }), damage, (messages, changes) => {
        const here = connect({ flags });
        for (const each of messages) here.connection.send(each);
        const bytes = here.output();
        if (bytes.length === 0) return;
        for (const [at, change] of changes) bytes[at % bytes.length] = (bytes[at % bytes.length] as number) ^ change;
        const there = connect({ flags, self: peer, peer: self });
        try {
          there.connection.receive(bytes, 0);
        } catch (error) {
          expect(error instanceof ProtocolError || error instanceof LimitError).toBe(true);
          expect((error as ErlnodeError).message.length).toBeLessThan(600);
        }
      }),
    );
  });

  test('garbage behind a right length is a typed error or a message', () => {
    const start = fc.constantFrom([112, 131], [131, 68], [131, 68, 0], [131, 69], [131, 70], []);
    const frames = fc.array(fc.tuple(start, fc.uint8Array({ minLength: 0, maxLength: 60 })), { maxLength: 5 });
    fc.assert(
      fc.property(frames, (contents) => {
        const { connection } = connect({ flags });
        for (const [first, rest] of contents) {
          const length = Buffer.alloc(4);
          length.writeUInt32BE(first.length + rest.length);
          try {
            connection.receive(Buffer.concat([length, Buffer.from(first), rest]), 0);
          } catch (error) {
            expect(error instanceof ProtocolError || error instanceof LimitError).toBe(true);
          }
        }
      }),
    );
  });
});

test('a small message overtakes a large one of another process, but not of its own', () => {
  const [first, second] = pids as [(typeof pids)[0], (typeof pids)[0]];
  const order: unknown[] = [];
  const flags = passThrough | fragments | cache;
  const here = connect({ flags });
  const there = new Connection({
    self: peer,
    peer: self,
    flags,
    now: 0,
    sink: {
      onControl(got) {
        if (got.op === 'SEND') order.push(Buffer.isBuffer(got.message) ? got.message.length : got.message);
      },
    },
  });
  const flow = (atMost: number) => {
    for (const piece of here.connection.takeOutput(atMost)) there.receive(piece, 0);
  };
  here.connection.send({ op: 'SEND', from: first, to: theirs, message: bulk });
  here.connection.send({ op: 'SEND', from: first, to: theirs, message: atom('behind_it') });
  flow(100_000);
  expect(here.connection.outputBytes).toBeGreaterThan(200_000);
  here.connection.send({ op: 'SEND', from: second, to: theirs, message: atom('overtakes') });
  // What the one that waits would have put into the cache is not taken for known.
  here.connection.send({ op: 'SEND', from: second, to: theirs, message: atom('behind_it') });
  flow(1);
  expect(order).toEqual([atom('overtakes'), atom('behind_it')]);
  while (here.connection.outputBytes > 0) flow(1);
  expect(order.slice(2)).toEqual([bulk.length, atom('behind_it')]);
});

test('whoever does not say who it is overtakes nobody', () => {
  const flags = passThrough | fragments;
  const here = connect({ flags });
  const there = connect({ flags, self: peer, peer: self });
  here.connection.send({ op: 'SEND', from: mine, to: theirs, message: bulk });
  here.connection.send({ op: 'MONITOR_P_EXIT', from: 'name', to: theirs, ref: theirRef, reason: 1 });
  for (const piece of here.connection.takeOutput(1)) there.connection.receive(piece, 0);
  expect(there.messages.map(({ op }) => op)).toEqual(['SEND', 'MONITOR_P_EXIT']);
});

test('a large message of somebody unknown is not overtaken', () => {
  const flags = passThrough | fragments;
  const here = connect({ flags });
  const there = connect({ flags, self: peer, peer: self });
  here.connection.send({ op: 'SEND', from: undefined, to: theirs, message: bulk });
  here.connection.send({ op: 'SEND', from: mine, to: theirs, message: 1 });
  for (const piece of here.connection.takeOutput(1)) there.connection.receive(piece, 0);
  expect(there.messages.map((each) => each.op === 'SEND' && each.from?.key)).toEqual([undefined, mine.key]);
});
