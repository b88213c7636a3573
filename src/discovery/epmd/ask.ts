// One question to an EPMD over one connection, within one deadline that no dripping peer moves. Protocol section 1.1.
// At most `limit` bytes of the answer are kept, and they are kept once.
import { connect, type Socket } from 'node:net';
import { ConnectionError, ErlnodeError, LimitError, ProtocolError } from '../../errors.js';

export interface Question<T> {
  /** An IP address. */
  readonly address: string;
  readonly port: number;
  readonly request: Buffer;
  /** Bytes of the answer that may be kept. */
  readonly limit: number;
  /** Milliseconds for everything: connecting, asking, answering. */
  readonly timeout: number;
  readonly signal?: AbortSignal | undefined;
  /** The answer, or `undefined` while it is incomplete. `ended`: the peer has said all it will ever say. */
  read(bytes: Buffer, ended: boolean): T | undefined;
}

/** An answer and the connection it came over, which is the caller's to destroy. */
export interface Answer<T> {
  readonly value: T;
  readonly socket: Socket;
}

/**
 * @throws ConnectionError `epmd_unreachable`, `timeout`, `aborted`; ProtocolError and LimitError for a bad answer. The
 * connection is destroyed then.
 */
export function ask<T>(question: Question<T>): Promise<Answer<T>> {
  const { address, port, request, limit, timeout, signal, read } = question;
  const at = `EPMD at ${address}:${port}`;
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return void reject(aborted(at, signal));
    const answer = new Gathered();
    const socket = connect({ host: address, port });
    let settled = false;
    let connected = false;
    const settle = () => {
      settled = true;
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      // The one for 'error' stays: a late error must not end the process before the next owner listens.
      socket.off('data', onData).off('end', onEnd);
    };
    const fail = (error: Error) => {
      if (settled) return;
      settle();
      socket.destroy();
      reject(error);
    };
    const judge = (ended: boolean) => {
      try {
        const value = read(answer.bytes(), ended);
        if (value !== undefined) {
          settle();
          resolve({ value, socket });
        } else if (ended) {
          const what = answer.length === 0 ? 'without an answer' : `after ${answer.length} bytes of an answer`;
          fail(new ProtocolError('unexpected_message', `${at} closed the connection ${what}`));
        }
      } catch (error) {
        fail(located(error, at));
      }
    };
    const onAbort = () => fail(aborted(at, signal));
    const onData = (chunk: Buffer) => {
      const room = limit - answer.length;
      answer.push(chunk.subarray(0, room));
      judge(false);
      if (!settled && chunk.length > room)
        fail(new LimitError('message_too_large', `the answer of ${at}`, limit, limit - room + chunk.length));
    };
    const onEnd = () => judge(true);
    const timer = setTimeout(() => {
      const came = connected ? `${answer.length} bytes came` : 'no connection';
      fail(new ConnectionError('timeout', `${at} did not answer within ${Math.ceil(timeout)} ms (${came})`));
    }, timeout);
    signal?.addEventListener('abort', onAbort);
    socket.on('connect', () => {
      connected = true;
      socket.write(request);
    });
    socket.on('data', onData);
    socket.on('end', onEnd);
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (settled) return;
      // A daemon that refuses a request closes with bytes unread, which arrives as a reset.
      if (connected && (error.code === 'ECONNRESET' || error.code === 'EPIPE')) judge(true);
      else fail(unreachable(at, error));
    });
  });
}

/** Bytes that came, in one buffer that doubles: a million chunks of one byte cost a megabyte. */
class Gathered {
  #buffer: Buffer = Buffer.alloc(0);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(chunk: Buffer): void {
    const needed = this.#length + chunk.length;
    if (needed > this.#buffer.length) {
      const larger = Buffer.alloc(Math.max(needed, 2 * this.#buffer.length, 64));
      larger.set(this.bytes());
      this.#buffer = larger;
    }
    this.#buffer.set(chunk, this.#length);
    this.#length = needed;
  }

  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }
}

/** What an aborted signal turns any question into. */
export function aborted(what: string, signal: AbortSignal | undefined): ConnectionError {
  return new ConnectionError('aborted', `${what}: the caller gave up`, { cause: signal?.reason });
}

function unreachable(at: string, error: NodeJS.ErrnoException): ConnectionError {
  const refused = error.code === 'ECONNREFUSED';
  const remedy =
    'start `epmd -daemon`, serve one by epmd({ embedded: true }) on that host, or check the port and ERL_EPMD_PORT';
  const hint = refused ? ` (nothing listens there: ${remedy})` : '';
  return new ConnectionError('epmd_unreachable', `cannot reach ${at}: ${error.message}${hint}`, { cause: error });
}

/** Which EPMD said it; the decoders do not know. */
function located(error: unknown, at: string): Error {
  if (error instanceof ProtocolError) return new ProtocolError(error.code, `${at}: ${error.message}`, { cause: error });
  if (error instanceof ErlnodeError) return error;
  throw error;
}
