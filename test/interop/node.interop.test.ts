// Two nodes, one of them a BEAM: finding each other, shaking hands, coming and going (protocol section 8, lines 16-36).
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { epmd } from '../../src/discovery/index.js';
import { ConnectionError, HandshakeError } from '../../src/errors.js';
import type { NodeEvent } from '../../src/node/monitor-nodes.js';
import type { Process } from '../../src/process/process.js';
import { atom } from '../../src/term/atom.js';
import type { Pid } from '../../src/term/identifiers.js';
import { Tuple, tuple } from '../../src/term/tuple.js';
import { type Erlang, startErlang } from '../support/erlang.js';
import { freePort } from '../support/free-port.js';
import { startTestNode, type TestNode, until } from '../support/ts-node.js';

let e: Erlang;
let ts: TestNode;
const children: ChildProcess[] = [];

/** Sends `{From, Term}` back as `Term`, until told to stop. */
async function echo(self: Process): Promise<void> {
  for await (const message of self) {
    const [from, term] = message as Tuple;
    self.send(from as Pid, term);
  }
}

/** A program of test/support in an OS process of its own, on the built package. */
function run(program: string, args: readonly string[]): ChildProcess {
  const path = fileURLToPath(new URL(`../support/${program}`, import.meta.url));
  const env = { ...process.env, ERL_EPMD_PORT: String(e.epmdPort), COOKIE: e.cookie };
  const child = spawn(process.execPath, [path, ...args], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  return child;
}

beforeAll(async () => {
  e = await startErlang({ name: 'e' });
  ts = await startTestNode(e.epmdPort, { name: 'ts', cookie: e.cookie, terms: { floats: 'exact' } });
  ts.node.spawn(echo, { name: 'echo' });
});

afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await ts?.node.stop();
  await e?.stop();
});

