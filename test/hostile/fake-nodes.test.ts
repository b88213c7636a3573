// Whom we connect to may be anybody: a server that is no node, or one that does not go through with the handshake.
// connect() rejects with a typed error within the setup time, ping() says pang, one log line says why, nothing is left.
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ANNOUNCED_FLAGS, REQUIRED_FLAGS } from '../../src/dist/flags.js';
import { digest } from '../../src/dist/handshake/digest.js';
import { message, u16, u32, u64 } from '../support/bytes.js';
import { type Epmd, startEpmd } from '../support/epmd.js';
import { startTestNode, type TestNode, until } from '../support/ts-node.js';
import { COOKIE, complaints, expectHarmless, impersonate, type RawPeer } from './raw-peer.js';

const SETUP_TIME = 0.4;

let epmd: Epmd;
let good: TestNode;
beforeAll(async () => {
  epmd = await startEpmd();
  good = await startTestNode(epmd.port, { cookie: COOKIE });
});
afterAll(async () => {
  await good.node.stop();
  await epmd.stop();
});

interface Step {
  readonly peer: RawPeer;
  /** The name that we are called by. */
  readonly self: string;
  /** Bytes of the name message. */
  readonly nameSize: number;
}

function challenge(name: string, lies: { flags?: bigint; length?: number; challenge?: number } = {}): Buffer {
  const { flags = ANNOUNCED_FLAGS, length = name.length, challenge: asked = 5 } = lies;
  return message('N', u64(flags), u32(asked), u32(7), u16(length), name);
}

const REPLY = 2 + 21;

/** Goes through with it up to the ack; our challenge. */
async function upToReply({ peer, self, nameSize }: Step): Promise<number> {
  peer.write(message('sok'), challenge(self));
  const all = await peer.received(nameSize + REPLY);
  return all.readUInt32BE(nameSize + 3);
}

const fakes: Record<string, [string, (step: Step) => unknown]> = {
  'closes at once': ['closed', ({ peer }) => peer.socket.end()],
  'resets at once': ['closed', ({ peer }) => peer.socket.resetAndDestroy()],
  'says nothing': ['setup_timeout', () => {}],
  drips: [
    'setup_timeout',
    ({ peer, self }) => {
      const said = Buffer.concat([message('sok'), challenge(self), Buffer.alloc(10_000)]);
      let at = 0;
      const drip = setInterval(() => peer.write([said[at++] as number]), 50);
      peer.socket.once('close', () => clearInterval(drip));
    },
  ],
  'is an SSH server': ['unexpected_message', ({ peer }) => peer.write('SSH-2.0-OpenSSH_9.2\r\n')],
  'is a web server': ['unexpected_message', ({ peer }) => peer.write('HTTP/1.1 400 Bad Request\r\n\r\n')],
  'sends random bytes': ['unexpected_message', ({ peer }) => peer.write(u16(300), [0], randomBytes(70_000))],
  'announces 65,535 bytes': ['unexpected_message', ({ peer }) => peer.write([0xff, 0xff])],
  'announces 4,096 bytes': ['setup_timeout', ({ peer }) => peer.write([0x10, 0])],
  'sends a message of no bytes': ['unexpected_message', ({ peer }) => peer.write(message())],
  // Status.
  'says nok': ['nok', ({ peer }) => peer.write(message('snok'))],
  'says not_allowed': ['not_allowed', ({ peer }) => peer.write(message('snot_allowed'))],
  'says a status of no text': ['unexpected_message', ({ peer }) => peer.write(message('s'))],
  'says a status that clears the screen': [
    'unexpected_message',
    ({ peer }) => peer.write(message('s\x1b[2J\x9b0m\r\n')),
  ],
  'says a status of 4,000 characters': ['unexpected_message', ({ peer }) => peer.write(message('s', 'x'.repeat(4000)))],
  'gives us a name that we did not ask for': [
    'unexpected_message',
    ({ peer }) => peer.write(message('snamed:', u16(3), 'a@b', u32(9))),
  ],
  'says ok and closes': [
    'closed',
    ({ peer }) => {
      peer.write(message('sok'));
      peer.socket.end();
    },
  ],
  'says ok and nothing more': ['setup_timeout', ({ peer }) => peer.write(message('sok'))],
  'says ok twice': ['unexpected_message', ({ peer }) => peer.write(message('sok'), message('sok'))],
  'says alive, and nothing more': ['setup_timeout', ({ peer }) => peer.write(message('salive'))],
  'says alive, then that it is not': [
    'unexpected_message',
    ({ peer }) => peer.write(message('salive'), message('snok')),
  ],
  'sends the ack first': ['unexpected_message', ({ peer }) => peer.write(message('a', randomBytes(16)))],
  'sends the challenge first': ['unexpected_message', ({ peer, self }) => peer.write(challenge(self))],
  // Challenge.
  'is another node': ['wrong_node', ({ peer }) => peer.write(message('sok'), challenge('other@127.0.0.1'))],
  'has a name that clears the screen': ['wrong_node', ({ peer }) => peer.write(message('sok'), challenge('\x1b[2J@h'))],
  'has a name shorter than its length': [
    'unexpected_message',
    ({ peer, self }) => peer.write(message('sok'), challenge(self, { length: 65_535 })),
  ],
  'has no flags': ['missing_flags', ({ peer, self }) => peer.write(message('sok'), challenge(self, { flags: 0n }))],
  'has all flags but one': [
    'missing_flags',
    ({ peer, self }) => peer.write(message('sok'), challenge(self, { flags: REQUIRED_FLAGS & ~0x4n })),
  ],
  'is older than OTP 23': [
    'unexpected_message',
    ({ peer, self }) => peer.write(message('sok'), message('n', u16(5), u32(0xffff), u32(5), self)),
  ],
  'cuts its challenge short': ['unexpected_message', ({ peer }) => peer.write(message('sok'), message('N', u64(1n)))],
  // Proof.
  'closes after our digest': [
    'bad_cookie',
    async (step) => {
      await upToReply(step);
      step.peer.socket.end();
    },
  ],
  'says nothing after our digest': ['setup_timeout', upToReply],
  'proves another cookie': [
    'bad_cookie',
    async (step) => step.peer.write(message('a', digest('other', await upToReply(step)))),
  ],
  'sends our own digest back': [
    'bad_cookie',
    async (step) => {
      await upToReply(step);
      step.peer.write(message('a', step.peer.bytes().subarray(-16)));
    },
  ],
  'proves a byte too little': [
    'unexpected_message',
    async (step) => step.peer.write(message('a', digest(COOKIE, await upToReply(step)).subarray(1))),
  ],
  'proves the right cookie with another message': [
    'unexpected_message',
    async (step) => step.peer.write(message('r', digest(COOKIE, await upToReply(step)))),
  ],
};

