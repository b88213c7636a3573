// Opens a stream to the first place of a node that answers. Places are tried in the order in which discovery gave them,
// each with a head start before the next (RFC 8305, section 5), so that one that swallows packets does not cost the setup time.
import { ConnectionError, ErlnodeError } from '../errors.js';
import { hostAndPort } from '../transport/socket-stream.js';
import type { ByteStream, Endpoint, Transport } from '../transport/transport.js';

/** Milliseconds: RFC 8305 recommends 250. One that has failed is not waited for. */
const HEAD_START = 250;
/** Places of which an error tells what they said. */
const MOST_TOLD = 16;

interface Try {
  readonly endpoint: Endpoint;
  readonly aborter: AbortController;
}

/** The places of one node, and how it goes with each. */
export class Race {
  readonly #peer: string;
  readonly #endpoints: readonly Endpoint[];
  readonly #transport: Transport;
  readonly #trying = new Set<Try>();
  readonly #failures: { readonly endpoint: Endpoint; readonly error: Error }[] = [];

  /** @param endpoints best first. */
  constructor(peer: string, endpoints: readonly Endpoint[], transport: Transport) {
    this.#peer = peer;
    this.#endpoints = endpoints;
    this.#transport = transport;
  }

  /**
   * The first stream that is there; every other attempt is given up, and a stream that comes of it all the same is
   * destroyed.
   *
   * @throws the signal's reason; or what all places said, under their code where they have only one.
   */
  run(signal: AbortSignal): Promise<ByteStream> {
    return new Promise((resolve, reject) => {
      let next = 0;
      let over = false;
      let headStart: NodeJS.Timeout | undefined;
      const finish = (): void => {
        over = true;
        clearTimeout(headStart);
        signal.removeEventListener('abort', onAbort);
        for (const { aborter } of this.#trying) aborter.abort();
      };
      const onAbort = (): void => {
        finish();
        reject(signal.reason);
      };
      const tryNext = (): void => {
        clearTimeout(headStart);
        const endpoint = this.#endpoints[next++];
        if (endpoint === undefined) {
          if (this.#trying.size > 0) return;
          finish();
          reject(this.#unreachable());
          return;
        }
        // One signal each: whoever wins must not hear that the others were given up.
        const attempt = { endpoint, aborter: new AbortController() };
        this.#trying.add(attempt);
        if (next < this.#endpoints.length) headStart = setTimeout(tryNext, HEAD_START);
        this.#connect(attempt).then(
          (stream) => {
            this.#trying.delete(attempt);
            if (over) {
              discard(stream);
              return;
            }
            finish();
            resolve(stream);
          },
          (error: unknown) => {
            this.#trying.delete(attempt);
            if (over) return;
            this.#failures.push({ endpoint, error: this.#known(error, endpoint) });
            tryNext();
          },
        );
      };
      if (signal.aborted) {
        onAbort();
        return;
      }
      signal.addEventListener('abort', onAbort, { once: true });
      tryNext();
    });
  }

  /** How it goes, for somebody who waits no more. */
  toString(): string {
    const waiting = [...this.#trying].map(({ endpoint }) => place(endpoint)).join(', ');
    const { name, silence } = this.#transport;
    if (waiting === '') return `${name} had it`;
    const said = silence === undefined ? '' : `: ${silence}`;
    return [`${name} was waiting for ${waiting}${said}`, ...this.#said()].join('; ');
  }

  async #connect({ endpoint, aborter }: Try): Promise<ByteStream> {
    const stream: unknown = await this.#transport.connect(endpoint, { signal: aborter.signal });
    if (typeof (Object(stream) as Partial<ByteStream>).destroy === 'function') return stream as ByteStream;
    throw new TypeError('it gave no stream');
  }

  /** A transport is asked to throw errors of ours. */
  #known(error: unknown, endpoint: Endpoint): Error {
    if (error instanceof ErlnodeError) return error;
    const why = error instanceof Error ? error.message : 'it threw something that is no Error';
    const what = `transport ${this.#transport.name} failed to connect to ${place(endpoint)}: ${why}`;
    return new ConnectionError('noconnection', what, { cause: error });
  }

  #said(): string[] {
    const told = this.#failures.slice(0, MOST_TOLD).map(({ endpoint, error }) => {
      const where = place(endpoint);
      return error.message.includes(where) ? error.message : `${where}: ${error.message}`;
    });
    const more = this.#failures.length - told.length;
    return more > 0 ? [...told, `and ${more} more`] : told;
  }

  #unreachable(): Error {
    const [first, ...others] = this.#failures.map(({ error }) => error);
    if (first === undefined || others.length === 0)
      return first ?? new ConnectionError('noport', `${this.#peer} is nowhere`);
    const same =
      first instanceof ConnectionError && others.every((error) => (error as ConnectionError).code === first.code);
    return new ConnectionError(
      same ? first.code : 'noconnection',
      `${this.#peer} could not be reached at any of its ${this.#failures.length} places: ${this.#said().join('; ')}`,
      { cause: new AggregateError([first, ...others]) },
    );
  }
}

/** Nobody is left who could be told of a transport that fails in this. */
function discard(stream: ByteStream): void {
  try {
    stream.destroy();
  } catch {
    // The stream is the transport's to close.
  }
}

function place({ host, port }: Endpoint): string {
  return hostAndPort(host, port);
}
