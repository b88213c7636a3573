// A cluster as DynamicSrv makes it: BEAMs whose epmd module asks DNS, a real name server, and a node of ours.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { srv } from '../../../src/discovery/index.js';
import { atom } from '../../../src/term/atom.js';
import { tuple } from '../../../src/term/tuple.js';
import { type DnsServer, startDnsServer } from '../../support/dns-server.js';
import { type Erlang, startErlang } from '../../support/erlang.js';
import { freePort } from '../../support/free-port.js';
import { startTestNode, type TestNode } from '../../support/ts-node.js';

const folder = mkdtempSync(join(tmpdir(), 'erlnode-srv-'));
const cookie = 'dynamic';
/** Nothing listens there. */
const noEpmd = 1;
const beam = 'node-0@cluster.test';
const ours = 'ts-0@cluster.test';

interface Cluster {
  readonly dns: DnsServer;
  readonly beam: Erlang;
  readonly ts: TestNode;
  /** The port of the BEAM. */
  readonly port: number;
  /** Where DNS says that a BEAM on IPv6 is. */
  readonly sixPort: number;
}

let cluster: Cluster;
const codes = (text: string) => JSON.stringify([...text].map((char) => char.codePointAt(0)));

/** A BEAM with the module. */
function startBeam(
  name: string | false,
  distPort: number,
  dns: DnsServer,
  args: readonly string[] = [],
): Promise<Erlang> {
  return startErlang({
    name,
    cookie,
    epmdPort: noEpmd,
    args: ['-pa', folder, '-epmd_module', 'srv_epmd', ...args],
    env: { ERL_DIST_PORT: String(distPort), ERLNODE_DNS_PORT: String(dns.port) },
  });
}

async function start(): Promise<Cluster> {
  const [port, ourPort, sixPort] = [await freePort(), await freePort(), await freePort()];
  const at = (node: string, its: number, address = '127.0.0.1') => [
    `srv-host=${node}.cluster.test,${node}.cluster.test,${its},0,10`,
    `host-record=${node}.cluster.test,${address}`,
  ];
  const dns = await startDnsServer([...at('node-0', port), ...at('ts-0', ourPort), ...at('six-0', sixPort, '::1')]);
  const started: { stop(): Promise<void> }[] = [dns];
  try {
    const erlang = await startBeam(beam, port, dns);
    started.push(erlang);
    // No port is given to the node: it listens where DNS says that it does.
    const discovery = srv({ servers: [dns.address], env: { ERL_DIST_PORT: String(ourPort) } });
    const ts = await startTestNode(noEpmd, { name: ours, cookie, discovery });
    return { dns, beam: erlang, ts, port, sixPort };
  } catch (error) {
    for (const each of started) await each.stop();
    throw error;
  }
}

beforeAll(async () => {
  const compiler = await startErlang({ name: false });
  const source = fileURLToPath(new URL('../../support/srv_epmd.erl', import.meta.url));
  await compiler.eval(`{ok, srv_epmd} = compile:file(${codes(source)}, [{outdir, ${codes(folder)}}]).`);
  await compiler.stop();
  // DNS says fixed ports, and somebody else may have taken one meanwhile.
  cluster = await start().catch(start);
}, 60_000);

afterAll(async () => {
  await cluster?.ts.node.stop();
  await cluster?.beam.stop();
  await cluster?.dns.stop();
  rmSync(folder, { recursive: true, force: true });
});

test('our node finds the BEAM by SRV, and calls it', async () => {
  const { node } = cluster.ts;
  expect(await node.ping(beam)).toBe('pong');
  const me = node.spawnMailbox();
  const request = tuple(atom('call'), atom('erlang'), atom('node'), [], atom('user'));
  expect(await me.call({ name: 'rex', node: beam }, request)).toEqual(atom(beam));
  node.disconnect(beam);
});

test('the BEAM finds our node by the same rule', async () => {
  const { beam: erlang, ts } = cluster;
  await erlang.eval(`erlang:disconnect_node('${ours}').`);
  expect(await erlang.eval(`net_adm:ping('${ours}').`)).toBe('pong');
  expect(await erlang.eval('nodes(hidden).')).toBe(`['${ours}']`);
  expect(ts.node.nodes('hidden')).toEqual([beam]);
});

test('our node finds a BEAM that listens on IPv6 only', async () => {
  const { dns, ts, sixPort } = cluster;
  const name = 'six-0@cluster.test';
  const args = ['-proto_dist', 'inet6_tcp'];
  await using six = await startBeam(false, sixPort, dns, args);
  await six.eval(`application:set_env(kernel, inet_dist_use_interface, {0, 0, 0, 0, 0, 0, 0, 1}),
    {ok, _} = net_kernel:start(['${name}', longnames]), erlang:set_cookie(node(), ${cookie}).`);
  expect(await ts.node.ping(name)).toBe('pong');
  expect(await six.eval('nodes(hidden).')).toBe(`['${ours}']`);
});

test('nodes that are not in DNS are nowhere, for both', async () => {
  const { beam: erlang, ts } = cluster;
  expect(await ts.node.ping('node-9@cluster.test')).toBe('pang');
  expect(await erlang.eval(`net_adm:ping('node-9@cluster.test').`)).toBe('pang');
});

test('a helper of the BEAM’s release reaches both, and is not dialled back', async () => {
  const { dns, ts, port } = cluster;
  const name = 'rem-1a2b-node-0@cluster.test';
  await using helper = await startBeam(name, port, dns);
  expect(await helper.eval(`net_adm:ping('${beam}').`)).toBe('pong');
  expect(await helper.eval(`net_adm:ping('${ours}').`)).toBe('pong');
  expect(ts.node.nodes('hidden')).toContain(name);
  await helper.stop();
  expect(await ts.node.ping(name)).toBe('pang');
});

test('our node as a helper reaches its release on this machine, without DNS', async () => {
  const { port } = cluster;
  const name = 'rpc-00ff-node-0@cluster.test';
  const servers = [`127.0.0.1:${await freePort()}`];
  const discovery = srv({ servers, env: { ERL_DIST_PORT: String(port) } });
  const helper = await startTestNode(noEpmd, { name, cookie, discovery });
  try {
    expect(await helper.node.ping(beam)).toBe('pong');
  } finally {
    await helper.node.stop();
  }
});
