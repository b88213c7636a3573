// The options of a node, checked before anything is opened: each error names the option, what it takes and what it got.
// What is misspelt or of the wrong type must not count as "not given", least of all where a node listens.

import { inWords } from '../arguments.js';
import { CONNECTION_LIMITS } from '../dist/limits.js';
import { ArgumentError } from '../errors.js';
import { checkCodecLimits, decodeKind } from '../etf/check-options.js';
import { checkOptional, checkWaitOptions } from '../process/arguments.js';
import { type ListenAddress, NODE_LIMITS, type NodeOptions } from './options.js';

/** Every option there is: the compiler insists on it. */
const OPTIONS: Readonly<Record<keyof NodeOptions, true>> = {
  cookie: true,
  hidden: true,
  discovery: true,
  transport: true,
  listen: true,
  namedBy: true,
  netTickTime: true,
  setupTime: true,
  busyWait: true,
  terms: true,
  limits: true,
  allow: true,
  introspection: true,
  logger: true,
  signal: true,
  timeout: true,
};
const LISTEN_OPTIONS: Readonly<Record<keyof ListenAddress, true>> = { host: true, port: true, transport: true };

/** @throws ArgumentError `badarg`. */
export function checkOptions(options: NodeOptions): void {
  checkOptional(options, 'startNode()');
  checkNames('startNode()', 'option', options, OPTIONS);
  inRange('netTickTime', options.netTickTime, 1, 86_400);
  inRange('setupTime', options.setupTime, 0.001, 120);
  inRange('busyWait', options.busyWait, 0, 10_000);
  if (options.hidden !== undefined && (options.hidden as boolean) !== true) {
    throw new ArgumentError('badarg', 'hidden must be true: a visible node would have to serve global');
  }
  const { allow, cookie, discovery, transport, logger, namedBy, introspection } = options;
  if (introspection !== undefined && typeof introspection !== 'boolean') {
    throw bad('introspection', 'true or false', introspection);
  }
  if (allow !== undefined && typeof allow !== 'function') throw bad('allow', 'a function (peer) => boolean', allow);
  if (cookie !== undefined && typeof cookie !== 'function' && typeof cookie !== 'string') {
    throw bad('cookie', 'a string or a function (peer) => string', cookie);
  }
  if (namedBy !== undefined && typeof namedBy !== 'string') throw bad('namedBy', "a node's name", namedBy);
  has('discovery', discovery, ['resolve'], 'a discovery, such as epmd() gives');
  has('transport', transport, ['connect', 'listen'], 'a transport, such as tcp() gives');
  has('logger', logger, ['debug', 'info', 'warn', 'error'], 'a pino logger, or one with its methods');
  checkStartLimits(options);
  checkListen(options.listen);
  if (options.terms !== undefined) decodeKind(options.terms);
  checkLimits(options.limits);
}

function checkStartLimits({ signal, timeout }: NodeOptions): void {
  if (signal !== undefined) checkWaitOptions({ signal }, 'startNode()');
  if (timeout !== undefined) checkWaitOptions({ timeout }, 'startNode()');
}

function checkListen(listen: NodeOptions['listen']): void {
  if (listen === undefined || listen === false) return;
  const places: readonly unknown[] = Array.isArray(listen) ? listen : [listen];
  if (places.length === 0) {
    throw new ArgumentError('badarg', 'listen must be a list of at least one { host, port }; false is for none');
  }
  for (const place of places) {
    if (typeof place !== 'object' || place === null) {
      throw bad('listen', '{ host, port }, a list of them, or false', place);
    }
    checkNames('listen', 'option', place, LISTEN_OPTIONS);
    const { host, port, transport } = place as { host?: unknown; port?: unknown; transport?: unknown };
    // To Node an empty host means every interface there is.
    if (host !== undefined && (typeof host !== 'string' || host === '')) throw bad('listen.host', 'a host', host);
    has('listen.transport', transport, ['connect', 'listen'], 'a transport, such as tcp() gives');
    if (port === undefined) continue;
    const { min, max } = typeof port === 'object' && port !== null ? (port as Range) : { min: port, max: port };
    if (!isPort(min) || !isPort(max) || min > max) {
      const given = typeof port === 'number' || typeof port === 'object' ? JSON.stringify(port) : inWords(port);
      throw new ArgumentError('badarg', `listen.port must be a port (0 to 65535) or { min, max }, not ${given}`);
    }
  }
}

interface Range {
  readonly min: unknown;
  readonly max: unknown;
}

function checkLimits(limits: NodeOptions['limits']): void {
  checkOptional(limits, 'limits');
  if (limits === undefined) return;
  checkNames('a node', 'limit', limits, { ...NODE_LIMITS, ...CONNECTION_LIMITS, terms: true });
  const { terms, ...numbers } = limits;
  if (terms !== undefined) checkCodecLimits(terms);
  for (const [name, value] of Object.entries(numbers)) inRange(`limits.${name}`, value, 1, Number.MAX_SAFE_INTEGER);
}

/** A name that nobody reads would leave the default in force without a word. */
function checkNames(where: string, what: 'option' | 'limit', given: object, known: object): void {
  const unknown = Object.keys(given).find((name) => !Object.hasOwn(known, name));
  if (unknown === undefined) return;
  const names = Object.keys(known).join(', ');
  throw new ArgumentError('badarg', `${where} has no ${what} ${JSON.stringify(unknown)}; it has ${names}`);
}

/** @throws ArgumentError `badarg`. */
export function inRange(name: string, value: unknown, low: number, high: number): void {
  if (value === undefined || (typeof value === 'number' && value >= low && value <= high)) return;
  const given = typeof value === 'number' ? String(value) : inWords(value);
  throw new ArgumentError('badarg', `${name} must be a number from ${low} to ${high}, not ${given}`);
}

function isPort(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 0xffff;
}

/** Plug-ins are anything with these methods. */
function has(option: string, value: unknown, methods: readonly string[], wanted: string): void {
  if (value === undefined) return;
  const given = value as Record<string, unknown> | null;
  if (typeof given === 'object' && given !== null && methods.every((name) => typeof given[name] === 'function')) return;
  throw bad(option, wanted, value);
}

function bad(option: string, wanted: string, given: unknown): ArgumentError {
  return new ArgumentError('badarg', `${option} must be ${wanted}, not ${inWords(given)}`);
}
