// A wire between two nodes that a test can listen in on, change and pull out: a TCP relay on loopback. Where it is pulled
// out nothing is closed: each side only stops hearing of the other, as with a cable.
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import type { Discovery } from '../../src/discovery/discovery.js';
import { epmd } from '../../src/discovery/index.js';
import { tcp } from '../../src/transport/tcp.js';
import type { ByteStream, Transport } from '../../src/transport/transport.js';

/** Who says something: the one that connected, or the one that it connected to. */
export type Side = 'caller' | 'called';

/** One connection through the wire. */
export interface Line {
  /** What has been said, as it was said. */
  readonly said: Readonly<Record<Side, Buffer[]>>;
  readonly closed: boolean;
}

export interface Wire {
  readonly port: number;
  /** Oldest first. */
  readonly lines: readonly Line[];
  /** What is said goes through this first, until it is set to undefined. */
  change: ((bytes: Buffer, from: Side) => Buffer) | undefined;
  /** Pulls out the connections there are; those that come later go through. */
  pull(): void;
  /** Keeps what this side says from now on; gives back what lets it go. */
  hold(side: Side): () => void;
  close(): Promise<void>;
}

/** @param target the port at the other end, asked for each connection */
export async function startWire(target: () => number | Promise<number>): Promise<Wire> {
  const lines: (Line & { closed: boolean; pulled: boolean; sockets: Socket[] })[] = [];
  const relay = (from: Socket, to: Socket, side: Side, line: (typeof lines)[number]): void => {
    from.setNoDelay(true);
    from.on('data', (bytes) => {
      line.said[side].push(bytes);
      to.write(wire.change === undefined ? bytes : wire.change(bytes, side));
    });
    from.on('error', () => {});
    from.on('close', () => {
      line.closed = true;
      if (!line.pulled) to.destroy();
    });
  };
  const join = async (caller: Socket): Promise<void> => {
    const called = connect(await target(), '127.0.0.1');
    const line = { said: { caller: [], called: [] }, closed: false, pulled: false, sockets: [caller, called] };
    lines.push(line);
    relay(caller, called, 'caller', line);
    relay(called, caller, 'called', line);
  };
  const server = createServer((caller) => void join(caller).catch(() => caller.destroy()));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const wire: Wire = {
    port: (server.address() as { port: number }).port,
    lines,
    change: undefined,
    pull() {
      for (const line of lines) {
        line.pulled = true;
        for (const socket of line.sockets) socket.pause();
      }
    },
    hold(side) {
      const held = lines.map(({ sockets: [caller, called] }) => (side === 'caller' ? caller : called));
      for (const socket of held) socket?.pause();
      return () => {
        for (const socket of held) socket?.resume();
      };
    },
    async close() {
      for (const { sockets } of lines) for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
  return wire;
}

/** EPMD for a node that everybody reaches through a wire, and that reaches everybody through another. */
export function wired(
  epmdPort: number,
  { inwards, outwards }: { inwards?: () => number; outwards?: () => number },
): Discovery {
  const real = epmd({ port: epmdPort });
  return {
    ...real,
    name: 'epmd behind a wire',
    async register(self, options) {
      const registration = await real.register?.(inwards === undefined ? self : { ...self, port: inwards() }, options);
      return registration as NonNullable<typeof registration>;
    },
    resolve: (node, options) =>
      outwards === undefined
        ? real.resolve(node, options)
        : Promise.resolve([{ host: '127.0.0.1', port: outwards(), nodeHost: '127.0.0.1' }]),
  };
}

/** Where a node is registered to listen. */
export async function listeningPort(node: string, epmdPort: number): Promise<number> {
  const [place] = await epmd({ port: epmdPort }).resolve(node as `${string}@${string}`, {
    signal: AbortSignal.timeout(5000),
  });
  if (place === undefined) throw new Error(`${node} is not registered`);
  return place.port;
}

/** TCP whose reader is given what `hear` makes of each chunk that comes. */
export function overheard(hear: (chunk: Buffer) => readonly Buffer[]): Transport {
  const plain = tcp();
  const listening = (stream: ByteStream): ByteStream =>
    new Proxy(stream, {
      get(target, key) {
        const value = Reflect.get(target, key, target) as unknown;
        if (key !== 'start') return typeof value === 'function' ? value.bind(target) : value;
        return (sink: Parameters<ByteStream['start']>[0]) =>
          target.start({
            onData(chunk) {
              for (const piece of hear(chunk)) sink.onData(piece);
            },
            onDrain: () => sink.onDrain(),
            onClose: (error) => sink.onClose(error),
          });
      },
    });
  return {
    ...plain,
    connect: async (endpoint, options) => listening(await plain.connect(endpoint, options)),
    listen: (options) =>
      plain.listen({ ...options, onConnection: (stream) => options.onConnection(listening(stream)) }),
  };
}
