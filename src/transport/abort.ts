// What an attempt that is given up rejects with, the same for every transport.
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
