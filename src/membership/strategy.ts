// "Who should be in?": what keeps a list of the nodes of a cluster. A plug-in of one method; docs/DISCOVERY.md, "Membership".
// Where those nodes listen is another question, and discovery's.
import { ConnectionError, ErlnodeError } from '../errors.js';

export interface StrategyOptions {
  /** Aborts when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
  /** The name of the node that asks. */
  readonly self: string;
  /** For what went wrong although there is an answer. */
  warn(error: Error): void;
}

/** Who should be in. */
export interface Strategy {
  /** For log lines and error messages: `hosts`. */
  readonly name?: string;
  /**
   * The names of the nodes that should be connected, as of now, in any order; the asker's own may be among them. Asked
   * again and again. Whoever does not know throws: an empty list means that there is nobody.
   */
  nodes(options: StrategyOptions): Promise<readonly string[]>;
}

/**
 * The parts of an answer, each remembered: where one cannot be had, the last one stands in for it, so that a part that
 * fails does not look like nodes that left.
 */
export class Recalled<Part> {
  #last = new Map<string, readonly Part[]>();

  /**
   * Asks for the parts, a few at once.
   *
   * @throws what the first of them threw, when none could be had.
   */
  async all(
    keys: readonly string[],
    ask: (key: string) => Promise<readonly Part[]>,
    { signal, warn }: Pick<StrategyOptions, 'signal' | 'warn'>,
  ): Promise<readonly Part[]> {
    const outcomes = await settleAll(keys, signal, ask);
    const before = this.#last;
    if (signal.aborted) throw new ConnectionError('aborted', 'the question was given up', { cause: signal.reason });
    const failures: Error[] = [];
    const last = new Map<string, readonly Part[]>();
    for (const [index, outcome] of outcomes.entries()) {
      const key = keys[index] as string;
      if (outcome.status === 'rejected') failures.push(known(outcome.reason, key));
      const part = outcome.status === 'fulfilled' ? outcome.value : before.get(key);
      if (part !== undefined) last.set(key, part);
    }
    const [first] = failures;
    if (first !== undefined && failures.length === keys.length) throw first;
    for (const failure of failures) warn(failure);
    this.#last = last;
    return [...last.values()].flat();
  }
}

/** Questions that are asked at once; an answer may make for hundreds. */
const AT_ONCE = 16;

async function settleAll<Part>(
  keys: readonly string[],
  signal: AbortSignal,
  ask: (key: string) => Promise<Part>,
): Promise<PromiseSettledResult<Part>[]> {
  const outcomes: PromiseSettledResult<Part>[] = [];
  let next = 0;
  const worker = async () => {
    while (next < keys.length && !signal.aborted) {
      const index = next++;
      const [outcome] = await Promise.allSettled([ask(keys[index] as string)]);
      outcomes[index] = outcome;
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, keys.length) }, worker));
  return outcomes;
}

/** What a plug-in threw, as one of our errors. */
export function known(error: unknown, what: string): Error {
  if (error instanceof ErlnodeError) return error;
  const why = error instanceof Error ? error.message : 'it threw something that is no Error';
  return new ConnectionError('noconnection', `${what}: ${why}`, { cause: error });
}
