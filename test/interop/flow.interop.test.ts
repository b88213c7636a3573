// Back-pressure and what `info` tells (promise 9): a BEAM that reads slowly, or not at all.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { BusyEvent } from '../../src/node/monitor-nodes.js';
import { atom } from '../../src/term/atom.js';
import { type Erlang, startErlang } from '../support/erlang.js';
import { startTestNode, type TestNode } from '../support/ts-node.js';

let e: Erlang;
let ts: TestNode;

beforeAll(async () => {
  e = await startErlang();
  ts = await startTestNode(e.epmdPort, { cookie: e.cookie, limits: { queueBytes: 16 * 1024 * 1024 } });
});

afterAll(async () => {
  await ts?.node.stop();
  await e?.stop();
});

const COUNT = `Count = fun F(N) -> receive done -> N; _ -> F(N + 1) after 10000 -> {missing, N} end end.`;

test('a producer that waits loses nothing, however much it sends', async () => {
  await e.eval('register(counter, self()).');
  await e.eval(COUNT);
  const me = ts.node.spawnMailbox();
  const chunk = Buffer.alloc(100_000, 1);
  let most = 0;
  for (let i = 0; i < 1000; i++) {
    me.send({ name: 'counter', node: e.name }, chunk);
    await me.drained(e.name);
    most = Math.max(most, ts.node.info(e.name)?.queuedBytes ?? 0);
  }
  me.send({ name: 'counter', node: e.name }, atom('done'));
  expect(await e.eval('Count(0).', { timeout: 30_000 })).toBe('1000');
  expect(most).toBeLessThan(2 * 1024 * 1024);
  expect(ts.log.filter(({ message }) => message === 'nodedown')).toEqual([]);
  me.exit();
});

test('a stopped BEAM is busy; beyond the hard cap it is a slow peer and let go', async () => {
  const other = await startErlang({ cookie: e.cookie, epmdPort: e.epmdPort });
  try {
    await ts.node.connect(other.name);
    const events: BusyEvent[] = [];
    const listening = ts.node.monitorBusy();
    const downs = ts.node.monitorNodes();
    const collecting = (async () => {
      for await (const event of listening) events.push(event);
    })();
    other.signal('SIGSTOP');
    const me = ts.node.spawnMailbox();
    const chunk = Buffer.alloc(1024 * 1024, 1);
    for (let i = 0; i < 400 && ts.node.info(other.name)?.state === 'up'; i++) {
      me.send({ name: 'nobody', node: other.name }, chunk);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await downs.next()).value).toMatchObject({
      type: 'nodedown',
      node: other.name,
      reason: { code: 'send_queue_full' },
    });
    // Whoever waits for a peer that is gone waits no longer.
    await me.drained(other.name);
    expect(events[0]).toEqual({ node: other.name, busy: true });
    expect(await ts.node.ping(e.name)).toBe('pong');
    await listening.return?.();
    await collecting;
  } finally {
    other.signal('SIGCONT');
    await other.stop();
  }
});

test('info tells how each connection fares', async () => {
  await ts.node.ping(e.name);
  const release = { 23: '23', 25: '25-27', 26: '25-27', 27: '25-27', 28: '28', 29: '29' }[Number(e.release)];
  expect(ts.node.info()).toEqual([ts.node.info(e.name)].map((info) => ({ ...info, silentFor: expect.anything() })));
  expect(ts.node.info(e.name)).toMatchObject({ node: e.name, hidden: true, busy: false, openFragments: 0, release });
  const { bytesIn = 0, messagesIn = 0, atomCacheHitRate = 0, silentFor = -1 } = ts.node.info(e.name) ?? {};
  expect(bytesIn).toBeGreaterThan(0);
  expect(messagesIn).toBeGreaterThan(0);
  expect(atomCacheHitRate).toBeGreaterThan(0.5);
  expect(silentFor).toBeGreaterThanOrEqual(0);
  expect(ts.node.info('nobody@127.0.0.1')).toBeUndefined();
});
