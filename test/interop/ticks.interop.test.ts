// Idle, stopped and hanging peers (protocol sections 3.2 and 8, lines 38-40).
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import type { NodeEvent } from '../../src/node/monitor-nodes.js';
import { guard } from '../support/child.js';
import { type Erlang, startErlang } from '../support/erlang.js';
import { startTestNode, until } from '../support/ts-node.js';

const TICK_TIME = 2;

const startTicking = (): Promise<Erlang> => startErlang({ args: ['-kernel', 'net_ticktime', String(TICK_TIME)] });

test.concurrent('an idle connection stays up for three tick times', async () => {
  const e = await startTicking();
  const ts = await startTestNode(e.epmdPort, { cookie: e.cookie, netTickTime: TICK_TIME });
  try {
    await ts.node.connect(e.name);
    await sleep(3 * TICK_TIME * 1000);
    expect(ts.node.nodes('hidden')).toEqual([e.name]);
    expect(await e.eval('nodes(hidden).')).toBe(`['${ts.name}']`);
    expect(ts.log.filter(({ message }) => message === 'nodeup')).toHaveLength(1);
  } finally {
    await ts.node.stop();
    await e.stop();
  }
});

test.concurrent('a BEAM that was stopped is reported down; one that lives is not', async () => {
  const [e, other] = await Promise.all([startTicking(), startTicking()]);
  const ts = await startTestNode(e.epmdPort, { cookie: () => 'both', netTickTime: TICK_TIME });
  try {
    await e.eval('erlang:set_cookie(node(), both).');
    await other.eval('erlang:set_cookie(node(), both).');
    await ts.node.connect(e.name);
    await ts.node.connect(other.name);
    const events = ts.node.monitorNodes();
    e.signal('SIGSTOP');
    const { value } = (await events.next()) as { value: NodeEvent };
    expect(value).toMatchObject({ type: 'nodedown', node: e.name, reason: { code: 'net_tick_timeout' } });
    expect(ts.node.nodes('hidden')).toEqual([other.name]);
  } finally {
    e.signal('SIGCONT');
    await ts.node.stop();
    await Promise.all([e.stop(), other.stop()]);
  }
});

test.concurrent('a BEAM notices that we were stopped; when we go on, we notice that it has hung up', async () => {
  const e = await startTicking();
  const program = fileURLToPath(new URL('../support/killed-node.mjs', import.meta.url));
  const env = { ...process.env, ERL_EPMD_PORT: String(e.epmdPort), COOKIE: e.cookie };
  const child = spawn(process.execPath, [program, 'sleeper@127.0.0.1'], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  void guard(child);
  try {
    await once(child.stdout, 'data');
    expect(await e.eval("net_adm:ping('sleeper@127.0.0.1').")).toBe('pong');
    await e.eval("erlang:monitor_node('sleeper@127.0.0.1', true).");
    child.kill('SIGSTOP');
    expect(await e.eval('receive {nodedown, N} -> N after 9000 -> none end.')).toBe("'sleeper@127.0.0.1'");
    child.kill('SIGCONT');
    expect(await e.eval("net_adm:ping('sleeper@127.0.0.1').")).toBe('pong');
  } finally {
    child.kill('SIGKILL');
    await e.stop();
  }
});

test.concurrent('after we were stopped for longer than our own tick time, nobody is judged by what we could not hear', async () => {
  // Long enough that the BEAM does not give up on us meanwhile.
  const e = await startErlang({ args: ['-kernel', 'net_ticktime', '10'] });
  const program = fileURLToPath(new URL('../support/killed-node.mjs', import.meta.url));
  const env = { ...process.env, ERL_EPMD_PORT: String(e.epmdPort), COOKIE: e.cookie, NET_TICK_TIME: '4' };
  const child = spawn(process.execPath, [program, 'dozer@127.0.0.1'], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  void guard(child);
  let told = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    told += text;
  });
  try {
    await until(() => told.includes('up'), 'the node');
    expect(await e.eval("net_adm:ping('dozer@127.0.0.1').")).toBe('pong');
    await e.eval("erlang:monitor_node('dozer@127.0.0.1', true).");
    child.kill('SIGSTOP');
    await sleep(5000);
    child.kill('SIGCONT');
    for (let i = 0; i < 6; i++) {
      expect(await e.eval("node(rpc:call('dozer@127.0.0.1', phoenix, pid, [])).")).toBe("'dozer@127.0.0.1'");
      await sleep(500);
    }
    expect(await e.eval('receive {nodedown, _} -> lost after 0 -> kept end.')).toBe('kept');
    expect(told).toBe(`up\nnodeup ${e.name}\n`);
  } finally {
    child.kill('SIGKILL');
    await e.stop();
  }
});

test('an event loop of ours that hangs for an interval or two costs no connection', async () => {
  const e = await startTicking();
  const ts = await startTestNode(e.epmdPort, { cookie: e.cookie, netTickTime: TICK_TIME });
  try {
    await ts.node.connect(e.name);
    for (let i = 0; i < 3; i++) {
      const until = performance.now() + (TICK_TIME * 1000) / 2;
      while (performance.now() < until);
      await sleep(TICK_TIME * 300);
    }
    expect(await ts.node.ping(e.name)).toBe('pong');
    expect(ts.log.filter(({ message }) => message === 'nodedown')).toEqual([]);
  } finally {
    await ts.node.stop();
    await e.stop();
  }
});
