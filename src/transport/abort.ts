// One attempt to connect, the same for every transport: how it is waited for, and what one that is given up rejects with.
import type { Socket } from 'node:net';
import { ConnectionError } from '../errors.js';

/**
 * @param signal one that has aborted. Its reason decides: a ConnectionError is passed on, a `TimeoutError` (as of
 *   `AbortSignal.timeout`) becomes `timeout`, anything else `aborted`.
 * @param where the other end in words.
 */
export function abortError(signal: AbortSignal, where: string): ConnectionError {
  const cause: unknown = signal.reason;
  if (cause instanceof ConnectionError) return cause;
  const late = cause instanceof DOMException && cause.name === 'TimeoutError';
  return late
    ? new ConnectionError('timeout', `${where} did not answer in time`, { cause })
    : new ConnectionError('aborted', `the connection attempt to ${where} was given up`, { cause });
}

/**
 * Waits for `event` of a socket that is being connected. One that fails or is given up is destroyed, and what it says
 * later is heard by nobody.
 *
 * @param where the other end in words.
 * @param make called unless `signal` has aborted already.
 * @param errorOf what to reject with; without an error the socket was closed.
 * @param ready called at once, before the socket can say anything more. What it throws rejects.
 */
export function untilConnected<Made extends Socket, Result>(
  event: 'connect' | 'secureConnect',
  signal: AbortSignal,
  where: string,
  make: () => Made,
  errorOf: (error?: Error) => Error,
  ready: (socket: Made) => Result,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(abortError(signal, where));
      return;
    }
    const socket = make();
    const settle = () => {
      socket.off(event, onReady).off('error', onError).off('close', onClose);
      signal.removeEventListener('abort', onAbort);
    };
    const fail = (error: Error) => {
      settle();
      socket.on('error', () => {});
      socket.destroy();
      reject(error);
    };
    const onReady = () => {
      settle();
      try {
        resolve(ready(socket));
      } catch (error) {
        fail(error as Error);
      }
    };
    const onError = (error: Error) => fail(errorOf(error));
    const onClose = () => fail(errorOf());
    const onAbort = () => fail(abortError(signal, where));
    socket.once(event, onReady).once('error', onError).once('close', onClose);
    signal.addEventListener('abort', onAbort, { once: true });
  });
}
