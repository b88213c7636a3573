// Every line that docs/DISCOVERY.md tells a user to write for his cluster is run: with it our node finds a real BEAM that
// is set up as the line says, by a real EPMD, a real name server, or one of the modules that BEAM uses instead.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import {
  consul,
  type Discovery,
  epmd,
  firstOf,
  kubernetes,
  type SrvOptions,
  srv,
  staticNodes,
} from '../../src/discovery/index.js';
import { startNode } from '../../src/start-node.js';
import { type DnsServer, startDnsServer } from '../support/dns-server.js';
import { compileEpmdModules, type EpmdModule } from '../support/epmd-modules.js';
import { type Erlang, startErlang } from '../support/erlang.js';
import { freePort } from '../support/free-port.js';
import { type RenamedErlang, startRenamedErlang } from '../support/renamed-erlang.js';

const docs = readFileSync(new URL('../../docs/DISCOVERY.md', import.meta.url), 'utf8');
const [, table = ''] = /\| Your cluster \| Write \|\n\| --- \| --- \|\n((?:\|.*\n)+)/.exec(docs) ?? [];
const written = Array.from(table.matchAll(/^\| (.*?) \| (.*) \|$/gm), ([, cluster = '', line = '']) => [cluster, line]);

const cookie = 'renamed';
const folder = mkdtempSync(join(tmpdir(), 'erlnode-table-'));
let beam: RenamedErlang;
/** One with EPMD. */
let usual: Erlang;
let using: (name: EpmdModule) => string[];
let dns: DnsServer;

beforeAll(async () => {
  [beam, usual, using] = await Promise.all([
    startRenamedErlang(),
    startErlang({ cookie }),
    compileEpmdModules(['epmd_table', 'epmd_one_port']),
  ]);
  const { port } = beam;
  const at = (service: string, target: string) => `srv-host=${service},${target},${port},0,0`;
  dns = await startDnsServer([
    at('e.cluster.test', 'e.cluster.test'),
    'host-record=e.cluster.test,127.0.0.1',
    at('e.rabbit.service.consul', '7f000001.addr.dc1.consul'),
    at('rabbit.service.consul', '7f000015.addr.dc1.consul'),
    at('app.service.consul', 'host-1.node.consul'),
    'host-record=host-1.node.consul,127.0.0.1',
    at('_dist._tcp.web.default.svc.cluster.local', 'web-0.web.default.svc.cluster.local'),
    at('_dist._tcp.web.default.svc.cluster.local', '127-0-0-22.web.default.svc.cluster.local'),
    'host-record=web-0.web.default.svc.cluster.local,127.0.0.1',
    'host-record=127-0-0-22.web.default.svc.cluster.local,127.0.0.22',
  ]);
}, 60_000);

afterAll(async () => {
  await Promise.all([beam?.stop(), usual?.stop(), dns?.stop()]);
  rmSync(folder, { recursive: true, force: true });
});
afterEach(() => vi.unstubAllEnvs());

/** The line as a user has it: on this machine, with its name server. */
function discovery(line: string): { readonly discovery?: Discovery } {
  const [, code] = /^`discovery: (.*)`/.exec(line) ?? [];
  if (code === undefined) return {};
  const atHome = (options: SrvOptions = {}) => srv({ ...options, servers: [dns.address] });
  return {
    discovery: runInNewContext(code, { consul, epmd, firstOf, kubernetes, srv: atHome, staticNodes }) as Discovery,
  };
}

/** Our node, with what the line says, reaches these. */
async function reaches(line: string, ...names: readonly string[]): Promise<void> {
  const node = await startNode('ts@127.0.0.1', { cookie, listen: false, ...discovery(line) });
  try {
    for (const name of names) expect(`${name} ${await node.ping(name)}`).toBe(`${name} pong`);
  } finally {
    await node.stop();
  }
}

async function renamed(line: string, name: string, address?: string): Promise<void> {
  await beam.become(name, address);
  await reaches(line, name);
}

const withEpmd = (port = usual.epmdPort) => vi.stubEnv('ERL_EPMD_PORT', `${port}`);

