// The machines of dist/ on a bare socket, without a node: for tests of what exactly goes over the wire to a real BEAM.
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { Connection } from '../../src/dist/connection.js';
import type { ControlMessage } from '../../src/dist/control.js';
import type { Acceptor, AcceptorOptions } from '../../src/dist/handshake/acceptor.js';
import type { Established, HandshakeStep, Identity } from '../../src/dist/handshake/handshake.js';
import { Initiator } from '../../src/dist/handshake/initiator.js';
import type { HandshakeError } from '../../src/errors.js';
import { acceptor } from '../dist/handshake/link.js';
import type { Erlang } from '../support/erlang.js';

export function identity(flags: bigint): Identity {
  return { node: `ts_${randomInt(1e9)}@127.0.0.1`, creation: randomInt(4, 2 ** 32), flags };
}

/** PORT_PLEASE2_REQ: where the node listens. */
async function port(node: Erlang): Promise<number> {
  const name = Buffer.from(`\0\0z${node.name.split('@')[0]}`);
  name.writeUInt16BE(name.length - 2);
  const socket = connect(node.epmdPort, '127.0.0.1', () => socket.write(name));
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).readUInt16BE(2);
}

/** Runs a machine on a socket until the handshake is over one way or the other. */
function shakeHands(machine: Initiator | Acceptor, socket: Socket): Promise<Established> {
  return new Promise((resolve, reject) => {
    const onClose = () => reject(machine.abandon('closed'));
    const onData = (chunk: Buffer) => {
      const step: HandshakeStep = machine.receive(chunk);
      for (const bytes of step.output) socket.write(bytes);
      if (step.failure !== undefined) reject(step.failure);
      if (step.established === undefined) return;
      socket.off('data', onData).off('close', onClose);
      resolve(step.established);
    };
    socket.on('data', onData).on('close', onClose).on('error', reject);
    if (machine instanceof Initiator) socket.write(machine.start());
  });
}

export interface BarePeer {
  readonly established: Established;
  readonly connection: Connection;
  readonly socket: Socket;
  /** Appends the message to the output and writes all output, or no more than about `atMost` bytes. */
  send(message: ControlMessage, atMost?: number): void;
  flush(atMost?: number): void;
  /** The next message that the BEAM sends; rejects when the connection breaks. */
  next(): Promise<ControlMessage>;
  close(): void;
}

function join(self: Identity, socket: Socket, established: Established): BarePeer {
  const messages: ControlMessage[] = [];
  const waiting: { resolve(message: ControlMessage): void; reject(error: unknown): void }[] = [];
  let broken: unknown;
  const connection = new Connection({
    self: established.named?.node ?? self.node,
    peer: established.peer,
    flags: established.flags,
    now: 0,
    sink: {
      onControl(message) {
        const first = waiting.shift();
        if (first === undefined) messages.push(message);
        else first.resolve(message);
      },
    },
  });
  const fail = (error: unknown) => {
    broken ??= error;
    for (const { reject } of waiting.splice(0)) reject(broken);
  };
  const receive = (chunk: Buffer) => {
    try {
      connection.receive(chunk, 0);
    } catch (error) {
      fail(error);
      socket.destroy();
    }
  };
  receive(established.rest);
  socket.on('data', receive).on('close', () => fail(new Error('the BEAM closed the connection')));
  const flush = (atMost?: number) => {
    for (const bytes of connection.takeOutput(atMost)) socket.write(bytes);
  };
  return {
    established,
    connection,
    socket,
    send(message, atMost) {
      if (!connection.send(message)) throw new Error(`the peer cannot be told ${message.op}`);
      flush(atMost);
    },
    flush,
    next() {
      const message = messages.shift();
      if (message !== undefined) return Promise.resolve(message);
      return new Promise((resolve, reject) => {
        if (broken === undefined) waiting.push({ resolve, reject });
        else reject(broken);
      });
    },
    close: () => socket.destroy(),
  };
}

/** Connects to a BEAM, with its cookie unless said otherwise. */
export async function reach(node: Erlang, self: Identity, cookie: string = node.cookie): Promise<BarePeer> {
  const socket = connect(await port(node), '127.0.0.1').setNoDelay(true);
  await once(socket, 'connect');
  const challenge = randomInt(2 ** 32);
  const machine = new Initiator({ self, peer: node.name, cookie, challenge, lengthBytes: 2 });
  return join(self, socket, await shakeHands(machine, socket));
}

/** Registers a name with EPMD and shakes hands with whoever comes; `options` for each of them. */
export async function listen(
  epmdPort: number,
  self: Identity,
  options: () => Partial<AcceptorOptions>,
): Promise<{ outcomes: Promise<Established | HandshakeError>[]; close(): void }> {
  const outcomes: Promise<Established | HandshakeError>[] = [];
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    const machine = acceptor({ self, challenge: randomInt(2 ** 32), cookie: () => '', ...options() });
    const outcome = shakeHands(machine, socket).catch((error: HandshakeError) => {
      socket.destroy();
      return error;
    });
    outcomes.push(outcome);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port: listening } = server.address() as { port: number };
  // ALIVE2_REQ; the connection is the registration.
  const alive = self.node.split('@')[0] as string;
  const request = Buffer.from(`\0\0x\0\0H\0\0\x06\0\x05\0\0${alive}\0\0`, 'latin1');
  request.writeUInt16BE(request.length - 2);
  request.writeUInt16BE(listening, 3);
  request.writeUInt16BE(alive.length, 11);
  const registration = connect(epmdPort, '127.0.0.1', () => registration.write(request));
  await once(registration, 'data');
  return {
    outcomes,
    close() {
      registration.destroy();
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
