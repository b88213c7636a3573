// Messages that a peer begins and never finishes, while it lives: bounded in time (in number and bytes: connected.test.ts).
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
