// Every type of term that a BEAM has goes to a process of ours and comes back the same (protocol section 8, lines 41-48,
// 76, 83), through the whole node: atom cache, fragments, floats decoded exactly.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Process } from '../../src/process/process.js';
import type { Pid } from '../../src/term/identifiers.js';
import type { Tuple } from '../../src/term/tuple.js';
import { type Erlang, startErlang } from '../support/erlang.js';
import { startTestNode, type TestNode } from '../support/ts-node.js';

let e: Erlang;
let ts: TestNode;
const folder = mkdtempSync(join(tmpdir(), 'erlnode-echo-'));

beforeAll(async () => {
  e = await startErlang();
  ts = await startTestNode(e.epmdPort, { cookie: e.cookie, terms: { floats: 'exact' } });
  ts.node.spawn(
    async (self: Process) => {
      for await (const message of self) {
        const [from, term] = message as Tuple;
        self.send(from as Pid, term);
      }
    },
    { name: 'echo' },
  );
  const source = fileURLToPath(new URL('../etf/etf_oracle.erl', import.meta.url));
  await e.eval(`{ok, etf_oracle, Code} = compile:file("${source}", [binary]),
    {module, etf_oracle} = code:load_binary(etf_oracle, "etf_oracle.erl", Code).`);
  await e.eval(`Echo = fun(T) -> {echo, '${ts.name}'} ! {self(), T}, receive R -> R after 10000 -> no_answer end end.`);
  await e.eval(`Read = fun(File) ->
    {ok, All} = file:read_file(File), [binary_to_term(B) || <<S:32, B:S/binary>> <= All] end.`);
});

afterAll(async () => {
  await ts?.node.stop();
  await e?.stop();
  rmSync(folder, { recursive: true });
});

/** The terms in a file that came back different; as text, at most three. */
const different = (file: string) =>
  e.eval(`lists:sublist([{T, B} || T <- Read("${file}"), (B = Echo(T)) =/= T], 3).`, { timeout: 60_000 });

test('a term of each kind, and the odd ones', async () => {
  const file = join(folder, 'corpus');
  expect(Number(await e.eval(`etf_oracle:corpus("${file}").`))).toBeGreaterThan(200);
  expect(await different(file)).toBe('[]');
});

test('random terms', async () => {
  const file = join(folder, 'random');
  const seed = Math.floor(Math.random() * 1e9);
  await e.eval(`etf_oracle:random(${seed}, 3000, "${file}").`);
  expect(await different(file), `seed ${seed}`).toBe('[]');
});

test('the fun that comes back is the fun that was sent: it runs', async () => {
  expect(await e.eval('X = 20, Back = Echo(fun(Y) -> X + Y end), Back(22).')).toBe('42');
});

test('pids, references and ports that come back still work', async () => {
  expect(await e.eval('Me = Echo(self()), Me ! to_myself, receive to_myself -> ok after 5000 -> none end.')).toBe('ok');
  expect(await e.eval('P = hd(erlang:ports()), erlang:port_info(Echo(P), id) =:= erlang:port_info(P, id).')).toBe(
    'true',
  );
});

test('more atoms than the cache has places, in both directions, the longest ones among them', async () => {
  await e.eval(`Atoms = [list_to_atom("cached_" ++ integer_to_list(N)) || N <- lists:seq(1, 5000)]
    ++ [list_to_atom(lists:duplicate(254, 16#20AC) ++ [$a + N]) || N <- lists:seq(0, 9)].`);
  for (let round = 0; round < 2; round++) expect(await e.eval('[A || A <- Atoms, Echo(A) =/= A].')).toBe('[]');
  expect(await e.eval('Echo(Atoms) =:= Atoms.')).toBe('true');
});

test('what nobody receives leaves the cache in order', async () => {
  await e.eval(
    `[{nobody_here, '${ts.name}'} ! list_to_atom("lost_" ++ integer_to_list(N)) || N <- lists:seq(1, 500)].`,
  );
  await e.eval('Lost = [list_to_atom("lost_" ++ integer_to_list(N)) || N <- lists:seq(1, 500)].');
  expect(await e.eval('[A || A <- Lost, Echo(A) =/= A].')).toBe('[]');
});

test('large messages, several senders at once, and a small one that does not wait for them', async () => {
  expect(
    await e.eval('Big = binary:copy(list_to_binary(lists:seq(0, 250)), 200000), Echo(Big) =:= Big.', {
      timeout: 30_000,
    }),
  ).toBe('true');
  const senders = `Parent = self(), Senders = [spawn_link(fun() ->
      B = binary:copy(<<N>>, 10000000),
      {echo, '${ts.name}'} ! {self(), {N, B}},
      receive {N, B} -> Parent ! {self(), same} end
    end) || N <- lists:seq(1, 4)], Echo(small),
    [receive {S, same} -> ok end || S <- Senders].`;
  expect(await e.eval(senders, { timeout: 30_000 })).toBe('[ok,ok,ok,ok]');
});
