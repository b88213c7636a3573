import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { staticNodes } from '../../src/discovery/index.js';
import { genServer } from '../../src/otp/gen-server.js';
import { startNode } from '../../src/start-node.js';
import { transportConformance } from '../../src/testing/index.js';
import { unix } from '../../src/transport/unix.js';

const root = mkdtempSync(join(tmpdir(), 'unix-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let folders = 0;
const folder = () => join(root, String(folders++));
const never = () => new AbortController().signal;
const quiet = { host: 'x', port: 0, onConnection: () => {}, onError: () => {} };

describe('conformance', () => {
  const cases = transportConformance({
    create: () => ({ transport: unix({ directory: folder() }), host: 'listener' }),
    refused: async () => ({ host: 'nobody', port: 1 }),
  });
  for (const { name, run } of cases) test(name, run);
});

test('two nodes find each other by their names, with nothing to ask', async () => {
  const options = {
    cookie: 'secret',
    transport: unix({ directory: folder() }),
    discovery: staticNodes({ port: 1, env: {} }),
  };
  const [a, b] = [await startNode('a@here', options), await startNode('b@here', options)];
  try {
    b.spawn(genServer({ handleCall: (request) => (request as number) * 2 }), { name: 'doubler' });
    expect(await a.call({ name: 'doubler', node: b.name }, 21)).toBe(42);
    expect(a.info(b.name)?.remote).toContain('b@here');
    await expect(a.connect('c@here')).rejects.toMatchObject({ code: 'econnrefused' });
    await expect(startNode('a@here', options)).rejects.toMatchObject({ code: 'address_in_use' });
  } finally {
    await Promise.all([a.stop(), b.stop()]);
  }
});

test('the folder is for its user, and empty when the node is gone', async () => {
  const directory = folder();
  const listener = await unix({ directory }).listen({ ...quiet, node: 'ts@here' });
  expect(statSync(directory).mode & 0o777).toBe(0o700);
  expect(readdirSync(directory)).toEqual(['ts@here']);
  await listener.close();
  await expect.poll(() => readdirSync(directory)).toEqual([]);
});

/** A socket that nobody listens on any more: closing removes the one name, not the other. */
async function leaveStale(path: string): Promise<void> {
  const killed = createServer();
  await new Promise<void>((resolve) => killed.listen(`${path}.tmp`, resolve));
  linkSync(`${path}.tmp`, path);
  await new Promise((resolve) => killed.close(resolve));
}

test('what a killed node left behind is in nobody’s way', async () => {
  const directory = folder();
  const transport = unix({ directory });
  const first = await transport.listen({ ...quiet, node: 'ts@here' });
  const path = join(directory, 'ts@here');
  await expect(transport.listen({ ...quiet, node: 'ts@here' })).rejects.toMatchObject({ code: 'address_in_use' });
  await first.close();
  await expect.poll(() => existsSync(path)).toBe(false);
  await leaveStale(path);
  await expect(transport.connect({ ...quiet, node: 'ts@here' }, { signal: never() })).rejects.toMatchObject({
    code: 'econnrefused',
  });
  const second = await transport.listen({ ...quiet, node: 'ts@here' });
  await second.close();
});

test('the folder may be named in a roundabout way', async () => {
  const directory = `${folder()}/./deep/../sockets/.`;
  const listener = await unix({ directory }).listen({ ...quiet, node: 'ts@here' });
  await listener.close();
});

test('of nodes that start at once on what a killed one left behind, one gets the name and can be reached', async () => {
  const directory = folder();
  mkdirSync(directory);
  const path = join(directory, 'ts@here');
  for (let round = 0; round < 20; round++) {
    await leaveStale(path);
    let reached = -1;
    const attempts = Array.from({ length: 4 }, (_, nth) =>
      unix({ directory }).listen({
        ...quiet,
        node: 'ts@here',
        onConnection: (stream) => {
          reached = nth;
          stream.destroy();
        },
      }),
    );
    const outcomes = await Promise.allSettled(attempts);
    const winners = outcomes.flatMap(({ status }, nth) => (status === 'fulfilled' ? [nth] : []));
    expect(winners).toHaveLength(1);
    for (const one of outcomes)
      if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'address_in_use' });
    const stream = await unix({ directory }).connect({ host: 'x', port: 1, node: 'ts@here' }, { signal: never() });
    await expect.poll(() => [reached]).toEqual(winners);
    stream.destroy();
    await (await (attempts[winners[0] as number] as (typeof attempts)[0])).close();
    await expect.poll(() => readdirSync(directory)).toEqual([]);
  }
});

test('a file that is no socket is not taken for what a killed node left behind', async () => {
  const directory = folder();
  mkdirSync(directory);
  const path = join(directory, 'ts@here');
  writeFileSync(path, 'precious');
  const asked = unix({ directory }).listen({ ...quiet, node: 'ts@here' });
  await expect(asked).rejects.toMatchObject({ code: 'address_in_use', message: expect.stringContaining('no socket') });
  expect(readFileSync(path, 'utf8')).toBe('precious');
});

test.each(['../out@here', 'a/b@here', 'ö@here', '..', '.'])('the name %s stays in the folder', async (node) => {
  const directory = folder();
  const transport = unix({ directory });
  const listener = await transport.listen({ ...quiet, node });
  expect(readdirSync(directory)).toHaveLength(1);
  const stream = await transport.connect({ host: 'x', port: 1, node }, { signal: never() });
  stream.destroy();
  await listener.close();
});

test('a folder is made with those above it; where it cannot be, that is an error', async () => {
  const directory = join(folder(), 'a', 'b');
  const listener = await unix({ directory }).listen({ ...quiet, node: 'ts@here' });
  expect(statSync(join(directory, '..')).mode & 0o777).toBe(0o700);
  await listener.close();
  const file = join(directory, 'file');
  writeFileSync(file, '');
  // /proc takes no folders, but says so as if there were no /proc.
  for (const nowhere of [file, join(file, 'x'), '/proc/erlnode/x']) {
    const asked = unix({ directory: nowhere }).listen({ ...quiet, node: 'ts@here' });
    await expect(asked).rejects.toMatchObject({ name: 'ConnectionError', code: 'eaddrnotavail' });
  }
});

test('a path that the system would cut is refused', async () => {
  const transport = unix({ directory: join(root, 'x'.repeat(100)) });
  await expect(transport.listen({ ...quiet, node: 'ts@here' })).rejects.toMatchObject({ code: 'badarg' });
});
