// Times functions that take turns, so that a burst of other work on the machine hits all of them alike.

export interface Timed {
  readonly name: string;
  readonly run: () => unknown;
}

/** ns per call: the middle of all rounds, and the lowest and highest. */
export interface Timing {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

export interface Effort {
  readonly rounds: number;
  readonly sliceMs: number;
}

const now = (): number => Number(process.hrtime.bigint());
/** What the measured functions return goes here, so that no call is optimised away. */
export let sink: unknown;

function loop(run: () => unknown, times: number): number {
  const start = now();
  for (let i = 0; i < times; i++) sink = run();
  return now() - start;
}

export function warm(cases: readonly Timed[], ms: number): void {
  for (const { run } of cases) for (const end = now() + ms * 1e6; now() < end; ) loop(run, 10);
}

export function measure(cases: readonly Timed[], effort: Effort): Record<string, Timing> {
  warm(cases, effort.sliceMs * 2);
  const counts = cases.map(({ run }) => {
    const once = Math.min(loop(run, 50), loop(run, 50)) / 50;
    return Math.max(1, Math.round((effort.sliceMs * 1e6) / once));
  });
  const samples: number[][] = cases.map(() => []);
  for (let round = 0; round < effort.rounds; round++) {
    const order = [...cases.keys()];
    for (const i of round % 2 === 0 ? order : order.toReversed()) {
      globalThis.gc?.();
      const times = counts[i] as number;
      samples[i]?.push(loop((cases[i] as Timed).run, times) / times);
    }
  }
  return Object.fromEntries(
    cases.map(({ name }, i) => {
      const sorted = (samples[i] as number[]).toSorted((a, b) => a - b);
      const timing: Timing = {
        median: sorted[sorted.length >> 1] as number,
        low: sorted[0] as number,
        high: sorted.at(-1) as number,
      };
      return [name, timing];
    }),
  );
}
