// Discovery by DNS: SRV records say on which port of which host a node listens. RFC 2782, and the rules of DynamicSrv.
// Endpoints are addresses, never names: nobody after us asks a resolver that might answer something else.
import { setMaxListeners } from 'node:events';
import { BlockList, isIP } from 'node:net';
import { checkIsOptions, type OptionNames } from '../../arguments.js';
import { ArgumentError, ConnectionError, type ErlnodeError, ProtocolError } from '../../errors.js';
import type { Endpoint } from '../../transport/transport.js';
import type { Discovery, NodeName } from '../discovery.js';
import { helped } from '../helper-names.js';
import { splitNodeName } from '../node-name.js';
import type { SrvCacheOptions } from './cache.js';
import { type Family, Lookups, type SrvResolver } from './lookups.js';
import {
  addrTarget,
  dashedTarget,
  dynamicSrv,
  mapper,
  type Place,
  type SrvMapping,
  type SrvMappingFunction,
} from './mappings.js';
import { byPriorityAndWeight, inTurn } from './order.js';
import { canonical, isAddressInDisguise, nameFault, type SrvRecord, shown } from './records.js';
import { serversOf } from './servers.js';

export interface SrvOptions {
  /** Where the records of a node are. A string is a template for the name that has SRV records. Default: `dynamicSrv`. */
  readonly mapping?: SrvMapping | SrvMappingFunction | string;
  /** Name servers, `127.0.0.1:8600` or `[::1]:53`, asked in this order. Default: the system's. */
  readonly servers?: readonly string[];
  /** Asks something else than DNS for ports, for addresses, or for both. */
  readonly resolver?: SrvResolver;
  /** Which addresses are asked for, and tried first. Default `[4, 6]`: a BEAM listens on IPv4 unless told otherwise. */
  readonly families?: readonly Family[];
  /** Milliseconds for everything that one node needs. Default 2,500, so that time is left to connect. */
  readonly timeout?: number;
  /** How often every server is asked again. Default 2. */
  readonly retries?: number;
  /** Milliseconds that a server has to answer the first time; with every round twice as many. Default 500. */
  readonly firstTimeout?: number;
  /** `false` asks anew each time. */
  readonly cache?: SrvCacheOptions | false;
  /** The port this node listens on. Default: `ERL_DIST_PORT`, as DynamicSrv; else the node's own options decide. */
  readonly port?: number;
  /** Default: `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Draws among records by their weight; from 0 to less than 1. Default: `Math.random`. */
  readonly random?: () => number;
}

const OPTIONS: OptionNames<SrvOptions> = {
  mapping: true,
  servers: true,
  resolver: true,
  families: true,
  timeout: true,
  retries: true,
  firstTimeout: true,
  cache: true,
  port: true,
  env: true,
  random: true,
};

/** Targets that are resolved for one node; those that are worse are left out. */
const MAX_TARGETS = 8;
/** Targets that are resolved to find which of them has a node's address, and how many of them at once. */
const MAX_SEARCHED = 512;
const SEARCHED_AT_ONCE = 32;
const MAX_ENDPOINTS = 16;
/** Milliseconds for which a family that has answered waits for the other (RFC 8305 section 3 says 50). */
const FAMILY_GRACE = 100;

/**
 * Discovery by SRV records. Nothing is registered: whoever keeps the zone (Consul, Kubernetes) does that.
 *
 * @throws ArgumentError `badarg` for an option that is none.
 */
export function srv(options: SrvOptions = {}): Discovery {
  checkIsOptions('srv', options, OPTIONS);
  const timeout = inRange('timeout', options.timeout ?? 2500, 1, 0x7fff_ffff);
  const random = options.random ?? Math.random;
  const asking = {
    servers: serversOf(options.servers),
    // Whoever knows more about the failure is to be heard before the clock.
    timeout: timeout * 0.9,
    retries: inRange('retries', options.retries ?? 2, 0, 100),
    firstTimeout: inRange('firstTimeout', options.firstTimeout ?? 500, 1, 0x7fff_ffff),
    random,
  };
  const families = options.families ?? [4, 6];
  if (families.length === 0 || !families.every((family) => family === 4 || family === 6))
    throw new ArgumentError('badarg', `expected families to be [4, 6], [6, 4], [4] or [6], got [${families.join()}]`);
  const { cache = {} } = options;
  const lookups = new Lookups(asking, options.resolver ?? {}, cache === false ? { entries: 0 } : cache);
  const search: Search = { lookups, families, random };
  const placeOf = mapper(options.mapping ?? dynamicSrv);
  const port = ownPort(options);

  return {
    name: 'srv',

    async resolve(node, { signal, self }) {
      const { alive, host } = splitNodeName(node);
      if (signal.aborted) throw gaveUp(node, signal);
      // A helper of a release listens for nobody.
      if (helped(alive) !== undefined) return [];
      if (port !== undefined && isOwnRelease(node, self)) return [{ host: '127.0.0.1', port, nodeHost: host }];
      const place = placeOf({ name: alive, host });
      if (place === undefined) return [];
      const found = await within(node, timeout, signal, (ended) => find(node, place, search, ended));
      return found.map((endpoint) => ({ ...endpoint, nodeHost: host }));
    },

    listenPort(node) {
      const { alive } = splitNodeName(node);
      return helped(alive) === undefined ? port : 0;
    },
  };
}

