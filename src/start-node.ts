// Puts a node together: name, cookie, listener, registration, processes, in that order. Whatever fails on the way
// takes down what was built before it.
import { randomBytes } from 'node:crypto';
import type { Discovery, Registration } from './discovery/discovery.js';
import { epmd } from './discovery/epmd/client.js';
import { helped } from './discovery/helper-names.js';
import { ArgumentError, ConnectionError } from './errors.js';
import { askForName } from './node/ask-for-name.js';
import { checkOptions } from './node/check-options.js';
import { Challenges } from './node/connect.js';
import { cookieFor } from './node/cookie.js';
import { createLog, type Log } from './node/log.js';
import type { NodeEvent } from './node/monitor-nodes.js';
import { Node, type NodeParts } from './node/node.js';
import { completeNodeName, parseNodeName } from './node/node-name.js';
import { distPort, type ListenAddress, NODE_LIMITS, type NodeOptions } from './node/options.js';
import { startTimeout } from './process/timer.js';
import { tcp } from './transport/tcp.js';
import type { ByteStream, Listener, Transport } from './transport/transport.js';

/**
 * Starts a node that other nodes can find, connect to and send to.
 *
 * @param name `alive@host`, or `alive` for this machine's short host name; `undefined@host` with the option `namedBy`.
 * @throws ArgumentError `badarg` for a bad name or option; ConnectionError `duplicate_name`, `epmd_unreachable`,
 * `address_in_use`, `timeout`, `aborted`.
 */
export async function startNode(name: string, options: NodeOptions = {}): Promise<Node> {
  checkOptions(options);
  const full = completeNodeName(name);
  // More often a variable that is not set than a wish: on a BEAM it would ask for a name.
  if (full.startsWith('undefined@') && options.namedBy === undefined) {
    throw new ArgumentError(
      'badarg',
      `${full} is the name of a node that asks another for its name: namedBy says whom`,
    );
  }
  const cookie = cookieFor(options.cookie);
  const discovery = options.discovery ?? epmd();
  const transport = options.transport ?? tcp();
  const parts = { seed: randomBytes(4).readUInt32BE(), options, discovery, transport, cookie };
  const { signal, cancel } = startSignal(full, options);
  try {
    const node =
      options.namedBy === undefined
        ? await startListening(full, parts, createLog(options.logger, full), signal)
        : await startNamed(full, options.namedBy, parts, signal);
    if (!signal.aborted) return node;
    await node.stop();
    throw signal.reason;
  } finally {
    cancel();
  }
}

/** Aborted when the start has to end, with the error to throw as its reason. */
function startSignal(name: string, { signal: given, timeout }: NodeOptions): { signal: AbortSignal; cancel(): void } {
  const aborter = new AbortController();
  const onAbort = (): void =>
    aborter.abort(new ConnectionError('aborted', `the start of ${name} was aborted`, { cause: given?.reason }));
  const timer = startTimeout(timeout, () =>
    aborter.abort(new ConnectionError('timeout', `the start of ${name} took longer than ${timeout} ms`)),
  );
  given?.addEventListener('abort', onAbort, { once: true });
  if (given?.aborted === true) onAbort();
  const cancel = (): void => {
    timer?.cancel();
    given?.removeEventListener('abort', onAbort);
  };
  return { signal: aborter.signal, cancel };
}

type Parts = Pick<NodeParts, 'seed' | 'options' | 'discovery' | 'transport' | 'cookie'>;

async function startListening(full: `${string}@${string}`, parts: Parts, log: Log, signal: AbortSignal): Promise<Node> {
  const { options, discovery, transport } = parts;
  // Streams that come before the node is there wait for it, those that came last.
  let node: Node | undefined;
  const early: (readonly [ByteStream, Transport])[] = [];
  const mostEarly = options.limits?.unauthenticated ?? NODE_LIMITS.unauthenticated;
  const onConnection = (stream: ByteStream, carrier: Transport): void => {
    if (node !== undefined) node.accept(stream, carrier);
    else if (early.push([stream, carrier]) > mostEarly) early.shift()?.[0].destroy();
  };
  let listeners: readonly Listener[] = [];
  let registration: Registration | undefined;
  try {
    listeners = await listen(full, options, discovery, transport, log, onConnection, signal);
    registration = await register(full, discovery, listeners[0], log, signal);
  } catch (error) {
    for (const [stream] of early) stream.destroy();
    await Promise.all(listeners.map((listener) => listener.close()));
    throw error;
  }
  node = new Node({
    ...parts,
    name: full,
    creation: creationOf(registration),
    log,
    listeners,
    registration,
  });
  for (const [stream, carrier] of early) node.accept(stream, carrier);
  const ports = listeners.map(({ port }) => port);
  log.info(
    { port: ports.length > 1 ? ports : ports[0], discovery: discovery.name, transport: transport.name },
    'node started',
  );
  return node;
}

