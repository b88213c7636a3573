// Clusters without EPMD: the two modes of epmdless, -erl_epmd_port, and nodes that do not listen, both ways round.
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { type NodeName, type StaticNodes, staticNodes, type TableFileEvent } from '../../src/discovery/index.js';
import type { NodeOptions } from '../../src/node/options.js';
import { genServer } from '../../src/otp/gen-server.js';
import { startNode } from '../../src/start-node.js';
import { atom } from '../../src/term/atom.js';
import { tuple } from '../../src/term/tuple.js';
import { compileEpmdModules, type EpmdModule } from '../support/epmd-modules.js';
import { type Erlang, type ErlangOptions, startErlang } from '../support/erlang.js';
import { freePort } from '../support/free-port.js';
import { startTestNode, type TestNode, until } from '../support/ts-node.js';

/** One port for all needs an address for each. */
const [beamHost, ourHost] = ['127.0.0.1', '127.0.0.2'];
const signal = new AbortController().signal;
const unique = (prefix: string) => `${prefix}_${randomBytes(4).toString('hex')}`;
let using: (name: EpmdModule) => string[];
/** Nothing listens there: whoever asks an EPMD all the same gets no answer. */
let nowhere: number;

beforeAll(async () => {
  using = await compileEpmdModules(['epmd_table', 'epmd_one_port']);
  nowhere = await freePort();
});

interface Pair {
  readonly beam: ErlangOptions;
  readonly ours: NodeOptions & { readonly name: string };
}

/** Starts a BEAM and a node of ours around a port that was free; who loses it to somebody else tries another. */
async function pair(made: (port: number) => Pair, body: (e: Erlang, ts: TestNode, port: number) => Promise<void>) {
  const [e, ts, port] = await started(made);
  try {
    await body(e, ts, port);
  } finally {
    await ts.node.stop();
    await e.stop();
  }
}

async function started(made: (port: number) => Pair, attempts = 3): Promise<[Erlang, TestNode, number]> {
  const port = await freePort();
  const { beam, ours } = made(port);
  let e: Erlang | undefined;
  try {
    e = await startErlang({ epmdPort: nowhere, ...beam });
    return [e, await startTestNode(nowhere, { cookie: e.cookie, ...ours }), port];
  } catch (error) {
    await e?.stop();
    if (attempts <= 1) throw error;
    return started(made, attempts - 1);
  }
}

async function bothWays(e: Erlang, ts: TestNode): Promise<void> {
  ts.node.spawn(genServer({ handleCall: (request) => tuple(atom('heard'), request) }), { name: 'server' });
  expect(await e.eval(`gen_server:call({server, '${ts.name}'}, 1).`)).toBe('{heard,1}');
  ts.node.disconnect(e.name);
  await until(async () => (await e.eval('nodes(hidden).')) === '[]', 'the end of the first connection');
  expect(await ts.node.rpc(e.name, 'erlang', 'abs', [-1])).toBe(1);
  expect(await e.eval('nodes(hidden).')).toBe(`['${ts.name}']`);
}

describe('one port for every node', () => {
  test.each([
    ['-erl_epmd_port', (port: number) => ({ args: ['-erl_epmd_port', `${port}`] })],
    ['epmdless_static with ERL_DIST_PORT', onePort],
    [
      'epmdless_static with -erl_epmd_port',
      (port: number) => ({
        args: [...using('epmd_one_port'), '-erl_epmd_port', `${port}`],
      }),
    ],
    [
      'epmdless_client with ERL_DIST_PORT and an empty table',
      (port: number) => ({
        args: using('epmd_table'),
        env: { ERL_DIST_PORT: `${port}` },
      }),
    ],
  ] as const)('%s: staticNodes({ port })', async (_, beam) => {
    const name = `${unique('ts')}@${ourHost}`;
    const ours = (port: number) => ({ name, listen: { host: ourHost }, discovery: staticNodes({ port }) });
    await pair(
      (port) => ({ beam: beam(port), ours: ours(port) }),
      async (e, ts, port) => {
        expect(ts.node.port).toBe(port);
        await bothWays(e, ts);
      },
    );
  });

  test('ERL_DIST_PORT is enough for both', async () => {
    const name = `${unique('ts')}@${ourHost}`;
    const discovery = (port: number) => staticNodes({ env: { ERL_DIST_PORT: `${port}` } });
    const ours = (port: number) => ({ name, listen: { host: ourHost }, discovery: discovery(port) });
    await pair(
      (port) => ({ beam: onePort(port), ours: ours(port) }),
      async (e, ts, port) => {
        expect(ts.node.port).toBe(port);
        await bothWays(e, ts);
      },
    );
  });

  function onePort(port: number): ErlangOptions {
    return { args: using('epmd_one_port'), env: { ERL_DIST_PORT: `${port}` } };
  }
});

