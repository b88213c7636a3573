// Joins a machine that has output to the byte stream that carries it: what was written during one turn of the event
// loop leaves as one write. It is the one place that knows how much a peer has not taken yet (promise 9).
import type { ByteStream } from './transport.js';

/** A machine with output: `dist/connection`, a handshake. */
export interface PumpSource {
  /**
   * What is to be sent now, about `atMost` bytes of it where it can be divided; the caller keeps the chunks. What is
   * kept back is asked for again when these are on their way, and may be overtaken until then.
   */
  takeOutput(atMost: number): readonly Uint8Array[];
  /**
   * Bytes that are to be sent in all. Asked after every message, so that a loop that sends for a long time without
   * giving way is written, and counted, while it runs.
   */
  readonly outputBytes: number;
}

export interface PumpOptions {
  /** OTP: `+zdbbl`. From this many queued bytes on senders should wait. Promise 9: 1 MiB. */
  readonly busyMark: number;
  /** More queued bytes than this and the peer counts as too slow to keep. Promise 9: 64 MiB. */
  readonly hardCap: number;
  /** The busy mark was reached (`true`), or the queue is below half of it again (`false`). */
  onBusy(busy: boolean): void;
  /** Told once, before the bytes that went over the cap are written; the owner destroys the stream. */
  onOverflow(queued: number): void;
}

/**
 * Bytes handed to the stream at once. The rest waits in the machine, where a small message of another process overtakes
 * the fragments of a large one.
 */
const underWayBytes = 512 * 1024;
/** A turn's output that grows beyond this is written without waiting for the end of the turn. */
const eagerWriteBytes = 64 * 1024;

/**
 * One per connection. The owner calls {@link schedule} whenever the machine may have output, and {@link flush} when the
 * stream says `onDrain`.
 *
 * The end of the turn is `setImmediate`: it runs when all sockets that were ready in this turn have been read and all
 * they woke up has run, so what twenty sockets relay to one peer is one write. A micro-task or a next-tick would run
 * between two of those sockets. A lone echo pays half a microsecond for it (docs/decisions/0010).
 */
export class Pump {
  readonly #stream: ByteStream;
  readonly #source: PumpSource;
  readonly #options: PumpOptions;
  #scheduled = false;
  #busy = false;
  #overflowed = false;
  #sentBytes = 0;
  /**
   * What was queued first when nothing was. It does not count against the cap: a single message may be larger than the
   * cap, and a peer that is reading it is not slow.
   */
  #headBytes = 0;
  /** What was queued after the last flush. */
  #left = 0;

  constructor(stream: ByteStream, source: PumpSource, options: PumpOptions) {
    this.#stream = stream;
    this.#source = source;
    this.#options = options;
  }

  /** Bytes the machine has ready plus bytes the operating system has not taken. */
  get queuedBytes(): number {
    return this.#stream.bufferedBytes + this.#source.outputBytes;
  }

  /** Bytes handed to the stream so far. */
  get sentBytes(): number {
    return this.#sentBytes;
  }

  get busy(): boolean {
    return this.#busy;
  }

  /** Writes at the end of this turn of the event loop. Cheap: call it after every message. */
  schedule(): void {
    if (this.#source.outputBytes >= eagerWriteBytes) {
      this.flush();
      return;
    }
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#turnEnds);
  }

  /** Writes as much as may be under way at once, and looks at the marks again. */
  flush(): void {
    if (this.#overflowed) return;
    const { hardCap, onOverflow } = this.#options;
    const queued = this.queuedBytes;
    if (this.#left === 0) this.#headBytes = queued;
    else if (queued - this.#headBytes > hardCap) {
      this.#overflowed = true;
      onOverflow(queued);
      return;
    }
    // Again and again: what the operating system takes at once is not followed by an onDrain.
    while (this.#source.outputBytes > 0) {
      const room = underWayBytes - this.#stream.bufferedBytes;
      if (room <= 0 || !this.#write(room)) break;
    }
    this.#left = this.queuedBytes;
    this.#judgeBusy();
  }

  /** Hands everything to the stream, which is about to be ended. */
  finish(): void {
    if (!this.#overflowed) this.#write(Number.POSITIVE_INFINITY);
  }

  #write(atMost: number): boolean {
    const chunks = this.#source.takeOutput(atMost);
    if (chunks.length === 0) return false;
    for (const { length } of chunks) this.#sentBytes += length;
    this.#stream.write(chunks);
    return true;
  }

  readonly #turnEnds = (): void => {
    this.#scheduled = false;
    this.flush();
  };

  #judgeBusy(): void {
    const queued = this.queuedBytes;
    const { busyMark } = this.#options;
    // Half the mark before senders go on, or they would stop and start with every chunk that leaves.
    const busy = this.#busy ? queued >= busyMark / 2 : queued >= busyMark;
    if (busy === this.#busy) return;
    this.#busy = busy;
    this.#options.onBusy(busy);
  }
}
