// The EPMD that one `epmd({ embedded: true })` serves while nobody else does, and while a node here is registered.
// Whoever gets the port serves, everyone else uses that one: a race has one winner and no loser.
import { ConnectionError } from '../../errors.js';
import { type EpmdServer, type EpmdServerOptions, epmdServer } from './server.js';

/** Between losing the race for the port and asking the winner. */
const ATTEMPTS = 5;

export class EmbeddedServer {
  readonly #options: EpmdServerOptions;
  #users = 0;
  #server: EpmdServer | undefined;
  /** Someone ended our server by KILL_REQ: that was an order, and we do not serve again. */
  #killed = false;

  constructor(options: EpmdServerOptions) {
    this.#options = options;
  }

  /** Keeps the server, if there is or comes to be one, until the returned function is called. */
  use(): () => Promise<void> {
    this.#users++;
    let used = true;
    return async () => {
      if (!used) return;
      used = false;
      this.#users--;
      if (this.#users === 0) await this.#server?.close();
    };
  }

  /** Runs the attempt; when no EPMD can be reached, serves one and runs it again. */
  async orServe<T>(attempt: () => Promise<T>, isUnreachable: (error: unknown) => boolean): Promise<T> {
    for (let round = 1; ; round++) {
      try {
        return await attempt();
      } catch (error) {
        if (!isUnreachable(error) || this.#killed || round > ATTEMPTS) throw error;
        await this.#serve();
      }
    }
  }

  async #serve(): Promise<void> {
    try {
      const server = await epmdServer(this.#options);
      server.unref();
      this.#server = server;
      void server.ended.then((how) => {
        if (this.#server === server) this.#server = undefined;
        if (how === 'killed') this.#killed = true;
      });
    } catch (error) {
      // Another process was quicker: its server is the one to use. What else keeps us from listening, the caller must know.
      const taken = error instanceof ConnectionError && (error.cause as NodeJS.ErrnoException | undefined)?.code;
      if (taken !== 'EADDRINUSE') throw error;
    }
  }
}
