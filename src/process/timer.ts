// Waiting for a while: OTP's limits on how long, which are wider than setTimeout's.
import { ArgumentError } from '../errors.js';

/** OTP: the largest timeout is 16#ffffffff milliseconds, 49.7 days. */
const MAX_TIMEOUT = 0xffff_ffff;
// setTimeout takes more than this for "at once".
const MAX_DELAY = 0x7fff_ffff;

/** A delay in milliseconds as OTP takes it. @throws ArgumentError `badarg` for any other value. */
export function checkDelay(milliseconds: number, what = 'time'): void {
  if (typeof milliseconds === 'number' && milliseconds >= 0 && milliseconds <= MAX_TIMEOUT) return;
  const given = typeof milliseconds === 'number' ? String(milliseconds) : `a ${typeof milliseconds}`;
  const wanted = `a ${what} must be a number of milliseconds from 0 to ${MAX_TIMEOUT}`;
  throw new ArgumentError('badarg', `${wanted}, not ${given}`);
}

/** A timeout: a delay, or `undefined` or `Infinity` for none. @throws ArgumentError `badarg`. */
export function checkTimeout(milliseconds: number | undefined): void {
  if (milliseconds !== undefined && milliseconds !== Number.POSITIVE_INFINITY) checkDelay(milliseconds, 'timeout');
}

/** Runs a function once, after `milliseconds`, unless it is cancelled before. */
export class Timer {
  #handle: ReturnType<typeof setTimeout>;

  constructor(milliseconds: number, run: () => void) {
    const arm = (left: number): ReturnType<typeof setTimeout> =>
      left <= MAX_DELAY
        ? setTimeout(run, left)
        : setTimeout(() => {
            this.#handle = arm(left - MAX_DELAY);
          }, MAX_DELAY);
    this.#handle = arm(milliseconds);
  }

  cancel(): void {
    clearTimeout(this.#handle);
  }
}

/** A timer for a timeout; none for `undefined` and `Infinity`. */
export function startTimeout(milliseconds: number | undefined, run: () => void): Timer | undefined {
  if (milliseconds === undefined || milliseconds === Number.POSITIVE_INFINITY) return undefined;
  return new Timer(milliseconds, run);
}
