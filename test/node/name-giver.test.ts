// Names for peers that come without one: free again when nobody has them, and never given while somebody has.
import { afterEach, expect, test } from 'vitest';
import type { Node } from '../../src/node/node.js';
import { startNode } from '../../src/start-node.js';
import { COOKIE, network } from './network.js';

const started: Node[] = [];
afterEach(() => Promise.all(started.splice(0).map((node) => node.stop())));

test('a name that its owner came back with is not given to the next one', async () => {
  const net = network();
  const { node: giver } = await net.start('giver@memory');
  started.push(giver);
  const nameless = async (): Promise<Node> => {
    const { transport, discovery } = net;
    const node = await startNode('undefined@memory', { cookie: COOKIE, transport, discovery, namedBy: giver.name });
    started.push(node);
    return node;
  };
  const first = await nameless();
  const { name } = first;
  await first.stop();
  // Free, but for him who has it from before: a BEAM may come back with the name it was given.
  const back = await net.reach(giver.name, name);
  expect(back.established).toBeDefined();
  const second = await nameless();
  expect(second.name).not.toBe(name);
  expect(await second.ping(giver.name)).toBe('pong');
  back.stream.destroy();
});
