// A connection that is up (OTP: the distribution controller): the protocol machine, its byte stream, the pump between
// them, and the clock that ticks. Any error ends this connection with that error as its reason, and nothing else.
import type { Buffer } from 'node:buffer';
import { Connection, type ConnectionOptions, type ConnectionStatistics } from '../dist/connection.js';
import type { ControlMessage } from '../dist/control.js';
import { DFLAG, hasFlags } from '../dist/flags.js';
import type { Established } from '../dist/handshake/handshake.js';
import { ConnectionError, LimitError } from '../errors.js';
import { startTimeout } from '../process/timer.js';
import { Pump } from '../transport/pump.js';
import type { ByteStream, ByteStreamSink } from '../transport/transport.js';
import { type BusyWait, Exchange } from './busy-wait.js';
import type { Direction } from './connections.js';

export interface DistControllerOptions {
  readonly self: string;
  readonly established: Established;
  readonly stream: ByteStream;
  readonly direction: Direction;
  readonly connection: Pick<ConnectionOptions, 'terms' | 'limits' | 'tickTime'>;
  readonly busyBytes: number;
  readonly queueBytes: number;
  readonly busyWait: BusyWait;
  onControl(message: ControlMessage): void;
  onBusy(busy: boolean): void;
  /** Once. `reason` is absent when the connection was closed in good order. */
  onDown(reason: Error | undefined): void;
}

export class DistController implements ByteStreamSink {
  readonly peer: string;
  readonly established: Established;
  /** Whether either side is a hidden node (protocol section 2.10, PUBLISHED). */
  readonly hidden: boolean;
  readonly direction: Direction;
  /** When it came up, on the clock of `performance.now()`. */
  readonly since: number = performance.now();
  readonly #stream: ByteStream;
  readonly #connection: Connection;
  readonly #pump: Pump;
  readonly #exchange: Exchange;
  readonly #ticker: ReturnType<typeof setInterval>;
  readonly #options: DistControllerOptions;
  #down = false;
  /** Told when the stream has closed: whoever waits for {@link end}. */
  #closed: (() => void) | undefined;

  constructor(options: DistControllerOptions) {
    const { established, stream, self, connection } = options;
    this.#options = options;
    this.peer = established.peer;
    this.established = established;
    this.#stream = stream;
    this.direction = options.direction;
    this.hidden = !hasFlags(established.flags, DFLAG.DFLAG_PUBLISHED);
    this.#connection = new Connection({
      ...connection,
      self,
      peer: established.peer,
      flags: established.flags,
      now: performance.now(),
      sink: options,
    });
    this.#pump = new Pump(stream, this.#connection, {
      busyMark: options.busyBytes,
      hardCap: options.queueBytes,
      onBusy: (busy) => options.onBusy(busy),
      onOverflow: (queued) =>
        this.close(
          new LimitError('send_queue_full', `${this.peer} does not read fast enough`, options.queueBytes, queued),
        ),
    });
    this.#exchange = new Exchange(options.busyWait);
    this.#ticker = setInterval(() => this.#tick(), this.#connection.tickInterval);
    this.#ticker.unref();
  }

  get busy(): boolean {
    return this.#pump.busy;
  }

  get queuedBytes(): number {
    return this.#pump.queuedBytes;
  }

  get remote(): string {
    return this.#stream.remote;
  }

  get statistics(): ConnectionStatistics {
    return this.#connection.statistics;
  }

  /**
   * @returns false when this peer cannot be told.
   * @throws ArgumentError `not_encodable`
   */
  send(message: ControlMessage): boolean {
    if (this.#down) return false;
    const told = this.#connection.send(message);
    this.#pump.schedule();
    return told;
  }

  /** Closes at once, without sending what is queued. */
  close(reason?: Error): void {
    if (this.#down) return;
    this.#finish(reason);
    this.#stream.destroy();
  }

  /** Sends what is queued, then closes; gives up on a peer that does not read after `grace` ms, and at once on `hurry`. */
  end(grace: number, hurry: AbortSignal): Promise<void> {
    if (this.#down) return Promise.resolve();
    return new Promise((resolve) => {
      const giveUp = (): void => this.#stream.destroy();
      const timer = startTimeout(grace, giveUp);
      hurry.addEventListener('abort', giveUp, { once: true });
      this.#closed = () => {
        timer?.cancel();
        hurry.removeEventListener('abort', giveUp);
        resolve();
      };
      this.#pump.finish();
      this.#finish(undefined);
      this.#stream.end();
      if (hurry.aborted) giveUp();
    });
  }

  onData(chunk: Buffer): void {
    if (this.#down) return;
    const now = performance.now();
    this.#exchange.heard(now, this.#pump.sentBytes);
    try {
      this.#connection.receive(chunk, now);
    } catch (error) {
      this.close(error as Error);
    }
  }

  onDrain(): void {
    this.#pump.flush();
  }

  onClose(error?: Error): void {
    const what = error === undefined ? 'closed the connection' : 'is gone';
    const cause = error === undefined ? {} : { cause: error };
    this.#finish(new ConnectionError('connection_closed', `${this.peer} (${this.remote}) ${what}`, cause));
    this.#closed?.();
  }

  #tick(): void {
    try {
      if (this.#connection.tick(performance.now(), this.#stream.bufferedBytes) === 'alive') {
        this.#pump.schedule();
        return;
      }
    } catch (error) {
      this.close(error as Error);
      return;
    }
    const silent = `${this.peer} has sent nothing for longer than the tick time: it is down, stopped or unreachable`;
    this.close(new ConnectionError('net_tick_timeout', silent));
  }

  #finish(reason: Error | undefined): void {
    if (this.#down) return;
    this.#down = true;
    // What follows in the chunk that is being read is not delivered any more.
    this.#connection.close();
    clearInterval(this.#ticker);
    this.#options.onDown(reason);
  }
}