/** The node that gives us our name is the only one that knows us; without it there is no name, so no node. */
async function startNamed(full: string, namedBy: string, parts: Parts, signal: AbortSignal): Promise<Node> {
  const { alive, host } = parseNodeName(full);
  if (alive !== 'undefined') {
    throw new ArgumentError('badarg', `a node that is to be named by ${namedBy} is called undefined@host, not ${full}`);
  }
  let node: Node | undefined;
  signal.throwIfAborted();
  const asking = askForName(namedBy, {
    ...parts,
    host,
    signal,
    setupTime: (parts.options.setupTime ?? 7) * 1000,
    challenges: new Challenges(),
    onNamed(named, established, stream) {
      const log = createLog(parts.options.logger, named.node);
      node = new Node({
        ...parts,
        name: named.node,
        creation: named.creation,
        log,
        listeners: [],
        registration: undefined,
      });
      log.info({ peer: namedBy }, 'node started with the name it was given');
      const events = node.monitorNodes();
      const sink = node.adopt(established, stream);
      void endWith(node, namedBy, events);
      return sink;
    },
  });
  try {
    await asking;
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
  return node as unknown as Node;
}

async function endWith(node: Node, namer: string, events: AsyncIterable<NodeEvent>): Promise<void> {
  for await (const { type, node: peer } of events) {
    if (type === 'nodedown' && peer === namer) await node.stop();
  }
}

async function listen(
  name: `${string}@${string}`,
  { listen: where = {} }: NodeOptions,
  discovery: Discovery,
  transport: Transport,
  log: Log,
  onConnection: (stream: ByteStream, carrier: Transport) => void,
  signal: AbortSignal,
): Promise<readonly Listener[]> {
  if (where === false) return [];
  const addresses: readonly ListenAddress[] = 'length' in where ? where : [where];
  const listeners: Listener[] = [];
  try {
    for (const { host = '127.0.0.1', port, transport: carrier = transport } of addresses) {
      // What the discovery and the environment say is for the one listener that others are told of.
      const wish = listeners.length === 0 ? (port ?? discovery.listenPort?.(name) ?? ownPort(name)) : port;
      signal.throwIfAborted();
      const opening = carrier.listen({
        node: name,
        host,
        port: wish ?? 0,
        onConnection: (stream) => onConnection(stream, carrier),
        onError: (error) => log.error({ reason: error.message }, 'trouble with a listener'),
      });
      listeners.push(await unlessAborted(opening, signal));
    }
  } catch (error) {
    await Promise.all(listeners.map((listener) => listener.close()));
    throw error;
  }
  return listeners;
}

/** A helper of a release (`rem-1a2b-app@host`) has the environment of its release, whose port is taken. */
function ownPort(name: string): number {
  return helped(parseNodeName(name).alive) === undefined ? distPort() : 0;
}

async function register(
  name: `${string}@${string}`,
  discovery: Discovery,
  listener: Listener | undefined,
  log: Log,
  signal: AbortSignal,
): Promise<Registration | undefined> {
  if (listener === undefined || discovery.register === undefined) return undefined;
  const registering = discovery.register(
    { node: name, port: listener.port, hidden: true },
    {
      signal,
      onStatus(status) {
        if (status.state === 'registered') log.info({ discovery: discovery.name }, 'registered again');
        else log.warn({ discovery: discovery.name, reason: status.error.message }, 'registration lost, trying again');
      },
    },
  );
  return unlessAborted(registering, signal);
}

/** A plug-in may not heed its signal: whoever aborted does not wait for it, and what comes late is closed. */
function unlessAborted<Opened extends { close(): Promise<void> }>(
  opening: Promise<Opened>,
  signal: AbortSignal,
): Promise<Opened> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    opening
      .then(async (opened) => {
        if (!signal.aborted) resolve(opened);
        else await opened.close();
      })
      .catch(reject)
      .finally(() => signal.removeEventListener('abort', onAbort));
  });
}

/** What the registry gave, if it is one: it goes into 32 bits, and 0 would be any node of our name. */
function creationOf(registration: Registration | undefined): number {
  const creation = registration?.creation;
  if (creation === undefined || !Number.isInteger(creation)) return randomCreation();
  return creation > 0 && creation <= 0xffff_ffff ? creation : randomCreation();
}

/** 1 to 3 mean "an old node", 0 "any": never ours (protocol section 1.3). */
function randomCreation(): number {
  return Math.max(4, randomBytes(4).readUInt32BE());
}