describe('a BEAM and a node of ours', () => {
  test('net_adm:ping finds us; we are a hidden node', async () => {
    expect(await e.eval(`net_adm:ping('${ts.name}').`)).toBe('pong');
    expect(await e.eval('nodes(hidden).')).toBe(`['${ts.name}']`);
    expect(await e.eval('nodes().')).toBe('[]');
    expect(ts.node.nodes('hidden')).toEqual([e.name]);
    expect(ts.node.nodes('connected')).toEqual([e.name]);
    expect(ts.node.nodes()).toEqual([]);
  });

  test('we find a BEAM, with ping and with connect, and the BEAM sees us', async () => {
    const other = await startTestNode(e.epmdPort, { cookie: e.cookie });
    try {
      expect(await other.node.ping(e.name)).toBe('pong');
      await other.node.connect(e.name);
      expect(await e.eval(`lists:member('${other.name}', nodes(hidden)).`)).toBe('true');
      const info = other.node.info(e.name);
      expect(info?.flags).toContain('DFLAG_FRAGMENTS');
      expect(info?.creation).toBe(Number(await e.eval('erlang:system_info(creation).')));
    } finally {
      await other.node.stop();
    }
    await until(async () => (await e.eval(`lists:member('${other.name}', nodes(hidden)).`)) === 'false', 'node gone');
  });

  test('a node that EPMD does not know', async () => {
    await expect(ts.node.connect('nobody@127.0.0.1')).rejects.toMatchObject({ code: 'noport' });
    expect(await ts.node.ping('nobody@127.0.0.1')).toBe('pang');
    expect(ts.log.some(({ message, peer }) => message === 'ping failed' && peer === 'nobody@127.0.0.1')).toBe(true);
    await expect(ts.node.ping('no node name')).rejects.toMatchObject({ code: 'badarg' });
  });

  test('wrong cookie: pang on the BEAM, and our log says why', async () => {
    const other = await startTestNode(e.epmdPort, { cookie: 'not the same' });
    try {
      expect(await e.eval(`net_adm:ping('${other.name}').`)).toBe('pang');
      await until(() => other.log.some(({ code }) => code === 'bad_cookie'), 'a log line about the cookie');
      const line = other.log.find(({ code }) => code === 'bad_cookie');
      expect(line).toMatchObject({ level: 'warn', peer: e.name });
      expect(JSON.stringify(other.log)).not.toContain('not the same');
      const refused = other.node.connect(e.name);
      await expect(refused).rejects.toBeInstanceOf(HandshakeError);
      await expect(refused).rejects.toThrow(/cookie/);
      expect(other.node.nodes('connected')).toEqual([]);
    } finally {
      await other.node.stop();
    }
  });

  test('a cookie for each peer, as erlang:set_cookie/2', async () => {
    const other = await startTestNode(e.epmdPort, { cookie: (peer) => (peer === e.name ? 'between_us' : 'others') });
    try {
      expect(await e.eval(`net_adm:ping('${other.name}').`)).toBe('pang');
      await e.eval(`erlang:set_cookie('${other.name}', between_us).`);
      expect(await e.eval(`net_adm:ping('${other.name}').`)).toBe('pong');
    } finally {
      await other.node.stop();
    }
  });

  test('allow: a BEAM that we do not let in, and one that does not let us in', async () => {
    const other = await startTestNode(e.epmdPort, { cookie: e.cookie, allow: () => false });
    const picky = await startErlang({ cookie: e.cookie, epmdPort: e.epmdPort });
    try {
      expect(await e.eval(`net_adm:ping('${other.name}').`)).toBe('pang');
      await until(() => other.log.some(({ code }) => code === 'not_allowed'), 'a log line');
      await expect(other.node.connect(e.name)).rejects.toMatchObject({ code: 'not_allowed' });
      await picky.eval("net_kernel:allow(['somebody@127.0.0.1']).");
      await expect(ts.node.connect(picky.name)).rejects.toMatchObject({ code: 'not_allowed' });
    } finally {
      await other.node.stop();
      await picky.stop();
    }
  });

  test('monitorNodes tells of up and down, with the reason', async () => {
    const events: NodeEvent[] = [];
    const listening = ts.node.monitorNodes();
    const collecting = (async () => {
      for await (const event of listening) events.push(event);
    })();
    const other = await startErlang({ cookie: e.cookie, epmdPort: e.epmdPort });
    await ts.node.connect(other.name);
    await other.kill();
    await until(() => events.length >= 2, 'two events');
    expect(events).toMatchObject([
      { type: 'nodeup', node: other.name, hidden: true },
      { type: 'nodedown', node: other.name, hidden: true, reason: expect.any(ConnectionError) },
    ]);
    await ts.node.connect(e.name);
    await listening.return?.();
    await collecting;
  });

  test('disconnect, and what a BEAM sees of it', async () => {
    await ts.node.connect(e.name);
    await e.eval(`erlang:monitor_node('${ts.name}', true).`);
    expect(ts.node.disconnect(e.name)).toBe(true);
    expect(ts.node.disconnect(e.name)).toBe(false);
    expect(await e.eval('receive {nodedown, N} -> N after 5000 -> none end.')).toBe(`'${ts.name}'`);
    expect(await e.eval(`net_adm:ping('${ts.name}').`)).toBe('pong');
  });

  test('the first message to a node that is not connected connects it', async () => {
    ts.node.disconnect(e.name);
    await e.eval('register(catcher, self()).');
    const me = ts.node.spawnMailbox();
    me.send({ name: 'catcher', node: e.name }, tuple(atom('first'), me.pid));
    expect(await e.eval('receive {first, P} -> P ! {second, self()}, node(P) after 5000 -> none end.')).toBe(
      `'${ts.name}'`,
    );
    const answer = await me.receive((m): m is Tuple<[unknown & undefined, Pid]> => m instanceof Tuple, {
      timeout: 5000,
    });
    me.send(answer[1] as Pid, atom('third'));
    expect(await e.eval('receive third -> got_it after 5000 -> none end.')).toBe('got_it');
    await e.eval('unregister(catcher).');
    me.exit();
  });

  test('both sides connect at the same time, again and again: one connection each time', async () => {
    const rounds = Number(process.env['ROUNDS'] ?? 60);
    for (const name of ['aa_first', 'zz_last']) {
      const other = await startTestNode(e.epmdPort, { name, cookie: e.cookie });
      try {
        for (let i = 0; i < rounds; i++) {
          const [theirs, ours] = await Promise.all([
            e.eval(`net_kernel:connect_node('${other.name}').`),
            other.node.connect(e.name).then(
              () => 'true',
              (error: Error) => error.message,
            ),
          ]);
          expect([theirs, ours], `round ${i} of ${name}: ${JSON.stringify(other.log.slice(-6))}`).toEqual([
            'true',
            'true',
          ]);
          expect(await e.eval(`length([x || {'${other.name}', _} <- erlang:system_info(dist_ctrl)]).`)).toBe('1');
          expect(other.node.nodes('connected')).toEqual([e.name]);
          expect(await other.node.ping(e.name)).toBe('pong');
          if (i % 2 === 0) other.node.disconnect(e.name);
          else await e.eval(`erlang:disconnect_node('${other.name}').`);
          await until(() => other.node.nodes('connected').length === 0, 'disconnected here');
          await until(
            async () => (await e.eval(`lists:member('${other.name}', nodes(hidden)).`)) === 'false',
            'disconnected there',
          );
        }
      } finally {
        await other.node.stop();
      }
    }
  }, 60_000);

  test('a node that was killed and comes back under its name is another incarnation', async () => {
    const start = async () => {
      const child = run('killed-node.mjs', ['phoenix@127.0.0.1']);
      await Promise.race([
        once(child.stdout as Readable, 'data'),
        once(child, 'exit').then(() => Promise.reject(new Error('the node did not start'))),
      ]);
      return child;
    };
    const first = await start();
    expect(await e.eval("net_adm:ping('phoenix@127.0.0.1').")).toBe('pong');
    await e.eval("Old = rpc:call('phoenix@127.0.0.1', phoenix, pid, []), M = monitor(process, Old).");
    first.kill('SIGKILL');
    expect(await e.eval("receive {'DOWN', M, process, Old, Why} -> Why after 5000 -> none end.")).toBe('noconnection');
    const second = await start();
    expect(await e.eval("net_adm:ping('phoenix@127.0.0.1').")).toBe('pong');
    expect(
      await e.eval(
        "M2 = monitor(process, Old), receive {'DOWN', M2, process, Old, Why2} -> Why2 after 5000 -> none end.",
      ),
    ).toBe('noproc');
    second.kill('SIGKILL');
  });

  test('a stopped node is gone from EPMD, its waits are rejected, and it refuses to be used', async () => {
    const other = await startTestNode(e.epmdPort, { cookie: e.cookie });
    await other.node.connect(e.name);
    const waiting = other.node.spawnMailbox().receive();
    await other.node.stop();
    await expect(waiting).rejects.toMatchObject({ code: 'shutdown' });
    const alive = other.name.split('@')[0];
    expect(await e.eval(`lists:keymember("${alive}", 1, element(2, net_adm:names())).`)).toBe('false');
    expect(() => other.node.spawnMailbox()).toThrow(expect.objectContaining({ code: 'node_stopped' }));
    await other.node.stop();
  });

  test('a stopped node keeps nothing alive: its process ends by itself', async () => {
    const child = run('stopped-node.mjs', [e.name]);
    const [code] = (await once(child, 'exit')) as [number];
    expect(code).toBe(0);
  });

  test('a name that is taken', async () => {
    await expect(startTestNode(e.epmdPort, { name: e.name, cookie: e.cookie })).rejects.toMatchObject({
      code: 'duplicate_name',
    });
  });

  test('embedded EPMD: a BEAM registers with us and finds us there', async () => {
    const port = await freePort();
    const host = await startTestNode(port, {
      name: 'host',
      cookie: e.cookie,
      discovery: epmd({ port, embedded: true }),
    });
    const guest = await startErlang({ cookie: e.cookie, epmdPort: port, args: ['-start_epmd', 'false'] });
    try {
      expect(await guest.eval(`net_adm:ping('${host.name}').`)).toBe('pong');
      expect(await guest.eval('{ok, Ns} = net_adm:names(), lists:sort([N || {N, _} <- Ns]).')).toContain('host');
      expect(await host.node.ping(guest.name)).toBe('pong');
    } finally {
      await guest.stop();
      await host.node.stop();
    }
  });

  test('listen: false', async () => {
    const other = await startTestNode(e.epmdPort, { cookie: e.cookie, listen: false });
    try {
      expect(other.node.port).toBeUndefined();
      expect(await other.node.ping(e.name)).toBe('pong');
      expect(await e.eval(`lists:member('${other.name}', nodes(hidden)).`)).toBe('true');
    } finally {
      await other.node.stop();
    }
  });
});
