// Membership among real nodes: whoever is named is connected, comes back when it does, and nothing is left after stop.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { epmd, epmdServer, firstOf, staticNodes } from '../../src/discovery/index.js';
import { ArgumentError } from '../../src/errors.js';
import { cluster, dnsPoll, epmdNames, hosts, type Strategy } from '../../src/index.js';
import { startDnsServer } from '../support/dns-server.js';
import { type Epmd, startEpmd } from '../support/epmd.js';
import { type Erlang, startErlang } from '../support/erlang.js';
import { freePort } from '../support/free-port.js';
import { startTestNode, type TestNode, until } from '../support/ts-node.js';

const cookie = randomBytes(8).toString('hex');
const name = (prefix: string, host = '127.0.0.1') => `${prefix}_${randomBytes(4).toString('hex')}@${host}`;
const quick = { interval: 100, backOff: { min: 50, max: 400 } };
let daemon: Epmd;
let one: Erlang;
let two: Erlang;

beforeAll(async () => {
  daemon = await startEpmd();
  const start = () => startErlang({ epmdPort: daemon.port, cookie });
  [one, two] = await Promise.all([start(), start()]);
});

afterAll(async () => {
  await Promise.all([one?.stop(), two?.stop()]);
  await daemon?.stop();
});

async function member(body: (ts: TestNode) => Promise<void>): Promise<void> {
  const ts = await startTestNode(daemon.port, { cookie });
  try {
    await body(ts);
  } finally {
    await ts.node.stop();
  }
}

const connected = (ts: TestNode, nodes: readonly string[]) =>
  until(() => [...nodes].sort().join() === ts.node.nodes('connected').sort().join(), `connected to ${nodes.join()}`);

describe('hosts', () => {
  test('connects to those that are there, and to one that comes, goes and comes again', async () => {
    const third = name('e');
    await member(async (ts) => {
      await using _members = cluster(ts.node, hosts([one.name, two.name, third, ts.name]), quick);
      await connected(ts, [one.name, two.name]);
      const start = () => startErlang({ name: third, epmdPort: daemon.port, cookie });
      for (const end of ['stop', 'kill'] as const) {
        const e = await start();
        await connected(ts, [one.name, two.name, third]);
        expect(await e.eval('nodes(hidden).')).toBe(`['${ts.name}']`);
        await e[end]();
        await connected(ts, [one.name, two.name]);
      }
    });
  });

  test('comes back to whoever has disconnected it', async () => {
    await member(async (ts) => {
      const events: string[] = [];
      await using _members = cluster(ts.node, hosts([one.name]), {
        ...quick,
        onEvent: ({ type }) => events.push(type),
      });
      await connected(ts, [one.name]);
      expect(await one.eval(`erlang:disconnect_node('${ts.name}').`)).toBe('true');
      await until(() => events.filter((type) => type === 'connected').length === 2, 'a second connection');
      // Too early an attempt may come to nothing.
      const course = events.filter((type) => type !== 'failed');
      expect(course).toEqual(['joined', 'connected', 'disconnected', 'connected']);
      await connected(ts, [one.name]);
    });
  });

  test('leaves the connections when it is stopped, and ends with the node', async () => {
    await member(async (ts) => {
      const members = cluster(ts.node, hosts([one.name]), quick);
      await connected(ts, [one.name]);
      await members.stop();
      expect(ts.node.nodes('connected')).toEqual([one.name]);
      ts.node.disconnect(one.name);
      const other = cluster(ts.node, hosts([two.name]), quick);
      await connected(ts, [two.name]);
      await ts.node.stop();
      await until(() => other.members.length === 0, 'the end of the membership');
    });
  });
});

