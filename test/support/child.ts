// Child processes that cannot outlive the tests: a child dies with the worker that started it, even if the worker is
// killed or the child is stopped by SIGSTOP.
import { type ChildProcess, spawn } from 'node:child_process';

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Sends a signal to the child and everything it started; `child` was spawned with `detached: true`. */
export function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/**
 * Ties the child (spawned with `detached: true`) to this process. A small shell waits for the end of a pipe that only
 * we hold open, then kills the child's process group.
 */
export function guard(child: ChildProcess): Promise<Exit> {
  const watchdog =
    child.pid === undefined
      ? undefined
      : spawn('/bin/sh', ['-c', 'cat >/dev/null; kill -9 -"$0"', String(child.pid)], {
          stdio: ['pipe', 'ignore', 'ignore'],
          detached: true,
        });
  watchdog?.on('error', () => {});
  watchdog?.stdin?.on('error', () => {});
  watchdog?.unref();
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      // Killed first, so that it cannot hit a later process with the same id.
      if (watchdog !== undefined) signalGroup(watchdog, 'SIGKILL');
      resolve({ code, signal });
    });
  });
}

/** Rejects with `message()` when the promise takes longer than `ms`. */
export async function within<T>(ms: number, promise: Promise<T>, message: () => string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(message())), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
