// Who has records under a name in DNS is in: dns_cluster, libcluster's DNSPoll and Kubernetes strategies, DynamicSrv's.
// What DNS cannot say is as it was: a name server that is down looks like nothing else than that.

import { Lookups, type SrvResolver } from '../discovery/srv/lookups.js';
import { isAddressInDisguise, nameFault, type RecordType, type SrvRecord } from '../discovery/srv/records.js';
import { serversOf } from '../discovery/srv/servers.js';
import { ArgumentError, ConnectionError, LimitError, ProtocolError } from '../errors.js';
import { shown } from './node-names.js';
import { Recalled, type Strategy, type StrategyOptions } from './strategy.js';

/** What a function that names nodes is told beside the record: the two names that the other ways use. */
export interface NamingOptions {
  readonly basename: string;
  readonly query: string;
}

/**
 * How an SRV record becomes the name of a node:
 *
 * - `address`: `basename@10.0.0.1`, one for each address of the target (dns_cluster);
 * - `host`: `basename@target` (libcluster's Kubernetes.DNSSRV);
 * - `label`: `label@query` where the target is `label.query`, and no node otherwise (DynamicSrv);
 * - a function: whatever it returns; `undefined` is no node.
 *
 * Where that node listens, its port included, is discovery's to find out.
 */
export type SrvNaming =
  | 'address'
  | 'host'
  | 'label'
  | ((record: SrvRecord, names: NamingOptions) => string | undefined);

export interface DnsPollOptions {
  /** The name to ask for. */
  readonly query: string;
  /** What stands before the `@` of nodes that are named after an address or a target. Default: as in the own name. */
  readonly basename?: string;
  /** Which records to ask for. Default: A, AAAA and SRV; SRV alone with a `naming` other than `address`. */
  readonly records?: readonly RecordType[];
  /** Default: `address`. */
  readonly naming?: SrvNaming;
  /** Name servers, `127.0.0.1:8600` or `[::1]:53`, asked in this order. Default: the system's. */
  readonly servers?: readonly string[];
  /** Asks something else than DNS for SRV records (`ports`), for addresses, or for both. */
  readonly resolver?: SrvResolver;
  /** Milliseconds for one question to DNS. Default: 4,000. */
  readonly timeout?: number;
}

/** Targets of one answer that are resolved. */
const MAX_TARGETS = 500;

interface Part {
  readonly exists: boolean;
  readonly nodes: readonly string[];
}

/** @throws ArgumentError `badarg` for an option that is none. */
export function dnsPoll(options: DnsPollOptions): Strategy {
  if (typeof options !== 'object' || (options as unknown) === null)
    throw new ArgumentError('badarg', `dnsPoll takes its options as an object with a query, got ${shown(options)}`);
  const { naming = 'address', timeout = 4000 } = options;
  const query = checkedName(options.query).replace(/\.$/, '');
  const types = options.records ?? (naming === 'address' ? ['A', 'AAAA', 'SRV'] : ['SRV']);
  if (types.length === 0 || !types.every((type) => ['A', 'AAAA', 'SRV'].includes(type)))
    throw new ArgumentError('badarg', `expected records to be some of A, AAAA and SRV, got [${types.join()}]`);
  if (!(timeout >= 1 && timeout <= 0x7fff_ffff))
    throw new ArgumentError('badarg', `expected the timeout in milliseconds, got ${timeout}`);
  const asking = { servers: serversOf(options.servers), timeout, retries: 2, firstTimeout: 500, random: Math.random };
  const lookups = new Lookups(asking, options.resolver ?? {}, { entries: 0 });
  const answers = new Recalled<Part>();
  const targets = new Recalled<string>();

  async function addresses(host: string, signal: AbortSignal): Promise<string[]> {
    const families = types.includes('AAAA') || !types.includes('A') ? ([4, 6] as const) : ([4] as const);
    const found = await Promise.all(families.map((family) => lookups.addresses(host, family, signal)));
    return found.flatMap(({ records }) => records);
  }

  async function services(basename: string, asked: StrategyOptions): Promise<Part> {
    const { records, exists } = await lookups.services(query, asked.signal);
    if (records.length > MAX_TARGETS)
      throw new LimitError('too_many_nodes', `${query} has too many SRV records`, MAX_TARGETS, records.length);
    const sound: SrvRecord[] = [];
    for (const record of records) {
      const target = record.target.replace(/\.$/, '');
      const fault = target === '' ? undefined : targetFault(target);
      if (fault !== undefined)
        asked.warn(new ProtocolError('unexpected_message', `SRV ${query}: the target ${shown(target)} is ${fault}`));
      else if (target !== '') sound.push({ ...record, target });
    }
    if (naming !== 'address') {
      const named = sound.map((record) => nameOf(naming, record, { basename, query }));
      return { exists, nodes: named.filter((node) => node !== undefined) };
    }
    const hosts = [...new Set(sound.map(({ target }) => target))];
    const all = await targets.all(hosts, (host) => addresses(host, asked.signal), asked);
    return { exists, nodes: all.map((address) => `${basename}@${address}`) };
  }

  return {
    name: `dns ${query}`,
    async nodes(asked) {
      const { signal, self } = asked;
      const basename = options.basename ?? self.slice(0, self.indexOf('@'));
      const ask = async (type: string): Promise<[Part]> => {
        if (type === 'SRV') return [await services(basename, asked)];
        const { records, exists } = await lookups.addresses(query, type === 'A' ? 4 : 6, signal);
        return [{ exists, nodes: records.map((address) => `${basename}@${address}`) }];
      };
      const parts = await answers.all([...new Set(types)], ask, asked);
      // Some servers deny the name for types they do not have. Where all do, it may as well be their fault.
      if (!parts.some(({ exists }) => exists))
        throw new ConnectionError('unknown_host', `there is no name ${query} in DNS`);
      return [...new Set(parts.flatMap(({ nodes }) => nodes))];
    },
  };
}

function nameOf(
  naming: Exclude<SrvNaming, 'address'>,
  record: SrvRecord,
  { basename, query }: NamingOptions,
): string | undefined {
  if (typeof naming === 'function') return naming(record, { basename, query });
  const { target } = record;
  if (naming === 'host') return `${basename}@${target}`;
  const tail = `.${query}`.toLowerCase();
  const label = target.slice(0, -tail.length);
  return target.toLowerCase().endsWith(tail) && /^[a-z0-9_-]+$/i.test(label) ? `${label}@${query}` : undefined;
}

function targetFault(target: string): string | undefined {
  if (isAddressInDisguise(target)) return 'an address in disguise';
  return nameFault(target) === undefined ? undefined : 'no host name';
}

function checkedName(query: unknown): string {
  if (typeof query === 'string' && query !== '' && nameFault(query.replace(/\.$/, '')) === undefined) return query;
  throw new ArgumentError('badarg', `expected the query to be a name in DNS, got ${shown(query)}`);
}
