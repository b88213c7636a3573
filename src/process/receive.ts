// Erlang's `receive … after`: one wait for one message, ended by the message, a timeout, an abort or the process's end,
// whichever is first. Afterwards no timer and no listener of it is left.
import type { Term } from '../term/term.js';
import { checkWaitOptions } from './arguments.js';
import { abortedError, timeoutError } from './exit-reason.js';
import type { Waiter } from './mailbox.js';
import { type Matcher, NOTHING, outcomeOf } from './matcher.js';
import type { ProcessState } from './process-state.js';
import { startTimeout, type Timer } from './timer.js';

export interface ReceiveOptions {
  /** Milliseconds to wait; without it, as long as it takes. `0` only looks. */
  readonly timeout?: number;
  /** Gives up when it is aborted. */
  readonly signal?: AbortSignal;
}

/** @internal See Process.receive. */
export function receive(
  process: ProcessState,
  matcher: Matcher | undefined,
  options: ReceiveOptions | undefined,
): Promise<unknown> {
  const receiving = new Receiving(process, matcher, 'receive');
  receiving.start(options);
  return receiving.promise;
}

/**
 * The messages of a process, one after the other: what `for await` over it iterates. Ends with the process: well for a
 * mailbox, by throwing in a function, which must not go on behind its loop.
 */
export class Messages implements AsyncIterableIterator<Term, undefined, undefined> {
  readonly #process: ProcessState;
  readonly #throws: boolean;
  /** One, unless `next` is called again before the first has come. */
  #waiting: readonly Receiving[] = [];
  #left = false;

  constructor(process: ProcessState, throws: boolean) {
    this.#process = process;
    this.#throws = throws;
  }

  next(): Promise<IteratorResult<Term, undefined>> {
    if (this.#left || (this.#process.exited && !this.#throws)) return Promise.resolve(END);
    const begun = new Receiving(this.#process, undefined, this.#throws ? 'iterate' : 'iterate to the end');
    this.#waiting = [...this.#waiting.filter(({ settled }) => !settled), begun];
    begun.start(undefined);
    return begun.promise as Promise<IteratorResult<Term, undefined>>;
  }

  /** The loop was left: waits that are under way take no message any more. */
  return(): Promise<IteratorResult<Term, undefined>> {
    this.#left = true;
    for (const wait of this.#waiting) wait.leave();
    return Promise.resolve(END);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

const END = { done: true, value: undefined } as const;

class Receiving implements Waiter {
  readonly promise: Promise<unknown>;
  previous: Waiter | undefined = undefined;
  next: Waiter | undefined = undefined;
  readonly #process: ProcessState;
  readonly #matcher: Matcher | undefined;
  /** What it is for decides on what it resolves with. */
  readonly #purpose: 'receive' | 'iterate' | 'iterate to the end';
  readonly #resolve: (value: unknown) => void;
  readonly #reject: (error: unknown) => void;
  settled = false;
  #timer: Timer | undefined = undefined;
  #signal: AbortSignal | undefined = undefined;
  #onAbort: (() => void) | undefined = undefined;

  constructor(
    process: ProcessState,
    matcher: Matcher | undefined,
    purpose: 'receive' | 'iterate' | 'iterate to the end',
  ) {
    this.#process = process;
    this.#matcher = matcher;
    this.#purpose = purpose;
    let settle: [(value: unknown) => void, (error: unknown) => void] | undefined;
    this.promise = new Promise((resolve, reject) => {
      settle = [resolve, reject];
    });
    [this.#resolve, this.#reject] = settle as NonNullable<typeof settle>;
  }

  start(options: ReceiveOptions | undefined): void {
    if (this.#process.exited) {
      // Not at once: a function that catches this error and receives again for ever would stop the event loop.
      setTimeout(() => this.ended(), 1);
      return;
    }
    try {
      checkWaitOptions(options, 'receive()');
      if (options?.signal?.aborted === true) throw abortedError('receive', options.signal);
      const there = this.#process.mailbox.take(this.#matcher);
      if (there !== NOTHING) this.#succeed(there);
      else if (options?.timeout === 0) throw timeoutError('receive', 0);
      else this.#wait(options);
    } catch (error) {
      this.#fail(error);
    }
  }

  offer(message: Term): boolean {
    if (this.settled) return false;
    let outcome: unknown = message;
    if (this.#matcher !== undefined) {
      try {
        outcome = outcomeOf(this.#matcher, message);
      } catch (error) {
        this.#fail(error);
        return false;
      }
    }
    // The matcher may have ended the wait.
    if (outcome === NOTHING || this.settled) return false;
    this.#settle();
    this.#succeed(outcome);
    return true;
  }

  ended(): void {
    if (this.#purpose === 'iterate to the end') this.leave();
    else this.#fail(this.#process.endError());
  }

  /** The end of an iteration. */
  leave(): void {
    if (this.settled) return;
    this.#settle();
    this.#resolve(END);
  }

  #succeed(outcome: unknown): void {
    this.settled = true;
    this.#resolve(this.#purpose === 'receive' ? outcome : { done: false, value: outcome });
  }

  #wait(options: ReceiveOptions | undefined): void {
    this.#process.mailbox.add(this);
    if (options === undefined) return;
    const { timeout, signal } = options;
    if (signal !== undefined) {
      this.#signal = signal;
      this.#onAbort = () => this.#fail(abortedError('receive', signal));
      signal.addEventListener('abort', this.#onAbort, { once: true });
    }
    this.#timer = startTimeout(timeout, () => this.#fail(timeoutError('receive', timeout as number)));
  }

  #fail(error: unknown): void {
    if (this.settled) return;
    this.#settle();
    // A wait that nobody looks at any more must not take the program down.
    this.promise.catch(() => {});
    this.#reject(error);
  }

  #settle(): void {
    this.settled = true;
    this.#process.mailbox.forget(this);
    this.#timer?.cancel();
    if (this.#onAbort !== undefined) this.#signal?.removeEventListener('abort', this.#onAbort);
  }
}
