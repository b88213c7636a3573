// A hostile peer: a bare socket that says whatever a test wants, before the handshake or after a real one.
import { randomBytes, randomInt } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { expect } from 'vitest';
import { ANNOUNCED_FLAGS } from '../../src/dist/flags.js';
import type { Established } from '../../src/dist/handshake/handshake.js';
import { Initiator, type InitiatorOptions } from '../../src/dist/handshake/initiator.js';
import { type Bytes, bytesOf, message, u16, u32, u64 } from '../support/bytes.js';
import { within } from '../support/child.js';
import type { LogLine, TestNode } from '../support/ts-node.js';

export const COOKIE = 'hostile-tests';
/** What a bound of this test suite is: far beyond what anything here takes, for machines that are busy. */
export const SOON = 10_000;

export interface RawPeer {
  readonly socket: Socket;
  /** `127.0.0.1:port`, as the other side's log has it. */
  readonly address: string;
  /** Everything that has come. */
  bytes(): Buffer;
  /** Resolves with at least so many bytes, in all; rejects when the socket closes before. */
  received(atLeast: number): Promise<Buffer>;
  write(...parts: Bytes[]): void;
  /** Rejects when the node does not close the connection. */
  closed(): Promise<void>;
}

/** Listens to a socket from now on. */
export function rawPeer(socket: Socket): RawPeer {
  const chunks: Buffer[] = [];
  let size = 0;
  let over = false;
  const waiting = new Set<() => void>();
  const wake = (): void => {
    for (const look of [...waiting]) look();
  };
  socket.on('data', (chunk) => {
    chunks.push(chunk);
    size += chunk.length;
    wake();
  });
  socket.on('error', () => {});
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => {
      over = true;
      wake();
      resolve();
    });
  });
  return {
    socket,
    address: `${socket.localAddress}:${socket.localPort}`,
    bytes: () => Buffer.concat(chunks),
    received(atLeast) {
      const arrived = new Promise<Buffer>((resolve, reject) => {
        const look = (): void => {
          if (size < atLeast && !over) return;
          waiting.delete(look);
          if (size >= atLeast) resolve(Buffer.concat(chunks));
          else reject(new Error(`closed after ${size} of ${atLeast} bytes`));
        };
        waiting.add(look);
        look();
      });
      return within(SOON, arrived, () => `only ${size} of ${atLeast} bytes came`);
    },
    write: (...parts) => void socket.write(bytesOf(...parts)),
    closed: () => within(SOON, closed, () => 'the node keeps the connection'),
  };
}

export async function dialRaw(port: number | undefined): Promise<RawPeer> {
  const socket = connect(port as number, '127.0.0.1').setNoDelay(true);
  await once(socket, 'connect');
  return rawPeer(socket);
}

/** The name message of protocol 2.2, with what may be wrong in it. */
export function sendName(name: string, lies: { flags?: bigint; length?: number; creation?: number } = {}): Buffer {
  const { flags = ANNOUNCED_FLAGS, length = name.length, creation = 7 } = lies;
  return message('N', u64(flags), u32(creation), u16(length), name);
}

/** A peer that has proved to know the cookie, and may now say anything. */
export interface Intruder extends RawPeer {
  readonly name: string;
  readonly established: Established;
}

/** A node as those who connect to it know it. */
export interface Victim {
  readonly name: string;
  readonly node: Pick<TestNode['node'], 'port'>;
}

/** Connects with a real handshake. */
export async function intrude(
  victim: Victim,
  options: Partial<InitiatorOptions> & { readonly name?: string; readonly flags?: bigint } = {},
): Promise<Intruder> {
  const { name = `x_${randomBytes(4).toString('hex')}@127.0.0.1`, flags = ANNOUNCED_FLAGS, ...rest } = options;
  const machine = new Initiator({
    self: { node: name, creation: randomInt(4, 2 ** 32 - 1), flags },
    peer: victim.name,
    cookie: COOKIE,
    challenge: randomInt(2 ** 32),
    lengthBytes: 2,
    ...rest,
  });
  const socket = connect(victim.node.port as number, '127.0.0.1').setNoDelay(true);
  const established = new Promise<Established>((resolve, reject) => {
    const onData = (chunk: Buffer): void => {
      const step = machine.receive(chunk);
      for (const bytes of step.output) socket.write(bytes);
      if (step.failure !== undefined) reject(step.failure);
      if (step.established === undefined) return;
      socket.off('data', onData);
      resolve(step.established);
    };
    socket.on('data', onData);
    socket.on('error', reject);
    socket.on('close', () => reject(machine.abandon('closed')));
    socket.once('connect', () => socket.write(machine.start()));
  });
  const done = await within(SOON, established, () => `no connection to ${victim.name}`);
  return { ...rawPeer(socket), name, established: done };
}

/** A name at an EPMD, and what is done to everyone who connects there. */
export async function impersonate(
  epmdPort: number,
  alive: string,
  play: (peer: RawPeer) => unknown,
): Promise<{ readonly peers: RawPeer[]; close(): void }> {
  const peers: RawPeer[] = [];
  const server = createServer((socket) => {
    const peer = rawPeer(socket.setNoDelay(true));
    peers.push(peer);
    void Promise.resolve(play(peer)).catch(() => {});
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const registration = connect(epmdPort, '127.0.0.1');
  registration.on('error', () => {});
  registration.write(message('x', u16(port), [77, 0], u16(6), u16(5), u16(alive.length), alive, u16(0)));
  await once(registration, 'data');
  return {
    peers,
    close() {
      registration.destroy();
      server.close();
      for (const { socket } of peers) socket.destroy();
    },
  };
}

/** Lines that somebody should look at. */
export function complaints(log: readonly LogLine[]): readonly LogLine[] {
  return log.filter(({ level }) => level === 'warn' || level === 'error');
}

/** No character of a line can act on a terminal or on another line, and no line is long. */
export function expectHarmless(lines: readonly LogLine[]): void {
  for (const line of lines) {
    for (const value of Object.values(line)) expect(String(value)).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
    expect(JSON.stringify(line).length).toBeLessThan(2000);
    expect(JSON.stringify(line)).not.toContain(COOKIE);
  }
}
