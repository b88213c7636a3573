import { describe, test } from 'vitest';
import { type Discovery, epmd, epmdServer, type Registrant } from '../../src/discovery/index.js';
import { startEpmd } from '../support/epmd.js';
import { freePort } from '../support/free-port.js';
import { type DiscoveryWorld, discoveryConformance } from './discovery.js';

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

const worlds = {
  'epmd() on the real daemon': async () => {
    const daemon = await startEpmd();
    return onEpmd(daemon.port, epmd({ port: daemon.port, env: {} }), () => daemon.stop());
  },
  'epmd() on epmdServer()': async () => {
    const server = await epmdServer({ port: 0, env: {} });
    return onEpmd(server.port, epmd({ env: { ERL_EPMD_PORT: String(server.port) } }), () => server.close());
  },
  'epmd({ embedded: true })': async () => {
    const port = await freePort();
    const discovery = epmd({ port, embedded: true, env: {} });
    // Whoever registers first brings the server up, and it stays as long as that registration does.
    const host = await discovery.register?.({ node: 'host@127.0.0.1', port: 4004, hidden: false }, { signal });
    return onEpmd(port, discovery, async () => host?.close());
  },
};

describe.each(Object.entries(worlds))('%s', (_, setUp) => {
  test.each(discoveryConformance(setUp, noListenPort))('$name', ({ run }) => run());
});
