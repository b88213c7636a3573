// Nodes without a name of their own (DFLAG_NAME_ME, protocol section 2.8): named by a BEAM, and naming one.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { epmd } from '../../src/discovery/index.js';
import { HandshakeError } from '../../src/errors.js';
import { startNode } from '../../src/start-node.js';
import { atom } from '../../src/term/atom.js';
import { tuple } from '../../src/term/tuple.js';
import { type Erlang, startErlang } from '../support/erlang.js';
import { startTestNode, until } from '../support/ts-node.js';

let e: Erlang;

beforeAll(async () => {
  e = await startErlang();
});

afterAll(async () => {
  await e?.stop();
});

const nameless = (namedBy: string) =>
  startNode('undefined@127.0.0.1', { cookie: e.cookie, namedBy, discovery: epmd({ port: e.epmdPort }) });

test('a BEAM names us; we are its hidden node until it goes', async () => {
  const namer = await startErlang({ cookie: e.cookie, epmdPort: e.epmdPort });
  const node = await nameless(namer.name);
  expect(node.name).toMatch(/^[0-9A-Z]+@127\.0\.0\.1$/);
  expect(node.creation).toBeGreaterThanOrEqual(4);
  expect(await namer.eval('nodes(hidden).')).toBe(`['${node.name}']`);
  expect(await node.ping(namer.name)).toBe('pong');
  expect(await namer.eval(`net_adm:ping('${node.name}').`)).toBe('pong');
  const me = node.spawnMailbox();
  await namer.eval('register(shell, self()).');
  me.send({ name: 'shell', node: namer.name }, tuple(atom('hello'), me.pid));
  expect(await namer.eval('receive {hello, P} -> P ! back, node(P) after 5000 -> none end.')).toBe(`'${node.name}'`);
  expect(await me.receive({ timeout: 5000 })).toBe(atom('back'));
  // A name that was given up is given again, to another incarnation.
  await node.stop();
  await until(async () => (await namer.eval('nodes(hidden).')) === '[]', 'the node to be gone');
  const second = await nameless(namer.name);
  expect(second.name).toBe(node.name);
  expect(second.creation).toBe(node.creation + 1);
  const ended = second.spawnMailbox().receive();
  await namer.kill();
  await expect(ended).rejects.toMatchObject({ code: 'shutdown' });
  expect(() => second.spawnMailbox()).toThrow(/stopped/);
});

test('we name a BEAM, and give the name again when it is free', async () => {
  const ts = await startTestNode(e.epmdPort, { cookie: e.cookie });
  ts.node.expose('who', { am_i: () => atom(ts.name) });
  const names: string[] = [];
  try {
    for (let i = 0; i < 2; i++) {
      const guest = await startErlang({ name: 'undefined', cookie: e.cookie, epmdPort: e.epmdPort });
      expect(await guest.eval(`net_kernel:connect_node('${ts.name}').`)).toBe('true');
      expect(await guest.eval(`rpc:call('${ts.name}', who, am_i, []).`)).toBe(`'${ts.name}'`);
      const name = (await guest.eval('node().')).replaceAll("'", '');
      expect(ts.node.nodes('hidden')).toEqual([name]);
      expect(ts.node.info(name)?.creation).toBe(Number(await guest.eval('erlang:system_info(creation).')));
      expect(await ts.node.ping(name)).toBe('pong');
      names.push(name);
      await guest.kill();
      await until(() => ts.node.nodes('hidden').length === 0, 'the guest to be gone');
    }
    expect(names[0]).toMatch(/^[0-9A-Z]+@127\.0\.0\.1$/);
    expect(names[1]).toBe(names[0]);
  } finally {
    await ts.node.stop();
  }
});

test('a name of its own and a name from another do not go together', async () => {
  const both = startNode('mine@127.0.0.1', { cookie: e.cookie, namedBy: e.name });
  await expect(both).rejects.toMatchObject({ code: 'badarg' });
});

test('a namer that is not there, and one with another cookie', async () => {
  await expect(nameless('nobody@127.0.0.1')).rejects.toMatchObject({ code: 'noport' });
  const stranger = startNode('undefined@127.0.0.1', {
    cookie: 'another',
    namedBy: e.name,
    discovery: epmd({ port: e.epmdPort }),
  });
  await expect(stranger).rejects.toBeInstanceOf(HandshakeError);
  await expect(stranger).rejects.toMatchObject({ code: 'bad_cookie' });
});
