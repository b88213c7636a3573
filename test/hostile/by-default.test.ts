// What a node is open to unless it is told otherwise (promises 6 and 13): this machine only, nobody without a cookie
// that cannot be guessed, and no function.
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type Epmd, startEpmd } from '../support/epmd.js';
import { type Erlang, startErlang } from '../support/erlang.js';
import { startTestNode } from '../support/ts-node.js';

let epmd: Epmd;
let erl: Erlang;
const home = mkdtempSync(join(tmpdir(), 'erlnode-home-'));

beforeAll(async () => {
  epmd = await startEpmd();
  erl = await startErlang({ epmdPort: epmd.port });
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await erl.stop();
  await epmd.stop();
  rmSync(home, { recursive: true });
});

/** Whether something listens there; another address of this machine stands for another machine's way to it. */
async function listens(host: string, port: number | undefined): Promise<boolean> {
  const socket = connect({ host, port: port as number });
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

test('it listens on 127.0.0.1, and on other addresses when told to', async () => {
  const shy = await startTestNode(epmd.port, { cookie: erl.cookie });
  const open = await startTestNode(epmd.port, { cookie: erl.cookie, listen: { host: '0.0.0.0' } });
  try {
    expect(await listens('127.0.0.1', shy.node.port)).toBe(true);
    expect(await listens('127.0.0.2', shy.node.port)).toBe(false);
    expect(await listens('127.0.0.2', open.node.port)).toBe(process.platform === 'linux');
  } finally {
    await Promise.all([shy.node.stop(), open.node.stop()]);
  }
});

test('its cookie is a new one of 20 letters that only its owner can read, and no BEAM knows it', async () => {
  vi.stubEnv('HOME', home);
  vi.stubEnv('XDG_CONFIG_HOME', join(home, 'config'));
  const { node, name, log } = await startTestNode(epmd.port);
  try {
    expect(await erl.eval(`net_adm:ping('${name}').`)).toBe('pang');
    expect(log.filter(({ code }) => code === 'bad_cookie')).toHaveLength(1);
    expect(statSync(join(home, '.erlang.cookie')).mode & 0o777).toBe(0o400);
    const cookie = await erl.eval(`{ok, C} = file:read_file("${join(home, '.erlang.cookie')}"), C.`);
    expect(cookie).toMatch(/^<<"[A-Z]{20}">>$/);
    // Whoever may read it is let in.
    await erl.eval(`erlang:set_cookie('${name}', binary_to_atom(C, latin1)).`);
    expect(await erl.eval(`net_adm:ping('${name}').`)).toBe('pong');
    expect(JSON.stringify(log)).not.toContain(cookie.slice(3, -3));
  } finally {
    await node.stop();
  }
});

test('with the cookie, nothing can be called', async () => {
  const { node, name } = await startTestNode(epmd.port, { cookie: erl.cookie });
  try {
    for (const call of ['os:cmd("id")', 'erlang:halt()', 'init:stop()', 'file:read_file("x")', 'process:exit()']) {
      const [, module, run, args] = /^(\w+):(\w+)\((.*)\)$/.exec(call) as unknown as [string, string, string, string];
      for (const way of ['rpc:call', 'rpc:block_call'])
        expect(
          await erl.eval(`element(1, element(2, element(2, ${way}('${name}', ${module}, ${run}, [${args}])))).`),
        ).toBe('undef');
    }
    expect(await erl.eval(`net_adm:ping('${name}').`)).toBe('pong');
    expect(node.nodes('connected')).toEqual([erl.name]);
  } finally {
    await node.stop();
  }
});
