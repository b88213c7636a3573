// What other programs did with the processors meanwhile: figures that were taken on a busy machine should say so.
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';

/** Of Linux's accounting; the same on every machine that it runs on today. */
const TICKS_PER_SECOND = 100;

/** Seconds of processor time: all of it, what was used, and what was used by these processes. */
interface Used {
  readonly all: number;
  readonly busy: number;
  readonly own: number;
}

function used(pids: readonly number[]): Used {
  let all = 0;
  let busy = 0;
  for (const { times } of cpus()) {
    const working = times.user + times.nice + times.sys + times.irq;
    all += (working + times.idle) / 1000;
    busy += working / 1000;
  }
  let own = 0;
  for (const pid of pids) {
    // The name of the program, in brackets, may contain anything; user and system time are the 12th and 13th behind it.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    own += (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  }
  return { all, busy, own };
}

/** Starts to look; the function tells the share of the processors that others had since then, where the system says so. */
export function otherLoad(pids: readonly number[]): () => number | undefined {
  const read = (): Used | undefined => {
    try {
      return used(pids);
    } catch {
      return undefined;
    }
  };
  const before = read();
  return () => {
    const now = read();
    if (before === undefined || now === undefined) return undefined;
    return Math.max(0, now.busy - before.busy - (now.own - before.own)) / (now.all - before.all);
  };
}
