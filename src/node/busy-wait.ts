// The event loop kept awake where an answer is likely to come at once (OTP: +sbwt): a processor that has gone to sleep
// takes longer to wake up than all the rest of a round trip. It never waits for long, and never twice for nothing.

/** Quick answers in a row, on one connection, before the next one is waited for awake. */
const QUICK_ANSWERS = 4;

/** One per node: what keeps the loop turning. It still polls and runs everything else in each turn. */
export class BusyWait {
  /** Milliseconds. */
  readonly window: number;
  #until = 0;
  #awake = false;

  /** @param microseconds how long to wait awake at most; 0: never. */
  constructor(microseconds: number) {
    this.window = microseconds / 1000;
  }

  /** Whether the loop is being kept awake. */
  get waiting(): boolean {
    return this.#awake;
  }

  /** Keeps the loop awake for a window from `now` on. */
  start(now: number): void {
    this.#until = now + this.window;
    if (this.#awake) return;
    this.#awake = true;
    setImmediate(this.#turn);
  }

  readonly #turn = (): void => {
    if (performance.now() < this.#until) setImmediate(this.#turn);
    else this.#awake = false;
  };
}

/** One per connection: whether its peer answers quickly. What comes without having been asked for tells nothing. */
export class Exchange {
  readonly #busyWait: BusyWait;
  #heardAt = Number.NEGATIVE_INFINITY;
  #sentThen = 0;
  #quick = 0;

  constructor(busyWait: BusyWait) {
    this.#busyWait = busyWait;
  }

  /** The peer has said something; `sentBytes` is what it has been sent so far. */
  heard(now: number, sentBytes: number): void {
    const { window } = this.#busyWait;
    this.#quick = sentBytes !== this.#sentThen && now - this.#heardAt < window ? this.#quick + 1 : 0;
    this.#heardAt = now;
    this.#sentThen = sentBytes;
    if (this.#quick >= QUICK_ANSWERS) this.#busyWait.start(now);
  }
}
