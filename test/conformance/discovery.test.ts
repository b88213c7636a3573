import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'vitest';
import { type Discovery, epmd, epmdServer, firstOf, type Registrant, staticNodes } from '../../src/discovery/index.js';
import { type DiscoveryLeftOut, type DiscoveryWorld, discoveryConformance } from '../../src/testing/index.js';
import { sharedTable } from '../discovery/shared-table.js';
import { startEpmd } from '../support/epmd.js';
import { freePort } from '../support/free-port.js';

const registrants: readonly [Registrant, Registrant] = [
  { node: 'first@127.0.0.1', port: 4001, hidden: true },
  { node: 'second@127.0.0.1', port: 4002, hidden: false },
];
const other: Registrant = { node: 'other@127.0.0.1', port: 4003, hidden: false };
const signal = new AbortController().signal;

/** A world on one EPMD, with a node that another discovery of the same kind has registered there. */
async function onEpmd(port: number, discovery: Discovery, end: () => Promise<void>): Promise<DiscoveryWorld> {
  const registration = await epmd({ port, env: {} }).register?.(other, { signal });
  return {
    discovery,
    known: { node: other.node, host: '127.0.0.1', port: other.port },
    unknown: 'nobody@127.0.0.1',
    registrants,
    exclusive: true,
    async close() {
      await registration?.close();
      await end();
    },
  };
}

const noListenPort = { listenPort: 'EPMD is told the port and does not choose it' };
const nothing = () => Promise.resolve();
const known = { node: 'known@127.0.0.1', host: '127.0.0.1', port: 4005 } as const;

const implementations: readonly { name: string; leftOut: DiscoveryLeftOut; setUp(): Promise<DiscoveryWorld> }[] = [
  {
    name: 'epmd() on the real daemon',
    leftOut: noListenPort,
    async setUp() {
      const daemon = await startEpmd();
      return onEpmd(daemon.port, epmd({ port: daemon.port, env: {} }), () => daemon.stop());
    },
  },
  {
    name: 'epmd() on epmdServer()',
    leftOut: noListenPort,
    async setUp() {
      const server = await epmdServer({ port: 0, env: {} });
      return onEpmd(server.port, epmd({ env: { ERL_EPMD_PORT: String(server.port) } }), () => server.close());
    },
  },
  {
    name: 'epmd({ embedded: true })',
    leftOut: noListenPort,
    async setUp() {
      const port = await freePort();
      const discovery = epmd({ port, embedded: true, env: {} });
      // Whoever registers first brings the server up, and it stays as long as that registration does.
      const host = await discovery.register?.({ node: 'host@127.0.0.1', port: 4004, hidden: false }, { signal });
      return onEpmd(port, discovery, async () => host?.close());
    },
  },
  {
    name: 'staticNodes(), a table',
    leftOut: { register: 'nobody is told' },
    setUp: () =>
      Promise.resolve({
        discovery: staticNodes({ env: {}, nodes: { [known.node]: known.port } }),
        known,
        unknown: 'nobody@127.0.0.1',
        close: nothing,
      }),
  },
  {
    name: 'staticNodes(), a table in a file',
    leftOut: { register: 'nobody is told' },
    async setUp() {
      const folder = mkdtempSync(join(tmpdir(), 'erlnode-table-'));
      const file = join(folder, 'nodes.json');
      writeFileSync(file, JSON.stringify({ [known.node]: { host: known.host, port: known.port } }));
      const discovery = staticNodes({ env: {}, file });
      return {
        discovery,
        known,
        unknown: 'nobody@127.0.0.1',
        async close() {
          discovery.close();
          rmSync(folder, { recursive: true });
        },
      };
    },
  },
  {
    name: 'the one that docs/DISCOVERY.md writes',
    leftOut: {
      known: 'nothing is in the table that was not registered',
      names: 'nobody needs them in one process',
      listenPort: 'any port will do',
    },
    setUp: () =>
      Promise.resolve({
        discovery: sharedTable(new Map()),
        unknown: 'nobody@127.0.0.1',
        registrants,
        exclusive: true,
        close: nothing,
      }),
  },
  {
    name: 'firstOf(staticNodes(), epmd())',
    leftOut: {},
    async setUp() {
      const server = await epmdServer({ port: 0, env: {} });
      const table = staticNodes({ env: {}, nodes: { 'elsewhere@127.0.0.1': 4006 } });
      return onEpmd(server.port, firstOf(table, epmd({ port: server.port, env: {} })), () => server.close());
    },
  },
];

describe.each(implementations)('$name', ({ setUp, leftOut }) => {
  test.each(discoveryConformance(setUp, leftOut))('$name', ({ run }) => run());
});
