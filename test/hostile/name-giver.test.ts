// Strangers who ask for names (DFLAG_NAME_ME) and prove nothing: what is kept for them is bounded, they are gone with their
// sockets, and who knows the cookie gets a name all the same.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { epmd as discovery } from '../../src/discovery/index.js';
import { ANNOUNCED_FLAGS, DFLAG } from '../../src/dist/flags.js';
import { startNode } from '../../src/start-node.js';
import { type Epmd, startEpmd } from '../support/epmd.js';
import { startTestNode } from '../support/ts-node.js';
import { COOKIE, dialRaw, type RawPeer, sendName } from './raw-peer.js';

const COUNT = 3000;
const MiB = 1024 * 1024;

let epmd: Epmd;
beforeAll(async () => {
  epmd = await startEpmd();
});
afterAll(() => epmd?.stop());

test(`${COUNT} wishes for names on as many hosts, nobody with the cookie`, async () => {
  const limits = { unauthenticated: 20 };
  const victim = await startTestNode(epmd.port, { cookie: COOKIE, limits });
  try {
    const flags = ANNOUNCED_FLAGS | DFLAG.DFLAG_NAME_ME;
    // Each waits for its name or its end; a third leaves then, the others stay until the limit drops them.
    const ask = async (i: number): Promise<void> => {
      const peer = await dialRaw(victim.node.port);
      peer.write(sendName(`host${i}`, { flags }));
      await peer.received(1).then(
        () => named++,
        () => {},
      );
      if (i % 3 === 0) peer.socket.destroy();
      else staying.push(peer);
    };
    let named = 0;
    const staying: RawPeer[] = [];
    const flood = async (from: number, to: number): Promise<void> => {
      for (let i = from; i < to; i += 100) await Promise.all(Array.from({ length: 100 }, (_, k) => ask(i + k)));
    };
    await flood(0, COUNT / 3);
    const before = process.memoryUsage.rss();
    await flood(COUNT / 3, COUNT);
    expect(process.memoryUsage.rss() - before).toBeLessThan(64 * MiB);
    expect(named).toBeGreaterThan(COUNT / 10);
    const guest = await startNode('undefined@127.0.0.1', {
      cookie: COOKIE,
      namedBy: victim.name,
      discovery: discovery({ port: epmd.port }),
    });
    expect(guest.name).toMatch(/^[0-9A-Z]+@127\.0\.0\.1$/);
    expect(await guest.ping(victim.name)).toBe('pong');
    expect(victim.node.nodes('connected')).toEqual([guest.name]);
    await guest.stop();
    for (const { socket } of staying) socket.destroy();
  } finally {
    await victim.node.stop();
  }
}, 60_000);
