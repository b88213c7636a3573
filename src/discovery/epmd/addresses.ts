// From a host to the IP addresses that are worth asking. Sockets are opened elsewhere.
// No name server's answer makes more than a handful of questions, and none is waited for longer than asked.
import { lookup as systemLookup } from 'node:dns/promises';
import { isIP, isIPv4 } from 'node:net';
import { ConnectionError } from '../../errors.js';
import { inTurn } from '../srv/order.js';
import { aborted } from './ask.js';

/** Addresses of one host that are asked; a name server may answer with thousands. */
const MAX_ADDRESSES = 8;

/**
 * The families in turn, so that many addresses of one do not hide the other; IPv4 first: nearly every BEAM listens there
 * and nowhere else (`inet_tcp`), whatever its EPMD does.
 */
export async function lookUp(
  host: string,
  lookup: (host: string) => Promise<readonly string[]> = systemAddresses,
): Promise<string[]> {
  if (isIP(host) !== 0) return [host];
  let found: readonly string[];
  try {
    found = await lookup(host);
  } catch (error) {
    throw unknownHost(host, error);
  }
  const addresses = found.filter((address) => isIP(address) !== 0);
  if (addresses.length === 0) throw unknownHost(host, undefined);
  const families = [true, false].map((four) => addresses.filter((one) => isIPv4(one) === four));
  return [...new Set(inTurn(families))].slice(0, MAX_ADDRESSES);
}

async function systemAddresses(host: string): Promise<string[]> {
  return (await systemLookup(host, { all: true })).map(({ address }) => address);
}

function unknownHost(host: string, cause: unknown): ConnectionError {
  const why = cause instanceof Error ? cause.message : 'no address was found';
  return new ConnectionError('unknown_host', `cannot find the address of ${JSON.stringify(host)}: ${why}`, { cause });
}

/** For work that cannot be interrupted: its end is not waited for. */
export function within<T>(ms: number, signal: AbortSignal | undefined, what: string, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => settle(() => reject(aborted(what, signal)));
    const timer = setTimeout(
      () => settle(() => reject(new ConnectionError('timeout', `${what} took longer than ${Math.ceil(ms)} ms`))),
      ms,
    );
    const settle = (outcome: () => void) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      outcome();
    };
    if (signal?.aborted === true) return onAbort();
    signal?.addEventListener('abort', onAbort);
    work.then(
      (value) => settle(() => resolve(value)),
      (error: Error) => settle(() => reject(error)),
    );
  });
}