describe.concurrent('a node that', () => {
  test.each(Object.entries(fakes))('%s', async (_what, [code, play]) => {
    const alive = `fake_${randomBytes(4).toString('hex')}`;
    const self = `${alive}@127.0.0.1`;
    const us = await startTestNode(epmd.port, { cookie: COOKIE, setupTime: SETUP_TIME });
    const nameSize = 2 + 15 + us.name.length;
    const fake = await impersonate(epmd.port, alive, async (peer) => {
      await peer.received(nameSize);
      await play({ peer, self, nameSize });
    });
    try {
      const events = us.node.monitorNodes();
      await expect(us.node.connect(self)).rejects.toMatchObject({ code });
      await Promise.all(fake.peers.map((peer) => peer.closed()));
      expect(complaints(us.log)).toMatchObject([{ message: 'could not connect', code, peer: self }]);
      expect(await us.node.ping(self)).toBe('pang');
      const me = us.node.spawnMailbox();
      const monitor = me.monitor({ name: 'x', node: self });
      me.send({ name: 'x', node: self }, 1);
      expect(String(await me.receive())).toContain('noconnection');
      me.demonitor(monitor);
      expectHarmless(us.log);
      // Three attempts, and nothing is left of them.
      await until(() => fake.peers.length === 3, 'three attempts');
      await Promise.all(fake.peers.map((peer) => peer.closed()));
      expect(us.node.nodes('connected')).toEqual([]);
      expect(await us.node.ping(good.name)).toBe('pong');
      expect((await events.next()).value).toMatchObject({ type: 'nodeup', node: good.name });
    } finally {
      fake.close();
      await us.node.stop();
    }
  });
});

test('a port that EPMD names and where nobody listens', async () => {
  const us = await startTestNode(epmd.port, { cookie: COOKIE });
  const gone = await impersonate(epmd.port, 'stale', () => {});
  try {
    const { port } = (await epmd.names()).find(({ name }) => name === 'stale') as { port: number };
    expect(port).toBeGreaterThan(0);
    await expect(us.node.connect('nobody@127.0.0.1')).rejects.toMatchObject({ code: 'noport' });
  } finally {
    gone.close();
    await us.node.stop();
  }
});
