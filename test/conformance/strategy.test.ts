// The suite of strategies on each that the package brings, with a real EPMD and a real name server where it asks one.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'vitest';
import { epmd, epmdServer, type Registrant } from '../../src/discovery/index.js';
import { dnsPoll, epmdNames, erlangHosts, hosts } from '../../src/index.js';
import { type StrategyLeftOut, type StrategyWorld, strategyConformance } from '../../src/testing/index.js';
import { startDnsServer } from '../support/dns-server.js';
import { startEpmd } from '../support/epmd.js';

const signal = new AbortController().signal;

/** Nodes that are registered in an EPMD. */
async function onEpmd(port: number, end: () => Promise<void>): Promise<StrategyWorld> {
  const registry = epmd({ port, env: {} });
  const register = (node: Registrant['node']) => registry.register?.({ node, port: 4001, hidden: false }, { signal });
  const registrations = new Map<string, Awaited<ReturnType<typeof register>>>();
  for (const node of ['a@127.0.0.1', 'b@127.0.0.1', 'ts@127.0.0.1'] as const)
    registrations.set(node, await register(node));
  return {
    strategy: epmdNames({ discovery: epmd({ port, env: {} }) }),
    self: 'ts@127.0.0.1',
    members: ['a@127.0.0.1', 'b@127.0.0.1'],
    async join() {
      registrations.set('c@127.0.0.1', await register('c@127.0.0.1'));
      return 'c@127.0.0.1';
    },
    async leave() {
      await registrations.get('a@127.0.0.1')?.close();
      return 'a@127.0.0.1';
    },
    fail: end,
    async close() {
      for (const registration of registrations.values()) await registration?.close();
      await end();
    },
  };
}

/** Nodes that have a record each, in a name server that knows no other zone. */
async function inDns(
  zone: readonly string[],
  options: Omit<Parameters<typeof dnsPoll>[0], 'servers' | 'query'>,
  members: readonly string[],
): Promise<StrategyWorld> {
  const dns = await startDnsServer(zone);
  return {
    strategy: dnsPoll({ query: 'app.test', servers: [dns.address], timeout: 600, ...options }),
    self: 'app@10.0.0.9',
    members,
    fail: dns.stop,
    close: dns.stop,
  };
}

const zoneStays = { join: 'a zone of dnsmasq stays as it is', leave: 'the same' };
const services = (...labels: readonly string[]) =>
  labels.map((label) => `srv-host=app.test,${label}.app.test,4001,0,0`);

const strategies: readonly { name: string; leftOut?: StrategyLeftOut; setUp(): Promise<StrategyWorld> }[] = [
  {
    name: 'hosts()',
    leftOut: { join: 'it is a list', leave: 'it is a list', fail: 'nobody is asked' },
    setUp: () =>
      Promise.resolve({
        strategy: hosts(['a@host', 'b@host', 'ts@host']),
        self: 'ts@host',
        members: ['a@host', 'b@host'],
        close: () => Promise.resolve(),
      }),
  },
  {
    name: 'epmdNames() on the real daemon',
    async setUp() {
      const daemon = await startEpmd();
      let stopped: Promise<void> | undefined;
      return onEpmd(daemon.port, () => (stopped ??= daemon.stop()));
    },
  },
  {
    name: 'epmdNames() on epmdServer()',
    async setUp() {
      const server = await epmdServer({ port: 0, env: {} });
      return onEpmd(server.port, () => server.close());
    },
  },
  {
    name: 'erlangHosts() and the real daemon',
    async setUp() {
      const folder = mkdtempSync(join(tmpdir(), 'erlnode-hosts-'));
      const file = join(folder, '.hosts.erlang');
      writeFileSync(file, "'127.0.0.1'.\n");
      const daemon = await startEpmd();
      let stopped: Promise<void> | undefined;
      const world = await onEpmd(daemon.port, () => (stopped ??= daemon.stop()));
      return {
        ...world,
        strategy: erlangHosts({ file, discovery: epmd({ port: daemon.port, env: {} }) }),
        // Whatever is there of the file is no list, and whoever it named is in.
        fail: async () => writeFileSync(file, "'127.0.0.1"),
        async close() {
          await world.close();
          rmSync(folder, { recursive: true });
        },
      };
    },
  },
  {
    name: 'dnsPoll(), addresses',
    leftOut: zoneStays,
    setUp: () =>
      inDns(
        ['host-record=app.test,10.0.0.1', 'host-record=app.test,10.0.0.2,fd00::1', 'host-record=app.test,10.0.0.9'],
        { records: ['A', 'AAAA'] },
        ['app@10.0.0.1', 'app@10.0.0.2', 'app@fd00::1'],
      ),
  },
  {
    name: 'dnsPoll(), the addresses of SRV targets',
    leftOut: zoneStays,
    setUp: () =>
      inDns([...services('n1', 'n2'), 'host-record=n1.app.test,10.0.0.1', 'host-record=n2.app.test,10.0.0.2'], {}, [
        'app@10.0.0.1',
        'app@10.0.0.2',
      ]),
  },
  {
    name: 'dnsPoll(), the labels of SRV targets',
    leftOut: zoneStays,
    setUp: () => inDns(services('n1', 'n2'), { naming: 'label' }, ['n1@app.test', 'n2@app.test']),
  },
];

describe.each(strategies)('$name', ({ setUp, leftOut }) => {
  test.each(strategyConformance(setUp, leftOut))('$name', ({ run }) => run());
});
