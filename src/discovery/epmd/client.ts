// Discovery by EPMD: the peer's host says where the peer listens, ours is told where we do. Protocol section 1.
// BEAM's habits are kept where others can see them; every wait has an end.
import { lookup as systemLookup } from 'node:dns/promises';
import { isIP, isIPv4 } from 'node:net';
import { ArgumentError, ConnectionError, ErlnodeError, ProtocolError } from '../../errors.js';
import type { Endpoint } from '../../transport/transport.js';
import type { Discovery, NodeName, Registrant, Registration, RegistrationStatus } from '../discovery.js';
import { splitNodeName } from '../node-name.js';
import { aborted, ask } from './ask.js';
import { EmbeddedServer } from './embedded.js';
import { distVersions, type Environment, epmdPort } from './environment.js';
import {
  decodeAlive2Response,
  decodeNamesResponse,
  decodePort2Response,
  encodeRequest,
  MAX_NAMES_ANSWER,
  NODE_TYPE,
  nameFault,
  type RegisteredName,
} from './messages.js';
import { KeptRegistration, type Registered } from './registration.js';
import type { EpmdServerOptions } from './server.js';

export interface EpmdOptions {
  /** The port of every EPMD that is asked. Default: `ERL_EPMD_PORT`, else 4369. */
  readonly port?: number;
  /** Where this node registers. Default: 127.0.0.1, or ::1 where nothing answers there. */
  readonly host?: string;
  /** Milliseconds for one question, connecting included. Default: 10,000, as BEAM. */
  readonly timeout?: number;
  /**
   * Serves EPMD in this process, while a node of it is registered, if nothing listens on the port. Options of that
   * server may be given instead of `true`. Default: false.
   */
  readonly embedded?: boolean | Omit<EpmdServerOptions, 'port' | 'env'>;
  /** Turns a host into IP addresses. Default: the system's resolver. */
  readonly lookup?: (host: string) => Promise<readonly string[]>;
  /** Default: `process.env`. */
  readonly env?: Environment;
}

/** Addresses of one host that are asked; a name server may answer with thousands. */
const MAX_ADDRESSES = 8;
/** How long the other addresses of a host may take after one of them has answered. */
const GRACE = 1000;
/** A registration that was lost is to be back soon, so its attempts are shorter. */
const RETRY_TIMEOUT = 2000;
const LOOPBACK = ['127.0.0.1', '::1'] as const;
/** A PORT2 answer with a name and an extra field of the largest size. */
const MAX_PORT2_ANSWER = 14 + 2 * 1020;

/**
 * Discovery by the Erlang Port Mapper Daemon.
 *
 * @throws ArgumentError `badarg` for a port (or `ERL_EPMD_PORT`) that is none.
 */
export function epmd(options: EpmdOptions = {}): Discovery {
  const environment = options.env ?? process.env;
  const port = epmdPort(options.port, environment, 1);
  const timeout = options.timeout ?? 10_000;
  if (!(timeout > 0 && timeout <= 0x7fff_ffff))
    throw new ArgumentError('badarg', `expected EPMD's timeout in milliseconds, got ${timeout}`);
  const versions = distVersions(environment);
  const { embedded: serving = false } = options;
  const embedded =
    serving === false
      ? undefined
      : new EmbeddedServer({ ...(serving === true ? {} : serving), port, env: environment });

  const addressesOf = (host: string, signal: AbortSignal | undefined) =>
    within(timeout, signal, `looking up ${host}`, lookUp(host, options.lookup ?? systemAddresses));

  async function resolve(node: NodeName, { signal }: { readonly signal: AbortSignal }): Promise<readonly Endpoint[]> {
    const { alive, host } = splitNodeName(node);
    const request = encodeRequest({ op: 'PORT_PLEASE2_REQ', name: checked(alive, node) });
    const addresses = await addressesOf(host, signal);
    const answers = await askAll(addresses, signal, async (address, ended) => {
      const { value, socket } = await ask({
        address,
        port,
        request,
        timeout,
        signal: ended,
        limit: MAX_PORT2_ANSWER,
        read: (bytes) => decodePort2Response(bytes),
      });
      socket.destroy();
      if (value === 'unknown') return [];
      const fault = answerFault(value, alive);
      if (fault !== undefined)
        throw new ProtocolError('unexpected_message', `EPMD at ${address}:${port}, asked for ${node}: ${fault}`);
      return [{ host: address, port: value.port, nodeHost: host }];
    });
    return answers.flat();
  }

  async function names(host: string, { signal }: { readonly signal?: AbortSignal } = {}) {
    const addresses = await addressesOf(host, signal);
    return firstThat(addresses, async (address): Promise<RegisteredName[]> => {
      const { value, socket } = await ask({
        address,
        port,
        request: encodeRequest({ op: 'NAMES_REQ' }),
        timeout,
        signal,
        limit: MAX_NAMES_ANSWER,
        read: (bytes, ended) => (ended ? decodeNamesResponse(bytes) : undefined),
      });
      socket.destroy();
      return value;
    });
  }

  async function registerAt(address: string, request: Buffer, self: Registrant, ms: number, signal: AbortSignal) {
    const { value, socket } = await ask({
      address,
      port,
      request,
      timeout: ms,
      signal,
      limit: 7,
      read: (bytes) => decodeAlive2Response(bytes),
    });
    if (value.result === 0) return { socket, creation: value.creation };
    socket.destroy();
    throw new ConnectionError(
      'duplicate_name',
      `EPMD at ${address}:${port} refused to register ${self.node} (result ${value.result}): ` +
        'most likely a living node has that name already',
    );
  }

  async function registerOnce(self: Registrant, ms: number, signal: AbortSignal): Promise<Registered> {
    const { alive } = splitNodeName(self.node);
    const request = encodeRequest({
      op: 'ALIVE2_REQ',
      node: {
        name: alive,
        port: self.port,
        type: NODE_TYPE.NORMAL,
        protocol: 0,
        highestVersion: versions.highest,
        lowestVersion: versions.lowest,
        extra: Buffer.alloc(0),
      },
    });
    const addresses = options.host === undefined ? LOOPBACK : await addressesOf(options.host, signal);
    const attempt = () =>
      firstThat(addresses, (address) => registerAt(address, request, self, ms, signal), isUnreachable);
    if (embedded === undefined) return attempt();
    return embedded.orServe(attempt, isUnreachable);
  }

  async function register(
    self: Registrant,
    {
      signal,
      onStatus = () => {},
    }: { readonly signal: AbortSignal; readonly onStatus?: (status: RegistrationStatus) => void },
  ): Promise<Registration> {
    checked(splitNodeName(self.node).alive, self.node);
    if (!Number.isInteger(self.port) || self.port < 1 || self.port > 0xffff)
      throw new ArgumentError('badarg', `expected the port that ${self.node} listens on, got ${self.port}`);
    const release = embedded?.use() ?? (() => Promise.resolve());
    try {
      const first = await registerOnce(self, timeout, signal);
      const again = (ended: AbortSignal) => registerOnce(self, Math.min(timeout, RETRY_TIMEOUT), ended);
      return new KeptRegistration(first, again, onStatus, release);
    } catch (error) {
      await release();
      throw error;
    }
  }

  return { name: 'epmd', resolve, register, names };
}

