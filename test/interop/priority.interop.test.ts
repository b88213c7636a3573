// Signals with priority, ours and a BEAM's (protocol section 4.3, "Priority", and section 8, line 73). Releases before 28
// know none: what we send them with priority is what it would be without, or nothing where there is no such thing.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Process } from '../../src/process/process.js';
import { atom } from '../../src/term/atom.js';
import { format } from '../../src/term/format.js';
import { Pid, Reference } from '../../src/term/identifiers.js';
import type { Term } from '../../src/term/term.js';
import { Tuple, tuple } from '../../src/term/tuple.js';
import type { Erlang } from '../support/erlang.js';
import { until } from '../support/ts-node.js';
import { type Pair, startPair } from './pair.js';

let e: Erlang;
let me: Process;
let shell: Pid;
let pair: Pair;
let hasPriority: boolean;
let hasAliases: boolean;

beforeAll(async () => {
  pair = await startPair();
  ({ e } = pair);
  hasPriority = Number(e.release) >= 28;
  hasAliases = Number(e.release) >= 24;
});
afterAll(() => pair?.stop());
beforeEach(async () => {
  ({ me, shell } = await pair.meet());
  return () => me.exit();
});

const erl = (code: string): Promise<string> => pair.erl(code);

/** What waits in our mailbox, as Erlang prints it but for pids and references. */
async function heard(count: number): Promise<string[]> {
  await until(() => me.messageQueueLength >= count, `${count} messages, of which ${me.messageQueueLength} came`);
  const messages: string[] = [];
  while (me.messageQueueLength > 0) {
    const message = await me.receive();
    const shown = message instanceof Tuple ? tuple(...message.elements.map(anonymous)) : message;
    messages.push(format(shown));
  }
  return messages;
}

function anonymous(term: Term): Term {
  return term instanceof Reference ? atom('ref') : term instanceof Pid ? atom('pid') : term;
}

/** Gives the Erlang process a term under the name `variable`. */
async function give(variable: string, term: Term): Promise<void> {
  me.send(shell, tuple(atom('given'), term));
  await erl(`${variable} = receive {given, X${variable}} -> X${variable} after 5000 -> none end`);
}

test('a BEAM sends to our alias: messages and exit signals with priority go before what waits', async () => {
  me.trapExit = true;
  await give('Mine', me.pid);
  if (!hasAliases) {
    expect(hasPriority).toBe(false);
    return;
  }
  await give('Alias', me.alias('explicit_unalias', { priority: true }));
  await erl('Mine ! ordinary, Alias ! to_alias');
  if (!hasPriority) {
    await expect(erl('erlang:send(Alias, prio, [priority])')).rejects.toThrow('badarg');
    expect(await heard(2)).toEqual(['ordinary', 'to_alias']);
    return;
  }
  await erl('erlang:send(Alias, prio, [priority]), exit(Alias, stop, [priority]), exit(Alias, later)');
  await erl('erlang:send(Mine, last, [priority]), exit(Mine, last, [priority])');
  expect(await heard(7)).toEqual([
    'prio',
    "{'EXIT',pid,stop}",
    'ordinary',
    'to_alias',
    "{'EXIT',pid,later}",
    'last',
    "{'EXIT',pid,last}",
  ]);
});

test('a BEAM process ends: what we asked for with priority comes first, on every release', async () => {
  me.trapExit = true;
  await erl('P = spawn(fun() -> receive X -> exit(X) end end), Q = spawn(fun() -> receive X2 -> exit(X2) end end)');
  await erl('{me, N} ! P, {me, N} ! Q');
  const [p, q] = [(await me.receive()) as Pid, (await me.receive()) as Pid];
  me.link(p, { priority: true });
  me.monitor(q, { priority: true });
  me.send(me.pid, atom('ordinary'));
  me.send(p, atom('bye'));
  expect(await heard(2)).toEqual(["{'EXIT',pid,bye}", 'ordinary']);
  me.send(me.pid, atom('ordinary'));
  me.send(q, atom('bye'));
  expect(await heard(2)).toEqual(["{'DOWN',ref,process,pid,bye}", 'ordinary']);
});

test('we send to the alias of a BEAM process: it gets what has priority first', async () => {
  if (!hasAliases) {
    expect(hasPriority).toBe(false);
    return;
  }
  await erl(`process_flag(trap_exit, true), A = alias(${hasPriority ? '[priority]' : ''}), {me, N} ! A`);
  const alias = (await me.receive({ timeout: 5000 })) as Reference;
  me.send(shell, atom('ordinary'));
  me.send(alias, atom('to_alias'));
  me.send(alias, atom('prio'), { priority: true });
  me.exit(alias, atom('stop'), { priority: true });
  me.exit(alias, atom('later'));
  me.exit(shell, atom('to_pid'), { priority: true });
  me.send(shell, atom('prio_to_pid'), { priority: true });
  // Between two processes signals keep their order: this one is the last.
  me.send(shell, atom('last'));
  const read =
    "Read = fun F(L) -> case process_info(self(), messages) of {messages, M} -> case lists:member(last, M) orelse L =:= 0 of true -> [case E of {'EXIT', _, R} -> {exit, R}; _ -> E end || E <- M]; false -> timer:sleep(5), F(L - 1) end end end, Read(1000)";
  expect(await erl(read)).toBe(
    hasPriority
      ? '[prio,{exit,stop},ordinary,to_alias,{exit,later},{exit,to_pid},prio_to_pid,last]'
      : '[ordinary,to_alias,prio,{exit,to_pid},prio_to_pid,last]',
  );
});

test('an alias that is no more: nothing arrives, and nothing breaks', async () => {
  if (!hasAliases) {
    expect(hasPriority).toBe(false);
    return;
  }
  await erl(`process_flag(trap_exit, true), A = alias(${hasPriority ? '[priority]' : ''}), {me, N} ! A, unalias(A)`);
  const alias = (await me.receive({ timeout: 5000 })) as Reference;
  me.send(alias, 1, { priority: true });
  me.exit(alias, atom('kill'), { priority: true });
  me.send(shell, atom('last'));
  expect(await erl('receive M -> M after 5000 -> none end')).toBe('last');
  const own = me.alias('explicit_unalias', { priority: true });
  await give('Own', own);
  me.unalias(own);
  await erl('catch erlang:send(Own, x, [priority])');
  if (hasPriority) await erl('exit(Own, kill, [priority])');
  await erl('{me, N} ! last');
  expect(await heard(1)).toEqual(['last']);
  expect(me.exited).toBe(false);
});
