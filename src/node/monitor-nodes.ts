// What happens to other nodes, for any number of listeners (OTP: net_kernel:monitor_nodes/2, busy_dist_port).
// A listener that is not read keeps so many events and no more; it is told that it missed some, and is forgotten.

import { inWords } from '../arguments.js';
import { ArgumentError, ConnectionError, LimitError } from '../errors.js';
import { checkWaitOptions } from '../process/arguments.js';

export interface NodeEvent {
  readonly type: 'nodeup' | 'nodedown';
  readonly node: string;
  /** OTP: `node_type`. */
  readonly hidden: boolean;
  /** Why a connection went down: the error that ended it. Absent when it was closed in good order. */
  readonly reason?: Error;
}

/** More or less than the busy mark waits to be sent to a node (OTP: busy_dist_port). */
export interface BusyEvent {
  readonly node: string;
  readonly busy: boolean;
}

export interface EventOptions {
  /** Ends the listening: the iterator throws ConnectionError `aborted`. */
  readonly signal?: AbortSignal;
  /**
   * Events that may wait to be read, 10,000 unless given. With one more the listening ends: behind those that wait the
   * iterator throws LimitError `too_many_events`.
   */
  readonly maxQueued?: number;
}

const MAX_QUEUED = 10_000;

type Step<Event> = IteratorResult<Event, undefined>;

/** One listener: iterate it, and leave the loop (or call `return`) to stop listening. */
class Listening<Event> implements AsyncIterableIterator<Event, undefined, undefined> {
  readonly #events: Event[] = [];
  readonly #waiting: { resolve(step: Step<Event>): void; reject(error: Error): void }[] = [];
  readonly #maxQueued: number;
  readonly #leave: () => void;
  #listening = true;
  /** What the iterator throws, once, behind the events that are left. */
  #failure: Error | undefined = undefined;

  constructor(maxQueued: number, leave: (listener: Listening<Event>) => void) {
    this.#maxQueued = maxQueued;
    this.#leave = () => leave(this);
  }

  push(event: Event): void {
    const next = this.#waiting.shift();
    if (next !== undefined) next.resolve({ value: event, done: false });
    else if (this.#events.length < this.#maxQueued) this.#events.push(event);
    else {
      const what = 'events that nobody has read';
      this.end(new LimitError('too_many_events', what, this.#maxQueued, this.#events.length + 1));
    }
  }

  /** No more events. */
  end(failure?: Error): void {
    if (!this.#listening) return;
    this.#listening = false;
    this.#leave();
    this.#failure = failure;
    for (const next of this.#waiting.splice(0)) this.#settle(next);
  }

  /** No more events, and none of those that wait. */
  abort(failure: Error): void {
    this.#events.length = 0;
    this.end(failure);
  }

  next(): Promise<Step<Event>> {
    const event = this.#events.shift();
    if (event !== undefined) return Promise.resolve({ value: event, done: false });
    return new Promise((resolve, reject) => {
      if (this.#listening) this.#waiting.push({ resolve, reject });
      else this.#settle({ resolve, reject });
    });
  }

  return(): Promise<Step<Event>> {
    this.#events.length = 0;
    this.end();
    this.#failure = undefined;
    return Promise.resolve(END);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #settle({ resolve, reject }: { resolve(step: Step<Event>): void; reject(error: Error): void }): void {
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure === undefined) resolve(END);
    else reject(failure);
  }
}

const END = { value: undefined, done: true } as const;

export class Monitors<Event> {
  readonly #listeners = new Set<Listening<Event>>();
  #ended = false;

  /** Number of those who listen. */
  get size(): number {
    return this.#listeners.size;
  }

  /** Events from now on, until the node stops. @throws ArgumentError `badarg`. */
  listen(options: EventOptions, where: string): AsyncIterableIterator<Event> {
    checkEventOptions(options, where);
    const { signal, maxQueued = MAX_QUEUED } = options;
    const onAbort = (): void => {
      listening.abort(new ConnectionError('aborted', `${where} was aborted`, { cause: signal?.reason }));
    };
    const listening: Listening<Event> = new Listening(maxQueued, (listener) => {
      this.#listeners.delete(listener);
      signal?.removeEventListener('abort', onAbort);
    });
    this.#listeners.add(listening);
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted === true) onAbort();
    else if (this.#ended) listening.end();
    return listening;
  }

  emit(event: Event): void {
    for (const listener of this.#listeners) listener.push(event);
  }

  /** The node has stopped. */
  end(): void {
    this.#ended = true;
    for (const listener of this.#listeners) listener.end();
  }
}

function checkEventOptions(options: EventOptions, where: string): void {
  checkWaitOptions(options, where);
  const { maxQueued } = options;
  if (maxQueued === undefined || (Number.isSafeInteger(maxQueued) && maxQueued > 0)) return;
  const given = typeof maxQueued === 'number' ? String(maxQueued) : inWords(maxQueued);
  throw new ArgumentError('badarg', `maxQueued of ${where} must be a whole number of events, at least 1, not ${given}`);
}
