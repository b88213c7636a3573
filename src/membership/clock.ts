// Time as an argument, so that tests can turn it.

export interface Clock {
  /** Milliseconds; only differences count. */
  now(): number;
  setTimeout(callback: () => void, ms: number): unknown;
  /** What `setTimeout` gave, or undefined. */
  clearTimeout(timer: unknown): void;
}

export const SYSTEM_CLOCK: Clock = {
  now: () => performance.now(),
  setTimeout: (callback, ms) => setTimeout(callback, ms),
  clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout | undefined),
};
