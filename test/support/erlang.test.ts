import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Epmd, startEpmd } from './epmd.js';
import { type Erlang, ErlangError, startErlang } from './erlang.js';

test('a node that complains of what a peer sent it, or has crashed, fails the test', async () => {
  const told = await startErlang({ name: false });
  await told.eval('logger:error("Invalid distribution message: ~p", [made_up])');
  // A logger writes when it likes, and a node that is stopped does not wait for it.
  await expect.poll(() => told.log.join('\n'), { timeout: 10_000 }).toContain('made_up');
  await expect(told.stop()).rejects.toThrow(/was hurt:[\s\S]*Invalid distribution message: made_up/);
  const crashed = await startErlang({ name: false });
  process.kill(crashed.pid, 'SIGSEGV');
  await crashed.exited;
  await expect(crashed.stop()).rejects.toThrow('SIGSEGV');
});

describe('an Erlang node', () => {
  let erl: Erlang;
  beforeAll(async () => {
    erl = await startErlang();
  });
  afterAll(() => erl.stop());

  test('is distributed, on loopback only, and says who it is', async () => {
    expect(erl.name).toMatch(/^e_[0-9a-f]{12}@127\.0\.0\.1$/);
    expect(await erl.eval('[node(), atom_to_list(erlang:get_cookie())].')).toBe(`['${erl.name}',"${erl.cookie}"]`);
    expect(Number(erl.release)).toBeGreaterThanOrEqual(23);
    const listeners = await erl.eval(
      '[A || P <- erlang:ports(), {name, "tcp_inet"} == erlang:port_info(P, name), {ok, {A, _}} <- [inet:sockname(P)]].',
    );
    expect(listeners).toContain('{127,0,0,1}');
    expect(listeners).not.toContain('{0,0,0,0}');
  });

  test('keeps bindings, process and mailbox between calls', async () => {
    const self = await erl.eval('Me = self(), Counter = 41.').then(() => erl.eval('self()'));
    expect(await erl.eval('{Me =:= self(), Counter + 1}')).toBe('{true,42}');
    await erl.eval('Me ! {hello, <<"wörld"/utf8>>}.');
    expect(await erl.eval('receive {hello, Who} -> {Who, process_info(self(), message_queue_len)} end')).toBe(
      '{<<"wörld"/utf8>>,{message_queue_len,0}}',
    );
    expect(await erl.eval('self()')).toBe(self);
  });

  test('rejects with what Erlang says, and goes on', async () => {
    await expect(erl.eval('1 / 0')).rejects.toThrow(ErlangError);
    await expect(erl.eval('1 / 0')).rejects.toThrow(/^error: badarith/);
    await expect(erl.eval('throw({no, "way"})')).rejects.toThrow('throw: {no,"way"}');
    await expect(erl.eval('{ok, ')).rejects.toThrow('syntax error: ');
    await expect(erl.eval('"open')).rejects.toThrow('syntax error: ');
    await expect(erl.eval('lists:nth(9, [])')).rejects.toThrow('lists,nth');
    await erl.eval('Kept = 1');
    await expect(erl.eval('exit(self(), kill), receive after infinity -> ok end')).rejects.toThrow('killed');
    expect(await erl.eval('Kept')).toBe('1');
  });

  test('answers large results and takes large expressions', async () => {
    expect(await erl.eval('lists:duplicate(1024 * 1024, $a)')).toBe(`"${'a'.repeat(1024 * 1024)}"`);
    expect(await erl.eval(`byte_size(<<"${'ab'.repeat(300_000)}">>)`)).toBe('600000');
    expect(await erl.eval('binary:copy(<<0, 255, 10, 13>>, 2)')).toBe('<<0,255,10,13,0,255,10,13>>');
  });

  test('what it prints and logs goes to the log, not between the answers', async () => {
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        erl.eval(`io:format("printed ~p~n", [${i}]), logger:error("logged ${i}"), ${i}`),
      ),
    );
    expect(answers).toEqual(Array.from({ length: 50 }, (_, i) => String(i)));
    await expect.poll(() => erl.log.join('\n')).toMatch(/printed 49[\s\S]*logged 49|logged 49[\s\S]*printed 49/);
  });

  test('names the expression that takes too long', async () => {
    const slow = erl.eval('receive after 700 -> late end', { timeout: 200 });
    const queued = erl.eval('next', { timeout: 300 });
    await expect(slow).rejects.toThrow(/within 200 ms to receive after 700/);
    await expect(queued).rejects.toThrow(/no answer .* to next/);
    expect(await erl.eval('fine')).toBe('fine');
  });

  test('two nodes with one cookie see each other; hidden ones are hidden', async () => {
    const other = await startErlang({ cookie: erl.cookie, hidden: true });
    expect(await erl.eval(`net_adm:ping('${other.name}')`)).toBe('pong');
    expect(await erl.eval('{nodes(), nodes(hidden)}')).toBe(`{[],['${other.name}']}`);
    await other.stop();
    expect(await other.exited).toEqual({ code: 0, signal: null });
    await expect.poll(() => erl.eval('nodes(hidden)')).toBe('[]');
    await expect(other.eval('1')).rejects.toThrow('has ended');
  });

  test('can be stopped by a signal, woken, and killed', async () => {
    const victim = await startErlang({ sname: 'victim' });
    expect(victim.name).toBe('victim@localhost');
    victim.signal('SIGSTOP');
    await expect(victim.eval('awake', { timeout: 200 })).rejects.toThrow('no answer');
    victim.signal('SIGCONT');
    expect(await victim.eval('awake')).toBe('awake');
    const asked = victim.eval('receive after infinity -> ok end');
    await Promise.all([expect(asked).rejects.toThrow('ended (SIGKILL)'), victim.kill()]);
  });

  test('works without distribution, as an oracle for terms', async () => {
    const oracle = await startErlang({ name: false });
    expect(await oracle.eval('{node(), term_to_binary([])}')).toBe('{nonode@nohost,<<131,106>>}');
    await oracle.stop();
  });

  test('an erl that cannot start says why', async () => {
    const gone = await startEpmd();
    await gone.stop();
    await expect(startErlang({ epmdPort: gone.port })).rejects.toThrow(/ended[\s\S]*(epmd|register|econnrefused)/i);
  });
});

describe('epmd', () => {
  let epmd: Epmd;
  beforeAll(async () => {
    epmd = await startEpmd();
  });
  afterAll(() => epmd.stop());

  test('knows the nodes that registered', async () => {
    expect(await epmd.names()).toEqual([]);
    const erl = await startErlang({ name: 'listed', epmdPort: epmd.port });
    expect((await epmd.names()).map(({ name, port }) => ({ name, port: port > 0 }))).toEqual([
      { name: 'listed', port: true },
    ]);
    await erl.stop();
    await expect.poll(() => epmd.names()).toEqual([]);
  });

  test('can be stopped and started again on its port', async () => {
    const { port, stop } = await startEpmd();
    await expect(startEpmd({ port })).rejects.toThrow(/did not start/);
    await stop();
    await sleep(50);
    const again = await startEpmd({ port });
    expect(again.port).toBe(port);
    await again.stop();
  });
});