describe('epmdNames', () => {
  test('everyone on this host, as libcluster’s LocalEpmd; tools are left alone', async () => {
    const discovery = epmd({ port: daemon.port });
    const tool = await startErlang({ name: 'rpc-1a2b-app@127.0.0.1', epmdPort: daemon.port, cookie });
    try {
      await member(async (ts) => {
        await using members = cluster(ts.node, epmdNames({ discovery }), quick);
        await connected(ts, [one.name, two.name]);
        expect([...members.members].sort()).toEqual([one.name, two.name].sort());
      });
    } finally {
      await tool.stop();
    }
  });

  test('everyone on several hosts, as ErlangHosts; an EPMD that is down takes nobody along', async () => {
    const server = await epmdServer({ port: 0, env: {} });
    const registration = await epmd({ port: server.port, env: {} }).register?.(
      { node: 'a@localhost', port: 4001, hidden: false },
      { signal: new AbortController().signal },
    );
    const strategy = epmdNames({
      hosts: ['127.0.0.1', 'localhost'],
      discovery: epmd({ port: server.port, timeout: 2000 }),
    });
    const warnings: string[] = [];
    const ask = () =>
      strategy.nodes({
        signal: new AbortController().signal,
        self: 'ts@h',
        warn: ({ message }) => warnings.push(message),
      });
    expect(await ask()).toEqual(['a@127.0.0.1', 'a@localhost']);
    await registration?.close();
    await server.close();
    await expect(ask()).rejects.toMatchObject({ code: 'epmd_unreachable' });
    const half: Strategy = epmdNames({
      hosts: ['up', 'down'],
      discovery: {
        name: 'half',
        resolve: () => Promise.resolve([]),
        names: (host) =>
          host === 'up' ? Promise.resolve([{ name: 'a', port: 1 }]) : Promise.reject(new TypeError('no')),
      },
    });
    const options = {
      signal: new AbortController().signal,
      self: 'ts@h',
      warn: (e: Error) => warnings.push(e.message),
    };
    expect(await half.nodes(options)).toEqual(['a@up']);
    expect(warnings).toEqual(['down: no']);
    expect(() => epmdNames({ discovery: { name: 'mute', resolve: () => Promise.resolve([]) } })).toThrow(ArgumentError);
  });
});

test('dnsPoll: BEAMs called after their addresses, as with dns_cluster and -erl_epmd_port', async () => {
  const port = await freePort();
  const start = (host: string) =>
    startErlang({ name: `app@${host}`, epmdPort: 1, cookie, args: ['-erl_epmd_port', `${port}`] });
  const server = await startDnsServer(['host-record=app.test,127.0.1.2', 'host-record=app.test,127.0.1.3']);
  const beams = await Promise.all(['127.0.1.2', '127.0.1.3'].map(start));
  const ts = await startTestNode(1, { name: 'app@127.0.1.4', cookie, listen: false, discovery: staticNodes({ port }) });
  try {
    await using members = cluster(
      ts.node,
      dnsPoll({ query: 'app.test', servers: [server.address], timeout: 500 }),
      quick,
    );
    await connected(ts, ['app@127.0.1.2', 'app@127.0.1.3']);
    // A name server that is down is no reason to leave anybody.
    await server.stop();
    await members.refresh();
    expect(ts.node.nodes('connected')).toHaveLength(2);
    ts.node.disconnect('app@127.0.1.2');
    await connected(ts, ['app@127.0.1.2', 'app@127.0.1.3']);
  } finally {
    await ts.node.stop();
    await Promise.all([...beams.map((beam) => beam.stop()), server.stop()]);
  }
});

test('the process can end once the membership is stopped', async () => {
  const child = spawn(process.execPath, [fileURLToPath(new URL('../support/stopped-cluster.mjs', import.meta.url))], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ERL_EPMD_PORT: String(daemon.port), PEER: one.name, COOKIE: cookie },
  });
  expect(await once(child, 'exit')).toEqual([0, null]);
});

test('both discover and keep: a table for some, EPMD for the rest', async () => {
  await member(async (ts) => {
    const discovery = firstOf(staticNodes({ env: {} }), epmd({ port: daemon.port }));
    await using _members = cluster(ts.node, epmdNames({ discovery, hosts: ['127.0.0.1'] }), quick);
    await connected(ts, [one.name, two.name]);
  });
});
