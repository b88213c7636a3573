// What node.info() says of a connection on its way: looked up, shaking hands, awaited from the other side, up, gone.
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Discovery } from '../../src/discovery/discovery.js';
import type { Node } from '../../src/node/node.js';
import { until } from '../support/ts-node.js';
import { type Network, network } from './network.js';

let net: Network;
const nodes: Node[] = [];

beforeEach(() => {
  net = network();
});
afterEach(async () => {
  await Promise.all(nodes.splice(0).map((node) => node.stop({ timeout: 0 })));
});

async function start(name: string, discovery?: Discovery): Promise<Node> {
  const { node } = await net.start(name, discovery === undefined ? {} : { discovery });
  nodes.push(node);
  return node;
}

const PENDING = { bytesIn: 0, messagesOut: 0, flags: [], release: undefined, remote: undefined, busy: false };

test('both ends of a connection that is up, and neither when it is gone', async () => {
  const a = await start('a@memory');
  const b = await start('b@memory');
  const before = Date.now();
  await a.connect(b.name);
  const [out, into] = [a.info(b.name), b.info(a.name)];
  expect(out).toMatchObject({ node: b.name, state: 'up', direction: 'out', creation: b.creation });
  expect(into).toMatchObject({ node: a.name, state: 'up', direction: 'in', creation: a.creation });
  for (const info of [out, into]) {
    // Two clocks, each rounded.
    expect(info?.since.getTime()).toBeGreaterThanOrEqual(before - 50);
    expect(info?.since.getTime()).toBeLessThanOrEqual(Date.now() + 50);
  }
  expect(a.info(b.name)?.since).toEqual(out?.since);
  a.disconnect(b.name);
  expect(a.info()).toEqual([]);
  expect(a.info(b.name)).toBeUndefined();
  await until(() => b.info().length === 0, 'the other end');
});

test('a node that is looked up, with what waits for it', async () => {
  const node = await start('a@memory', { name: 'slow', resolve: () => new Promise(() => {}) });
  node.send({ name: 'x', node: 'b@memory' }, Buffer.alloc(5000));
  const [info, ...others] = node.info();
  expect(others).toEqual([]);
  expect(info).toMatchObject({ node: 'b@memory', state: 'lookup', direction: 'out', ...PENDING });
  expect(info?.queuedBytes).toBeGreaterThanOrEqual(5000);
  expect(node.nodes('connected')).toEqual([]);
});

test('a handshake that has begun', async () => {
  await net.listen('mute@memory', (stream) => stream.start({ onData() {}, onDrain() {}, onClose() {} }));
  const node = await start('a@memory');
  node.connect('mute@memory').catch(() => {});
  await until(() => node.info('mute@memory')?.state === 'handshake', 'the handshake');
  expect(node.info('mute@memory')).toMatchObject({ direction: 'out', ...PENDING });
});

test('a peer that has refused our attempt for one of its own', async () => {
  await net.listen('z@memory', (stream) => void net.acceptAs('z@memory', stream, { decide: () => 'nok' }));
  const node = await start('a@memory');
  node.connect('z@memory').catch(() => {});
  await until(() => node.info('z@memory')?.state === 'awaited', 'its refusal');
  expect(node.info()).toMatchObject([{ node: 'z@memory', direction: 'in', ...PENDING }]);
  await net.reach('a@memory', 'z@memory');
  await until(() => node.info('z@memory')?.state === 'up', 'its own attempt');
  expect(node.info()).toMatchObject([{ node: 'z@memory', direction: 'in', state: 'up' }]);
});

test('connections that are up come first; a stranger that has proved nothing does not show', async () => {
  const node = await start('a@memory');
  await net.listen('mute@memory', () => {});
  node.connect('mute@memory').catch(() => {});
  await net.reach('a@memory', 'b@memory');
  const { signal } = new AbortController();
  await net.transport.connect({ host: 'memory', port: node.port as number }, { signal });
  await until(() => node.info().length === 2, 'the connection');
  expect(node.info().map(({ state }) => state)).toEqual(['up', expect.stringMatching(/lookup|handshake/)]);
});

test('where a node listens', async () => {
  const node = await start('a@memory');
  expect(node.listeners).toEqual([{ host: '127.0.0.1', port: node.port }]);
  const two = await net.start('b@memory', { listen: [{ port: 0 }, { host: '::1' }] });
  nodes.push(two.node);
  expect(two.node.listeners.map(({ host }) => host)).toEqual(['127.0.0.1', '::1']);
  const deaf = await net.start('c@memory', { listen: false });
  nodes.push(deaf.node);
  expect(deaf.node.listeners).toEqual([]);
});
