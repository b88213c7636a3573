// The owner of one end of a byte stream, for the suite of transports: it keeps what it is told, and in which order.
import { Buffer } from 'node:buffer';
import type { ByteStream } from '../transport/transport.js';
import { soon } from './conformance.js';

/** Everything one end was told, with promises for what is still to come. */
export class Recorder {
  readonly stream: ByteStream;
  readonly events: string[] = [];
  closed: { readonly error: Error | undefined } | undefined;
  drains = 0;
  #chunks: Buffer[] = [];
  #waiting: (() => void)[] = [];

  constructor(stream: ByteStream) {
    this.stream = stream;
  }

  start(): this {
    this.stream.start({
      onData: (chunk) => this.#tell('data', () => this.#chunks.push(chunk)),
      onDrain: () => this.#tell('drain', () => this.drains++),
      onClose: (error) => this.#tell('close', () => (this.closed = { error })),
    });
    return this;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  get received(): number {
    return this.#chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  }

  get chunks(): readonly Buffer[] {
    return this.#chunks;
  }

  async until(what: string, condition: () => boolean): Promise<void> {
    while (!condition()) {
      await soon(new Promise<void>((resolve) => this.#waiting.push(resolve)), what);
    }
  }

  untilClosed(): Promise<void> {
    return this.until('the close', () => this.closed !== undefined);
  }

  #tell(event: string, record: () => void): void {
    this.events.push(event);
    record();
    for (const wake of this.#waiting.splice(0)) wake();
  }
}
