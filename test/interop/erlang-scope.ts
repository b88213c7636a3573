// Bindings stay in an Erlang node, and a bound variable is a pattern: each test gets variables of its own.
import type { Erlang } from '../support/erlang.js';

/** What every test may use: `N` is our node, `Wait(Ref)` the object and reason of a DOWN. */
const WAIT = "Wait = fun(R) -> receive {'DOWN', R, process, O, W} -> {O, W} after 5000 -> none end end.";

export class ErlangScope {
  private readonly e: Erlang;
  private tests = 0;

  constructor(e: Erlang) {
    this.e = e;
  }

  /** Once, before the tests. */
  async prepare(ours: string): Promise<void> {
    await this.e.eval(`N = '${ours}', ${WAIT}`);
  }

  /** Before each test: new variables, and a process with an empty mailbox, no links and no flags. */
  async fresh(): Promise<void> {
    this.tests++;
    await this.e.eval('exit(self(), kill), receive after infinity -> ok end.').catch(() => {});
  }

  /** Evaluates `code`, which needs no final dot. */
  eval(code: string): Promise<string> {
    const own = code.replace(/'[^']*'|"[^"]*"|\b(?!N\b|Wait\b)[A-Z]\w*/g, (word) =>
      /^[A-Z]/.test(word) ? `${word}_${this.tests}` : word,
    );
    return this.e.eval(`${own}.`);
  }
}
