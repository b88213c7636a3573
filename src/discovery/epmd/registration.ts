// A name in an EPMD for as long as its connection stands, and again once EPMD is back. Protocol section 1.6.
// The creation is the first one given, for the whole life of the node, as BEAM keeps it.
import type { Socket } from 'node:net';
import { ConnectionError, ErlnodeError } from '../../errors.js';
import type { Registration, RegistrationStatus } from '../discovery.js';

/** BEAM's pause between losing EPMD and each attempt to come back. */
const RETRY_AFTER = 2000;
/** How long closing waits for EPMD to let go of the name. */
const FAREWELL = 1000;

/** A connection that stands for the name, and the creation that came with it. */
export interface Registered {
  readonly socket: Socket;
  readonly creation: number;
}

/** Registers once; called again after each loss. */
export type Register = (signal: AbortSignal) => Promise<Registered>;

export class KeptRegistration implements Registration {
  readonly creation: number;
  readonly #register: Register;
  readonly #onStatus: (status: RegistrationStatus) => void;
  readonly #onClosed: () => Promise<void>;
  readonly #closing = new AbortController();
  #socket: Socket | undefined;
  #retry: NodeJS.Timeout | undefined;
  /** Why the registration is lost, as last told. */
  #told: string | undefined;
  #attempt: Promise<void> = Promise.resolve();
  #closed: Promise<void> | undefined;

  /** `onClosed` runs once, after everything here is gone. */
  constructor(
    first: Registered,
    register: Register,
    onStatus: (status: RegistrationStatus) => void,
    onClosed: () => Promise<void>,
  ) {
    this.creation = first.creation;
    this.#register = register;
    this.#onStatus = onStatus;
    this.#onClosed = onClosed;
    this.#keep(first.socket);
  }

  close(): Promise<void> {
    this.#closed ??= this.#end();
    return this.#closed;
  }

  async #end(): Promise<void> {
    this.#closing.abort();
    clearTimeout(this.#retry);
    await this.#attempt;
    if (this.#socket !== undefined) await farewell(this.#socket);
    await this.#onClosed();
  }

  #keep(socket: Socket): void {
    this.#socket = socket;
    // Being registered is no reason for a process to live on.
    socket.unref();
    let why = 'EPMD closed the connection that stood for it';
    socket.on('error', (error) => {
      why = error.message;
    });
    socket.on('data', () => {
      why = 'EPMD sent bytes where it has nothing to say';
      socket.destroy();
    });
    socket.on('close', () => {
      this.#socket = undefined;
      if (this.#closed !== undefined) return;
      this.#lost(new ConnectionError('connection_closed', `the registration was lost: ${why}`));
      this.#later();
    });
  }

  #later(): void {
    this.#retry = setTimeout(() => {
      this.#attempt = this.#again();
    }, RETRY_AFTER).unref();
  }

  async #again(): Promise<void> {
    try {
      const { socket } = await this.#register(this.#closing.signal);
      this.#keep(socket);
      this.#told = undefined;
      if (this.#closed === undefined) this.#onStatus({ state: 'registered' });
    } catch (error) {
      if (this.#closed !== undefined) return;
      this.#lost(
        error instanceof ErlnodeError
          ? (error as ErlnodeError)
          : new ConnectionError('epmd_unreachable', 'registering again failed', { cause: error }),
      );
      this.#later();
    }
  }

  /** Once per reason: an EPMD that stays away for a night is not worth 40,000 log lines. */
  #lost(error: ErlnodeError): void {
    if (this.#told === error.code) return;
    this.#told = error.code;
    this.#onStatus({ state: 'lost', error });
  }
}

/** Closes in good order, so that the name is free when it settles: EPMD frees it before it closes its own side. */
function farewell(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const impatient = setTimeout(() => socket.destroy(), FAREWELL);
    socket.ref();
    socket.once('close', () => {
      clearTimeout(impatient);
      resolve();
    });
    socket.end();
  });
}
