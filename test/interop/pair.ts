// A BEAM and a node of ours that know each other's cookie, and a way to have Erlang evaluated for one test after another:
// bindings stay in an Erlang node, and a bound variable is a pattern, so each test gets variables of its own.
import type { NodeOptions } from '../../src/node/options.js';
import type { Process } from '../../src/process/process.js';
import type { Pid } from '../../src/term/identifiers.js';
import { type Erlang, startErlang } from '../support/erlang.js';
import { startTestNode, type TestNode } from '../support/ts-node.js';

/** What every test may use: `N` is our node, `Wait(Ref)` the object and reason of a DOWN. */
const WAIT = "Wait = fun(R) -> receive {'DOWN', R, process, O, W} -> {O, W} after 5000 -> none end end.";

export interface Pair {
  readonly e: Erlang;
  readonly ts: TestNode;
  /** Evaluates `code`, which needs no final dot. */
  erl(code: string): Promise<string>;
  /** Before each test: new variables, and a process with an empty mailbox, no links and no flags. */
  fresh(): Promise<void>;
  /** Makes a mailbox of ours called `me`, and tells the Erlang process that evaluates. Also does what `fresh` does. */
  meet(): Promise<{ readonly me: Process; readonly shell: Pid }>;
  stop(): Promise<void>;
}

export async function startPair(options: NodeOptions = {}): Promise<Pair> {
  const e = await startErlang();
  const ts = await startTestNode(e.epmdPort, { cookie: e.cookie, ...options });
  await e.eval(`N = '${ts.name}', ${WAIT}`);
  let tests = 0;
  const fresh = async (): Promise<void> => {
    tests++;
    await e.eval('exit(self(), kill), receive after infinity -> ok end.').catch(() => {});
  };
  const erl = (code: string): Promise<string> => {
    const own = code.replace(/'[^']*'|"[^"]*"|\b(?!N\b|Wait\b)[A-Z]\w*/g, (word) =>
      /^[A-Z]/.test(word) ? `${word}_${tests}` : word,
    );
    return e.eval(`${own}.`);
  };
  return {
    e,
    ts,
    erl,
    fresh,
    async meet() {
      const me = ts.node.spawnMailbox({ name: 'me' });
      await fresh();
      await erl('{me, N} ! self()');
      return { me, shell: (await me.receive({ timeout: 5000 })) as Pid };
    },
    async stop() {
      await ts.node.stop();
      await e.stop();
    },
  };
}
