// Packets with a distribution header as a peer might send them: by the book, and by no book at all.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import type { ControlMessage } from '../../src/dist/control.js';
import { LimitError, ProtocolError } from '../../src/errors.js';
import { atom } from '../../src/term/atom.js';
import { tuple } from '../../src/term/tuple.js';
import { connect, encoded, framed, mine, passThrough, peer, self, theirs } from './peers.js';

const fragments = 0x800000n;
const cache = 0x2000n;
const both = passThrough | fragments | cache;

const send = encoded(tuple(22, theirs, mine));
const hello = encoded(atom('hello'));
const arrived: ControlMessage = { op: 'SEND', from: theirs, to: mine, message: atom('hello') };

function u64(value: number | bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

const first = (sequence: number | bigint, fragment: number | bigint, ...parts: (Uint8Array | readonly number[])[]) =>
  framed([131, 69], u64(sequence), u64(fragment), ...parts);
const more = (sequence: number | bigint, fragment: number | bigint, ...parts: (Uint8Array | readonly number[])[]) =>
  framed([131, 70], u64(sequence), u64(fragment), ...parts);

describe('by the book', () => {
  test.each([
    ['no atoms', passThrough | fragments, [framed([131, 68, 0], send, hello)]],
    [
      'an atom in the header',
      passThrough | cache,
      [framed([131, 68, 1, 8, 3, 5], Buffer.from('hello'), send, [82, 0])],
    ],
    ['one fragment', both, [first(7, 1, [0], send, hello)]],
    [
      'three fragments',
      both,
      [first(7, 3, [0], send, hello.subarray(0, 1)), more(7, 2, hello.subarray(1, 4)), more(7, 1, hello.subarray(4))],
    ],
    ['an empty last fragment', both, [first(7, 2, [0], send, hello), more(7, 1)]],
    ['nothing but the control term in the first', both, [first(7, 2, [0], send), more(7, 1, hello)]],
    [
      'the atoms of a first fragment, although others have the slots by now',
      both,
      [
        first(2n ** 64n - 1n, 2, [1, 8, 3, 5], Buffer.from('hello'), send),
        framed([131, 68, 1, 8, 3, 5], Buffer.from('other'), encoded(tuple(1, theirs, mine))),
        more(2n ** 64n - 1n, 1, [82, 0]),
      ],
    ],
    ['fragments between ticks', both, [first(1, 2, [0], send), Buffer.alloc(4), more(1, 1, hello), Buffer.alloc(4)]],
  ])('%s', (_what, flags, packets) => {
    for (const bytewise of [false, true]) {
      const { connection, messages } = connect({ flags });
      const bytes = Buffer.concat(packets);
      if (!bytewise) connection.receive(bytes, 0);
      else for (const byte of bytes) connection.receive(Buffer.from([byte]), 0);
      expect(messages.at(-1)).toEqual(arrived);
      expect(connection.statistics.openFragments).toBe(0);
    }
  });

  test.each([
    ['in the first piece', 2],
    ['beyond it', 150],
  ])('a first fragment in pieces, its atoms and its control term %s', (_what, count) => {
    const names = Array.from({ length: count }, (_, i) => `${i}`.padStart(200, 'x'));
    // All new, in slots 0 to count - 1 of segment 0: each its nibble, its slot, its length, its text.
    const nibbles = Buffer.alloc((count >> 1) + 1, 0x88);
    nibbles[count >> 1] = count % 2 === 0 ? 0 : 8;
    const atoms = [[count], nibbles, ...names.flatMap((name, i) => [[i, 200], Buffer.from(name)])];
    const payload = encoded(Buffer.alloc(100_000, 7));
    const packets = [
      first(3, 2, ...atoms, send, payload.subarray(0, 60_000)),
      more(3, 1, payload.subarray(60_000)),
      framed([131, 68, 1, 0, 1], send, [82, 0]),
      first(4, 1, [1, 0, 1], send, payload),
    ];
    const bytes = Buffer.concat(packets);
    for (const size of [5000, 20_000, 65_536]) {
      const { connection, messages } = connect({ flags: both });
      for (let at = 0; at < bytes.length; at += size) connection.receive(Buffer.from(bytes.subarray(at, at + size)), 0);
      const large = { ...arrived, message: Buffer.alloc(100_000, 7) };
      expect(messages).toEqual([large, { ...arrived, message: atom(names[1] as string) }, large]);
    }
  });

  test('an atom stays in its slot', () => {
    const { connection, messages } = connect({ flags: both });
    connection.receive(framed([131, 68, 1, 8, 3, 5], Buffer.from('hello'), send, [82, 0]), 0);
    connection.receive(framed([131, 68, 1, 0, 3], send, [82, 0]), 0);
    connection.receive(first(9, 1, [1, 0, 3], send, [82, 0]), 0);
    expect(messages).toEqual([arrived, arrived, arrived]);
  });

  test('a message that waits behind a large one of its sender takes nothing into the cache', () => {
    const here = connect({ flags: both });
    const there = connect({ flags: both, self: peer, peer: self });
    const large = Buffer.alloc(200_000);
    const say = (message: Extract<ControlMessage, { op: 'SEND' }>['message']) =>
      here.connection.send({ op: 'SEND', from: mine, to: theirs, message });
    say(large);
    const { atomCacheFills } = here.connection.statistics;
    say(atom('waits'));
    expect(here.connection.statistics.atomCacheFills).toBe(atomCacheFills);
    there.connection.receive(here.output(), 0);
    say(atom('waits'));
    expect(here.connection.statistics.atomCacheFills).toBe(atomCacheFills + 1);
    there.connection.receive(here.output(), 0);
    expect(there.messages.slice(1)).toMatchObject([{ message: atom('waits') }, { message: atom('waits') }]);
  });

  // Each that leaves must not move all that still wait: that took half a minute for these, and longer than any test may.
  test('as many small messages wait behind a large one as the queue holds', () => {
    const count = 300_000;
    const here = connect({ flags: both });
    const there = connect({ flags: both, self: peer, peer: self });
    here.connection.send({ op: 'SEND', from: mine, to: theirs, message: Buffer.alloc(200_000) });
    for (let i = 0; i < count; i++) here.connection.send({ op: 'SEND', from: mine, to: theirs, message: i });
    while (here.connection.outputBytes > 0)
      there.connection.receive(Buffer.concat(here.connection.takeOutput(256 * 1024)), 0);
    expect(there.messages).toHaveLength(1 + count);
    const inOrder = there.messages.slice(1).every((message, i) => message.op === 'SEND' && message.message === i);
    expect(inOrder).toBe(true);
  });

  test('what waits behind a large message costs little more than its bytes', () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const memory = () => {
      collect();
      const { heapUsed, arrayBuffers } = process.memoryUsage();
      return heapUsed + arrayBuffers;
    };
    const { connection } = connect({ flags: both });
    connection.send({ op: 'SEND', from: mine, to: theirs, message: Buffer.alloc(200_000) });
    const [bytes, before] = [connection.outputBytes, memory()];
    for (let i = 0; i < 100_000; i++) connection.send({ op: 'SEND', from: mine, to: theirs, message: i });
    const counted = connection.outputBytes - bytes;
    expect(counted).toBeGreaterThan(4_000_000);
    expect(memory() - before).toBeLessThan(2 * counted);
  });

  test.each([1, 30_000, 70_000, 1_000_000])(
    'messages of all sizes wait in their order, taken by %i bytes',
    (portion) => {
      const here = connect({ flags: both });
      const there = connect({ flags: both, self: peer, peer: self });
      const sizes = [200_000, 0, 10, 4000, 4095, 4096, 5, 20_000, 1, 1, 70_000, 3, 4090, 100_000, 66_000, 2];
      const told: number[] = [];
      const say = (size: number) => {
        here.connection.send({ op: 'SEND', from: mine, to: theirs, message: Buffer.alloc(size, told.length + 1) });
        told.push(size);
      };
      for (let i = 0; i < 1000; i++) say(sizes[i % 16] as number);
      let taken = 0;
      const counted = here.connection.outputBytes;
      const take = () => {
        const chunk = Buffer.concat(here.connection.takeOutput(portion));
        taken += chunk.length;
        there.connection.receive(chunk, 0);
      };
      // Some come while others leave.
      for (let i = 0; i < 200; i++) {
        take();
        say(sizes[i % 16] as number);
      }
      expect(here.connection.outputBytes).toBeLessThan(counted + 4_000_000);
      while (here.connection.outputBytes > 0) take();
      expect(here.connection.takeOutput()).toEqual([]);
      const lengths = there.messages.map((message) => ('message' in message ? (message.message as Buffer).length : -1));
      expect(lengths).toEqual(told);
      expect(taken).toBe(there.connection.statistics.bytesIn);
      const whole = there.messages.every((message, i) => {
        const bytes = 'message' in message ? (message.message as Buffer) : Buffer.alloc(0);
        return bytes.every((byte) => byte === ((i + 1) & 255));
      });
      expect(whole).toBe(true);
    },
  );
});

