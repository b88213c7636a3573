// One wait of a process for something that is not a message: it fails by timeout, by abort, or with the process.
// Whichever way it ends, no timer and no listener of it is left.
import type { ExitError } from '../errors.js';
import { checkWaitOptions } from './arguments.js';
import { abortedError, timeoutError } from './exit-reason.js';
import { type ProcessState, startWaiting, stopWaiting } from './process-state.js';
import { startTimeout, type Timer } from './timer.js';

export interface WaitOptions {
  /** Milliseconds; `Infinity` waits for ever. */
  readonly timeout?: number;
  readonly signal?: AbortSignal;
}

export class Wait {
  readonly #self: ProcessState;
  readonly #signal: AbortSignal | undefined;
  readonly #doing: () => string;
  readonly #onFailed: (error: ExitError) => void;
  readonly #timer: Timer | undefined;

  /**
   * @param doing for error messages.
   * @param onFailed told once, when the wait has ended by itself; not after {@link stop}.
   * @throws ArgumentError `badarg` for bad options; ExitError when there is nothing to wait for: `aborted`, or the
   * reason for which the process has ended.
   */
  constructor(self: ProcessState, options: WaitOptions, doing: () => string, onFailed: (error: ExitError) => void) {
    checkWaitOptions(options, doing());
    const { timeout, signal } = options;
    if (self.exited) throw self.exitError();
    if (signal?.aborted === true) throw abortedError(doing(), signal);
    this.#self = self;
    this.#signal = signal;
    this.#doing = doing;
    this.#onFailed = onFailed;
    startWaiting(self, this.#fail);
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    this.#timer = startTimeout(timeout, () => this.#fail(timeoutError(doing(), timeout as number)));
  }

  /** What was waited for has come, or is not wanted any more. */
  stop(): void {
    this.#timer?.cancel();
    this.#signal?.removeEventListener('abort', this.#onAbort);
    stopWaiting(this.#self, this.#fail);
  }

  readonly #fail = (error: ExitError): void => {
    this.stop();
    this.#onFailed(error);
  };

  readonly #onAbort = (): void => this.#fail(abortedError(this.#doing(), this.#signal as AbortSignal));
}
