// Nodes that tell the network that they are there, by multicast or broadcast: libcluster's Gossip strategy, both ways.
// There is a socket only while a question is asked; whoever is silent is remembered for a while.
import { createSocket, type Socket } from 'node:dgram';
import { ArgumentError, ConnectionError } from '../errors.js';
import { decodeHeartbeat, encodeHeartbeat } from './gossip-message.js';
import { nameFault } from './node-names.js';
import type { Strategy } from './strategy.js';

/** Names and defaults are those of libcluster. */
export interface GossipOptions {
  /** Default: 45,892. */
  readonly port?: number;
  /** `if_addr`. Where to listen. Default: `0.0.0.0`. */
  readonly address?: string;
  /** Default: `233.252.1.32`; before libcluster 3.3 it was `230.1.1.251`. With `broadcastOnly` the address to broadcast to. */
  readonly multicastAddress?: string;
  /** `multicast_if`. The address of the interface. Default: the system chooses. */
  readonly multicastInterface?: string;
  /** Routers that a heartbeat may pass, plus one. Default: 1. */
  readonly multicastTtl?: number;
  /** Default: false. */
  readonly broadcastOnly?: boolean;
  /** What all nodes of the cluster know. Without it whoever can send to the port names nodes. */
  readonly secret?: string;
  /** Milliseconds to listen for one answer. Default: 5,500, as a BEAM's heartbeats are 1 to 5 s apart. */
  readonly listenFor?: number;
  /** Milliseconds after which a node that is silent is named no more. Default: 60,000. */
  readonly forgetAfter?: number;
}

/** Nodes that are remembered; a stranger could name thousands. */
const MAX_NODES = 1000;

/**
 * Names the nodes whose heartbeats are heard, and makes the own name heard. Not even hearing oneself is no answer.
 *
 * @throws ArgumentError `badarg` for an option that is none.
 */
export function gossip(options: GossipOptions = {}): Strategy {
  const { multicastAddress = '233.252.1.32', secret } = options;
  const port = inRange('port', options.port ?? 45_892, 1, 0xffff);
  const listenFor = inRange('listenFor', options.listenFor ?? 5500, 1, 0x7fff_ffff);
  const forgetAfter = inRange('forgetAfter', options.forgetAfter ?? 60_000, 1, 0x7fff_ffff);
  const ttl = inRange('multicastTtl', options.multicastTtl ?? 1, 0, 255);
  if (secret !== undefined && typeof secret !== 'string')
    throw new ArgumentError('badarg', 'gossip: expected the secret as a string');
  /** When each was heard last. */
  const heard = new Map<string, number>();

  function prepare(socket: Socket): void {
    if (options.broadcastOnly === true) {
      socket.setBroadcast(true);
      return;
    }
    socket.setMulticastTTL(ttl);
    socket.setMulticastLoopback(true);
    const { multicastInterface } = options;
    if (multicastInterface !== undefined) socket.setMulticastInterface(multicastInterface);
    socket.addMembership(multicastAddress, multicastInterface);
  }

  return {
    name: `gossip ${multicastAddress}:${port}`,
    async nodes({ signal, self }) {
      let ownCame = false;
      const onName = (name: string): void => {
        if (name === self) ownCame = true;
        else if (nameFault(name) === undefined && (heard.has(name) || heard.size < MAX_NODES))
          heard.set(name, performance.now());
      };
      await listen({ signal, port, self, listenFor, multicastAddress, secret, prepare, onName, bind: options.address });
      if (!ownCame)
        throw new ConnectionError(
          'noconnection',
          `not even the own heartbeat came back from ${multicastAddress}:${port}: no multicast on this network or interface?`,
        );
      const limit = performance.now() - forgetAfter;
      for (const [name, when] of heard) if (when < limit) heard.delete(name);
      return [...heard.keys()];
    },
  };
}

interface Listening {
  readonly signal: AbortSignal;
  readonly port: number;
  readonly bind: string | undefined;
  readonly self: string;
  readonly listenFor: number;
  readonly multicastAddress: string;
  readonly secret: string | undefined;
  prepare(socket: Socket): void;
  onName(name: string): void;
}

/** Listens and makes itself heard for the time of one answer; then nothing is left of it. */
function listen({ signal, port, self, listenFor, secret, onName, ...where }: Listening): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = createSocket({ type: 'udp4', reuseAddr: true });
    let timer: NodeJS.Timeout | undefined;
    let beat: NodeJS.Timeout | undefined;
    let over = false;
    const finish = (outcome: () => void): void => {
      // A heartbeat that was being sent may fail afterwards: looking up a name can take longer than the answer.
      if (over) return;
      over = true;
      clearTimeout(timer);
      clearTimeout(beat);
      signal.removeEventListener('abort', onAbort);
      socket.removeAllListeners('error').on('error', () => {});
      socket.close();
      outcome();
    };
    const onAbort = (): void =>
      finish(() => reject(new ConnectionError('aborted', 'the question was given up', { cause: signal.reason })));
    const fail = (cause: Error): void => {
      const { code = 'no code' } = cause as NodeJS.ErrnoException;
      const what = `gossip on ${where.bind ?? '0.0.0.0'}:${port} for ${where.multicastAddress} failed (${code})`;
      finish(() => reject(new ConnectionError('noconnection', what, { cause })));
    };
    const makeHeard = (): void => {
      socket.send(encodeHeartbeat(self, secret), port, where.multicastAddress, (error) => {
        if (error !== null && error !== undefined) fail(error);
      });
      // As libcluster: after 1 to 5 s, here within what is left of them.
      beat = setTimeout(makeHeard, Math.min(listenFor / 2, 1000 + 4000 * Math.random()));
    };
    if (signal.aborted) {
      onAbort();
      return;
    }
    signal.addEventListener('abort', onAbort);
    socket.on('error', fail);
    socket.on('message', (bytes) => {
      const name = decodeHeartbeat(bytes, secret);
      if (name !== undefined) onName(name);
    });
    socket.bind({ port, ...(where.bind === undefined ? {} : { address: where.bind }) }, () => {
      try {
        where.prepare(socket);
      } catch (error) {
        fail(error as Error);
        return;
      }
      makeHeard();
      timer = setTimeout(() => finish(resolve), listenFor);
    });
  });
}

function inRange(what: string, value: number, low: number, high: number): number {
  if (Number.isInteger(value) && value >= low && value <= high) return value;
  throw new ArgumentError(
    'badarg',
    `gossip: expected ${what} to be a whole number from ${low} to ${high}, got ${value}`,
  );
}