describe('by no book', () => {
  const open = first(5, 3, [0], send);
  test.each<[string, bigint, Buffer, string]>([
    ['a pass-through packet', both, framed([112, 131], send, [131], hello), 'bad_frame'],
    ['one byte', both, framed([131]), 'bad_frame'],
    ['another kind of packet', both, framed([131, 71, 0], send, hello), 'bad_frame'],
    ['no references byte', both, framed([131, 68]), 'bad_header'],
    ['references cut short', both, framed([131, 68, 9, 0]), 'bad_header'],
    ['a reference to an empty slot', both, framed([131, 68, 1, 0, 3], send, [82, 0]), 'bad_header'],
    ['a reference beyond the header', both, framed([131, 68, 1, 8, 3, 1, 97], send, [82, 1]), 'bad_payload'],
    [
      'an atom cache nobody agreed on',
      passThrough | fragments,
      framed([131, 68, 1, 8, 3, 1, 97], send, [82, 0]),
      'bad_header',
    ],
    ['fragments nobody agreed on', passThrough | cache, first(1, 2, [0], send), 'bad_frame'],
    ['a continuation nobody agreed on', passThrough | cache, more(1, 1, hello), 'bad_frame'],
    ['a control term with 131', both, framed([131, 68, 0, 131], send, hello), 'bad_control'],
    ['a payload with 131', both, framed([131, 68, 0], send, [131], hello), 'bad_payload'],
    ['no payload', both, framed([131, 68, 0], send), 'bad_payload'],
    ['bytes behind the payload', both, framed([131, 68, 0], send, hello, [0]), 'bad_payload'],
    ['a compressed payload', both, framed([131, 68, 0], send, [80, 0, 0, 0, 1, 120, 156]), 'bad_payload'],
    ['a fragment without ids', both, framed([131, 69, 0, 0, 0]), 'bad_header'],
    ['a fragment without references', both, first(1, 2), 'bad_header'],
    ['sequence 0', both, first(0, 1, [0], send, hello), 'bad_header'],
    ['fragment 0', both, first(1, 0, [0], send, hello), 'bad_header'],
    ['fragment 2^64-1', both, first(1, 2n ** 64n - 1n, [0], send), 'bad_header'],
    ['an unknown sequence', both, more(1, 1, hello), 'bad_header'],
    ['a sequence twice', both, Buffer.concat([open, open]), 'bad_header'],
    ['a fragment left out', both, Buffer.concat([open, more(5, 1, hello)]), 'bad_header'],
    ['a fragment too many', both, Buffer.concat([open, more(5, 3, hello)]), 'bad_header'],
    ['a sequence after its end', both, Buffer.concat([first(5, 1, [0], send, hello), more(5, 1, hello)]), 'bad_header'],
    ['a control term over two fragments', both, first(5, 2, [0], send.subarray(0, 10)), 'bad_control'],
    [
      'a message of an unknown operation, in fragments',
      both,
      Buffer.concat([first(5, 2, [0], encoded(tuple(99))), more(5, 1, hello)]),
      'bad_control',
    ],
    [
      'a payload in fragments that is none',
      both,
      Buffer.concat([first(5, 2, [0], send, [1]), more(5, 1, hello)]),
      'bad_payload',
    ],
    [
      'a message in fragments with more behind',
      both,
      Buffer.concat([first(5, 2, [0], send, hello), more(5, 1, [0])]),
      'bad_payload',
    ],
  ])('%s', (_what, flags, bytes, code) => {
    const { connection, messages } = connect({ flags });
    let error: unknown;
    try {
      connection.receive(bytes, 0);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(ProtocolError);
    expect(error).toMatchObject({ code });
    connection.receive(framed([131, 68, 0], send, hello), 0);
    expect(messages.length).toBeLessThanOrEqual(1);
  });

  test('ten thousand unfinished messages are held, one more is not', () => {
    const { connection } = connect({ flags: both });
    for (let i = 1; i <= 10_000; i++) connection.receive(first(i, 2, [0], send), 0);
    expect(connection.statistics.openFragments).toBe(10_000);
    expect(() => connection.receive(first(10_001, 2, [0], send), 0)).toThrow(LimitError);
  });

  test('a message grows over its limit in fragments', () => {
    const limits = { messageBytes: 1_000_000, fragmentBytes: 1_500_000 };
    const part = Buffer.alloc(300_000);
    const one = connect({ flags: both, limits });
    one.connection.receive(first(1, 1000, [0], send), 0);
    for (let i = 999; i > 996; i--) one.connection.receive(more(1, i, part), 0);
    expect(() => one.connection.receive(more(1, 996, part), 0)).toThrow(
      expect.objectContaining({ code: 'message_too_large', limit: 1_000_000 }),
    );
    const many = connect({ flags: both, limits });
    const start = () => {
      for (let i = 1; i < 10; i++) many.connection.receive(first(i, 1000, [0], send, part), 0);
    };
    expect(start).toThrow(expect.objectContaining({ code: 'too_many_fragments', limit: 1_500_000 }));
  });

  test('a promise of 2^53 fragments costs nothing', () => {
    const { connection } = connect({ flags: both });
    const before = process.memoryUsage().arrayBuffers;
    for (let i = 1; i <= 100; i++) connection.receive(first(i, 2 ** 53 - 1, [0], send), 0);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(5_000_000);
  });
});
