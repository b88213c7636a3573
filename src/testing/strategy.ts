// What every Strategy of membership promises. An implementation's own test says how to set a world up, and what it
// leaves out and why.
import { deepEqual, equal, match, notEqual, ok } from 'node:assert/strict';
import { ErlnodeError } from '../errors.js';
import type { Strategy } from '../membership/strategy.js';
import { type ConformanceCase, casesIn, never, soon } from './conformance.js';

/** One fresh world for one case: a strategy, and who should be in. */
export interface StrategyWorld {
  readonly strategy: Strategy;
  /** The name of the node that asks. */
  readonly self: string;
  /** Whom the strategy names besides `self`: one at least. */
  readonly members: readonly string[];
  /** Makes one more node a member, and says which. */
  join?(): Promise<string>;
  /** Takes one of the members out, and says which. */
  leave?(): Promise<string>;
  /** Breaks what the strategy asks: from now on it cannot know. */
  fail?(): Promise<void>;
  /** Takes down what was set up. */
  close(): Promise<void>;
}

/** What can happen to others and not to this strategy, each with the reason. */
export type StrategyLeftOut = Readonly<Partial<Record<'join' | 'leave' | 'fail', string>>>;

type Body = (world: StrategyWorld) => Promise<void>;

/** What the strategy says to one question: itself left out, in an order that can be compared. */
async function named({ strategy, self }: StrategyWorld, signal: AbortSignal = never()): Promise<string[]> {
  const warn = (error: Error) => ok(error instanceof ErlnodeError, `a warning that is none of ours: ${String(error)}`);
  const nodes = await soon(Promise.resolve(strategy.nodes({ signal, self, warn })), 'an answer of the strategy');
  equal(Array.isArray(nodes), true, 'the answer is a list');
  for (const node of nodes) match(node, /^[^@]+@[^@]+$/);
  return nodes.filter((node) => node !== self).sort();
}

const always: Readonly<Record<string, Body>> = {
  'if it has a name for log lines, it is a text': async ({ strategy }) => {
    if (strategy.name === undefined) return;
    equal(typeof strategy.name, 'string');
    notEqual(strategy.name, '');
  },

  'it names who is in': async (world) => {
    deepEqual(await named(world), [...world.members].sort());
  },

  'it says the same as long as nothing changes': async (world) => {
    deepEqual(await named(world), await named(world));
  },

  'many questions at once are all answered': async (world) => {
    const answers = await Promise.all(Array.from({ length: 10 }, () => named(world)));
    for (const answer of answers) deepEqual(answer, [...world.members].sort());
  },

  'what is done to an answer does not change the next one': async (world) => {
    const { strategy, self } = world;
    const nodes = (await soon(strategy.nodes({ signal: never(), self, warn: () => {} }))) as string[];
    if (!Object.isFrozen(nodes)) nodes.length = 0;
    deepEqual(await named(world), [...world.members].sort());
  },

  'a signal that is aborted ends the question, unless it was quicker': async (world) => {
    const aborted = new AbortController();
    const questions = [named(world, AbortSignal.abort()), named(world, aborted.signal)];
    aborted.abort();
    for (const outcome of await Promise.allSettled(questions)) {
      if (outcome.status === 'fulfilled') deepEqual(outcome.value, [...world.members].sort());
      else ok(outcome.reason instanceof ErlnodeError, `not one of our errors: ${String(outcome.reason)}`);
    }
  },
};

const joinCases: Readonly<Record<string, Body>> = {
  'who joins is named when it is asked again': async (world) => {
    ok(world.join !== undefined, 'the world has join');
    await named(world);
    const joined = await world.join();
    deepEqual(await named(world), [...world.members, joined].sort());
  },
};

const leaveCases: Readonly<Record<string, Body>> = {
  'who leaves is named no more': async (world) => {
    ok(world.leave !== undefined, 'the world has leave');
    await named(world);
    const left = await world.leave();
    ok(world.members.includes(left), `${left} was a member`);
    deepEqual(await named(world), world.members.filter((node) => node !== left).sort());
  },
};

const failCases: Readonly<Record<string, Body>> = {
  'a question that cannot be answered fails, and is not the answer that nobody is in': async (world) => {
    ok(world.fail !== undefined, 'the world has fail');
    await world.fail();
    const outcome = await named(world).then(
      (nodes) => `it answered [${nodes.join(', ')}]`,
      (error: unknown) => error,
    );
    ok(outcome instanceof ErlnodeError, `not one of our errors: ${String(outcome)}`);
  },

  'what was known before it failed does not become less': async (world) => {
    ok(world.fail !== undefined, 'the world has fail');
    await named(world);
    await world.fail();
    const outcome = await named(world).catch((error: unknown) => error);
    if (Array.isArray(outcome)) deepEqual(outcome, [...world.members].sort());
    else ok(outcome instanceof ErlnodeError, `not one of our errors: ${String(outcome)}`);
  },
};

/**
 * The cases for one strategy. What it leaves out becomes a case that checks that the world really has none of it.
 *
 * @param setUp makes a fresh world; called once for each case, which closes it.
 * @param leftOut what cannot happen to this strategy, each with the reason.
 */
export function strategyConformance(
  setUp: () => Promise<StrategyWorld>,
  leftOut: StrategyLeftOut = {},
): readonly ConformanceCase[] {
  const unless = (what: keyof StrategyLeftOut, bodies: Readonly<Record<string, Body>>) => {
    const reason = leftOut[what];
    if (reason === undefined) return casesIn(setUp, bodies);
    return casesIn(setUp, { [`it leaves out ${what}: ${reason}`]: async (world) => equal(world[what], undefined) });
  };
  return [
    ...casesIn(setUp, always),
    ...unless('join', joinCases),
    ...unless('leave', leaveCases),
    ...unless('fail', failCases),
  ];
}