describe('epmdless_client: a table, filled by hand', () => {
  const distPort = 'element(2, hd(epmd_table:get_info())).';

  test('on either side, and what is added and removed while the nodes run', async () => {
    const nodes = staticNodes({ env: {} });
    const name = `${unique('ts')}@${beamHost}`;
    const made = () => ({ beam: { args: using('epmd_table') }, ours: { name, discovery: nodes } });
    await pair(made, async (e, ts) => {
      const peer = e.name as NodeName;
      // Neither knows the other.
      expect(await e.eval(`net_adm:ping('${ts.name}').`)).toBe('pang');
      await expect(ts.node.connect(e.name)).rejects.toMatchObject({ code: 'noport' });
      expect(await e.eval(`epmd_table:add_node('${ts.name}', ${ts.node.port}).`)).toBe('ok');
      nodes.add(peer, Number(await e.eval(distPort)));
      await bothWays(e, ts);
      ts.node.disconnect(e.name);
      nodes.remove(peer);
      await expect(ts.node.connect(e.name)).rejects.toMatchObject({ code: 'noport' });
      await until(async () => (await e.eval('nodes(hidden).')) === '[]', 'the end of the connection');
      expect(await e.eval(`epmd_table:remove_node('${ts.name}'), net_adm:ping('${ts.name}').`)).toBe('pang');
      // The table of a BEAM goes by the name and the address, whatever the host is called.
      const [alive = ''] = ts.name.split('@');
      expect(await e.eval(`epmd_table:add_node("${alive}", "elsewhere", {127,0,0,1}, ${ts.node.port}).`)).toBe('ok');
      expect(await e.eval(`net_adm:ping('${ts.name}').`)).toBe('pong');
    });
  });

  test('the same table as a file that is watched', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'erlnode-table-'));
    const file = join(folder, 'nodes.json');
    const events: TableFileEvent[] = [];
    const name = `${unique('ts')}@${beamHost}` as NodeName;
    const opened: StaticNodes[] = [];
    const made = (port: number) => {
      writeFileSync(file, JSON.stringify({ [name]: port }));
      const discovery = staticNodes({ file, fileInterval: 20, env: {}, onFile: (event) => events.push(event) });
      opened.push(discovery);
      return { beam: { args: using('epmd_table') }, ours: { name, discovery } };
    };
    try {
      await pair(made, async (e, ts, port) => {
        expect(ts.node.port).toBe(port);
        writeFileSync(file, JSON.stringify({ [name]: port, [e.name]: Number(await e.eval(distPort)) }));
        await until(() => events.length === 1, 'the table with the BEAM in it');
        expect(await e.eval(`epmd_table:add_node('${ts.name}', ${port}).`)).toBe('ok');
        await bothWays(e, ts);
        writeFileSync(file, '{');
        await until(() => events.length === 2, 'the fault');
        ts.node.disconnect(e.name);
        expect(await ts.node.ping(e.name)).toBe('pong');
      });
    } finally {
      for (const nodes of opened) nodes.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

test('ERL_DIST_PORT is where a node listens that registers with EPMD, too, unless it is told otherwise', async () => {
  vi.stubEnv('ERL_DIST_PORT', `${await freePort()}`);
  try {
    await using e = await startErlang();
    const ts = await startTestNode(e.epmdPort, { cookie: e.cookie });
    const other = await startTestNode(e.epmdPort, { cookie: e.cookie, listen: { port: 0 } });
    try {
      expect(ts.node.port).toBe(Number(process.env['ERL_DIST_PORT']));
      expect(other.node.port).not.toBe(ts.node.port);
      await bothWays(e, ts);
    } finally {
      await Promise.all([ts.node.stop(), other.node.stop()]);
    }
    vi.stubEnv('ERL_DIST_PORT', 'x');
    await expect(startTestNode(e.epmdPort, { cookie: e.cookie })).rejects.toThrow(/ERL_DIST_PORT/);
  } finally {
    vi.unstubAllEnvs();
  }
});

describe('who does not listen', () => {
  test('a BEAM with -dist_listen false connects to us, and is reached as long as it is connected', async () => {
    const name = `${unique('ts')}@${beamHost}`;
    const beam = { args: [...using('epmd_table'), '-dist_listen', 'false'] };
    const discovery = (port: number) => staticNodes({ nodes: { [name]: port }, port: nowhere });
    await pair(
      (port) => ({ beam, ours: { name, discovery: discovery(port) } }),
      async (e, ts, port) => {
        expect(ts.node.port).toBe(port);
        await expect(ts.node.connect(e.name)).rejects.toMatchObject({ code: 'econnrefused' });
        expect(await e.eval(`epmd_table:add_node('${ts.name}', ${port}), net_adm:ping('${ts.name}').`)).toBe('pong');
        expect(await ts.node.rpc(e.name, 'erlang', 'abs', [-1])).toBe(1);
        expect(await ts.node.ping(e.name)).toBe('pong');
      },
    );
  });

  test('we with listen: false, to a BEAM that listens', async () => {
    const name = `${unique('ts')}@${ourHost}`;
    const beam = (port: number) => ({ args: ['-erl_epmd_port', `${port}`] });
    const ours = (port: number) => ({ name, listen: false, discovery: staticNodes({ port }) }) as const;
    await pair(
      (port) => ({ beam: beam(port), ours: ours(port) }),
      async (e, ts) => {
        expect(ts.node.port).toBeUndefined();
        expect(await e.eval(`net_adm:ping('${ts.name}').`)).toBe('pang');
        expect(await ts.node.ping(e.name)).toBe('pong');
        expect(await e.eval(`net_adm:ping('${ts.name}').`)).toBe('pong');
      },
    );
  });
});

test('two nodes of ours need neither EPMD nor a BEAM', async () => {
  const port = await freePort();
  const discovery = staticNodes({ port });
  const start = (host: string) => startNode(`${unique('ts')}@${host}`, { cookie: 'c', listen: { host }, discovery });
  const [one, two] = await Promise.all([start(beamHost), start(ourHost)]);
  try {
    expect(await one.ping(two.name)).toBe('pong');
    expect(await discovery.resolve(two.name as NodeName, { signal })).toEqual([
      { host: ourHost, port, nodeHost: ourHost },
    ]);
  } finally {
    await Promise.all([one.stop(), two.stop()]);
  }
});