interface Search {
  readonly lookups: Lookups;
  readonly families: readonly Family[];
  readonly random: () => number;
}

async function find(node: NodeName, place: Place, search: Search, signal: AbortSignal): Promise<readonly Endpoint[]> {
  // Asked for at the same time: most often it is the target, too.
  const { address } = place;
  const standIn = address === undefined ? undefined : addressesOf(address, search, signal);
  standIn?.catch(() => {});
  const { records, exists } = await search.lookups.services(place.service, signal);
  if (!exists) return [];
  if (records.length === 0)
    throw new ConnectionError(
      'noport',
      `${shown(place.service)} is in DNS and has no SRV record there: nothing says on which port ${node} listens`,
    );
  const wanted = place.target === undefined || isIP(place.target) === 0 ? undefined : plainAddress(place.target);
  const usable = records.filter((record) => {
    // "The service is decidedly not available" (RFC 2782), and what nobody can connect to.
    if (canonical(record.target) === '' || record.port === 0) return false;
    return place.target === undefined || wanted !== undefined || canonical(record.target) === place.target;
  });
  const ordered = byPriorityAndWeight(distinct(usable), search.random);
  if (wanted !== undefined) return atAddress(node, wanted, ordered, place, search, signal);

  const tried = ordered.slice(0, MAX_TARGETS);
  const outcomes = await Promise.allSettled(
    tried.map((record) =>
      standIn !== undefined && canonical(record.target) === address
        ? standIn
        : targetAddresses(record, place, search, signal),
    ),
  );
  const endpoints = outcomes.flatMap((outcome, i) =>
    outcome.status === 'fulfilled' ? endpointsAt(outcome.value, tried[i]) : [],
  );
  if (endpoints.length > 0 || tried.length === 0) return endpoints.slice(0, MAX_ENDPOINTS);
  const failures = outcomes.flatMap((outcome) =>
    outcome.status === 'rejected' ? [outcome.reason as ErlnodeError] : [],
  );
  if (standIn !== undefined && failures.every(({ code }) => code === 'unknown_host')) {
    const addresses = await standIn.catch(() => []);
    if (addresses.length > 0) return tried.flatMap((record) => endpointsAt(addresses, record)).slice(0, MAX_ENDPOINTS);
  }
  throw failures.find(({ code }) => code !== 'unknown_host') ?? (failures[0] as ErlnodeError);
}

/** The places whose address is the host of the node's name: SRV says the port, and who has the address. */
async function atAddress(
  node: NodeName,
  wanted: string,
  records: readonly SrvRecord[],
  place: Place,
  search: Search,
  signal: AbortSignal,
): Promise<readonly Endpoint[]> {
  const told = records.map((record) => ({ record, address: toldAddress(record.target, place) }));
  const ports = told.flatMap(({ record, address }) => (address === wanted ? [record.port] : []));
  if (ports.length > 0) return ports.map((port) => ({ host: wanted, port }));
  const unclear = told.flatMap(({ record, address }) => (address === undefined ? [record] : []));
  const family: Family = isIP(wanted) === 6 ? 6 : 4;
  let failure: ErlnodeError | undefined;
  for (let from = 0; from < Math.min(unclear.length, MAX_SEARCHED) && !signal.aborted; from += SEARCHED_AT_ONCE) {
    const some = unclear.slice(from, Math.min(from + SEARCHED_AT_ONCE, MAX_SEARCHED));
    const outcomes = await Promise.allSettled(
      some.map((record) => targetAddresses(record, place, { ...search, families: [family] }, signal)),
    );
    const endpoints = outcomes.flatMap((outcome, i) => {
      if (outcome.status === 'rejected') return [];
      return outcome.value.some((address) => plainAddress(address) === wanted) ? endpointsAt([wanted], some[i]) : [];
    });
    if (endpoints.length > 0) return endpoints;
    for (const outcome of outcomes)
      if (outcome.status === 'rejected' && (outcome.reason as ErlnodeError).code !== 'unknown_host')
        failure ??= outcome.reason as ErlnodeError;
  }
  if (failure !== undefined) throw failure;
  if (unclear.length > MAX_SEARCHED)
    throw new ConnectionError(
      'noport',
      `${node} is at none of the first ${MAX_SEARCHED} targets of ${shown(place.service)}, and there are ` +
        `${unclear.length}: find nodes by name instead of address`,
    );
  return [];
}

/** The address that a target's name itself says. */
function toldAddress(target: string, { addrTargets }: Place): string | undefined {
  return (addrTargets ? addrTarget(target) : undefined) ?? dashedTarget(target);
}

