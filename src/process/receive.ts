// Erlang's `receive … after`: one wait for one message, ended by the message, a timeout, an abort or the process's end,
// whichever is first. Afterwards no timer and no listener of it is left.
import type { Term } from '../term/term.js';
import { abortedError, timeoutError } from './exit-reason.js';
import type { Waiter } from './mailbox.js';
import { type Matcher, NOTHING, outcomeOf } from './matcher.js';
import type { ProcessState } from './process-state.js';
import { checkTimeout, startTimeout, type Timer } from './timer.js';

export interface ReceiveOptions {
  /** Milliseconds to wait; without it, as long as it takes. `0` only looks. */
  readonly timeout?: number;
  readonly signal?: AbortSignal;
}

/** @internal See Process.receive. */
export function receive(
  process: ProcessState,
  matcher: Matcher | undefined,
  options: ReceiveOptions | undefined,
): Promise<unknown> {
  const receiving = new Receiving(process, matcher);
  receiving.start(options);
  return receiving.promise;
}

class Receiving implements Waiter {
  readonly promise: Promise<unknown>;
  previous: Waiter | undefined = undefined;
  next: Waiter | undefined = undefined;
  private readonly process: ProcessState;
  private readonly matcher: Matcher | undefined;
  private readonly resolve: (value: unknown) => void;
  private readonly reject: (error: unknown) => void;
  private settled = false;
  private timer: Timer | undefined = undefined;
  private signal: AbortSignal | undefined = undefined;
  private onAbort: (() => void) | undefined = undefined;

  constructor(process: ProcessState, matcher: Matcher | undefined) {
    this.process = process;
    this.matcher = matcher;
    let settle: [(value: unknown) => void, (error: unknown) => void] | undefined;
    this.promise = new Promise((resolve, reject) => {
      settle = [resolve, reject];
    });
    [this.resolve, this.reject] = settle as NonNullable<typeof settle>;
  }

  start(options: ReceiveOptions | undefined): void {
    if (this.process.exited) {
      // Not at once: a function that catches this error and receives again for ever would stop the event loop.
      setTimeout(() => this.ended(), 1);
      return;
    }
    try {
      if (options !== undefined) checkTimeout(options.timeout);
      if (options?.signal?.aborted === true) throw abortedError('receive', options.signal);
      const there = this.process.mailbox.take(this.matcher);
      if (there !== NOTHING) this.resolve(there);
      else if (options?.timeout === 0) throw timeoutError('receive', 0);
      else this.wait(options);
    } catch (error) {
      this.fail(error);
    }
  }

  offer(message: Term): boolean {
    if (this.settled) return false;
    let outcome: unknown = message;
    if (this.matcher !== undefined) {
      try {
        outcome = outcomeOf(this.matcher, message);
      } catch (error) {
        this.fail(error);
        return false;
      }
    }
    // The matcher may have ended the wait.
    if (outcome === NOTHING || this.settled) return false;
    this.settle();
    this.resolve(outcome);
    return true;
  }

  ended(): void {
    this.fail(this.process.exitError());
  }

  private wait(options: ReceiveOptions | undefined): void {
    this.process.mailbox.add(this);
    if (options === undefined) return;
    const { timeout, signal } = options;
    if (signal !== undefined) {
      this.signal = signal;
      this.onAbort = () => this.fail(abortedError('receive', signal));
      signal.addEventListener('abort', this.onAbort, { once: true });
    }
    this.timer = startTimeout(timeout, () => this.fail(timeoutError('receive', timeout as number)));
  }

  private fail(error: unknown): void {
    if (this.settled) return;
    this.settle();
    // A wait that nobody looks at any more must not take the program down.
    this.promise.catch(() => {});
    this.reject(error);
  }

  private settle(): void {
    this.settled = true;
    this.process.mailbox.forget(this);
    this.timer?.cancel();
    if (this.onAbort !== undefined) this.signal?.removeEventListener('abort', this.onAbort);
  }
}
