// Discovery by EPMD: the peer's host says where the peer listens, ours is told where we do. Protocol section 1.
// BEAM's habits are kept where others can see them; every wait has an end.

import { checkIsOptions, type OptionNames } from '../../arguments.js';
import { ArgumentError, ConnectionError, ProtocolError } from '../../errors.js';
import type { Endpoint } from '../../transport/transport.js';
import type { Discovery, NodeName, Registrant, Registration, RegistrationStatus } from '../discovery.js';
import { splitNodeName } from '../node-name.js';
import { lookUp, within } from './addresses.js';
import { ask } from './ask.js';
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
import { type EpmdServerOptions, SERVER_OPTIONS } from './server.js';

export interface EpmdOptions {
  /** The port of every EPMD that is asked. Default: `ERL_EPMD_PORT`, else 4369. */
  readonly port?: number;
  /** Where this node registers. Default: 127.0.0.1, or ::1 where nothing answers there. */
  readonly host?: string;
  /** Milliseconds for one question: finding the host, connecting, answering. Default: 10,000, as BEAM. */
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

const OPTIONS: OptionNames<EpmdOptions> = {
  port: true,
  host: true,
  timeout: true,
  embedded: true,
  lookup: true,
  env: true,
};

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
  checkIsOptions('epmd', options, OPTIONS);
  const { host: registerAtHost, embedded: serves } = options;
  if (registerAtHost !== undefined && (typeof registerAtHost !== 'string' || registerAtHost === ''))
    throw new ArgumentError('badarg', `expected the host of an EPMD to register with, got a ${typeof registerAtHost}`);
  if (serves !== undefined && typeof serves !== 'boolean') checkIsOptions('epmd, as embedded,', serves, SERVER_OPTIONS);
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

  const addressesOf = (host: string, ms: number, signal: AbortSignal | undefined) =>
    within(ms, signal, `looking up ${host}`, lookUp(host, options.lookup));

  async function resolve(node: NodeName, { signal }: { readonly signal: AbortSignal }): Promise<readonly Endpoint[]> {
    const { alive, host } = splitNodeName(node);
    const request = encodeRequest({ op: 'PORT_PLEASE2_REQ', name: checked(alive, node) });
    const left = countdown(timeout);
    const addresses = await addressesOf(host, left(), signal);
    const answers = await askAll(addresses, signal, async (address, ended) => {
      const { value, socket } = await ask({
        address,
        port,
        request,
        timeout: left(),
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
    const left = countdown(timeout);
    const addresses = await addressesOf(host, left(), signal);
    return firstReachable(addresses, async (address): Promise<RegisteredName[]> => {
      const { value, socket } = await ask({
        address,
        port,
        request: encodeRequest({ op: 'NAMES_REQ' }),
        timeout: left(),
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
    const left = countdown(ms);
    const addresses = options.host === undefined ? LOOPBACK : await addressesOf(options.host, left(), signal);
    const attempt = () => firstReachable(addresses, (address) => registerAt(address, request, self, left(), signal));
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
  if (node.name !== asked) return 'it answered for another name';
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

/** Asks one address after the other until one can be reached; what it says counts, a failure too. */
async function firstReachable<T>(addresses: readonly string[], attempt: (address: string) => Promise<T>): Promise<T> {
  let first: unknown;
  for (const address of addresses) {
    try {
      return await attempt(address);
    } catch (error) {
      if (!isUnreachable(error)) throw error;
      first ??= error;
    }
  }
  throw first;
}

/** Milliseconds that are left of one question, all its steps together; at least one, so that a timeout says so. */
function countdown(ms: number): () => number {
  const end = performance.now() + ms;
  return () => Math.max(1, end - performance.now());
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
