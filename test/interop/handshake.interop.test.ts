// Handshake, framing and first messages against a real BEAM, over a bare socket: what the machines of dist/ say is
// what OTP understands, before any node is built on them.
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Connection } from '../../src/dist/connection.js';
import type { ControlMessage } from '../../src/dist/control.js';
import { ANNOUNCED_FLAGS } from '../../src/dist/flags.js';
import { Acceptor } from '../../src/dist/handshake/acceptor.js';
import type { Established, HandshakeStep, Identity } from '../../src/dist/handshake/handshake.js';
import { Initiator } from '../../src/dist/handshake/initiator.js';
import { HandshakeError } from '../../src/errors.js';
import { atom } from '../../src/term/atom.js';
import { pid, type Reference, reference } from '../../src/term/identifiers.js';
import type { ImproperList } from '../../src/term/list.js';
import { type TupleOf, tuple } from '../../src/term/tuple.js';
import { type Erlang, startErlang } from '../support/erlang.js';

let erlang: Erlang;

beforeAll(async () => {
  erlang = await startErlang();
});
afterAll(() => erlang.stop());

const passThrough = 0xd075f5fbcn;

function identity(flags: bigint): Identity {
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
function run(machine: Initiator | Acceptor, socket: Socket): Promise<Established> {
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

interface Peer {
  readonly established: Established;
  readonly connection: Connection;
  send(message: ControlMessage): void;
  /** The next message that the BEAM sends; rejects when the connection breaks. */
  next(): Promise<ControlMessage>;
  close(): void;
}

function join(self: Identity, socket: Socket, established: Established): Peer {
  const messages: ControlMessage[] = [];
  const waiting: { resolve(message: ControlMessage): void; reject(error: unknown): void }[] = [];
  let broken: unknown;
  const connection = new Connection({
    self: self.node,
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
  return {
    established,
    connection,
    send(message) {
      if (!connection.send(message)) throw new Error(`the peer cannot be told ${message.op}`);
      for (const bytes of connection.takeOutput()) socket.write(bytes);
    },
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

async function reach(self: Identity, cookie = erlang.cookie): Promise<Peer> {
  const socket = connect(await port(erlang), '127.0.0.1').setNoDelay(true);
  await once(socket, 'connect');
  const challenge = randomInt(2 ** 32);
  const machine = new Initiator({ self, peer: erlang.name, cookie, challenge, lengthBytes: 2 });
  return join(self, socket, await run(machine, socket));
}

describe.each([
  ['pass-through packets', passThrough],
  ['all that we announce', ANNOUNCED_FLAGS],
])('with %s', (_what, flags) => {
  test('we are let in, and the ping of net_adm works both ways', async () => {
    const self = identity(flags);
    const beam = await reach(self);
    expect(beam.established).toMatchObject({ peer: erlang.name, flags });
    const me = pid(self.node, 1, 0, self.creation);
    const ref = reference(self.node, self.creation, [1, 2, 3]);
    // net_adm:ping is this gen call to net_kernel.
    const request = tuple(atom('is_auth'), atom(self.node));
    const message = tuple(atom('$gen_call'), tuple(me, ref), request);
    beam.send({ op: 'REG_SEND', from: me, to: 'net_kernel', message });
    expect(await beam.next()).toMatchObject({ op: 'SEND', to: me, message: tuple(ref, atom('yes')) });

    const pong = erlang.eval(`net_adm:ping('${self.node}')`);
    const monitor = await beam.next();
    if (monitor.op !== 'MONITOR_P') throw new Error(`expected a monitor, got ${monitor.op}`);
    const call = await beam.next();
    if (call.op !== 'REG_SEND') throw new Error(`expected a call, got ${call.op}`);
    expect([monitor.to, call.to]).toEqual(['net_kernel', 'net_kernel']);
    // {'$gen_call', {From, [alias | Ref]}, {is_auth, Node}}
    const from = (call.message as TupleOf).at(1) as TupleOf;
    const alias = (from.at(1) as ImproperList).tail as Reference;
    beam.send({ op: 'ALIAS_SEND', from: me, to: alias, message: tuple(from.at(1), atom('yes')) });
    expect(await pong).toBe('pong');
    expect(await beam.next()).toMatchObject({ op: 'DEMONITOR_P', ref: monitor.ref });
    expect(await erlang.eval(`lists:member('${self.node}', nodes(hidden))`)).toBe('true');
    expect(await erlang.eval(`lists:member('${self.node}', nodes())`)).toBe('false');
    beam.close();
  });

  test('messages, links and monitors arrive and come back', async () => {
    const self = identity(flags);
    const beam = await reach(self);
    const me = pid(self.node, 7, 0, self.creation);
    await erlang.eval(`
      catch unregister(echo),
      register(echo, spawn(fun Loop() -> receive {P, stop} -> exit({stopped, P}); {P, M} -> P ! M, Loop() end end))`);
    const big = Buffer.alloc(300_000, 42);
    for (const message of [atom('first'), 'text', [1, 2.5, [3]], tuple(me, new Map([[1, 2]])), big, atom('first')]) {
      beam.send({ op: 'REG_SEND', from: me, to: 'echo', message: tuple(me, message) });
      const back = await beam.next();
      if (back.op !== 'SEND') throw new Error(`expected a message, got ${back.op}`);
      expect(back.to).toEqual(me);
      // Vitest's own comparison of big buffers is slow.
      if (message === big) expect(big.equals(back.message as Buffer)).toBe(true);
      else expect(back.message).toEqual(typeof message === 'string' ? Buffer.from(message) : message);
    }
    const monitored = reference(self.node, self.creation, [9, 9, 9]);
    beam.send({ op: 'MONITOR_P', from: me, to: 'echo', ref: monitored });
    beam.send({ op: 'REG_SEND', from: me, to: 'echo', message: tuple(me, atom('stop')) });
    expect(await beam.next()).toMatchObject({
      op: 'MONITOR_P_EXIT',
      from: 'echo',
      to: me,
      ref: monitored,
      reason: tuple(atom('stopped'), me),
    });
    beam.close();
  });
});

test('a wrong cookie is noticed and explained', async () => {
  const refused = reach(identity(ANNOUNCED_FLAGS), 'not_the_cookie');
  await expect(refused).rejects.toBeInstanceOf(HandshakeError);
  await expect(refused).rejects.toMatchObject({ code: 'bad_cookie', step: 'challenge_ack' });
});

test('a BEAM does not let us in without its mandatory flags', async () => {
  await expect(reach(identity(0x50184n))).rejects.toMatchObject({ code: 'not_allowed', step: 'status' });
});

test('a BEAM connects to us; a wrong cookie keeps it out', async () => {
  const self = identity(ANNOUNCED_FLAGS);
  const cookies = ['not_the_cookie', erlang.cookie];
  const outcomes: Promise<Established | HandshakeError>[] = [];
  const server = createServer((socket) => {
    const cookie = cookies[outcomes.length] ?? '';
    const machine = new Acceptor({
      self,
      challenge: randomInt(2 ** 32),
      lengthBytes: 2,
      allow: () => true,
      decide: () => 'ok',
      cookie: () => cookie,
      isOwnChallenge: () => false,
    });
    outcomes.push(
      run(machine, socket).catch((error: HandshakeError) => {
        socket.destroy();
        return error;
      }),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port: listening } = server.address() as { port: number };
  // Registers the name with EPMD; the connection is the registration.
  const alive = self.node.split('@')[0] as string;
  const request = Buffer.from(`\0\0x\0\0H\0\0\x06\0\x05\0\0${alive}\0\0`, 'latin1');
  request.writeUInt16BE(request.length - 2);
  request.writeUInt16BE(listening, 3);
  request.writeUInt16BE(alive.length, 11);
  const registration = connect(erlang.epmdPort, '127.0.0.1', () => registration.write(request));
  await once(registration, 'data');
  try {
    expect(await erlang.eval(`net_kernel:connect_node('${self.node}')`)).toBe('false');
    expect(await outcomes[0]).toMatchObject({ code: 'bad_cookie', step: 'challenge_reply' });
    expect(await erlang.eval(`net_kernel:connect_node('${self.node}')`)).toBe('true');
    expect(await outcomes[1]).toMatchObject({ peer: erlang.name, flags: ANNOUNCED_FLAGS });
    expect(await erlang.eval(`net_kernel:disconnect('${self.node}')`)).toBe('true');
  } finally {
    registration.destroy();
    server.close();
  }
});
