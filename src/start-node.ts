// Puts a node together: name, cookie, listener, registration, processes, in that order. Whatever fails on the way
// takes down what was built before it.
import { randomBytes } from 'node:crypto';
import type { Discovery, Registration } from './discovery/discovery.js';
import { epmd } from './discovery/epmd/client.js';
import { ConnectionError } from './errors.js';
import { cookieFor } from './node/cookie.js';
import { createLog, type Log } from './node/log.js';
import { Node } from './node/node.js';
import { completeNodeName } from './node/node-name.js';
import { checkOptions, type NodeOptions } from './node/options.js';
import { tcp } from './transport/tcp.js';
import type { ByteStream, Listener, Transport } from './transport/transport.js';

/**
 * Starts a node that other nodes can find, connect to and send to.
 *
 * @param name `alive@host`, or `alive` for this machine's short host name.
 * @throws ArgumentError `badarg` for a bad name or option; ConnectionError `duplicate_name`, `epmd_unreachable`,
 * `address_in_use`, `aborted`.
 */
export async function startNode(name: string, options: NodeOptions = {}): Promise<Node> {
  const full = completeNodeName(name);
  checkOptions(options);
  const cookie = cookieFor(options.cookie);
  const discovery = options.discovery ?? epmd();
  const transport = options.transport ?? tcp();
  const log = createLog(options.logger, full);
  const signal = options.signal ?? new AbortController().signal;
  if (signal.aborted)
    throw new ConnectionError('aborted', `the start of ${full} was aborted`, { cause: signal.reason });

  // Streams that come before the node is there wait for it.
  let node: Node | undefined;
  const early: ByteStream[] = [];
  const onConnection = (stream: ByteStream): void => {
    if (node === undefined) early.push(stream);
    else node.accept(stream);
  };
  const listener = await listen(full, options, discovery, transport, log, onConnection);
  let registration: Registration | undefined;
  try {
    registration = await register(full, discovery, listener, log, signal);
  } catch (error) {
    for (const stream of early) stream.destroy();
    await listener?.close();
    throw error;
  }
  node = new Node({
    name: full,
    creation: registration?.creation ?? randomCreation(),
    seed: randomBytes(4).readUInt32BE(),
    options,
    discovery,
    transport,
    cookie,
    log,
    listener,
    registration,
  });
  for (const stream of early) node.accept(stream);
  const started = node;
  signal.addEventListener('abort', () => void started.stop(), { once: true });
  log.info({ port: listener?.port, discovery: discovery.name, transport: transport.name }, 'node started');
  return node;
}

async function listen(
  name: `${string}@${string}`,
  { listen: address }: NodeOptions,
  discovery: Discovery,
  transport: Transport,
  log: Log,
  onConnection: (stream: ByteStream) => void,
): Promise<Listener | undefined> {
  if (address === false) return undefined;
  return transport.listen({
    host: address?.host ?? '127.0.0.1',
    port: address?.port ?? discovery.listenPort?.(name) ?? 0,
    onConnection,
    onError: (error) => log.error({ reason: error.message }, 'listener failed'),
  });
}

async function register(
  name: `${string}@${string}`,
  discovery: Discovery,
  listener: Listener | undefined,
  log: Log,
  signal: AbortSignal,
): Promise<Registration | undefined> {
  if (listener === undefined || discovery.register === undefined) return undefined;
  return discovery.register(
    { node: name, port: listener.port, hidden: true },
    {
      signal,
      onStatus(status) {
        if (status.state === 'registered') log.info({ discovery: discovery.name }, 'registered again');
        else log.warn({ discovery: discovery.name, reason: status.error.message }, 'registration lost, trying again');
      },
    },
  );
}

/** 1 to 3 mean "an old node", 0 "any": never ours (protocol section 1.3). */
function randomCreation(): number {
  return Math.max(4, randomBytes(4).readUInt32BE());
}
