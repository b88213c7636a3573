// What users of plain JavaScript get wrong, with no compiler to tell them: each mistake is an ArgumentError at once, as
// an exception or as the rejection of what was asked for; nothing waits for ever, and nothing takes the program down.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ArgumentError, ConnectionError, ExitError } from '../../src/errors.js';
import type { Node } from '../../src/node/node.js';
import type { Process } from '../../src/process/process.js';
import { atom } from '../../src/term/atom.js';
import { tuple } from '../../src/term/tuple.js';
import { network } from './network.js';

const net = network();
let node: Node;
let me: Process;

beforeAll(async () => {
  ({ node } = await net.start('a@h'));
  me = node.spawnMailbox();
  await net.listen('silent@h', () => {});
});
afterAll(() => node.stop());

// The compiler knows better than to let these through.
type Wrong = never;
const wrong = (value: unknown): Wrong => value as Wrong;
const ref = () => me.alias();
const fun = () => {};

const receiving: [string, () => unknown][] = [
  ['a number', () => me.receive(wrong(5000))],
  ['a text', () => me.receive(wrong('x'))],
  ['null', () => me.receive(wrong(null))],
  ['an array', () => me.receive(wrong([]))],
  ['a pattern', () => me.receive(wrong(/x/))],
  ['an atom', () => me.receive(wrong(atom('x')))],
  ['a tuple', () => me.receive(wrong(tuple(1)))],
  ['a number behind the matcher', () => me.receive(() => true, wrong(5000))],
  ['a timeout that is a text', () => me.receive({ timeout: wrong('5') })],
  ['a timeout below zero', () => me.receive({ timeout: -1 })],
  ['a signal that is none', () => me.receive({ signal: wrong({}) })],
];

const relations: [string, () => unknown][] = [
  ['link', () => me.link(wrong('x'))],
  ['link with true', () => me.link(me.pid, wrong(true))],
  ['exit to a name', () => me.exit(wrong('x'), 1, { priority: true })],
  ['exit with true', () => me.exit(me.pid, 1, wrong(true))],
  ['unlink', () => me.unlink(wrong('x'))],
  ['unlink a process', () => me.unlink(wrong(me))],
  ['monitor', () => me.monitor(wrong(5))],
  ['monitor with null', () => me.monitor(me.pid, wrong(null))],
  ['monitor with an unknown alias', () => me.monitor(me.pid, { alias: wrong('x') })],
  ['alias', () => me.alias(wrong('demonitor'))],
  ['unalias', () => me.unalias(wrong('x'))],
  ['demonitor', () => me.demonitor(wrong(undefined))],
  ['demonitor with true', () => me.demonitor(ref(), wrong(true))],
  ['cancelTimer', () => me.cancelTimer(wrong('x'))],
  ['exit', () => me.exit(wrong('x'), atom('kill'))],
  ['setGroupLeader', () => me.setGroupLeader(wrong('x'), me.pid)],
];

const spawning: [string, () => unknown][] = [
  ['nothing', () => node.spawn(wrong(undefined))],
  ['an object', () => node.spawn(wrong({}))],
  ['null', () => node.spawn(fun, wrong(null))],
  ['a name for options', () => node.spawn(fun, wrong('x'))],
  ['a name that is a number', () => node.spawn(fun, { name: wrong(5) })],
  ['link: true', () => node.spawn(fun, { link: wrong(true) })],
  ['monitor: true', () => node.spawn(fun, { monitor: wrong(true) })],
  ['a group leader that is a name', () => node.spawn(fun, { groupLeader: wrong('user') })],
  ['a function for a mailbox', () => node.spawnMailbox(wrong(fun))],
  ['nothing for a child', () => me.spawn(wrong(undefined))],
  ['a child with null', () => me.spawn(fun, wrong(null))],
];

