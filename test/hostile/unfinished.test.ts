// Messages that a peer begins and never finishes, while it lives: bounded in time, and in number and bytes by default
// (promise 8; with smaller limits in connected.test.ts). HOSTILE_FULL=1 for the sizes of the promise.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DOP } from '../../src/dist/control.js';
import { ANNOUNCED_FLAGS } from '../../src/dist/flags.js';
import { atom } from '../../src/term/atom.js';
import { pid } from '../../src/term/identifiers.js';
import { tuple } from '../../src/term/tuple.js';
import { encoded, framed } from '../dist/peers.js';
import { u64 } from '../support/bytes.js';
import { type Epmd, startEpmd } from '../support/epmd.js';
import { startTestNode, until } from '../support/ts-node.js';
import { COOKIE, complaints, type Intruder, intrude } from './raw-peer.js';

let epmd: Epmd;
beforeAll(async () => {
  epmd = await startEpmd();
});
afterAll(() => epmd?.stop());

/** The first of a thousand fragments of a message, or another one. */
function fragment({ name }: Intruder, number: bigint): Buffer {
  if (number < 1000n) return framed([131, 70], u64(1n), u64(number), [131]);
  const control = tuple(DOP.DOP_REG_SEND, pid(name, 1, 0, 5), atom(''), atom('sink'));
  return framed([131, 69], u64(1n), u64(number), [0], encoded(control));
}

const FULL = process.env['HOSTILE_FULL'] !== undefined;
const MiB = 1024 * 1024;

/** The first fragment of a message that has many, with the beginning of a binary. */
function begun({ name }: Intruder, sequence: number, payload: Uint8Array): Buffer {
  const control = tuple(DOP.DOP_REG_SEND, pid(name, 1, 0, 5), atom(''), atom('sink'));
  const lie = [109, 0x40, 0, 0, 0];
  return framed([131, 69], u64(BigInt(sequence)), u64(100_000n), [0], encoded(control), lie, payload);
}

test('ten thousand unfinished messages are taken, one more closes the connection', async () => {
  const { node, log, name } = await startTestNode(epmd.port, { cookie: COOKIE });
  const bystander = await startTestNode(epmd.port, { cookie: COOKIE });
  try {
    await bystander.node.connect(name);
    const peer = await intrude({ node, name }, { flags: ANNOUNCED_FLAGS });
    const all = Array.from({ length: 10_000 }, (_, i) => begun(peer, i + 1, Buffer.alloc(10)));
    peer.write(Buffer.concat(all));
    await until(() => node.info(peer.name)?.openFragments === 10_000, 'all to be open');
    expect(await bystander.node.ping(name)).toBe('pong');
    peer.write(begun(peer, 10_001, Buffer.alloc(10)));
    await peer.closed();
    await until(() => complaints(log).length > 0, 'the log line');
    expect(complaints(log)).toMatchObject([{ message: 'nodedown', peer: peer.name, code: 'too_many_fragments' }]);
    expect(node.nodes('connected')).toEqual([bystander.name]);
  } finally {
    await Promise.all([node.stop(), bystander.node.stop()]);
  }
});

test.each([
  // One message alone; several together.
  ['one unfinished message', 1, 'message_too_large'],
  ['unfinished messages together', 5, 'too_many_fragments'],
])(
  '%s may have 256 MiB, and no more',
  async (_what, sequences, code) => {
    const limits = FULL ? {} : { messageBytes: 16 * MiB, fragmentBytes: 16 * MiB };
    const most = FULL ? 256 : 16;
    const { node, log, name } = await startTestNode(epmd.port, { cookie: COOKIE, limits });
    try {
      const peer = await intrude({ node, name }, { flags: ANNOUNCED_FLAGS });
      const before = process.memoryUsage.rss();
      const piece = Buffer.alloc(MiB, 7);
      for (let i = 0; i < sequences; i++) peer.write(begun(peer, i + 1, piece));
      for (let sent = sequences, next = 99_999n; sent < most - 1; next--)
        for (let i = 0; i < sequences && sent < most - 1; i++, sent++)
          peer.write(framed([131, 70], u64(BigInt(i + 1)), u64(next), piece));
      await until(() => (node.info(peer.name)?.bytesIn ?? 0) > (most - 1) * MiB, 'all to have come', 60_000);
      expect(node.info(peer.name)?.openFragments).toBe(sequences);
      const rss = process.memoryUsage.rss() - before;
      console.log(`${most - 1} MiB in ${sequences} unfinished messages: memory +${(rss / MiB).toFixed(0)} MiB`);
      const left = BigInt(100_000 - Math.ceil((most - 1) / sequences));
      peer.write(framed([131, 70], u64(1n), u64(left), piece), framed([131, 70], u64(1n), u64(left - 1n), piece));
      await peer.closed();
      await until(() => complaints(log).length > 0, 'the log line');
      expect(complaints(log)).toMatchObject([{ message: 'nodedown', peer: peer.name, code }]);
    } finally {
      await node.stop();
    }
  },
  90_000,
);

test('a peer that ticks and does not go on with its message is closed; one that goes on slowly lives', async () => {
  const limits = { fragmentTime: 1 };
  const { node, log, name } = await startTestNode(epmd.port, { cookie: COOKIE, netTickTime: 1, limits });
  try {
    const stalled = await intrude({ node, name }, { flags: ANNOUNCED_FLAGS });
    const slow = await intrude({ node, name }, { flags: ANNOUNCED_FLAGS });
    for (const peer of [stalled, slow]) peer.write(fragment(peer, 1000n));
    let left = 999n;
    const beat = setInterval(() => {
      stalled.write([0, 0, 0, 0]);
      slow.write(fragment(slow, left--));
    }, 200);
    await stalled.closed();
    clearInterval(beat);
    await until(() => complaints(log).length > 0, 'the log line');
    expect(complaints(log)).toMatchObject([{ message: 'nodedown', peer: stalled.name, code: 'fragment_timeout' }]);
    expect(node.info(slow.name)?.openFragments).toBe(1);
    slow.socket.destroy();
  } finally {
    await node.stop();
  }
});
