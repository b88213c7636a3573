// What strangers may send to a listening node (promises 3 to 5): one closed connection, one log line with a typed error,
// within the setup time, and a node that goes on.
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ANNOUNCED_FLAGS, DFLAG, REQUIRED_FLAGS } from '../../src/dist/flags.js';
import { digest } from '../../src/dist/handshake/digest.js';
import { bytesOf, message, u16, u32, u64 } from '../support/bytes.js';
import { type Epmd, startEpmd } from '../support/epmd.js';
import { type Erlang, startErlang } from '../support/erlang.js';
import { startTestNode, type TestNode, until } from '../support/ts-node.js';
import {
  COOKIE,
  complaints,
  dialRaw,
  expectHarmless,
  impersonate,
  intrude,
  type RawPeer,
  sendName,
} from './raw-peer.js';

const SETUP_TIME = 0.5;

let epmd: Epmd;
let good: TestNode;
let erl: Erlang;
beforeAll(async () => {
  epmd = await startEpmd();
  good = await startTestNode(epmd.port, { cookie: COOKIE });
  erl = await startErlang({ epmdPort: epmd.port, cookie: COOKIE });
});
afterAll(async () => {
  await good.node.stop();
  await erl.stop();
  await epmd.stop();
});

/** Bytes of the status `ok` and of the challenge that comes with it. */
const OK = 2 + 3;
function challengeSize(victim: TestNode): number {
  return 2 + 19 + victim.name.length;
}

/** Our challenge, out of what a node sends after a name. */
async function challengeOf(peer: RawPeer, victim: TestNode, status = OK): Promise<number> {
  const bytes = await peer.received(status + challengeSize(victim));
  return bytes.readUInt32BE(status + 2 + 9);
}

function reply(challenge: number, proof: Uint8Array): Buffer {
  return message('r', u32(challenge), proof);
}

interface Attack {
  readonly code: string;
  play(peer: RawPeer, victim: TestNode): unknown;
  /** What the node may answer. In bytes, and told how many came. Default: nothing. */
  readonly answer?: (victim: TestNode, got: number) => number;
}

const NAME = 'mallory@127.0.0.1';
const nothing = (): number => 0;
const upToChallenge = (victim: TestNode): number => OK + challengeSize(victim);
const status = (text: string) => (): number => 3 + text.length;

