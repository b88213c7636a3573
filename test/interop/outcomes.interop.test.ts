// How a call of one of our functions can end, in the words of every way in which OTP calls: erpc and rpc, one node or
// several, at once or later, through rex. What has no Erlang form is an error there that says what and where.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ExitError } from '../../src/errors.js';
import type { Term } from '../../src/term/term.js';
import { type Erlang, startErlang } from '../support/erlang.js';
import { startTestNode, type TestNode, until } from '../support/ts-node.js';

let e: Erlang;
let ts: TestNode;
let casts = 0;
const wrong = (value: unknown): Term => value as Term;

/** In Erlang anything can be thrown. */
function throwAny(value: unknown): never {
  throw value as Error;
}

beforeAll(async () => {
  e = await startErlang();
  ts = await startTestNode(e.epmdPort, { cookie: e.cookie });
  ts.node.expose('t', {
    value: () => 1,
    later: async () => 'late',
    thrown() {
      throwAny('hey');
    },
    failed() {
      throw new RangeError('bad');
    },
    exits() {
      throw new ExitError('exit', 'x', 'bye');
    },
    nested: () => wrong({ a: [1, () => 2] }),
    no_term: () => wrong(Symbol('x')),
    surrogate: () => ['\ud800'],
    too_deep() {
      let deep: Term = 1;
      for (let i = 0; i < 300_000; i++) deep = [deep];
      return deep;
    },
    bad_throw() {
      throwAny([1, () => 2]);
    },
    bad_exit() {
      throw new ExitError('exit', 'x', wrong([() => 1]));
    },
    count() {
      casts++;
      return wrong([() => 1]);
    },
  });
});
afterAll(async () => {
  await ts?.node.stop();
  await e?.stop();
});

/** An error of ours as Erlang sees it, its stack left out. */
const js = (name: string, message: string) => `{js_error,<<"${name}">>,<<"${message}">>}`;
const unsendable = (what: string, why: string) => js('not_encodable', `${what} has no Erlang form: ${why}`);

type Ending = readonly [kind: 'return' | 'throw' | 'exit' | 'error', value: string];

const ENDINGS: readonly [string, Ending][] = [
  ['value', ['return', '1']],
  ['later', ['return', '<<"late">>']],
  ['thrown', ['throw', '<<"hey">>']],
  ['failed', ['error', js('RangeError', 'bad')]],
  ['exits', ['exit', '<<"bye">>']],
  ['nested', ['error', unsendable('the value that was returned', 'cannot encode a function, at value.a[1]')]],
  [
    'no_term',
    ['error', js('not_encodable', 't:no_term/0 gave what is no Erlang term: expected an Erlang term, not a symbol')],
  ],
  [
    'surrogate',
    [
      'error',
      unsendable(
        'the value that was returned',
        'cannot encode a string with a lone surrogate, which UTF-8 does not have, at value[0]',
      ),
    ],
  ],
  ['bad_throw', ['error', unsendable('the value that was thrown', 'cannot encode a function, at value[1]')]],
  ['bad_exit', ['error', unsendable('the exit reason', 'cannot encode a function, at value[0]')]],
  ['nosuch', ['error', 'undef']],
];

/** `E` reads what erpc raises, `B` what rpc returns, `M` a result of erpc:multicall: without stacks. */
const PREPARE = `
  N = NODE,
  E = fun(F) -> try {return, F()} catch throw:T -> {throw, T}; exit:{exception, R} -> {exit, R};
        error:{exception, R, S} when is_list(S) -> {error, R}; C:R -> {other, C, R} end end,
  B = fun({badrpc, {'EXIT', {R, S}}}) when is_list(S) -> {error, R}; ({badrpc, {'EXIT', R}}) -> {exit, R};
         ({badrpc, R}) -> {other, R}; (V) -> {value, V} end,
  M = fun({ok, V}) -> {return, V}; ({throw, T}) -> {throw, T}; ({exit, {exception, R}}) -> {exit, R};
         ({error, {exception, R, S}}) when is_list(S) -> {error, R}; (O) -> {other, O} end.`;

const SHAPES: readonly [string, 'erpc' | 'rpc', (name: string) => string][] = [
  ['erpc:call/4', 'erpc', (name) => `E(fun() -> erpc:call(N, t, ${name}, []) end)`],
  ['erpc:call/5', 'erpc', (name) => `E(fun() -> erpc:call(N, t, ${name}, [], 5000) end)`],
  [
    'erpc:send_request',
    'erpc',
    (name) => `E(fun() -> erpc:receive_response(erpc:send_request(N, t, ${name}, []), 5000) end)`,
  ],
  ['erpc:multicall', 'erpc', (name) => `M(hd(erpc:multicall([N], t, ${name}, [], 5000)))`],
  ['rpc:call/4', 'rpc', (name) => `B(rpc:call(N, t, ${name}, []))`],
  ['rpc:call/5', 'rpc', (name) => `B(rpc:call(N, t, ${name}, [], 5000))`],
  ['rpc:block_call', 'rpc', (name) => `B(rpc:block_call(N, t, ${name}, [], 5000))`],
  ['rpc:async_call', 'rpc', (name) => `B(rpc:yield(rpc:async_call(N, t, ${name}, [])))`],
  ['rpc:multicall', 'rpc', (name) => `B(hd(element(1, rpc:multicall([N], t, ${name}, [], 5000))))`],
  ['a call to rex', 'rpc', (name) => `B(gen_server:call({rex, N}, {call, t, ${name}, [], group_leader()}, 5000))`],
];

describe.each(SHAPES)('%s', (_shape, family, code) => {
  beforeAll(() => e.eval(PREPARE.replace('NODE', `'${ts.name}'`)));

  test.each(ENDINGS)('%s', async (name, [kind, value]) => {
    // rpc cannot tell a thrown value from one that was returned.
    const shown = family === 'rpc' && (kind === 'return' || kind === 'throw') ? 'value' : kind;
    expect(await e.eval(`${code(name)}.`)).toBe(`{${shown},${value}}`);
  });

  test('too_deep', async () => {
    expect(await e.eval(`${code('too_deep')}.`)).toMatch(/^\{error,\{js_error,<<"not_encodable">>,<<".*over the limit/);
  });
});

test('casts: the function runs, nobody hears of its end, and the connection stays', async () => {
  for (const cast of ['erpc:cast(N, t, count, [])', 'rpc:cast(N, t, count, [])', 'erpc:multicast([N], t, count, [])']) {
    await e.eval(`${cast}.`);
  }
  await until(() => casts === 3, 'the casts');
  expect(await e.eval('net_adm:ping(N).')).toBe('pong');
});

test('a process that ends with a reason over a limit: whoever watches it hears of its end all the same', async () => {
  const process = ts.node.spawnMailbox({ name: 'deep' });
  await e.eval('Ref = monitor(process, {deep, N}).');
  expect(await e.eval('net_adm:ping(N).')).toBe('pong');
  let deep: Term = 1;
  for (let i = 0; i < 300_000; i++) deep = [deep];
  process.exit(deep);
  expect(await e.eval("receive {'DOWN', Ref, process, _, Reason} -> is_binary(Reason) after 5000 -> none end.")).toBe(
    'true',
  );
});
