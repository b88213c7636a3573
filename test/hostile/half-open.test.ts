// Thousands of connections that never prove anything (promise 3): who knows the cookie gets in all the same, memory stays
// bounded, the oldest go first, and after the setup time all are gone. HALF_OPEN=20000 for more of them.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tcp } from '../../src/transport/tcp.js';
import { tls } from '../../src/transport/tls.js';
import { type CertificateFiles, certificateFolder, makeCertificates } from '../support/certificates.js';
import { guard, signalGroup } from '../support/child.js';
import { type Epmd, startEpmd } from '../support/epmd.js';
import { type Erlang, startErlang } from '../support/erlang.js';
import { startTestNode, type TestNode, until } from '../support/ts-node.js';
import { COOKIE, dialRaw, type RawPeer } from './raw-peer.js';

const COUNT = Number(process.env['HALF_OPEN'] ?? 5000);
const MiB = 1024 * 1024;

let epmd: Epmd;
let erl: Erlang;
/** One that speaks TLS. */
let secure: Erlang;
const folder = certificateFolder();
let files: Record<'ts' | 'e', CertificateFiles>;
const children: ChildProcess[] = [];
beforeAll(async () => {
  epmd = await startEpmd();
  erl = await startErlang({ epmdPort: epmd.port, cookie: COOKIE });
  const cluster = { issuer: 'cluster', hosts: ['127.0.0.1'] };
  files = await makeCertificates(folder, { ts: cluster, e: cluster });
  const { cert, key, ca } = files.e;
  const side = `{certfile, "${cert}"}, {keyfile, "${key}"}, {cacertfile, "${ca}"}, {verify, verify_peer}`;
  writeFileSync(
    join(folder, 'dist.conf'),
    `[{server, [${side}, {fail_if_no_peer_cert, true}]}, {client, [${side}]}].\n`,
  );
  const args = ['-proto_dist', 'inet_tls', '-ssl_dist_optfile', join(folder, 'dist.conf')];
  secure = await startErlang({ epmdPort: epmd.port, cookie: COOKIE, args });
});
afterAll(async () => {
  for (const child of children) signalGroup(child, 'SIGKILL');
  await erl.stop();
  await secure.stop();
  await epmd.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** The attacker cannot tell: the system lets it believe in connections that did not fit into the listener's queue. */
function sockets(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
}

async function attack(port: number | undefined, count: number, words: string): Promise<string[]> {
  const program = fileURLToPath(new URL('half-open.mjs', import.meta.url));
  const child = spawn(process.execPath, [program, String(port), String(count), words], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  void guard(child);
  children.push(child);
  const lines: string[] = [];
  child.stdout.setEncoding('utf8').on('data', (text: string) => lines.push(...text.trim().split('\n')));
  await once(child, 'spawn');
  return lines;
}

describe.each([
  // The one that costs most comes first: memory that a process has grown to, it keeps for the others.
  ['tls', 'hello'],
  ['tls', 'part of a hello'],
  ['tls', 'a longer record'],
  ['tcp', 'silence'],
  ['tcp', 'message'],
] as const)('%s: %s', (carrier, words) => {
  test(`${COUNT} half-open connections`, async () => {
    const transport = carrier === 'tls' ? tls(files.ts) : tcp();
    const options = { cookie: COOKIE, transport };
    const victim: TestNode = await startTestNode(epmd.port, { ...options, setupTime: 2 });
    const friend = carrier === 'tls' ? secure : erl;
    try {
      expect(await friend.eval(`net_adm:ping('${victim.name}').`)).toBe('pong');
      const socketsBefore = sockets();
      const before = process.memoryUsage.rss();
      let most = before;
      const watch = setInterval(() => {
        most = Math.max(most, process.memoryUsage.rss());
      }, 20);
      const lines = await attack(victim.node.port, COUNT, words);
      await until(() => lines.some((line) => line.startsWith('open')), 'all to be open');
      const good = await startTestNode(epmd.port, options);
      const since = performance.now();
      expect(await good.node.ping(victim.name)).toBe('pong');
      const took = performance.now() - since;
      expect(await friend.eval(`net_adm:ping('${victim.name}').`)).toBe('pong');
      await good.node.stop();
      // Who found the listener's queue full comes again, later and later. (A longer queue would be in the way of friends.)
      await until(() => sockets() <= socketsBefore + 10, 'all to be gone', 40_000);
      clearInterval(watch);
      console.log(
        `${carrier}, ${words}: ${COUNT} half-open in ${lines[0]?.slice(5)} ms; a legitimate peer was in after ${took.toFixed(1)} ms; ` +
          `memory +${((most - before) / MiB).toFixed(1)} MiB`,
      );
      expect(most - before).toBeLessThan(64 * MiB);
      expect(victim.node.nodes('connected')).toEqual([friend.name]);
      const lost = victim.log.filter(({ message }) => message === 'nodedown').map(({ peer }) => peer);
      expect(lost).toEqual([good.name]);
      // Ten a second and the counts, not one for each.
      expect(victim.log.length).toBeLessThan(200);
    } finally {
      await victim.node.stop();
    }
  }, 60_000);
});

test('beyond the limit the oldest goes first', async () => {
  const victim = await startTestNode(epmd.port, { cookie: COOKIE, limits: { unauthenticated: 5 } });
  try {
    const peers: RawPeer[] = [];
    const gone: number[] = [];
    for (let i = 0; i < 12; i++) {
      const peer = await dialRaw(victim.node.port);
      peer.socket.once('close', () => gone.push(i));
      peers.push(peer);
      await until(() => gone.length === Math.max(0, i - 4), 'the oldest to go');
    }
    expect(gone).toEqual([0, 1, 2, 3, 4, 5, 6]);
    const told = victim.log.filter(({ message }) => message === 'connection refused');
    expect(told).toHaveLength(7);
    expect(new Set(told.map(({ code }) => code))).toEqual(new Set(['too_many_unauthenticated']));
    expect(told[0]?.['reason']).toMatch(/gave up .* waited for its send_name.*limits\.unauthenticated/);
    expect(await erl.eval(`net_adm:ping('${victim.name}').`)).toBe('pong');
    for (const { socket } of peers) socket.destroy();
  } finally {
    await victim.node.stop();
  }
});
