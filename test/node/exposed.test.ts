// What other nodes may call of a node, module by module, and what a peer cannot make of it.
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Node } from '../../src/node/node.js';
import { atom } from '../../src/term/atom.js';
import { text } from '../../src/term/list.js';
import type { Term } from '../../src/term/term.js';
import { tuple } from '../../src/term/tuple.js';
import { network } from './network.js';

let served: Node;
let peer: Node;

beforeEach(async () => {
  const net = network();
  served = (await net.start('served@memory', { introspection: true })).node;
  peer = (await net.start('peer@memory')).node;
});

afterEach(() => Promise.all([served.stop(), peer.stop()]));

const ask = (module: string, name: string, ...args: readonly Term[]): Promise<Term> =>
  peer.rpc('served@memory', module, name, args);
const undef = expect.objectContaining({ code: 'badrpc', message: expect.stringContaining('undef') });

test('a module is replaced as a whole, and no other with it', async () => {
  served.expose('a', { f: () => 'a:f' });
  served.expose('a:b', { f: () => 'a:b:f' });
  served.expose('a', { g: () => 'a:g' });
  await expect(ask('a', 'f')).rejects.toEqual(undef);
  expect(text(await ask('a', 'g'))).toBe('a:g');
  expect(text(await ask('a:b', 'f'))).toBe('a:b:f');
  served.expose('a', {});
  await expect(ask('a', 'g')).rejects.toEqual(undef);
});

test('an arity in the key, and methods that use their object', async () => {
  const calculator = {
    factor: 3,
    times(a: number) {
      return a * this.factor;
    },
    'sum/3': (...all: readonly number[]) => all.reduce((a, b) => a + b),
  };
  const { factor: _, ...methods } = calculator;
  expect(() => served.expose('m', calculator as never)).toThrow(/m:factor is not a function/);
  served.expose('m', methods);
  expect(await ask('m', 'sum', 1, 2, 3)).toBe(6);
  class Counter {
    #count = 0;
    readonly next = (): number => ++this.#count;
  }
  served.expose('m', {
    first() {
      return this.second();
    },
    second: () => 2,
    ...new Counter(),
  } as { first(): number; second(): number; next(): number });
  expect([await ask('m', 'first'), await ask('m', 'next'), await ask('m', 'next')]).toEqual([2, 1, 2]);
});

test('nobody may look at processes of a node that was not told so', async () => {
  const net = network();
  const { node: shut } = await net.start('shut@memory');
  const { node: curious } = await net.start('curious@memory');
  const me = shut.spawnMailbox();
  const look = (...args: readonly Term[]) => curious.rpc('shut@memory', 'erlang', 'process_info', args);
  await expect(look(me.pid)).rejects.toEqual(undef);
  await expect(look(me.pid, atom('links'))).rejects.toEqual(undef);
  expect(await curious.ping('shut@memory')).toBe('pong');
  await Promise.all([shut.stop(), curious.stop()]);
});

test('what the node itself has stays when a module of that name is exposed', async () => {
  served.expose('erlang', { node: () => atom('mine') });
  served.expose('erpc', { hello: () => 1 });
  expect(await ask('erlang', 'node')).toBe(atom('mine'));
  expect(await ask('erpc', 'hello')).toBe(1);
  const rex = served.whereis('rex') as Term;
  expect(await ask('erlang', 'process_info', rex, atom('registered_name'))).toEqual(
    tuple(atom('registered_name'), atom('rex')),
  );
});

test('erpc cannot be called by rpc: calls do not nest to the depth that a peer chooses', async () => {
  served.expose('m', { f: () => 1 });
  const ref = peer.spawnMailbox().alias();
  await expect(ask('erpc', 'execute_call', ref, atom('m'), atom('f'), [])).rejects.toEqual(undef);
  await expect(ask('erpc', 'execute_cast', atom('m'), atom('f'), [])).rejects.toEqual(undef);
});

test('a question about a process is as long as all there is to know, no longer and no deeper', async () => {
  const rex = served.whereis('rex') as Term;
  const about = (items: Term): Promise<Term> => ask('erlang', 'process_info', rex, items);
  const badarg = expect.objectContaining({ message: expect.stringContaining('badarg') });
  expect(await about([atom('links'), atom('monitors')])).toEqual([
    tuple(atom('links'), []),
    tuple(atom('monitors'), []),
  ]);
  await expect(about([atom('links'), atom('links')])).rejects.toEqual(badarg);
  await expect(about([[atom('links')]])).rejects.toEqual(badarg);
  await expect(about(Array.from({ length: 101 }, (_, i) => tuple(atom('dictionary'), i)))).rejects.toEqual(badarg);
  let deep: Term = atom('links');
  for (let depth = 0; depth < 100_000; depth++) deep = [deep];
  await expect(about(deep)).rejects.toEqual(badarg);
});

test('block_calls run one after the other, also after one whose answer has no Erlang form', async () => {
  let running = 0;
  let most = 0;
  let go = (): void => {};
  const gate = new Promise<void>((resolve) => {
    go = resolve;
  });
  served.expose('m', {
    unsendable: () => ({ inside: () => 1 }),
    async slow() {
      most = Math.max(most, ++running);
      await gate;
      running--;
      return 1;
    },
  });
  const rex = { name: 'rex', node: 'served@memory' };
  const block = (name: string): Promise<Term> =>
    peer.call(rex, tuple(atom('block_call'), atom('m'), atom(name), [], atom('user')), { timeout: 60_000 });
  const answers = [block('unsendable'), block('slow'), block('slow'), block('slow')];
  expect(await answers[0]).toMatchObject({ elements: [atom('badrpc'), expect.anything()] });
  // A call that is not blocked comes last and shows that nothing else has begun.
  expect(await peer.call(rex, tuple(atom('call'), atom('m'), atom('nope'), [], atom('user')))).toBeDefined();
  go();
  expect(await Promise.all(answers.slice(1))).toEqual([1, 1, 1]);
  expect(most).toBe(1);
});