const naming: [string, () => unknown][] = [
  ['register a number', () => node.register(wrong(5), me.pid)],
  ['register nobody', () => node.register('x', wrong(undefined))],
  ['register a process', () => node.register('x', wrong(me))],
  ['register oneself as a number', () => me.register(wrong(5))],
  ['whereis', () => node.whereis(wrong(5))],
  ['unregister', () => node.unregister(wrong(5))],
  ['nodes', () => node.nodes(wrong('bogus'))],
  ['info', () => node.info(wrong(5))],
  ['drained', () => node.drained(wrong(5))],
  ['drained with a number', () => node.drained('b@h', wrong(5000))],
  ['drained with a signal that is none', () => me.drained('b@h', { signal: wrong({}) })],
  ['stop with a number', () => node.stop(wrong(5000))],
  ['monitorNodes with a number', () => node.monitorNodes(wrong(5))],
  ['monitorNodes with a signal that is none', () => node.monitorNodes({ signal: wrong({}) })],
  ['monitorNodes with no queue', () => node.monitorNodes({ maxQueued: 0 })],
  ['monitorBusy with a queue of text', () => node.monitorBusy({ maxQueued: wrong('5') })],
  ['disconnect', () => node.disconnect(wrong(5))],
  ['expose a number', () => node.expose(wrong(5), {})],
  ['expose nothing', () => node.expose('m', wrong(null))],
  ['expose a function', () => node.expose('m', wrong(fun))],
];

const asking: [string, () => unknown][] = [
  ['send', () => me.send(wrong({ name: 'x' }), 1)],
  ['call', () => me.call(wrong(5), 1)],
  ['call with null', () => me.call('x', 1, wrong(null))],
  ['call with a number', () => me.call('x', 1, wrong(5000))],
  ['call with a signal that is none', () => me.call('x', 1, { signal: wrong(5) })],
  ['connect to nothing', () => node.connect(wrong(undefined))],
  ['connect with null', () => node.connect('b@h', wrong(null))],
  ['connect with a signal that is none', () => node.connect('b@h', { signal: wrong(5) })],
  ['connect with a bad timeout', () => node.connect('b@h', { timeout: wrong('x') })],
  ['ping with a bad timeout', () => node.ping('b@h', { timeout: wrong('x') })],
  ['rpc without a function', () => node.rpc('b@h', 'm', wrong(undefined), wrong(undefined))],
  ['rpc with one argument', () => node.rpc('b@h', 'm', 'f', wrong(1))],
  ['rpc with a module that is a number', () => node.rpc('b@h', wrong(5), 'f', [])],
  ['rpc with a number', () => node.rpc('b@h', 'm', 'f', [], wrong(5))],
  ['erpc to nowhere', () => node.erpc(wrong(5), 'm', 'f', [])],
  ['erpcCast with one argument', () => node.erpcCast('b@h', 'm', 'f', wrong(1))],
  ['spawnRequest with one argument', () => me.spawnRequest('b@h', 'm', 'f', wrong(1))],
];

describe.each([
  ['receive()', receiving],
  ['links, monitors, aliases', relations],
  ['spawn()', spawning],
  ['names and nodes', naming],
  ['what goes to others', asking],
])('%s', (_, mistakes) => {
  test.each(mistakes)('%s', async (_, mistake) => {
    const error = await (async () => mistake())().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ArgumentError);
    expect(error).toMatchObject({ code: 'badarg' });
  });
});

test('promises reject, they do not throw: whoever has a catch() has everything', async () => {
  for (const asked of [
    () => node.rpc('b@h', 'm', 'f', wrong(1)),
    () => node.erpc(wrong(5), 'm', 'f', []),
    () => node.call(wrong(5), 1),
    () => me.call(wrong(5), 1),
    () => me.spawnRequest('b@h', 'm', 'f', wrong(1)),
  ])
    await asked().then(
      () => expect.unreachable(),
      (error: unknown) => expect(error).toBeInstanceOf(ArgumentError),
    );
});

test('spawn takes processes and pids of this node to link and monitor, and names that are atoms', async () => {
  const watcher = node.spawnMailbox();
  watcher.trapExit = true;
  const linked = node.spawn((self) => self.exit(1), { link: watcher.pid, name: atom('child') });
  expect(node.whereis('child')).toEqual(linked);
  expect(await watcher.receive()).toEqual(tuple(atom('EXIT'), linked, 1));
  const watched = node.spawn((self) => self.exit(2), { monitor: watcher.pid });
  expect(((await watcher.receive()) as Iterable<unknown>)[Symbol.iterator]).toBeTypeOf('function');
  expect(() => node.spawn(fun, { link: watched })).toThrow(/living process of a@h/);
});

test('whoever gives up connecting is told at once; the attempt goes on without him', async () => {
  await expect(node.connect('silent@h', { timeout: 10 })).rejects.toMatchObject({
    constructor: ConnectionError,
    code: 'timeout',
  });
});

test('module and function may be atoms', async () => {
  const asked = node.rpc('nowhere@h', atom('m'), atom('f'), []);
  await expect(asked).rejects.toMatchObject({ constructor: ExitError, code: 'badrpc' });
});
