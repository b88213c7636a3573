// As many registrations as promised (promise 15), each on a connection of its own, as BEAMs have them.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { epmd, epmdServer } from '../../../src/discovery/index.js';
import { guard, signalGroup } from '../../support/child.js';
import { startErlang } from '../../support/erlang.js';

test('10,000 are registered at once, one more is refused, and all are gone with their connections', async () => {
  const server = await epmdServer({ port: 0, env: {} });
  const crowd = spawn(
    process.execPath,
    [fileURLToPath(new URL('crowd.mjs', import.meta.url)), String(server.port), '10000'],
    { stdio: ['ignore', 'pipe', 'pipe'], detached: true },
  );
  void guard(crowd);
  // A real one has the first of the places.
  const erlang = await startErlang({ epmdPort: server.port });
  try {
    const [said] = (await once(crowd.stdout, 'data')) as [Buffer];
    expect(String(said).trim()).toBe('9999 registered, 1 refused');
    expect(server.names()).toHaveLength(10_000);
    const { names } = epmd({ port: server.port, env: {} });
    expect(await names?.('127.0.0.1')).toHaveLength(10_000);
    // Nobody is kept from being found.
    const [alive] = erlang.name.split('@');
    expect(await erlang.eval(`erl_epmd:port_please("node_9000", {127, 0, 0, 1}).`)).toMatch(/^\{port,4000,\d\}$/);
    expect(server.names().some(({ name }) => name === alive)).toBe(true);
    signalGroup(crowd, 'SIGKILL');
    await expect.poll(() => server.names().map(({ name }) => name), { timeout: 10_000 }).toEqual([alive]);
  } finally {
    signalGroup(crowd, 'SIGKILL');
    await erlang.stop();
    await server.close();
  }
}, 40_000);
