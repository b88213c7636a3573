// What the suites for plug-ins have in common: cases that any test runner can run, each in a world of its own.
// A case throws when a promise of the interface is broken; it knows no runner, and leaves nothing running.
import { AssertionError } from 'node:assert';

/** One promise of an interface. `for (const { name, run } of cases) test(name, run)`. */
export interface ConformanceCase {
  readonly name: string;
  /** @throws AssertionError when the promise is broken. */
  run(): Promise<void>;
}

/** Milliseconds: longer than any plug-in may take to give up by itself. */
const PATIENCE = 10_000;

/** Settles as `promise` does, or rejects when that takes too long: a case ends by itself, whatever its runner allows. */
export async function soon<Value>(promise: Promise<Value>, what = 'it to settle'): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new AssertionError({ message: `waited ${PATIENCE / 1000} s for ${what}` })),
      PATIENCE,
    );
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A signal that nobody aborts. One each: Node.js warns of listeners that pile up on one. */
export function never(): AbortSignal {
  return new AbortController().signal;
}

/** The cases of one world each. */
export function casesIn<World extends { close(): Promise<void> }>(
  setUp: () => Promise<World>,
  bodies: Readonly<Record<string, (world: World) => Promise<void>>>,
): readonly ConformanceCase[] {
  return Object.entries(bodies).map(([name, body]) => ({
    name,
    async run() {
      const world = await setUp();
      try {
        await body(world);
      } finally {
        await world.close();
      }
    },
  }));
}