async function targetAddresses(
  { target }: SrvRecord,
  { addrTargets }: Place,
  search: Search,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const told = addrTargets ? addrTarget(target) : undefined;
  if (told !== undefined) return usableAddresses([told]);
  const name = canonical(target);
  const fault = isAddressInDisguise(name) ? 'an address in the place of a name' : nameFault(name);
  if (fault !== undefined)
    throw new ProtocolError(
      'unexpected_message',
      `expected an SRV record to name a host, got ${shown(target)}: ${fault}`,
    );
  return addressesOf(name, search, signal);
}

/** The addresses of a host, the families in turn. @throws ConnectionError `unknown_host` when there are none. */
async function addressesOf(
  host: string,
  { lookups, families }: Search,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const found: (readonly string[])[] = families.map(() => []);
  const failures: unknown[] = [];
  let exists = false;
  await new Promise<void>((resolve) => {
    let pending = families.length;
    let grace: NodeJS.Timeout | undefined;
    const done = () => {
      if (--pending > 0) return;
      clearTimeout(grace);
      resolve();
    };
    for (const [i, family] of families.entries())
      lookups
        .addresses(host, family, signal)
        .then(
          (answer) => {
            exists ||= answer.exists;
            found[i] = usableAddresses(answer.records);
            if (found[i]?.length !== 0) grace ??= setTimeout(resolve, FAMILY_GRACE);
          },
          (error: unknown) => failures.push(error),
        )
        .finally(done);
  });
  const addresses = inTurn(found);
  if (addresses.length > 0) return addresses;
  if (failures.length > 0) throw failures[0];
  const records = families.map((family) => (family === 4 ? 'A' : 'AAAA')).join(' or ');
  throw new ConnectionError(
    'unknown_host',
    exists
      ? `${shown(host)} has no address (${records}) in DNS that anybody could connect to`
      : `${shown(host)} does not exist in DNS, although an SRV record names it`,
  );
}

/** No place to connect to: "this host", multicast, reserved. Zones say 0.0.0.0 for "blocked". */
const nowhere = new BlockList();
nowhere.addSubnet('0.0.0.0', 8);
nowhere.addSubnet('224.0.0.0', 3);
nowhere.addAddress('::', 'ipv6');
nowhere.addSubnet('ff00::', 8, 'ipv6');

function usableAddresses(addresses: readonly string[]): readonly string[] {
  return addresses.slice(0, MAX_ENDPOINTS).filter((one) => !nowhere.check(one, isIP(one) === 6 ? 'ipv6' : 'ipv4'));
}

function endpointsAt(addresses: readonly string[], record: SrvRecord | undefined): Endpoint[] {
  return record === undefined ? [] : addresses.map((host) => ({ host, port: record.port }));
}

/** Without records that say the same twice. */
function distinct(records: readonly SrvRecord[]): SrvRecord[] {
  return [...new Map(records.map((record) => [`${canonical(record.target)} ${record.port}`, record])).values()];
}

/** IPv6 has many spellings. */
function plainAddress(address: string): string {
  return isIP(address) === 6 ? new URL(`http://[${address.replace(/%.*/, '')}]`).hostname.slice(1, -1) : address;
}

/** Is the node on this machine because the one that asks is a helper of it, or it itself? DynamicSrv's rule. */
function isOwnRelease(node: NodeName, self: NodeName | undefined): boolean {
  if (self === undefined) return false;
  const { alive, host } = splitNodeName(self);
  return node === `${helped(alive) ?? alive}@${host}`;
}

function ownPort({ port, env = process.env }: SrvOptions): number | undefined {
  const given = port ?? Number(env['ERL_DIST_PORT'] ?? 0);
  return given === 0 ? undefined : inRange(port === undefined ? 'ERL_DIST_PORT' : 'port', given, 1, 0xffff);
}

function inRange(what: string, value: number, low: number, high: number): number {
  if (Number.isInteger(value) && value >= low && value <= high) return value;
  throw new ArgumentError('badarg', `expected ${what} to be a whole number from ${low} to ${high}, got ${value}`);
}

function gaveUp(node: NodeName, signal: AbortSignal): ConnectionError {
  return new ConnectionError('aborted', `srv, looking for ${node}: the caller gave up`, { cause: signal.reason });
}

/** Settles in time, and then nothing of the work goes on. */
function within<Value>(
  node: NodeName,
  timeout: number,
  signal: AbortSignal,
  work: (ended: AbortSignal) => Promise<Value>,
): Promise<Value> {
  return new Promise((resolve, reject) => {
    const own = new AbortController();
    // One for every lookup of the search, of which there are a few dozen at most.
    setMaxListeners(0, own.signal);
    const settle = (outcome: () => void) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      outcome();
      own.abort();
    };
    const onAbort = () => settle(() => reject(gaveUp(node, signal)));
    const timer = setTimeout(
      () =>
        settle(() => reject(new ConnectionError('timeout', `DNS did not say within ${timeout} ms where ${node} is`))),
      timeout,
    );
    signal.addEventListener('abort', onAbort);
    work(own.signal).then(
      (value) => settle(() => resolve(value)),
      (error: Error) => settle(() => reject(error)),
    );
  });
}