function checked(alive: string, node: string): string {
  const fault = nameFault(alive);
  if (fault === undefined) return alive;
  throw new ArgumentError('badarg', `EPMD cannot know ${JSON.stringify(node)}: in the part before the @, ${fault}`);
}

/** Why an answer is no use although it is well-formed. */
function answerFault(node: { name: string; port: number; protocol: number; highestVersion: number }, asked: string) {
  if (node.name !== asked) return `it answered for the name ${JSON.stringify(node.name)}`;
  if (node.port === 0) return 'it says port 0';
  if (node.protocol !== 0) return `expected protocol 0 (TCP), got ${node.protocol}`;
  if (node.highestVersion < 5) return `the node speaks distribution version ${node.highestVersion}, we speak 5 and 6`;
  return undefined;
}

function isUnreachable(error: unknown): boolean {
  return error instanceof ConnectionError && error.code === 'epmd_unreachable';
}

function isAborted(error: unknown): boolean {
  return error instanceof ConnectionError && error.code === 'aborted';
}

/** IPv4 first: nearly every BEAM listens there and nowhere else (`inet_tcp`), whatever its EPMD does. */
async function lookUp(host: string, lookup: (host: string) => Promise<readonly string[]>): Promise<string[]> {
  if (isIP(host) !== 0) return [host];
  let found: readonly string[];
  try {
    found = await lookup(host);
  } catch (error) {
    throw unknownHost(host, error);
  }
  const addresses = found.filter((address) => isIP(address) !== 0);
  if (addresses.length === 0) throw unknownHost(host, undefined);
  const ordered = [...addresses.filter((one) => isIPv4(one)), ...addresses.filter((one) => !isIPv4(one))];
  return [...new Set(ordered)].slice(0, MAX_ADDRESSES);
}

async function systemAddresses(host: string): Promise<string[]> {
  return (await systemLookup(host, { all: true })).map(({ address }) => address);
}

function unknownHost(host: string, cause: unknown): ConnectionError {
  const why = cause instanceof Error ? cause.message : 'no address was found';
  return new ConnectionError('unknown_host', `cannot find the address of ${JSON.stringify(host)}: ${why}`, { cause });
}

/** The first address whose answer is an answer; `goOn` says after which failures the next one is tried. */
async function firstThat<T>(
  addresses: readonly string[],
  attempt: (address: string) => Promise<T>,
  goOn: (error: unknown) => boolean = (error) => error instanceof ErlnodeError && !isAborted(error),
): Promise<T> {
  let first: unknown;
  for (const address of addresses) {
    try {
      return await attempt(address);
    } catch (error) {
      if (!goOn(error)) throw error;
      first ??= error;
    }
  }
  throw first;
}

/**
 * Asks all addresses at once. Once one has answered, the others get {@link GRACE}; if none answers, the failure of the
 * first address is thrown. Answers are in the order of the addresses.
 */
async function askAll<T>(
  addresses: readonly string[],
  signal: AbortSignal,
  attempt: (address: string, ended: AbortSignal) => Promise<T>,
): Promise<T[]> {
  const enough = new AbortController();
  let grace: NodeJS.Timeout | undefined;
  const giveUp = () => enough.abort(signal.reason);
  if (signal.aborted) giveUp();
  signal.addEventListener('abort', giveUp);
  const outcomes = await Promise.allSettled(
    addresses.map(async (address) => {
      const answer = await attempt(address, enough.signal);
      grace ??= setTimeout(() => enough.abort(), GRACE);
      return answer;
    }),
  );
  clearTimeout(grace);
  signal.removeEventListener('abort', giveUp);
  const answers = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  const failures = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []));
  // After an abort, the failure to tell is the abort and not what had failed before it.
  if (answers.length === 0 && failures.length > 0) throw failures.find(isAborted) ?? failures[0];
  return answers;
}

/** For work that cannot be interrupted: its end is not waited for. */
function within<T>(ms: number, signal: AbortSignal | undefined, what: string, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => settle(() => reject(aborted(what, signal)));
    const timer = setTimeout(
      () => settle(() => reject(new ConnectionError('timeout', `${what} took longer than ${ms} ms`))),
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
