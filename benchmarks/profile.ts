// In which functions a measured function spends its time, by V8's own sampling profiler.
import { type Profiler, Session } from 'node:inspector';
import type { Timed } from './timing.js';

/** A function, and its part of the time from 0 to 1; what it has inlined counts as its own. */
export interface Share {
  readonly where: string;
  readonly part: number;
}

const SAMPLE_US = 100;
const MS = 400;
/** Functions that are worth a name. */
const MOST = 5;

export function profile(cases: readonly Timed[], name: string): readonly Share[] {
  const timed = cases.find((each) => each.name === name);
  if (timed === undefined) return [];
  const { run } = timed;
  const session = new Session();
  session.connect();
  session.post('Profiler.enable');
  session.post('Profiler.setSamplingInterval', { interval: SAMPLE_US });
  session.post('Profiler.start');
  for (const end = performance.now() + MS; performance.now() < end; ) for (let i = 0; i < 100; i++) run();
  let shares: readonly Share[] = [];
  // It answers at once.
  session.post('Profiler.stop', (_, { profile: recorded }) => {
    shares = sharesOf(recorded);
  });
  session.disconnect();
  return shares;
}

function sharesOf({ nodes }: Profiler.Profile): readonly Share[] {
  const hits = new Map<string, number>();
  let all = 0;
  for (const { callFrame, hitCount = 0 } of nodes) {
    const where = nameOf(callFrame);
    // What belongs to the benchmark itself.
    if (where === undefined) continue;
    hits.set(where, (hits.get(where) ?? 0) + hitCount);
    all += hitCount;
  }
  return [...hits]
    .sort(([, a], [, b]) => b - a)
    .slice(0, MOST)
    .map(([where, count]) => ({ where, part: count / all }));
}

function nameOf({ functionName, url }: Profiler.Profile['nodes'][number]['callFrame']): string | undefined {
  if (functionName === '(garbage collector)') return 'garbage collection';
  const file = /\/lib\/(.*)\.js$/.exec(url)?.[1];
  if (file !== undefined) return `${functionName} (${file})`;
  // Functions made by `new Function` have neither file nor name, functions in C++ no file.
  if (url !== '' || functionName.startsWith('(')) return undefined;
  return functionName === '' ? 'generated code' : `${functionName} (C++)`;
}
