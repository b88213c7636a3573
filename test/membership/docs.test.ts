// Every line that docs/DISCOVERY.md tells a user to write for membership is run: with a real name server or a real EPMD
// behind it, it names a real BEAM that is called as the cluster would call it, and our node connects to it.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Discovery, epmd } from '../../src/discovery/index.js';
import {
  cluster,
  type DnsPollOptions,
  dnsPoll,
  epmdNames,
  erlangHosts,
  type GossipOptions,
  gossip,
  hosts,
  type Strategy,
  startNode,
} from '../../src/index.js';
import { type DnsServer, startDnsServer } from '../support/dns-server.js';
import { type Erlang, startErlang } from '../support/erlang.js';
import { freePort } from '../support/free-port.js';
import { gossiper } from '../support/gossiper.js';
import { type RenamedErlang, startRenamedErlang } from '../support/renamed-erlang.js';
import { FakeClock, FakeNode } from './fake-node.js';

const docs = readFileSync(new URL('../../docs/DISCOVERY.md', import.meta.url), 'utf8');
const [, membership = ''] = docs.split('\n## Membership\n');
const [, table = ''] = /\| Your cluster uses \| Write \|\n\| --- \| --- \|\n((?:\|.*\n)+)/.exec(membership) ?? [];
/** The first column, and the line in the second, whatever else is said there. */
const written = Array.from(table.matchAll(/^\| (.*?) \| (.*) \|$/gm), ([, uses = '', cell = '']) => {
  const [, , line = ''] = /(`+)((?:hosts|dnsPoll|epmdNames|erlangHosts|gossip)\(.*?)\1(?:$|[ ,])/.exec(cell) ?? [];
  return [uses, line] as const;
});

const folder = mkdtempSync(join(tmpdir(), 'erlnode-membership-'));
let beam: RenamedErlang;
/** One that EPMD knows, which has none but it. */
let usual: Erlang;
let dns: DnsServer;
let gossipPort: number;

beforeAll(async () => {
  [beam, usual] = await Promise.all([startRenamedErlang(), startErlang({ cookie: 'renamed' })]);
  const service = (name: string, target: string) => `srv-host=${name},${target},${beam.port},0,0`;
  dns = await startDnsServer([
    ...['internal', 'web'].map((domain) => `local=/${domain}/`),
    ...['app.internal', 'web', 'app.service.consul'].map((name) => `host-record=${name},127.0.0.31`),
    'host-record=app.default.svc.cluster.local,127.0.0.31',
    service('app.default.svc.cluster.local', '127-0-0-31.app.default.svc.cluster.local'),
    service('app.service.consul', 'n1.app.service.consul'),
  ]);
}, 60_000);

afterAll(async () => {
  await Promise.all([beam?.stop(), usual?.stop(), dns?.stop()]);
  rmSync(folder, { recursive: true, force: true });
});
afterEach(() => vi.unstubAllEnvs());

/** The strategy as a user has it: on this machine, with its name server. */
function strategyOf(line: string): Strategy {
  const atHome = (options: DnsPollOptions) => dnsPoll({ ...options, servers: [dns.address] });
  // Nothing leaves this machine, and nobody else's cluster is heard.
  const homely = (options: GossipOptions = {}) =>
    gossip({ ...options, port: gossipPort, multicastInterface: '127.0.0.1', listenFor: 300 });
  return runInNewContext(line, { hosts, dnsPoll: atHome, epmdNames, erlangHosts, gossip: homely }) as Strategy;
}

/** Our node, a member by what the line says, is connected to these and to nobody else. */
async function joins(line: string, names: readonly string[], discovery: Discovery): Promise<void> {
  // Called as dns_cluster's basename has it; who asks is no member of his own.
  const node = await startNode('app@127.0.0.1', { cookie: 'renamed', discovery });
  const members = cluster(node, strategyOf(line), { interval: 1000 });
  try {
    await expect.poll(() => node.nodes('connected').sort(), { timeout: 10_000 }).toEqual([...names].sort());
    // Those that gossip connect to us, too, and may be the first to do so.
    await expect.poll(() => members.members, { timeout: 10_000 }).toEqual(expect.arrayContaining([...names]));
  } finally {
    await members.stop();
    await node.stop();
  }
}

const one = '127.0.0.31';

async function dnsNames(line: string, name: string, address = '127.0.0.1'): Promise<void> {
  await beam.become(name, address);
  await joins(line, [name], { name: 'there', resolve: async () => [{ host: address, port: beam.port }] });
}

async function epmdKnows(line: string): Promise<void> {
  vi.stubEnv('ERL_EPMD_PORT', `${usual.epmdPort}`);
  await joins(line, [usual.name], epmd());
}

const byAddress = (line: string) => dnsNames(line, `app@${one}`, one);
const byTarget = (line: string) => dnsNames(line, 'app@127-0-0-31.app.default.svc.cluster.local');

const rows: readonly (readonly [uses: string, run: (line: string) => Promise<void>])[] = [
  ["a list, libcluster's `Epmd`", (line) => epmdKnows(line.replace('a@host', usual.name))],
  ["libcluster's `LocalEpmd`", epmdKnows],
  [
    "libcluster's `ErlangHosts`, a `.hosts.erlang`",
    async (line) => {
      vi.stubEnv('HOME', folder);
      writeFileSync(join(folder, '.hosts.erlang'), "% all of them\n'127.0.0.1'.\n");
      await epmdKnows(line);
    },
  ],
  ["libcluster's `DNSPoll`", byAddress],
  ["libcluster's `Kubernetes.DNS`", byAddress],
  ["libcluster's `Kubernetes.DNSSRV`", byTarget],
  ["libcluster's `Kubernetes` (the API), `mode: :ip`", byAddress],
  ['…, `mode: :hostname`', byTarget],
  ['…, `mode: :dns`', (line) => dnsNames(line, 'app@127-0-0-31.default.pod.cluster.local')],
  [
    "libcluster's `Gossip`",
    async (line) => {
      gossipPort = await freePort();
      vi.stubEnv('ERL_EPMD_PORT', `${usual.epmdPort}`);
      await usual.eval(gossiper(gossipPort, undefined));
      await joins(line, [usual.name], epmd());
    },
  ],
  ["libcluster's `Rancher`", byAddress],
  ['dns_cluster with `DNS_CLUSTER_QUERY=app.internal`', byAddress],
  ["DynamicSrv's strategy with `service: 'app.service.consul'`", (line) => dnsNames(line, 'n1@app.service.consul')],
  ['Caravan', (line) => dnsNames(line, `app-${beam.port}@n1.app.service.consul`)],
  ["a service of Consul's, nodes called after their addresses", byAddress],
  ['Docker compose, nodes called after their addresses', byAddress],
];

describe('what to write for a cluster', () => {
  test('is known here, line by line', () => expect(written.map(([uses]) => uses)).toEqual(rows.map(([uses]) => uses)));

  test.each(rows.map(([uses, run], row) => [uses, written[row]?.[1] ?? '', run] as const))('%s: %s', (_, line, run) =>
    run(line),
  );
});

test('the strategy of one’s own', async () => {
  const [, source = ''] = /^const registry = (\{[\s\S]*?^\});$/m.exec(membership) ?? [];
  const fetch = () => Promise.resolve({ json: () => Promise.resolve(['a@h']) });
  const strategy = runInNewContext(`(${source})`, { fetch }) as Strategy;
  await using joined = cluster(new FakeNode(), strategy, { clock: new FakeClock() });
  await joined.refresh();
  expect(joined.members).toEqual(['a@h']);
});
