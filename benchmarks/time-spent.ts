// Where this process spends its time while something runs: V8's sampling profiler, its samples added up by part.
import { Session } from 'node:inspector/promises';

/** What samples are counted as. Waiting for events counts as nothing. */
const PARTS = [
  ['src/transport', /\/lib\/transport\//],
  ['src/dist', /\/lib\/dist\//],
  ['src/etf, src/term', /\/lib\/(etf|term)\//],
  ['src/node', /\/lib\/node\//],
  ['src/process, src/otp', /\/lib\/(process|otp)\//],
  ["Node's own JavaScript", /^node:/],
  ['this benchmark', /benchmarks/],
] as const;
/** V8's names for what is no JavaScript. */
const READING = 'event loop, reading from sockets';
const NATIVE: Readonly<Record<string, string>> = {
  '(garbage collector)': 'garbage collection',
  '(program)': READING,
};
const WRITING = /^(writev|writeBuffer|writeUtf8String)$/;

export const PART_NAMES: readonly string[] = [
  ...PARTS.map(([name]) => name),
  ...Object.values(NATIVE),
  'writing to sockets',
  'other native code',
];

/**
 * The share of each part in the time in which this thread was not waiting for events, 0 to 1. The profiler calls the
 * event loop's own work idle, too: what it does not wait, it reads.
 */
export async function timeSpent(work: () => Promise<unknown>): Promise<Map<string, number>> {
  const session = new Session();
  session.connect();
  try {
    await session.post('Profiler.enable');
    await session.post('Profiler.setSamplingInterval', { interval: 200 });
    await session.post('Profiler.start');
    const before = performance.eventLoopUtilization();
    await work();
    const { active } = performance.eventLoopUtilization(before);
    const { profile } = await session.post('Profiler.stop');
    const parts = new Map(profile.nodes.map(({ id, callFrame }) => [id, partOf(callFrame)]));
    const spent = new Map<string, number>();
    let called = 0;
    for (const [i, id] of (profile.samples ?? []).entries()) {
      const part = parts.get(id);
      if (part === undefined) continue;
      const time = profile.timeDeltas?.[i] ?? 0;
      spent.set(part, (spent.get(part) ?? 0) + time);
      called += time;
    }
    const busy = Math.max(called, active * 1000);
    spent.set(READING, (spent.get(READING) ?? 0) + busy - called);
    return new Map([...spent].map(([part, time]) => [part, time / busy]));
  } finally {
    session.disconnect();
  }
}

function partOf({ functionName, url }: { functionName: string; url: string }): string | undefined {
  if (functionName === '(idle)' || functionName === '(root)') return undefined;
  const native = NATIVE[functionName];
  if (native !== undefined) return native;
  if (url === '') return WRITING.test(functionName) ? 'writing to sockets' : 'other native code';
  return PARTS.find(([, pattern]) => pattern.test(url))?.[0] ?? 'this benchmark';
}
