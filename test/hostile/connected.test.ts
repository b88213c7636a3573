// What a peer that knows the cookie may send (promises 7 and 8): a bad frame closes its own connection with a typed
// reason and one log line; no other connection notices, and nothing ends the process. Our own encoder makes none of
// these bytes, and none of them goes to a BEAM.
import { deflateSync, gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { DOP } from '../../src/dist/control.js';
import { ANNOUNCED_FLAGS, DFLAG } from '../../src/dist/flags.js';
import { atom } from '../../src/term/atom.js';
import { pid, reference } from '../../src/term/identifiers.js';
import { improperList } from '../../src/term/list.js';
import type { Term } from '../../src/term/term.js';
import { tuple } from '../../src/term/tuple.js';
import { encoded, framed, packet } from '../dist/peers.js';
import { u16, u32, u64 } from '../support/bytes.js';
import { type Epmd, startEpmd } from '../support/epmd.js';
import { type Erlang, startErlang } from '../support/erlang.js';
import { type LogLine, startTestNode, type TestNode, until } from '../support/ts-node.js';
import { COOKIE, complaints, expectHarmless, type Intruder, intrude } from './raw-peer.js';

/** Without a header before each packet, and without fragments. */
const PLAIN = ANNOUNCED_FLAGS & ~(DFLAG.DFLAG_DIST_HDR_ATOM_CACHE | DFLAG.DFLAG_FRAGMENTS);

let epmd: Epmd;
let victim: TestNode;
let good: TestNode;
let erl: Erlang;
beforeAll(async () => {
  epmd = await startEpmd();
  victim = await startTestNode(epmd.port, {
    cookie: COOKIE,
    limits: { messageBytes: 1_000_000, fragmentBytes: 2_000_000, fragmentSequences: 100 },
  });
  good = await startTestNode(epmd.port, { cookie: COOKIE });
  erl = await startErlang({ epmdPort: epmd.port, cookie: COOKIE });
  await good.node.connect(victim.name);
  expect(await erl.eval(`net_adm:ping('${victim.name}').`)).toBe('pong');
  victim.node.spawn(
    async (self) => {
      for await (const message of self) expect(message).toBeDefined();
    },
    { name: 'sink' },
  );
});
afterAll(async () => {
  await good?.node.stop();
  await victim?.node.stop();
  await erl?.stop();
  await epmd?.stop();
});

// Nobody else has noticed.
afterEach(async () => {
  expect(victim.node.nodes('connected')).toEqual([good.name, erl.name]);
  expect(
    victim.log.filter(({ message, peer }) => message === 'nodedown' && [good.name, erl.name].includes(String(peer))),
  ).toEqual([]);
  expect(await good.node.ping(victim.name)).toBe('pong');
});

/** The lines that a peer brought about after its nodeup. */
function linesOf(peer: Intruder): LogLine[] {
  return victim.log.filter((line) => line['peer'] === peer.name && line.message !== 'nodeup');
}

/** Sends bytes, which must be the end of that connection. */
async function refused(bytes: readonly Uint8Array[], code: string, flags: bigint = PLAIN): Promise<void> {
  const before = complaints(victim.log).length;
  const peer = await intrude(victim, { flags });
  peer.write(...bytes);
  await peer.closed();
  await until(() => linesOf(peer).length > 0, 'the log line');
  expect(linesOf(peer)).toMatchObject([{ level: 'warn', message: 'nodedown', code }]);
  expect(complaints(victim.log).length).toBe(before + 1);
  expectHarmless(linesOf(peer));
}

/** Sends bytes that do no harm: the connection serves on. */
async function ignored(peer: Intruder, bytes: readonly Uint8Array[]): Promise<void> {
  peer.write(...bytes);
  await answers(peer);
}

/** A ping on this very connection, by hand. */
async function answers(peer: Intruder): Promise<void> {
  const size = peer.bytes().length;
  const from = tuple(theirs(peer), improperList([atom('alias')], reference(peer.name, 7, [1, 2, 3])));
  const ask = tuple(atom('$gen_call'), from, tuple(atom('is_auth'), atom(peer.name)));
  peer.write(packet(tuple(DOP.DOP_REG_SEND, theirs(peer), atom(''), atom('net_kernel')), ask));
  await until(() => peer.bytes().length > size && peer.bytes().includes('yes', size), 'the answer');
}

const theirs = (peer: { name: string }): Term => pid(peer.name, 5, 0, 7);
const SELF = atom('');

describe('frames', () => {
  const MiB = 1024 * 1024;
  test.each<[string, Uint8Array[], string]>([
    ['of 4 GiB', [u32(0xffff_ffff)], 'frame_too_large'],
    ['of 2 GiB', [u32(0x8000_0000)], 'frame_too_large'],
    ['of 128 MiB and a byte', [u32(128 * MiB + 1)], 'frame_too_large'],
    ['of one byte', [framed([112])], 'bad_frame'],
    ['of two bytes', [framed([112, 131])], 'bad_control'],
    ['that start with another byte', [framed([113, 131, 106])], 'bad_frame'],
    ['without a version', [framed([112, 104, 0])], 'bad_frame'],
    ['with a header that was not agreed on', [framed([131, 68, 0], encoded(tuple(1)))], 'bad_frame'],
    ['with a fragment that was not agreed on', [framed([131, 69], u64(1n), u64(2n), [0])], 'bad_frame'],
    ['with an HTTP request', [Buffer.from('GET / HTTP/1.1\r\n\r\n')], 'frame_too_large'],
    ['with a handshake again', [Buffer.from([0, 0, 0, 3]), Buffer.from('sok')], 'bad_frame'],
    ['with a control message that is cut short', [framed([112, 131, 104, 3, 97])], 'bad_control'],
    ['with a control message that is a list', [packet([1, 2, 3])], 'bad_control'],
    ['with a control message that is an atom', [packet(atom('boom'))], 'bad_control'],
    ['with an empty control message', [packet(tuple())], 'bad_control'],
    [
      'with a control message that lies about its arity',
      [framed([112, 131, 105], u32(0xffff_ffff), [97, 1])],
      'bad_control',
    ],
    ['with a list that lies about its length', [framed([112, 131, 108], u32(0xffff_ffff), [97, 1])], 'bad_control'],
    ['with a binary that lies about its length', [framed([112, 131, 109], u32(0xffff_ffff), [1])], 'bad_control'],
    ['with a map that lies about its size', [framed([112, 131, 116], u32(0xffff_ffff), [97])], 'bad_control'],
    ['with an atom from a cache that there is not', [framed([112, 131, 104, 1, 82, 0])], 'bad_control'],
    ['with an unknown tag', [framed([112, 131, 104, 1, 1])], 'bad_control'],
  ])('%s', (_what, bytes, code) => refused(bytes, code));

  test('a million frames of no bytes: ticks, and nothing else', async () => {
    const peer = await intrude(victim, { flags: PLAIN });
    await ignored(peer, [Buffer.alloc(4_000_000)]);
    expect(linesOf(peer)).toEqual([]);
    peer.socket.destroy();
    await until(() => linesOf(peer).length > 0, 'nodedown');
  });
});

describe('frames with headers', () => {
  const FULL = ANNOUNCED_FLAGS;
  const control = encoded(tuple(DOP.DOP_LINK, 1, 2));
  const first = (sequence: bigint, fragment: bigint, ...rest: Uint8Array[]): Buffer =>
    framed([131, 69], u64(sequence), u64(fragment), [0], ...rest);
  const more = (sequence: bigint, fragment: bigint, ...rest: Uint8Array[]): Buffer =>
    framed([131, 70], u64(sequence), u64(fragment), ...rest);
  const send = encoded(tuple(DOP.DOP_REG_SEND, pid('a@b', 1, 0, 7), SELF, atom('nobody')));

  test.each<[string, Uint8Array[], string]>([
    ['of the other kind', [packet(tuple(1))], 'bad_frame'],
    ['that end after two bytes', [framed([131, 68])], 'bad_header'],
    ['with atoms that are cut short', [framed([131, 68, 5, 0])], 'bad_header'],
    ['with 255 atoms of which there is none', [framed([131, 68, 255])], 'bad_header'],
    ['that refer to an empty slot', [framed([131, 68, 1, 0, 0], control)], 'bad_header'],
    ['with an atom that is not UTF-8', [framed([131, 68, 1, 8, 0, 2, 0xff, 0xfe], control)], 'bad_header'],
    ['with an atom longer than its frame', [framed([131, 68, 1, 8, 0, 200, 65])], 'bad_header'],
    [
      'with an atom of 256 characters',
      [framed([131, 68, 1, 0x18, 0], u16(256), Buffer.alloc(256, 65), control)],
      'bad_header',
    ],
    ['with a control message that has its own version', [framed([131, 68, 0, 131], control)], 'bad_control'],
    ['with an index into atoms that are not there', [framed([131, 68, 0, 104, 1, 82, 9])], 'bad_control'],
    ['of a kind that there is not', [framed([131, 71, 0])], 'bad_frame'],
    ['that go on where nothing began', [more(1n, 1n)], 'bad_header'],
    ['that begin the same message twice', [first(1n, 3n, send), first(1n, 3n, send)], 'bad_header'],
    ['that leave out a fragment', [first(1n, 3n, send), more(1n, 1n)], 'bad_header'],
    ['that count up', [first(1n, 3n, send), more(1n, 4n)], 'bad_header'],
    ['that count to 0', [first(1n, 2n, send), more(1n, 0n)], 'bad_header'],
    ['that begin with 0', [first(1n, 0n, send)], 'bad_header'],
    ['with 2^64 - 1 fragments', [first(1n, 2n ** 64n - 1n, send)], 'bad_header'],
    ['with the sequence 0', [first(0n, 2n, send)], 'bad_header'],
    ['with half a control message', [first(1n, 2n, send.subarray(0, 10))], 'bad_control'],
    ['with fragments that are cut short', [framed([131, 69, 0, 0])], 'bad_header'],
    [
      'with a message that is garbage when it is complete',
      [first(1n, 2n, send), more(1n, 1n, Buffer.from([1, 2]))],
      'bad_payload',
    ],
    [
      'with more unfinished messages than allowed',
      Array.from({ length: 101 }, (_, i) => first(BigInt(i + 1), 2n, send)),
      'too_many_fragments',
    ],
    [
      'with a message that grows beyond the limit',
      [first(1n, 20n, send), ...Array.from({ length: 11 }, (_, i) => more(1n, BigInt(19 - i), Buffer.alloc(100_000)))],
      'message_too_large',
    ],
    [
      'with unfinished messages that together grow beyond the limit',
      Array.from({ length: 4 }, (_, i) => first(BigInt(i + 1), 2n, send, Buffer.alloc(600_000))),
      'too_many_fragments',
    ],
  ])('%s', (_what, bytes, code) => refused(bytes, code, FULL));

  test('announcing 9 * 10^15 fragments costs nothing', async () => {
    const before = process.memoryUsage.rss();
    const peer = await intrude(victim, { flags: FULL });
    for (let i = 1n; i <= 100n; i++) peer.write(first(i, 2n ** 53n - 1n, send));
    await until(() => (victim.node.info(peer.name)?.bytesIn ?? 0) > 5000, 'the fragments');
    expect(process.memoryUsage.rss() - before).toBeLessThan(20_000_000);
    peer.socket.destroy();
    await until(() => linesOf(peer).length > 0, 'nodedown');
  });
});

describe('payloads', () => {
  const toSink = (peer: { name: string }, ...payload: Uint8Array[]): Buffer =>
    framed([112, 131], encoded(tuple(DOP.DOP_REG_SEND, theirs(peer), SELF, atom('sink'))), ...payload);
  const name = 'payload@127.0.0.1';
  const aString = Buffer.concat([Buffer.from([107, 255, 255]), Buffer.alloc(65_535, 97)]);
  const bomb = Buffer.concat([
    Buffer.from([131, 80]),
    u32(1024 * 1024 * 1024),
    deflateSync(Buffer.alloc(1_000_000, 106)),
  ]);
  const tooBig = deflateSync(Buffer.concat([Buffer.from([109]), u32(70_000_000), Buffer.alloc(70_000_000)]));

  test.each<[string, Uint8Array[], string]>([
    ['that are missing', [], 'bad_payload'],
    ['without a version', [Buffer.from([97, 1])], 'bad_payload'],
    ['with an unknown tag', [Buffer.from([131, 0])], 'bad_payload'],
    ['with bytes behind them', [Buffer.from([131, 97, 1, 97, 2])], 'bad_payload'],
    ['that lie about a length', [Buffer.from([131, 108]), u32(0xffff_fff0), Buffer.from([97, 1])], 'bad_payload'],
    [
      'that lie about 4 GiB of a big integer',
      [Buffer.from([131, 111]), u32(0xffff_ffff), Buffer.from([0])],
      'bad_payload',
    ],
    [
      'with an integer beyond the limit',
      [Buffer.from([131, 111]), u32(600_000), Buffer.alloc(600_001, 1)],
      'integer_too_large',
    ],
    [
      'that nest too deep',
      [Buffer.from([131]), Buffer.alloc(600_000, Buffer.from([104, 1])), Buffer.from([106])],
      'too_deep',
    ],
    ['with the same key twice', [Buffer.from([131, 116, 0, 0, 0, 2, 97, 1, 97, 1, 97, 1, 97, 1])], 'bad_payload'],
    ['with an atom that is not UTF-8', [Buffer.from([131, 119, 2, 0xff, 0xfe])], 'bad_payload'],
    ['with a float that is none', [Buffer.from([131, 70, 0x7f, 0xf0, 0, 0, 0, 0, 0, 0])], 'bad_payload'],
    [
      'that are compressed inside a term',
      [Buffer.from([131, 104, 1, 80]), u32(1), deflateSync(Buffer.from([106]))],
      'bad_payload',
    ],
    [
      'that are compressed twice',
      [
        Buffer.from([131, 80]),
        u32(100),
        deflateSync(Buffer.concat([Buffer.from([131, 80]), u32(1), deflateSync(Buffer.from([106]))])),
      ],
      'bad_payload',
    ],
    ['that lie about their inflated size', [bomb], 'bad_payload'],
    [
      'with more elements than allowed',
      [Buffer.from([131, 108]), u32(6_000_000), Buffer.alloc(6_000_001, 106)],
      'term_too_large',
    ],
    [
      'with more elements than allowed, in strings',
      [Buffer.from([131, 108]), u32(80), ...Array.from({ length: 80 }, () => aString), Buffer.from([106])],
      'term_too_large',
    ],
    ['that inflate beyond the limit', [Buffer.from([131, 80]), u32(1000), tooBig], 'bad_payload'],
    ['that are gzip', [Buffer.from([131, 80]), u32(1), gzipSync(Buffer.from([106]))], 'bad_payload'],
    ['of random compressed bytes', [Buffer.from([131, 80]), u32(100), Buffer.alloc(100, 7)], 'bad_payload'],
  ])('%s', async (_what, payload, code) => {
    const before = complaints(victim.log).length;
    const peer = await intrude(victim, { flags: PLAIN, name });
    peer.write(toSink(peer, ...payload));
    await peer.closed();
    await until(() => complaints(victim.log).length > before, 'the log line');
    expect(complaints(victim.log).slice(before)).toMatchObject([{ message: 'nodedown', peer: name }]);
    expect(complaints(victim.log).at(-1)?.['code']).toBe(code);
    expectHarmless(complaints(victim.log).slice(before));
  });
});

describe('control messages', () => {
  const arities: Record<string, number> = {
    DOP_LINK: 3,
    DOP_SEND: 3,
    DOP_EXIT: 4,
    DOP_UNLINK: 3,
    DOP_REG_SEND: 4,
    DOP_GROUP_LEADER: 3,
    DOP_EXIT2: 4,
    DOP_SEND_TT: 4,
    DOP_EXIT_TT: 5,
    DOP_REG_SEND_TT: 5,
    DOP_EXIT2_TT: 5,
    DOP_MONITOR_P: 4,
    DOP_DEMONITOR_P: 4,
    DOP_MONITOR_P_EXIT: 5,
    DOP_SEND_SENDER: 3,
    DOP_SEND_SENDER_TT: 4,
    DOP_PAYLOAD_EXIT: 3,
    DOP_PAYLOAD_EXIT_TT: 4,
    DOP_PAYLOAD_EXIT2: 3,
    DOP_PAYLOAD_EXIT2_TT: 4,
    DOP_PAYLOAD_MONITOR_P_EXIT: 4,
    DOP_SPAWN_REQUEST: 6,
    DOP_SPAWN_REQUEST_TT: 7,
    DOP_SPAWN_REPLY: 5,
    DOP_SPAWN_REPLY_TT: 6,
    DOP_ALIAS_SEND: 3,
    DOP_ALIAS_SEND_TT: 4,
    DOP_UNLINK_ID: 4,
    DOP_UNLINK_ID_ACK: 4,
    DOP_ALTACT_SIG_SEND: 4,
  };

  test.each(Object.entries(DOP))('%s with too many and too few elements', async (name, op) => {
    const arity = arities[name] as number;
    const padded = (length: number): Term => tuple(op, ...Array.from({ length: length - 1 }, () => atom('x')));
    await refused([packet(padded(arity - 1), 1)], 'bad_control');
    if (op !== DOP.DOP_ALTACT_SIG_SEND) await refused([packet(padded(arity + 1), 1)], 'bad_control');
  });

  test.each([0, 5, 9, 10, 11, 14, 15, 17, 38, 99, 255, -1, 2 ** 40, 2n ** 70n, 1.5, true, undefined, 'x'] as Term[])(
    'the operation %s',
    (op) => refused([packet(tuple(op, 1, 2, 3), 1)], 'bad_control'),
  );

  /** Every operation as it should be, for the damage to be one thing at a time. */
  const wellFormed = (us: Term, them: Term, ours: Term, ref: Term): Record<string, Term[]> => ({
    DOP_LINK: [them, us],
    DOP_SEND: [SELF, us],
    DOP_EXIT: [them, us, atom('bye')],
    DOP_UNLINK: [them, us],
    DOP_REG_SEND: [them, SELF, atom('nobody')],
    DOP_GROUP_LEADER: [them, us],
    DOP_EXIT2: [them, us, atom('bye')],
    DOP_MONITOR_P: [them, us, ref],
    DOP_DEMONITOR_P: [them, us, ref],
    DOP_MONITOR_P_EXIT: [them, us, ours, atom('bye')],
    DOP_SEND_SENDER: [them, us],
    DOP_PAYLOAD_EXIT: [them, us],
    DOP_PAYLOAD_EXIT2: [them, us],
    DOP_PAYLOAD_MONITOR_P_EXIT: [them, us, ours],
    DOP_SPAWN_REQUEST: [ref, them, them, tuple(atom('m'), atom('f'), 0), []],
    DOP_SPAWN_REPLY: [ours, us, 0, them],
    DOP_ALIAS_SEND: [them, ours],
    DOP_UNLINK_ID: [1, them, us],
    DOP_UNLINK_ID_ACK: [1, them, us],
    DOP_ALTACT_SIG_SEND: [1, them, us],
  });
  const rubbish: Term[] = [
    -1,
    2n ** 80n,
    1.5,
    [],
    [1, 2],
    true,
    undefined,
    atom('x'),
    Buffer.from('x'),
    tuple(),
    tuple(atom('a'), atom('b'), atom('c')),
    tuple(atom('a'), atom('b'), -1),
    new Map<Term, Term>([[1, 2]]),
    pid('foreign@127.0.0.1', 1, 0, 4),
    reference('foreign@127.0.0.1', 4, [1, 2, 3]),
    improperList([1], 2),
  ];
  const PAYLOADS = new Set<number>([DOP.DOP_SEND, DOP.DOP_REG_SEND, DOP.DOP_SEND_SENDER, DOP.DOP_PAYLOAD_EXIT]);
  for (const op of [
    DOP.DOP_PAYLOAD_EXIT2,
    DOP.DOP_PAYLOAD_MONITOR_P_EXIT,
    DOP.DOP_SPAWN_REQUEST,
    DOP.DOP_ALIAS_SEND,
    DOP.DOP_ALTACT_SIG_SEND,
  ])
    PAYLOADS.add(op);

  test('every element of every operation replaced with rubbish: closed as bad, or of no effect', async () => {
    const me = victim.node.spawnMailbox();
    const ours = reference(victim.name, victim.node.creation, [1, 2, 3]);
    const counts = { refused: 0, taken: 0 };
    let peer = await intrude(victim, { flags: PLAIN });
    for (const [name, elements] of Object.entries(wellFormed(me.pid, atom('them'), ours, atom('ref')))) {
      const op = DOP[name as keyof typeof DOP];
      for (let at = 0; at < elements.length; at++)
        for (const wrong of rubbish) {
          if (peer.socket.destroyed) peer = await intrude(victim, { flags: PLAIN });
          const them = theirs(peer);
          const ref = reference(peer.name, 7, [1, 2, 3]);
          const control = tuple(
            op,
            ...(wellFormed(me.pid, them, ours, ref)[name] as Term[]).map((e, i) => (i === at ? wrong : e)),
          );
          const before = linesOf(peer).length;
          peer.write(packet(control, ...(PAYLOADS.has(op) ? [atom('payload')] : [])));
          await Promise.race([peer.closed(), answers(peer).catch(() => peer.closed())]);
          if (!victim.node.nodes('connected').includes(peer.name)) {
            await peer.closed();
            expect(linesOf(peer).slice(before)).toMatchObject([{ message: 'nodedown', code: 'bad_control' }]);
            expectHarmless(linesOf(peer));
            counts.refused++;
          } else counts.taken++;
        }
    }
    peer.socket.destroy();
    await until(() => victim.node.nodes('connected').length === 2, 'the last one to go');
    console.log(`rubbish in control messages: ${counts.refused} refused, ${counts.taken} without effect`);
    expect(counts.refused).toBeGreaterThan(300);
    // EXIT2 and the group leader may reach any process; whatever else came must have left it as it was.
    expect(victim.node.whereis('net_kernel')).toBeDefined();
  }, 60_000);

  test('exit signals and kills for the processes of the system', async () => {
    const peer = await intrude(victim, { flags: PLAIN });
    const them = theirs(peer);
    for (const name of ['net_kernel', 'rex'])
      for (const reason of ['kill', 'killed', 'normal', 'shutdown', 'boom']) {
        const system = victim.node.whereis(name) as Term;
        peer.write(
          packet(tuple(DOP.DOP_LINK, them, system)),
          packet(tuple(DOP.DOP_EXIT, them, system, atom(reason))),
          packet(tuple(DOP.DOP_EXIT2, them, system, atom(reason))),
          packet(tuple(DOP.DOP_PAYLOAD_EXIT, them, system), atom(reason)),
          packet(tuple(DOP.DOP_PAYLOAD_EXIT2, them, system), atom(reason)),
          packet(tuple(DOP.DOP_ALTACT_SIG_SEND, 16 + 8, them, atom(name)), atom(reason)),
          packet(tuple(DOP.DOP_GROUP_LEADER, them, system)),
        );
      }
    await answers(peer);
    peer.socket.destroy();
    await until(() => linesOf(peer).length > 0, 'nodedown');
    expect(victim.node.registered()).toEqual(expect.arrayContaining(['net_kernel', 'rex']));
    expect(await erl.eval(`rpc:call('${victim.name}', os, cmd, ["id"]).`)).toMatch(/undef/);
    expect(await erl.eval(`net_adm:ping('${victim.name}').`)).toBe('pong');
  });

  test('pids of others as sender of what changes relations', async () => {
    const me = victim.node.spawnMailbox().pid;
    for (const liar of [pid(good.name, 1, 0, good.node.creation), me, pid('a@b', 1, 0, 4)]) {
      await refused([packet(tuple(DOP.DOP_LINK, liar, me))], 'bad_control');
      await refused([packet(tuple(DOP.DOP_EXIT2, liar, me, atom('kill')))], 'bad_control');
      await refused([packet(tuple(DOP.DOP_EXIT, liar, me, atom('kill')))], 'bad_control');
      await refused([packet(tuple(DOP.DOP_MONITOR_P, liar, me, reference('a@b', 4, [1])))], 'bad_control');
    }
  });
});

describe('spawn requests', () => {
  const cases: [string, (peer: Intruder) => Term[], Term][] = [
    ['what is not exposed', () => [tuple(atom('os'), atom('cmd'), 1), []], [Buffer.from('id')]],
    [
      'what every JavaScript object has',
      () => [tuple(atom('constructor'), atom('constructor'), 1), []],
      ['return process'],
    ],
    ['__proto__', () => [tuple(atom('__proto__'), atom('toString'), 0), []], []],
    ['an arity that is not the number of arguments', () => [tuple(atom('erpc'), atom('execute_call'), 7), []], []],
    ['arguments that are no list', () => [tuple(atom('erpc'), atom('execute_call'), 4), []], atom('x')],
    ['an improper list of arguments', () => [tuple(atom('erpc'), atom('execute_call'), 4), []], improperList([1], 2)],
    ['erpc with rubbish', () => [tuple(atom('erpc'), atom('execute_call'), 4), []], [1, 2, 3, 4]],
    ['options that are no list', () => [tuple(atom('m'), atom('f'), 0), atom('x')], []],
    ['unknown options', () => [tuple(atom('m'), atom('f'), 0), [1, tuple(), tuple(atom('reply'), atom('no'))]], []],
    [
      'every option at once',
      () => [
        tuple(atom('m'), atom('f'), 0),
        [atom('link'), atom('monitor'), tuple(atom('priority'), atom('max')), tuple(atom('max_heap_size'), 1)],
      ],
      [],
    ],
    [
      'a monitor with a tag',
      () => [tuple(atom('m'), atom('f'), 0), [tuple(atom('monitor'), [tuple(atom('tag'), 1)])]],
      [],
    ],
  ];
  test.each(cases)('%s: answered, and nothing runs', async (_what, elements, args) => {
    const peer = await intrude(victim, { flags: PLAIN });
    const size = peer.bytes().length;
    const ref = reference(peer.name, 7, [1, 2, 3]);
    peer.write(packet(tuple(DOP.DOP_SPAWN_REQUEST, ref, theirs(peer), theirs(peer), ...elements(peer)), args));
    await until(() => peer.bytes().length > size, 'the reply');
    await answers(peer);
    peer.socket.destroy();
    await until(() => linesOf(peer).length > 0, 'nodedown');
    expect(complaints(linesOf(peer))).toEqual([]);
  });
});
