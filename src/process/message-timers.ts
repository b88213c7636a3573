// Messages that are sent later (OTP: erlang:send_after/3, start_timer/3, cancel_timer/1). As in OTP a timer belongs to
// the node and not to the process that started it, its message is for a process of this node, and a name is looked up
// when the time has come.
import type { Reference } from '../term/identifiers.js';
import type { Key } from './local-identifiers.js';
import { checkDelay, Timer } from './timer.js';

export class MessageTimers {
  readonly #running = new Map<Key, { readonly timer: Timer; readonly end: number }>();
  readonly #keyOf: (ref: Reference) => Key;

  constructor(keyOf: (ref: Reference) => Key) {
    this.#keyOf = keyOf;
  }

  get size(): number {
    return this.#running.size;
  }

  /** @throws ArgumentError `badarg` for a time that is none. */
  start(ref: Reference, milliseconds: number, run: () => void): void {
    checkDelay(milliseconds);
    const key = this.#keyOf(ref);
    const timer = new Timer(milliseconds, () => {
      this.#running.delete(key);
      run();
    });
    this.#running.set(key, { timer, end: performance.now() + milliseconds });
  }

  /** @returns milliseconds that were left, or false when there is no such timer (any more). */
  cancel(ref: Reference): number | false {
    const key = this.#keyOf(ref);
    const found = this.#running.get(key);
    if (found === undefined) return false;
    this.#running.delete(key);
    found.timer.cancel();
    return Math.max(0, Math.round(found.end - performance.now()));
  }

  /** The node stops. */
  clear(): void {
    for (const { timer } of this.#running.values()) timer.cancel();
    this.#running.clear();
  }
}