const rows: readonly (readonly [cluster: string, run: (line: string) => Promise<void>])[] = [
  [
    'uses EPMD, as Erlang does by itself',
    async (line) => {
      withEpmd();
      await reaches(line, usual.name);
    },
  ],
  [
    'uses EPMD, and no daemon may be running here',
    async (line) => {
      const port = await freePort();
      withEpmd(port);
      const node = await startNode('ts@127.0.0.1', { cookie, ...discovery(line) });
      const guest = await startErlang({ cookie, epmdPort: port });
      try {
        expect(await node.ping(guest.name)).toBe('pong');
        node.disconnect(guest.name);
        await expect.poll(() => guest.eval('nodes(hidden).')).toBe('[]');
        expect(await guest.eval("net_adm:ping('ts@127.0.0.1').")).toBe('pong');
      } finally {
        await node.stop();
        await guest.stop();
      }
    },
  ],
  [
    'was started with `-erl_epmd_port 9100` or `erl_epmd_node_listen_port`',
    (line) => renamed(line.replace('9100', `${beam.port}`), 'e@127.0.0.1'),
  ],
  [
    'uses epmdless with one port (`epmdless_static`), or releases with `ERL_DIST_PORT=9100`',
    async (line) => {
      const port = `${await freePort()}`;
      await using e = await startErlang({ cookie, args: using('epmd_one_port'), env: { ERL_DIST_PORT: port } });
      vi.stubEnv('ERL_DIST_PORT', port);
      await reaches(line, e.name);
    },
  ],
  [
    'uses epmdless with a table (`epmdless_client`), or has fixed ports that differ',
    async (line) => {
      await using e = await startErlang({ cookie, args: using('epmd_table') });
      const port = await e.eval('element(2, hd(epmd_table:get_info())).');
      await beam.become('b@127.0.0.1');
      const known = line.replace('a@host', e.name).replace('9101', port).replace('b@host', 'b@127.0.0.1');
      await reaches(known.replace('9102', `${beam.port}`), e.name, 'b@127.0.0.1');
    },
  ],
  [
    'has such a table in a file (a ConfigMap, say)',
    async (line) => {
      const file = join(folder, 'nodes.json');
      writeFileSync(file, JSON.stringify({ 'e@127.0.0.1': beam.port }));
      await renamed(line.replace('nodes.json', file), 'e@127.0.0.1');
    },
  ],
  ['uses DynamicSrv: `name@host` is `name.host` in DNS, with SRV', (line) => renamed(line, 'e@cluster.test')],
  ["is a Consul service whose instances have the node's name as a tag", (line) => renamed(line, 'e@anywhere.example')],
  [
    'is a Consul service whose instances are called after their hosts or addresses: `rabbit@10.1.2.3`',
    (line) => renamed(line, 'rabbit@127.0.0.21', '127.0.0.21'),
  ],
  ['uses Caravan: `app-4371@host`, with SRV', (line) => renamed(line, `app-${beam.port}@host-1.node.consul`)],
  [
    'is a StatefulSet on Kubernetes: `app@web-0.web.default.svc.cluster.local`',
    (line) => renamed(line, 'app@web-0.web.default.svc.cluster.local'),
  ],
  ['is a Deployment on Kubernetes: `app@10.1.2.3`', (line) => renamed(line, 'app@127.0.0.22', '127.0.0.22')],
  [
    'runs in Docker compose, with nodes called after their containers (`app@web-1`) and EPMD in each',
    async (line) => {
      withEpmd();
      // A name that the system's resolver knows, as compose's resolver knows those of containers.
      await using e = await startErlang({ cookie, sname: 'app@localhost' });
      await reaches(line, e.name);
    },
  ],
  [
    'the same, with one port for all and no EPMD',
    (line) => renamed(line.replace('9100', `${beam.port}`), 'app@localhost'),
  ],
  [
    'is a mixture',
    async (line) => {
      withEpmd();
      await beam.become('a@127.0.0.1');
      const known = line.replace('a@host', 'a@127.0.0.1').replace('9101', `${beam.port}`);
      await reaches(known, 'a@127.0.0.1', usual.name);
    },
  ],
];

describe('what to write for a cluster', () => {
  test('is known here, line by line', () =>
    expect(written.map(([cluster]) => cluster)).toEqual(rows.map(([cluster]) => cluster)));

  test('is nothing, or an option of startNode', () => {
    for (const [, line] of written) expect(line).toMatch(/^(?:nothing|`discovery: .*`(?: with the same variable)?)/);
  });

  test.each(rows.map(([cluster, run], row) => [cluster, written[row]?.[1] ?? '', run] as const))(
    '%s: %s',
    (_, line, run) => run(line),
  );
});
