// Where records come from: name servers, or functions of the user's. Both are believed as far as they make sense.
import { isIP } from 'node:net';
import { ConnectionError, ErlnodeError, ProtocolError } from '../../errors.js';
import { type AskOptions, ask } from './ask.js';
import { AnswerCache, type SrvCacheOptions } from './cache.js';
import { type Answer, canonical, type RecordType, type SrvRecord, shown } from './records.js';

/** Asks something else than DNS. What is left out, DNS is asked for. */
export interface SrvResolver {
  /**
   * The SRV records of a name; none where there is no such name. `ttl` (seconds) is how long a record may be believed;
   * without it nothing is kept. Node's errors `ENOTFOUND` and `ENODATA` are understood, too.
   */
  ports?(
    name: string,
    options: { readonly signal: AbortSignal },
  ): Promise<readonly (SrvRecord & { readonly ttl?: number })[]>;
  /** The addresses of a host name, of both families. */
  addresses?(
    host: string,
    options: { readonly signal: AbortSignal },
  ): Promise<readonly (string | { readonly address: string; readonly ttl?: number })[]>;
}

export type Family = 4 | 6;

/** Every kind of lookup, cached. */
export class Lookups {
  readonly #cache: AnswerCache;
  readonly #resolver: SrvResolver;
  readonly #asking: AskOptions;

  constructor(asking: AskOptions, resolver: SrvResolver, cache: SrvCacheOptions) {
    this.#asking = asking;
    this.#resolver = resolver;
    this.#cache = new AnswerCache(cache, () => performance.now() / 1000);
  }

  services(name: string, signal: AbortSignal): Promise<Answer<SrvRecord>> {
    const { ports } = this.#resolver;
    if (ports === undefined) return this.#fromDns<SrvRecord>(name, 'SRV', signal);
    return this.#cache.answer(`SRV ${canonical(name)}`, signal, (own) =>
      custom('ports', name, () => ports.call(this.#resolver, name, { signal: own }), srvRecord),
    );
  }

  /** The addresses of one family. */
  async addresses(host: string, family: Family, signal: AbortSignal): Promise<Answer<string>> {
    const { addresses } = this.#resolver;
    if (addresses === undefined) return this.#fromDns<string>(host, family === 4 ? 'A' : 'AAAA', signal);
    const all = await this.#cache.answer(`addresses ${canonical(host)}`, signal, (own) =>
      custom('addresses', host, () => addresses.call(this.#resolver, host, { signal: own }), address),
    );
    return { ...all, records: all.records.filter((one) => isIP(one) === family) };
  }

  #fromDns<Value>(name: string, type: RecordType, signal: AbortSignal): Promise<Answer<Value>> {
    return this.#cache.answer(
      `${type} ${canonical(name)}`,
      signal,
      (own) => ask({ name, type }, this.#asking, own) as Promise<Answer<Value>>,
    );
  }
}

/** The answer of a function of the user's, which may be anything. */
async function custom<Value>(
  member: keyof SrvResolver,
  name: string,
  call: () => Promise<readonly unknown[]>,
  read: (value: unknown) => Value | undefined,
): Promise<Answer<Value>> {
  let found: unknown;
  try {
    found = await call();
  } catch (error) {
    if (error instanceof ErlnodeError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOTFOUND' || code === 'ENODATA') return { records: [], exists: code === 'ENODATA', ttl: 0 };
    throw new ConnectionError('dns_failure', `the resolver's ${member} failed for ${shown(name)}: ${message}`, {
      cause: error,
    });
  }
  const list: readonly unknown[] = Array.isArray(found) ? found : [undefined];
  const records: Value[] = [];
  let ttl = Number.POSITIVE_INFINITY;
  for (const value of list) {
    const record = read(value);
    if (record === undefined)
      throw new ProtocolError(
        'unexpected_message',
        `expected the resolver's ${member} to give a list of ${expected[member]} for ${shown(name)}, ` +
          `got something else`,
      );
    records.push(record);
    const { ttl: own } = Object(value) as { readonly ttl?: unknown };
    ttl = Math.min(ttl, typeof own === 'number' ? own : 0);
  }
  return { records, exists: records.length > 0, ttl: records.length > 0 ? ttl : 0 };
}

const expected: Readonly<Record<keyof SrvResolver, string>> = {
  ports: '{ priority, weight, port, target }',
  addresses: 'IP addresses',
};

function srvRecord(value: unknown): SrvRecord | undefined {
  const { priority, weight, port, target } = Object(value) as Partial<Record<keyof SrvRecord, unknown>>;
  if (!isShort(priority) || !isShort(weight) || !isShort(port) || typeof target !== 'string') return undefined;
  return { priority, weight, port, target };
}

function isShort(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 0xffff;
}

function address(value: unknown): string | undefined {
  const text = typeof value === 'string' ? value : (Object(value) as { readonly address?: unknown }).address;
  return typeof text === 'string' && isIP(text) !== 0 ? text : undefined;
}
