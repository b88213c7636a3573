// Answers for as long as they hold, and one question at a time for each name. RFC 1035 section 3.2.1 (TTL), RFC 2308.
// Failures are not kept: the next question asks again. A question ends when nobody waits for it any more.
import { ConnectionError } from '../../errors.js';
import type { Answer } from './records.js';

export interface SrvCacheOptions {
  /** Answers kept at most; the one unused longest is forgotten first. Default 1,000; 0 keeps none. */
  readonly entries?: number;
  /** Seconds that an answer is believed at most, whatever its TTL. Default 3,600. */
  readonly maxTtl?: number;
  /** Seconds that a name is believed not to be there at most: how late a new node may be found. Default 5. */
  readonly maxNegativeTtl?: number;
}

interface Flight {
  readonly answer: Promise<Answer<unknown>>;
  readonly abort: AbortController;
  waiting: number;
}

export class AnswerCache {
  readonly #limits: Required<SrvCacheOptions>;
  readonly #now: () => number;
  // Insertion order is age since the last use.
  readonly #kept = new Map<string, { readonly answer: Answer<unknown>; readonly until: number }>();
  readonly #flights = new Map<string, Flight>();

  /** @param now seconds on any clock that does not go back */
  constructor({ entries = 1000, maxTtl = 3600, maxNegativeTtl = 5 }: SrvCacheOptions, now: () => number) {
    this.#limits = { entries, maxTtl, maxNegativeTtl };
    this.#now = now;
  }

  get size(): number {
    return this.#kept.size;
  }

  /** `key` stands for one kind of value. Rejects with what `ask` rejects with, or ConnectionError `aborted`. */
  answer<Value>(
    key: string,
    signal: AbortSignal,
    ask: (signal: AbortSignal) => Promise<Answer<Value>>,
  ): Promise<Answer<Value>> {
    const kept = this.#kept.get(key);
    if (kept !== undefined) {
      this.#kept.delete(key);
      if (kept.until > this.#now()) {
        this.#kept.set(key, kept);
        return Promise.resolve(kept.answer as Answer<Value>);
      }
    }
    let flight = this.#flights.get(key);
    if (flight === undefined) {
      flight = this.#depart(key, ask);
      this.#flights.set(key, flight);
    }
    return this.#board(key, flight, signal) as Promise<Answer<Value>>;
  }

  #depart(key: string, ask: (signal: AbortSignal) => Promise<Answer<unknown>>): Flight {
    const abort = new AbortController();
    const answer = ask(abort.signal).then((found) => {
      if (!abort.signal.aborted) this.#keep(key, found);
      return found;
    });
    const flight = { answer, abort, waiting: 0 };
    const land = () => {
      if (this.#flights.get(key) === flight) this.#flights.delete(key);
    };
    answer.then(land, land);
    return flight;
  }

  #board(key: string, flight: Flight, signal: AbortSignal): Promise<Answer<unknown>> {
    return new Promise((resolve, reject) => {
      flight.waiting++;
      const leave = () => {
        signal.removeEventListener('abort', onAbort);
        flight.waiting--;
        if (flight.waiting > 0) return;
        if (this.#flights.get(key) === flight) this.#flights.delete(key);
        flight.abort.abort(signal.reason);
      };
      const onAbort = () => {
        leave();
        reject(new ConnectionError('aborted', `${key}: the caller gave up`, { cause: signal.reason }));
      };
      if (signal.aborted) return onAbort();
      signal.addEventListener('abort', onAbort);
      flight.answer.then(resolve, reject).finally(() => {
        if (!signal.aborted) leave();
      });
    });
  }

  #keep(key: string, answer: Answer<unknown>): void {
    const { entries, maxTtl, maxNegativeTtl } = this.#limits;
    const ttl = Math.min(answer.ttl, answer.records.length > 0 ? maxTtl : maxNegativeTtl);
    if (!(ttl > 0) || entries <= 0) return;
    this.#kept.set(key, { answer, until: this.#now() + ttl });
    if (this.#kept.size <= entries) return;
    for (const oldest of this.#kept.keys()) {
      this.#kept.delete(oldest);
      break;
    }
  }
}
