// Messages of any shape to the names that every node has, and to those that only BEAMs have (promise 7: on a BEAM some of
// them end a process that others depend on). FC_RUNS=10000 for more of them.
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { epmd as epmdDiscovery } from '../../src/discovery/index.js';
import { DOP } from '../../src/dist/control.js';
import { ANNOUNCED_FLAGS, DFLAG } from '../../src/dist/flags.js';
import { atom } from '../../src/term/atom.js';
import { pid, reference } from '../../src/term/identifiers.js';
import { improperList } from '../../src/term/list.js';
import type { Term } from '../../src/term/term.js';
import { tuple } from '../../src/term/tuple.js';
import { packet } from '../dist/peers.js';
import { type Epmd, startEpmd } from '../support/epmd.js';
import { type Erlang, startErlang } from '../support/erlang.js';
import { startTestNode, type TestNode, until } from '../support/ts-node.js';
import { anyTerm } from '../term/arbitrary.js';
import { COOKIE, complaints, expectHarmless, type Intruder, intrude } from './raw-peer.js';

let epmd: Epmd;
let victim: TestNode;
let erl: Erlang;
let peer: Intruder;
beforeAll(async () => {
  epmd = await startEpmd();
  const real = epmdDiscovery({ port: epmd.port });
  victim = await startTestNode(epmd.port, {
    cookie: COOKIE,
    discovery: {
      ...real,
      // Pids in random messages name hosts that nobody shall be asked about.
      resolve: async (node, options) => (node.endsWith('@127.0.0.1') ? real.resolve(node, options) : []),
    },
  });
  erl = await startErlang({ epmdPort: epmd.port, cookie: COOKIE });
  peer = await intrude(victim, { flags: ANNOUNCED_FLAGS & ~(DFLAG.DFLAG_DIST_HDR_ATOM_CACHE | DFLAG.DFLAG_FRAGMENTS) });
});
afterAll(async () => {
  peer?.socket.destroy();
  await victim?.node.stop();
  await erl?.stop();
  await epmd?.stop();
});

const NAMES = 'net_kernel rex auth erl_epmd global_name_server global_group pg kernel_sup init user logger code_server'
  .split(' ')
  .map((name) => atom(name));

const us = (): Term => pid(peer.name, 5, 0, 7);
const someone = fc.oneof(
  fc.constant(undefined).map(us),
  fc.constantFrom<Term>(pid('nobody@127.0.0.1', 1, 0, 4), pid('x@h', 1, 0, 4), atom('x'), 5),
  fc.constant(undefined).map(() => victim.node.whereis('rex') as Term),
  fc.constant(undefined).map(() => victim.node.whereis('net_kernel') as Term),
);
const tag = fc.oneof(
  anyTerm,
  fc.constant(undefined).map(() => improperList([atom('alias')], reference(peer.name, 7, [1, 2, 3]))),
  fc
    .constant(undefined)
    .map(() => improperList([atom('alias')], reference(victim.name, victim.node.creation, [1, 2, 3]))),
);
const from = fc.oneof(
  fc.tuple(someone, tag).map((both): Term => tuple(...both)),
  anyTerm,
);
const word = fc.constantFrom<Term>(
  ...[
    'call',
    'block_call',
    'cast',
    'send',
    'sbcast',
    'is_auth',
    'auth',
    'spawn',
    'get_state',
    'terminate',
    'suspend',
  ].map((each) => atom(each)),
);
const request = fc.oneof(
  anyTerm,
  word,
  fc.tuple(word, anyTerm).map((both): Term => tuple(...both)),
  fc.tuple(word, anyTerm, anyTerm, anyTerm, someone).map((all): Term => tuple(...all)),
  fc
    .tuple(word, fc.constantFrom(atom('os'), atom('erpc')), fc.constantFrom(atom('cmd')), fc.array(anyTerm), someone)
    .map((all): Term => tuple(...all)),
);
const shaped = fc.oneof(
  anyTerm,
  fc.tuple(from, request).map(([who, what]): Term => tuple(atom('$gen_call'), who, what)),
  request.map((what): Term => tuple(atom('$gen_cast'), what)),
  fc.tuple(from, request).map(([who, what]): Term => tuple(atom('system'), who, what)),
  fc.tuple(someone, request).map((both): Term => tuple(...both)),
  fc.tuple(someone, request).map(([who, what]): Term => tuple(atom('EXIT'), who, what)),
  fc.tuple(tag, someone, request).map(([ref, who, what]): Term => tuple(atom('DOWN'), ref, atom('process'), who, what)),
  fc.tuple(someone, request).map(([who, what]): Term => tuple(who, tuple(atom('features_request'), what))),
);

test('random messages to system names: nothing ends, nothing runs, and every one is served on', async () => {
  const ran: unknown[] = [];
  victim.node.expose('here', { run: (value) => ran.push(value) });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.constantFrom(...NAMES), shaped), { minLength: 20, maxLength: 60 }),
      async (all) => {
        for (const [name, message] of all) peer.write(packet(tuple(DOP.DOP_REG_SEND, us(), atom(''), name), message));
        expect(await erl.eval(`net_adm:ping('${victim.name}').`)).toBe('pong');
      },
    ),
    { numRuns: Number(process.env['FC_RUNS'] ?? 100) },
  );
  // What a suspended or ended rex would not answer.
  expect(await erl.eval(`gen_server:call({rex, '${victim.name}'}, {call, here, run, [1], self()}).`)).toBe('1');
  expect(ran).toEqual([1]);
  expect(victim.node.nodes('connected')).toEqual([peer.name, erl.name]);
  await until(
    () =>
      complaints(victim.log).every(({ message }) => message === 'could not connect' || message.endsWith('suppressed')),
    'x',
  );
  expectHarmless(victim.log);
}, 60_000);