const attacks: Record<string, Attack> = {
  // Other protocols.
  'random bytes': { code: 'unexpected_message', play: (peer) => peer.write(u16(500), randomBytes(70_000)) },
  'an HTTP request': { code: 'unexpected_message', play: (peer) => peer.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n') },
  'an HTTP upload': {
    code: 'unexpected_message',
    play: (peer) => peer.write('POST / HTTP/1.1\r\n', Buffer.alloc(30_000)),
  },
  'a TLS ClientHello': {
    code: 'unexpected_tls',
    play: (peer) => peer.write([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3], randomBytes(506)),
  },
  SSH: { code: 'unexpected_message', play: (peer) => peer.write('SSH-2.0-OpenSSH_9.2\r\n') },
  'EPMD: names': { code: 'unexpected_message', play: (peer) => peer.write(message('n')) },
  'EPMD: port': { code: 'unexpected_message', play: (peer) => peer.write(message('zts')) },
  'EPMD: kill': { code: 'unexpected_message', play: (peer) => peer.write(message('k')) },
  // Time.
  silence: { code: 'setup_timeout', play: () => {} },
  'one byte, then silence': { code: 'setup_timeout', play: (peer) => peer.write([0]) },
  'a byte every 50 ms, for ever': {
    code: 'setup_timeout',
    play: (peer) => {
      const name = sendName('a'.repeat(200));
      let at = 0;
      const drip = setInterval(() => peer.write([name[at++ % name.length] as number]), 50);
      peer.socket.once('close', () => clearInterval(drip));
    },
  },
  'a length of 65,535 and nothing': { code: 'unexpected_message', play: (peer) => peer.write([0xff, 0xff]) },
  'a length of 4,096 and nothing': { code: 'setup_timeout', play: (peer) => peer.write([0x10, 0]) },
  'a length of 4,096 and all but one byte': {
    code: 'setup_timeout',
    play: (peer) => peer.write([0x10, 0], 'N', Buffer.alloc(4094)),
  },
  'silence after the name': {
    code: 'setup_timeout',
    play: (peer) => peer.write(sendName(NAME)),
    answer: upToChallenge,
  },
  'closing at once': { code: 'closed', play: (peer) => peer.socket.end() },
  'a reset': { code: 'closed', play: (peer) => peer.socket.resetAndDestroy() },
  'closing after the name': {
    code: 'closed',
    play: async (peer, victim) => {
      peer.write(sendName(NAME));
      await challengeOf(peer, victim);
      peer.socket.end();
    },
    answer: upToChallenge,
  },
  // Messages.
  'a message of no bytes': { code: 'unexpected_message', play: (peer) => peer.write(message()) },
  'ten thousand messages of no bytes': { code: 'unexpected_message', play: (peer) => peer.write(Buffer.alloc(20_000)) },
  'an unknown message': { code: 'unexpected_message', play: (peer) => peer.write(message('Q', sendName(NAME))) },
  'a name that is cut short': { code: 'unexpected_message', play: (peer) => peer.write(message('N', u64(1n))) },
  'a name shorter than its length': {
    code: 'unexpected_message',
    play: (peer) => peer.write(sendName(NAME, { length: 65_535 })),
  },
  'an old name with another version': {
    code: 'unexpected_message',
    play: (peer) => peer.write(message('n', u16(6), u32(0xffff_ffff), NAME)),
  },
  'the digest first': { code: 'unexpected_message', play: (peer) => peer.write(reply(1, randomBytes(16))) },
  'the status first': { code: 'unexpected_message', play: (peer) => peer.write(message('sok')) },
  'the status "true" first': { code: 'unexpected_message', play: (peer) => peer.write(message('strue')) },
  'the ack first': { code: 'unexpected_message', play: (peer) => peer.write(message('a', randomBytes(16))) },
  'the complement first': { code: 'unexpected_message', play: (peer) => peer.write(message('c', u32(0), u32(0))) },
  'the name twice': {
    code: 'unexpected_message',
    play: (peer) => peer.write(sendName(NAME), sendName(NAME)),
    answer: upToChallenge,
  },
  'a complement that nobody waits for': {
    code: 'unexpected_message',
    play: (peer) => peer.write(sendName(NAME), message('c', u32(0), u32(0))),
    answer: upToChallenge,
  },
  'an old name without its complement': {
    code: 'unexpected_message',
    play: (peer) =>
      peer.write(message('n', u16(5), u32(Number(ANNOUNCED_FLAGS & 0xffff_ffffn)), NAME), reply(1, randomBytes(16))),
    answer: upToChallenge,
  },
  // Names.
  'a name of no characters': { code: 'bad_name', play: (peer) => peer.write(sendName('')) },
  'a name of 256 characters': {
    code: 'bad_name',
    play: (peer) => peer.write(sendName(`${'a'.repeat(246)}@127.0.0.1`)),
  },
  'a name of 4,000 characters': {
    code: 'bad_name',
    play: (peer) => peer.write(sendName(`a@${'b'.repeat(3998)}`)),
  },
  'a name of 10,000 characters': {
    code: 'unexpected_message',
    play: (peer) => peer.write(sendName(`a@${'b'.repeat(9998)}`)),
  },
  'an old name of 4,000 characters': {
    code: 'bad_name',
    play: (peer) => peer.write(message('n', u16(5), u32(0), `a@${'b'.repeat(3998)}`)),
  },
  'a name of 255 characters, and silence': {
    code: 'setup_timeout',
    play: (peer) => peer.write(sendName(`${'a'.repeat(245)}@127.0.0.1`)),
    answer: upToChallenge,
  },
  'a name without @': { code: 'bad_name', play: (peer) => peer.write(sendName('mallory')) },
  'a name with two @': { code: 'bad_name', play: (peer) => peer.write(sendName('a@b@c')) },
  'a name of @': { code: 'bad_name', play: (peer) => peer.write(sendName('@')) },
  'a name with nothing behind its @': { code: 'bad_name', play: (peer) => peer.write(sendName('mallory@')) },
  'a name with control characters': {
    code: 'bad_name',
    play: (peer) => peer.write(sendName('a@\x00\x07\r\n{"level":"error"}')),
    answer: status('nok'),
  },
  'a name that clears the screen': {
    code: 'bad_name',
    play: (peer) => peer.write(sendName('\x1b[2J\x1b]0;owned\x07\x9b31m@127.0.0.1')),
    answer: status('nok'),
  },
  'a name with a space': {
    code: 'bad_name',
    play: (peer) => peer.write(sendName('a b@127.0.0.1')),
    answer: status('nok'),
  },
  'our own name': {
    code: 'bad_name',
    play: (peer, victim) => peer.write(sendName(victim.name)),
    answer: status('nok'),
  },
  'asking for a name on a host that is none': {
    code: 'bad_name',
    play: (peer) => peer.write(sendName('\x1b[1mhost', { flags: ANNOUNCED_FLAGS | DFLAG.DFLAG_NAME_ME })),
  },
  'asking for a name on a host of 4,000 characters': {
    code: 'bad_name',
    play: (peer) => peer.write(sendName('h'.repeat(4000), { flags: ANNOUNCED_FLAGS | DFLAG.DFLAG_NAME_ME })),
  },
  'asking for a name, then silence': {
    code: 'setup_timeout',
    play: (peer) => peer.write(sendName('localhost', { flags: ANNOUNCED_FLAGS | DFLAG.DFLAG_NAME_ME })),
    // A random name of any length, and the challenge.
    answer: (victim, got) => (got > upToChallenge(victim) ? got : upToChallenge(victim)),
  },
  // Flags.
  'no flags at all': {
    code: 'missing_flags',
    play: (peer) => peer.write(sendName(NAME, { flags: 0n })),
    answer: status('not_allowed'),
  },
  'all flags but the big creation': {
    code: 'missing_flags',
    play: (peer) => peer.write(sendName(NAME, { flags: REQUIRED_FLAGS & ~DFLAG.DFLAG_BIG_CREATION })),
    answer: status('not_allowed'),
  },
  // Proofs.
  'a wrong digest: not a byte of an answer': {
    code: 'bad_cookie',
    play: async (peer, victim) => {
      peer.write(sendName(NAME));
      const challenge = await challengeOf(peer, victim);
      peer.write(reply(1, digest('not the cookie', challenge)));
    },
    answer: upToChallenge,
  },
  'a digest of no cookie at all': {
    code: 'bad_cookie',
    play: async (peer, victim) => {
      peer.write(sendName(NAME));
      peer.write(reply(1, digest('', await challengeOf(peer, victim))));
    },
    answer: upToChallenge,
  },
  'a digest before the challenge is known': {
    code: 'bad_cookie',
    play: (peer) => peer.write(sendName(NAME), reply(1, randomBytes(16))),
    answer: upToChallenge,
  },
  'a digest that is cut short': {
    code: 'unexpected_message',
    play: async (peer, victim) => {
      peer.write(sendName(NAME));
      const proof = digest(COOKIE, await challengeOf(peer, victim));
      peer.write(reply(1, proof.subarray(0, 15)));
    },
    answer: upToChallenge,
  },
  'a digest with a byte too many': {
    code: 'unexpected_message',
    play: async (peer, victim) => {
      peer.write(sendName(NAME));
      peer.write(reply(1, bytesOf(digest(COOKIE, await challengeOf(peer, victim)), [0])));
    },
    answer: upToChallenge,
  },
  'our own challenge, sent back for an answer': {
    code: 'unexpected_message',
    play: async (peer, victim) => {
      peer.write(sendName(NAME));
      const challenge = await challengeOf(peer, victim);
      peer.write(reply(challenge, digest(COOKIE, challenge)));
    },
    answer: upToChallenge,
  },
};

/** Warnings and errors of a node, which must be one for one attack. */
async function oneComplaint(victim: TestNode, code: string): Promise<void> {
  await until(() => complaints(victim.log).length > 0, 'the log line');
  // Whatever else there might be would come in this or the next turn.
  await new Promise((resolve) => setImmediate(resolve));
  expect(complaints(victim.log)).toMatchObject([{ message: 'connection refused', code }]);
  expectHarmless(victim.log);
}

describe.concurrent('a stranger that sends', () => {
  test.each(Object.entries(attacks))('%s', async (_name, { code, play, answer = nothing }) => {
    const victim = await startTestNode(epmd.port, { cookie: COOKIE, setupTime: SETUP_TIME });
    try {
      const peer = await dialRaw(victim.node.port);
      await play(peer, victim);
      await peer.closed();
      expect(peer.bytes().length).toBe(answer(victim, peer.bytes().length));
      await oneComplaint(victim, code);
      expect(victim.log.at(-1)?.['remote']).toBe(peer.address);
      expect(victim.node.nodes('connected')).toEqual([]);
      expect(await good.node.ping(victim.name)).toBe('pong');
    } finally {
      await victim.node.stop();
    }
  });
});

describe('a stranger that takes the name of a peer', () => {
  let victim: TestNode;
  beforeAll(async () => {
    victim = await startTestNode(epmd.port, { cookie: COOKIE, setupTime: SETUP_TIME });
    await good.node.connect(victim.name);
    expect(await erl.eval(`net_adm:ping('${victim.name}').`)).toBe('pong');
  });
  afterAll(() => victim.node.stop());

  const ALIVE = 2 + 6;
  const cases: Record<string, [string, (peer: RawPeer) => unknown]> = {
    'and a wrong digest': [
      'bad_cookie',
      async (peer) => {
        peer.write(message('strue'));
        peer.write(reply(1, digest('guess', await challengeOf(peer, victim, ALIVE))));
      },
    ],
    'and gives up': ['alive', (peer) => peer.write(message('sfalse'))],
    'and says maybe': ['unexpected_message', (peer) => peer.write(message('smaybe'))],
    'and says nothing': ['setup_timeout', () => {}],
    'and closes': ['closed', (peer) => peer.socket.end()],
    'and proves before it was asked': ['unexpected_message', (peer) => peer.write(reply(1, randomBytes(16)))],
  };
  test.each(
    Object.entries(cases).flatMap(([what, [code, play]]) => [
      [what, 'our own kind', code, play] as const,
      [what, 'a BEAM', code, play] as const,
    ]),
  )('%s: the connection of %s stays as it is', async (_what, kind, code, play) => {
    const name = kind === 'a BEAM' ? erl.name : good.name;
    const before = victim.node.info(name)?.remote;
    expect(before).toBeDefined();
    const seen = complaints(victim.log).length;
    const peer = await dialRaw(victim.node.port);
    peer.write(sendName(name));
    expect(await peer.received(ALIVE)).toEqual(message('salive'));
    await play(peer);
    await peer.closed();
    await until(() => complaints(victim.log).length > seen, 'the log line');
    expect(complaints(victim.log).slice(seen)).toMatchObject([{ message: 'connection refused', code, peer: name }]);
    expect(victim.node.info(name)?.remote).toBe(before);
    expect(victim.log.filter(({ message: text }) => text === 'nodedown')).toEqual([]);
    if (kind === 'a BEAM') expect(await erl.eval(`net_adm:ping('${victim.name}').`)).toBe('pong');
    else expect(await good.node.ping(victim.name)).toBe('pong');
  });
});

describe('proofs that were made for something else', () => {
  test('what a real peer has said, said again', async () => {
    const victim = await startTestNode(epmd.port, { cookie: COOKIE, setupTime: SETUP_TIME });
    try {
      const first = await dialRaw(victim.node.port);
      first.write(sendName(NAME));
      const said = reply(99, digest(COOKIE, await challengeOf(first, victim)));
      first.write(said);
      const ack = await first.received(upToChallenge(victim) + 19);
      expect(ack.subarray(-16)).toEqual(digest(COOKIE, 99));
      first.socket.destroy();
      await until(() => victim.node.nodes('connected').length === 0, 'the real peer to be gone');
      const again = await dialRaw(victim.node.port);
      again.write(sendName(NAME));
      await challengeOf(again, victim);
      again.write(said);
      await again.closed();
      expect(again.bytes().length).toBe(upToChallenge(victim));
      expect(complaints(victim.log)).toMatchObject([{ code: 'bad_cookie' }]);
    } finally {
      await victim.node.stop();
    }
  });

  test('a node that we connect to, which passes on the challenge that we gave it elsewhere', async () => {
    const victim = await startTestNode(epmd.port, { cookie: COOKIE, setupTime: SETUP_TIME });
    // Without the cookie: it wants us to answer our own challenge.
    const asking = await dialRaw(victim.node.port);
    asking.write(sendName('mirror@127.0.0.1'));
    const challenge = await challengeOf(asking, victim);
    const fake = await impersonate(epmd.port, 'mirror', async (peer) => {
      await peer.received(2 + 15 + victim.name.length);
      peer.write(
        message('sok'),
        message('N', u64(ANNOUNCED_FLAGS), u32(challenge), u32(7), u16(16), 'mirror@127.0.0.1'),
      );
    });
    try {
      await expect(victim.node.connect('mirror@127.0.0.1')).rejects.toMatchObject({ code: 'unexpected_message' });
      const [peer] = fake.peers;
      await peer?.closed();
      // Our name, and not a byte more.
      expect(peer?.bytes().length).toBe(2 + 15 + victim.name.length);
    } finally {
      fake.close();
      await victim.node.stop();
    }
  });
});

test('lines are limited to ten a second for one source, and the others are counted', async () => {
  const victim = await startTestNode(epmd.port, { cookie: COOKIE });
  try {
    const peers = await Promise.all(Array.from({ length: 100 }, () => dialRaw(victim.node.port)));
    for (const peer of peers) peer.write(message('\x1b[2J'));
    await Promise.all(peers.map((peer) => peer.closed()));
    await until(() => victim.log.some(({ suppressed }) => suppressed !== undefined), 'the count');
    const counts = victim.log.map(({ suppressed }) => suppressed).filter((count) => typeof count === 'number');
    const told = victim.log.filter(({ message: text }) => text === 'connection refused').length;
    expect(told + counts.reduce((sum, count) => sum + count, 0)).toBe(100);
    expect(told).toBeLessThan(100);
    expectHarmless(victim.log);
    await good.node.connect(victim.name);
  } finally {
    await victim.node.stop();
  }
});

test('an authenticated peer is let in after all that, and served', async () => {
  const victim = await startTestNode(epmd.port, { cookie: COOKIE });
  const intruder = await intrude(victim);
  expect(victim.node.nodes('connected')).toEqual([intruder.name]);
  expect(await erl.eval(`net_adm:ping('${victim.name}').`)).toBe('pong');
  intruder.socket.destroy();
  await victim.node.stop();
});
