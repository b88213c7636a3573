// Nodes on a network inside this process, found through a table: for tests of what a node does with its parts, and with
// peers that are no nodes.
import { randomInt } from 'node:crypto';
import type { Discovery } from '../../src/discovery/discovery.js';
import { ANNOUNCED_FLAGS } from '../../src/dist/flags.js';
import type { AcceptorOptions } from '../../src/dist/handshake/acceptor.js';
import type { Established, HandshakeStep } from '../../src/dist/handshake/handshake.js';
import { Initiator, type InitiatorOptions } from '../../src/dist/handshake/initiator.js';
import type { Node } from '../../src/node/node.js';
import type { NodeOptions } from '../../src/node/options.js';
import { startNode } from '../../src/start-node.js';
import { memory } from '../../src/transport/memory.js';
import type { ByteStream, Transport } from '../../src/transport/transport.js';
import { acceptor } from '../dist/handshake/link.js';
import { keepLines, type LogLine } from '../support/ts-node.js';

export const COOKIE = 'memory-cookie';

export interface MemoryNode {
  readonly node: Node;
  readonly log: LogLine[];
}

/** The other end of a stream, played by a test. */
export interface Fake {
  readonly stream: ByteStream;
  readonly received: Buffer[];
  readonly closed: Promise<void>;
  readonly established: Established | undefined;
}

export interface Network {
  readonly transport: Transport;
  readonly discovery: Discovery & { register: NonNullable<Discovery['register']> };
  readonly ports: Map<string, number>;
  start(name: string, options?: NodeOptions): Promise<MemoryNode>;
  /** Connects to a node as `self` and shakes hands; resolves when it is over, one way or the other. */
  reach(node: string, self: string, options?: Partial<InitiatorOptions>): Promise<Fake>;
  /** Somebody who listens under a name and does what `play` does to everyone who connects. */
  listen(name: string, play: (stream: ByteStream) => void): Promise<void>;
  /** Accepts a handshake on a stream. */
  acceptAs(self: string, stream: ByteStream, options?: Partial<AcceptorOptions>): Promise<Fake>;
}

export function identityOf(node: string): { node: string; creation: number; flags: bigint } {
  return { node, creation: randomInt(4, 2 ** 32 - 1), flags: ANNOUNCED_FLAGS };
}

export function network(): Network {
  const transport = memory();
  const ports = new Map<string, number>();
  const discovery = {
    name: 'table',
    async resolve(node: string) {
      const port = ports.get(node);
      return port === undefined ? [] : [{ host: 'memory', port }];
    },
    async register({ node, port }: { node: string; port: number }) {
      ports.set(node, port);
      return {
        async close() {
          ports.delete(node);
        },
      };
    },
  };

  function play(
    stream: ByteStream,
    machine: { receive(chunk: Uint8Array): HandshakeStep },
    first: Buffer | undefined,
  ): Promise<Fake> {
    const received: Buffer[] = [];
    let established: Established | undefined;
    let close = (): void => {};
    const closed = new Promise<void>((resolve) => {
      close = resolve;
    });
    return new Promise((resolve) => {
      const fake = {
        stream,
        received,
        closed,
        get established() {
          return established;
        },
      };
      stream.start({
        onData(chunk) {
          if (established !== undefined) {
            received.push(chunk);
            return;
          }
          const step = machine.receive(chunk);
          stream.write(step.output);
          if (step.failure !== undefined) stream.end();
          if (step.established === undefined) return;
          established = step.established;
          if (established.rest.length > 0) received.push(established.rest);
          resolve(fake);
        },
        onDrain() {},
        onClose() {
          close();
          resolve(fake);
        },
      });
      if (first !== undefined) stream.write([first]);
    });
  }

  return {
    transport,
    discovery,
    ports,
    async start(name, options = {}) {
      const log: LogLine[] = [];
      const node = await startNode(name, {
        cookie: COOKIE,
        transport,
        discovery,
        logger: keepLines(log),
        setupTime: 5,
        ...options,
      });
      return { node, log };
    },
    async reach(node, self, options = {}) {
      const { signal } = new AbortController();
      const stream = await transport.connect({ host: 'memory', port: ports.get(node) as number }, { signal });
      const challenge = randomInt(2 ** 32);
      const identity = identityOf(self);
      const machine = new Initiator({
        self: identity,
        peer: node,
        cookie: COOKIE,
        challenge,
        lengthBytes: 2,
        ...options,
      });
      return play(stream, machine, machine.start());
    },
    async listen(name, onConnection) {
      const { port } = await transport.listen({ host: 'memory', port: 0, onConnection, onError() {} });
      ports.set(name, port);
    },
    acceptAs(self, stream, options = {}) {
      const challenge = randomInt(2 ** 32);
      const machine = acceptor({ self: identityOf(self), challenge, cookie: () => COOKIE, ...options });
      return play(stream, machine, undefined);
    },
  };
}

/** Timers that run in this process; those of the test runner come and go. */
export function timers(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
}
