// When to tick, and when the peer is dead (protocol section 3.2), for a clock that is passed in.
// Time in which this process did not run does not count against the peer: nobody was there to hear it.

export class Ticker {
  /** Milliseconds between two checks. */
  readonly interval: number;
  /** Milliseconds of silence after which a peer is dead. */
  readonly patience: number;
  #lastHeard: number;
  #lastCheck: number;
  #intervalStart: number;
  // OTP: the interval in which the connection came up counts as one in which both sides spoke.
  #wrote = true;
  #heard = true;

  /**
   * @param tickTime OTP's net_ticktime, seconds
   * @param intensity OTP's net_tickintensity: intervals per tick time
   */
  constructor(tickTime: number, intensity: number, now: number) {
    this.interval = Math.ceil((tickTime * 1000) / intensity);
    this.patience = this.interval * intensity;
    this.#lastHeard = now;
    this.#lastCheck = now;
    this.#intervalStart = now;
  }

  /** Something came from the peer; any byte is a proof of life. */
  heard(now: number): void {
    this.#lastHeard = now;
    this.#heard = true;
  }

  /** Something else than a tick is on its way. */
  wrote(): void {
    this.#wrote = true;
  }

  /** When the peer was heard last, in the clock's milliseconds; later than true after a time in which we did not run. */
  get lastHeard(): number {
    return this.#lastHeard;
  }

  /** To be called about once per `interval`. `idle`: nothing waits to be sent. */
  check(now: number, idle: boolean): 'dead' | 'send_tick' | 'quiet' {
    const late = now - this.#lastCheck - this.interval;
    // Timers run before sockets are read, so after a pause this check knows nothing of what has arrived meanwhile.
    if (late > this.interval / 2) this.#lastHeard = Math.min(now, this.#lastHeard + late);
    this.#lastCheck = now;
    if (now - this.#lastHeard >= this.patience) return 'dead';
    // Checks that come more often must not become more ticks.
    if (now - this.#intervalStart < this.interval * 0.75) return 'quiet';
    this.#intervalStart = now;
    const send = idle && !(this.#wrote && this.#heard);
    this.#wrote = false;
    this.#heard = false;
    return send ? 'send_tick' : 'quiet';
  }
}
