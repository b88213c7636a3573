// nodeup, nodedown and busy events, for those who listen before, while and after there is a node.
import { expect, test } from 'vitest';
import { network } from './network.js';

test('whoever begins to listen when the node has stopped hears that nothing comes', async () => {
  const { node } = await network().start('a@memory');
  const before = node.monitorNodes();
  await node.stop();
  expect((await before.next()).done).toBe(true);
  for (const events of [node.monitorNodes(), node.monitorBusy()]) expect((await events.next()).done).toBe(true);
});

test('every listener hears everything from when it began; one that has left hears nothing', async () => {
  const net = network();
  const { node: a } = await net.start('a@memory');
  const { node: b } = await net.start('b@memory');
  const left = a.monitorNodes();
  await left.return?.();
  const first = a.monitorNodes();
  await a.connect(b.name);
  const second = a.monitorNodes();
  a.disconnect(b.name);
  expect((await first.next()).value).toMatchObject({ type: 'nodeup', node: b.name, hidden: true });
  expect((await first.next()).value).toMatchObject({ type: 'nodedown', node: b.name });
  expect((await second.next()).value).toMatchObject({
    type: 'nodedown',
    node: b.name,
    reason: { code: 'disconnected' },
  });
  expect((await left.next()).done).toBe(true);
  await Promise.all([a.stop(), b.stop()]);
});
