import { describe, expect, test } from 'vitest';
import type { ControlMessage } from '../../src/dist/control.js';
import { ArgumentError, DecodeError, LimitError, ProtocolError } from '../../src/errors.js';
import { atom, internAtom } from '../../src/term/atom.js';
import { Port, pid, reference } from '../../src/term/identifiers.js';
import { NativeRecord } from '../../src/term/record.js';
import type { Term } from '../../src/term/term.js';
import { tuple } from '../../src/term/tuple.js';
import { connect, encoded, framed, mine, myRef, packet, passThrough, peer, self, theirRef, theirs } from './peers.js';

const hello: ControlMessage = { op: 'REG_SEND', from: theirs, to: 'echo', message: 'hello' };
const helloPacket = packet(tuple(6, theirs, atom(''), atom('echo')), 'hello');

function thrownBy(run: () => void): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe('receiving', () => {
  const decoded = { ...hello, message: Buffer.from('hello') };

  test('a message, whole, byte by byte, and with another behind it', () => {
    const whole = connect();
    whole.connection.receive(Buffer.concat([helloPacket, helloPacket, Buffer.from([0, 0])]), 0);
    expect(whole.messages).toEqual([decoded, decoded]);
    const bytewise = connect();
    for (const byte of helloPacket) bytewise.connection.receive(Buffer.from([byte]), 0);
    expect(bytewise.messages).toEqual([decoded]);
    expect(bytewise.connection.statistics).toMatchObject({ bytesIn: helloPacket.length, messagesIn: 1 });
  });

  test('ticks are no messages', () => {
    const { connection, messages } = connect();
    connection.receive(Buffer.alloc(12), 5);
    expect(messages).toEqual([]);
    expect(connection.statistics).toMatchObject({ ticksIn: 3, messagesIn: 0, lastHeard: 5 });
  });

  test('the options for terms hold for payloads', () => {
    const { connection, messages } = connect({ terms: { binaries: 'string' } });
    connection.receive(helloPacket, 0);
    expect(messages).toEqual([hello]);
  });

  test('a packet is what a BEAM sends (protocol section 9.3)', () => {
    const { connection, messages } = connect({ self: 'e@localhost', peer: 'js1@localhost' });
    const hex =
      '70836804610658770d6a7331406c6f63616c686f737400000001000000000102030477007703726578 83 77026869'.replaceAll(
        ' ',
        '',
      );
    connection.receive(framed(Buffer.from(hex, 'hex')), 0);
    expect(messages).toMatchObject([{ op: 'REG_SEND', to: 'rex', message: atom('hi'), from: { id: 1, serial: 0 } }]);
  });

  test('the sink may close the connection on a message', () => {
    const seen: ControlMessage[] = [];
    const { connection } = connect({
      sink: {
        onControl(message) {
          seen.push(message);
          connection.close();
        },
      },
    });
    connection.receive(Buffer.concat([helloPacket, helloPacket]), 0);
    connection.receive(helloPacket, 0);
    expect(seen).toHaveLength(1);
  });
});

describe('a hostile packet ends the connection:', () => {
  const control = encoded(tuple(6, theirs, atom(''), atom('echo')));
  const link = encoded(tuple(1, theirs, mine));
  const cases: readonly [string, Buffer, string][] = [
    ['one byte', framed([112]), 'bad_frame'],
    ['a wrong first byte', framed([113, 131], control, [131], encoded('x')), 'bad_frame'],
    ['no 131', framed([112, 104], control), 'bad_frame'],
    ['a header nobody agreed on', framed([131, 68, 0], control, encoded('x')), 'bad_frame'],
    ['no control term', framed([112, 131]), 'bad_control'],
    ['an unknown tag', framed([112, 131, 1, 2, 3]), 'bad_control'],
    ['half a control term', framed([112, 131], control.subarray(0, 20)), 'bad_control'],
    ['a tuple with a lying length', framed([112, 131, 105, 255, 255, 255, 255]), 'bad_control'],
    ['a compressed control term', framed([112, 131, 80, 0, 0, 0, 1, 120, 156]), 'bad_control'],
    ['an atom from a cache that is not there', framed([112, 131, 104, 2, 97, 1, 82, 0]), 'bad_control'],
    ['an unknown operation', packet(tuple(99, theirs, mine)), 'bad_control'],
    ['no payload', framed([112, 131], control), 'bad_payload'],
    ['a payload without 131', framed([112, 131], control, encoded('x')), 'bad_payload'],
    ['an empty payload', framed([112, 131], control, [131]), 'bad_payload'],
    ['a payload cut short', framed([112, 131], control, [131], encoded('hello').subarray(0, 7)), 'bad_payload'],
    ['a compressed payload', framed([112, 131], control, [131, 80, 0, 0, 0, 1, 120, 156, 3, 0]), 'bad_payload'],
    ['bytes behind the payload', framed([112, 131], control, [131], encoded('x'), [0]), 'bad_payload'],
    ['a payload where none belongs', framed([112, 131], link, [131], encoded('x')), 'bad_payload'],
  ];

  const inWays = cases.flatMap((one) =>
    (['whole', 'byte by byte', 'with more behind'] as const).map((way) => [...one, way] as const),
  );

  test.each(inWays)('%s', (_name, bytes, code, way) => {
    const { connection, messages } = connect();
    const chunks =
      way === 'whole'
        ? [bytes]
        : way === 'byte by byte'
          ? Array.from(bytes, (_, at) => bytes.subarray(at, at + 1))
          : [Buffer.concat([bytes, helloPacket])];
    const error = thrownBy(() => {
      for (const chunk of chunks) connection.receive(chunk, 0);
    });
    expect(error, way).toBeInstanceOf(ProtocolError);
    expect(error, way).toMatchObject({ code });
    // Dead from then on, and quiet about it.
    connection.receive(helloPacket, 0);
    expect(messages).toEqual([]);
  });

  test('messages before it are delivered', () => {
    const { connection, messages } = connect();
    expect(() => connection.receive(Buffer.concat([helloPacket, framed([1])]), 0)).toThrow(ProtocolError);
    expect(messages).toHaveLength(1);
  });

  test('the cause of a bad payload is told', () => {
    const { connection } = connect();
    const error = thrownBy(() => connection.receive(framed([112, 131], control, [131, 1]), 0));
    expect((error as ProtocolError).cause).toBeInstanceOf(DecodeError);
  });

  test('4 GB are refused at the header', () => {
    const { connection } = connect();
    const error = thrownBy(() => connection.receive(Buffer.from([255, 255, 255, 255]), 0));
    expect(error).toBeInstanceOf(LimitError);
    expect(error).toMatchObject({ code: 'frame_too_large', limit: 128 * 1024 * 1024, asked: 0xffff_ffff });
    const small = connect({ limits: { frameBytes: 10 } });
    expect(() => small.connection.receive(Buffer.from([0, 0, 0, 11]), 0)).toThrow(LimitError);
  });

  test('a payload that is too deep is over a limit', () => {
    const { connection } = connect({ terms: { limits: { depth: 10 } } });
    let deep: Term = [];
    for (let i = 0; i < 20; i++) deep = [deep];
    expect(() => connection.receive(packet(tuple(22, theirs, mine), deep), 0)).toThrow(LimitError);
  });
});

describe('sending', () => {
  test('gathers small messages into one buffer', () => {
    const { connection } = connect();
    expect(connection.takeOutput()).toEqual([]);
    const message: ControlMessage = { op: 'SEND', from: mine, to: theirs, message: 1 };
    for (let i = 0; i < 3; i++) expect(connection.send(message)).toBe(true);
    const one = packet(tuple(22, mine, theirs), 1);
    expect(connection.outputBytes).toBe(one.length * 3);
    expect(connection.takeOutput()).toEqual([Buffer.concat([one, one, one])]);
    expect(connection.outputBytes).toBe(0);
    expect(connection.statistics).toMatchObject({ bytesOut: one.length * 3, messagesOut: 3 });
  });

  test('output that was taken does not change', () => {
    const { connection } = connect();
    const take = (message: Term) => {
      connection.send({ op: 'SEND', from: mine, to: theirs, message });
      return Buffer.concat(connection.takeOutput());
    };
    const taken = Array.from({ length: 100 }, (_, i) => ({ bytes: take(i), copy: packet(tuple(22, mine, theirs), i) }));
    for (const { bytes, copy } of taken) expect(bytes).toEqual(copy);
  });

  test('a term that cannot be encoded spoils nothing', () => {
    const { connection, output } = connect();
    const bad = Symbol('no term') as unknown as Term;
    const good: ControlMessage = { op: 'SEND', from: mine, to: theirs, message: 'good' };
    expect(() => connection.send({ ...good, message: [1, bad] })).toThrow('symbol');
    connection.send(good);
    expect(() => connection.send({ ...good, message: [1, bad] })).toThrow('symbol');
    connection.send(good);
    const one = packet(tuple(22, mine, theirs), 'good');
    expect(output()).toEqual(Buffer.concat([one, one]));
    expect(connection.statistics.messagesOut).toBe(2);
  });

  test('big messages are not gathered with what follows', () => {
    const { connection } = connect();
    const big = Buffer.alloc(1024 * 1024, 1);
    for (const message of ['a', big, 'b']) connection.send({ op: 'SEND', from: mine, to: theirs, message });
    const pieces = connection.takeOutput();
    expect(pieces.length).toBeLessThanOrEqual(3);
    const expected = Buffer.concat(['a', big, 'b'].map((each) => packet(tuple(22, mine, theirs), each)));
    expect(Buffer.concat(pieces).equals(expected)).toBe(true);
  });

  test('what the peer did not announce is not sent', () => {
    const { connection, output } = connect({ flags: 0x1070f94n });
    const refused: ControlMessage[] = [
      { op: 'MONITOR_P', from: mine, to: theirs, ref: myRef },
      { op: 'DEMONITOR_P', from: mine, to: 'name', ref: myRef },
      { op: 'MONITOR_P_EXIT', from: mine, to: theirs, ref: theirRef, reason: 1 },
      { op: 'UNLINK_ACK', from: mine, to: theirs, id: 1 },
      { op: 'ALIAS_SEND', from: mine, to: theirRef, message: 1 },
      { op: 'SPAWN_REPLY', ref: theirRef, to: theirs, link: false, monitor: false, result: mine },
      { op: 'EXIT2', from: mine, to: theirRef, reason: 1 },
    ];
    expect(refused.map((message) => connection.send(message))).toEqual(refused.map(() => false));
    expect(output()).toHaveLength(0);
  });

  test('identifiers that OTP 23 takes for damage do not go there, alone, inside a term, or in a message that goes on', () => {
    const [id, serial, node] = [2 ** 15, 2 ** 13, 'other@h'];
    const large = [
      pid(node, id, 0, 9),
      pid(node, 1, serial, 9),
      new Port(internAtom(node), 2 ** 28, 9),
      reference(node, 9, [1, 2, 3, 4, 5]),
    ];
    const small = [
      pid(node, id - 1, serial - 1, 9),
      new Port(internAtom(node), 2 ** 28 - 1, 9),
      reference(node, 9, [2 ** 32 - 1, 2, 3]),
    ];
    for (const flags of [0x1070f94n, 0x1070f94n | 0x802000n]) {
      const old = connect({ flags });
      const sent = (message: Term) => () => old.connection.send({ op: 'SEND', from: mine, to: theirs, message });
      for (const message of large) {
        expect(sent(message)).toThrow(ArgumentError);
        expect(sent([1, tuple(message)])).toThrow('OTP 23');
      }
      expect(sent(small)()).toBe(true);
      expect(connect({ flags: flags | (1n << 34n) }).connection.send({ ...hello, message: large })).toBe(true);
    }
  });

  test('a native record goes to OTP 29 only, alone, inside a term, or where the message goes on', () => {
    const record = new NativeRecord(atom('m'), atom('r'), true, [atom('x')], [1]);
    for (const flags of [passThrough, passThrough | 0x802000n]) {
      const before = connect({ flags });
      for (const message of [record, [1, tuple(record)], new Map([[1, record]])]) {
        const send = () => before.connection.send({ op: 'SEND', from: mine, to: theirs, message });
        expect(send).toThrow(ArgumentError);
        expect(send).toThrow('OTP 29');
      }
      expect(connect({ flags: flags | (1n << 38n) }).connection.send({ ...hello, message: record })).toBe(true);
    }
  });

  test('an UNLINK without id goes to old peers only', () => {
    const unlink: ControlMessage = { op: 'UNLINK', from: mine, to: theirs, id: undefined };
    expect(() => connect().connection.send(unlink)).toThrow('needs an id');
    const old = connect({ flags: 0x1070f94n });
    expect(old.connection.send({ ...unlink, id: 7 })).toBe(true);
    expect(old.output()).toEqual(packet(tuple(4, mine, theirs)));
  });
});

describe('the wire spellings that we use', () => {
  const old = 0x1070f94n | 0x28n;
  const modern = passThrough | (1n << 37n);
  test.each<[string, bigint, ControlMessage, Term, Term[]]>([
    ['SEND', old, { op: 'SEND', from: mine, to: theirs, message: 1 }, tuple(2, atom(''), theirs), [1]],
    ['SEND_SENDER', modern, { op: 'SEND', from: mine, to: theirs, message: 1 }, tuple(22, mine, theirs), [1]],
    [
      'SEND of nobody',
      modern,
      { op: 'SEND', from: undefined, to: theirs, message: 1 },
      tuple(2, atom(''), theirs),
      [1],
    ],
    [
      'SEND with priority',
      modern,
      { op: 'SEND', from: mine, to: theirs, message: 1, priority: true },
      tuple(37, 1, mine, theirs),
      [1],
    ],
    [
      'REG_SEND with priority to one that has none',
      passThrough,
      { op: 'REG_SEND', from: mine, to: 'true', message: 1, priority: true },
      tuple(6, mine, atom(''), true),
      [1],
    ],
    [
      'REG_SEND with priority',
      modern,
      { op: 'REG_SEND', from: mine, to: 'x', message: 1, priority: true },
      tuple(37, 9, mine, atom('x')),
      [1],
    ],
    [
      'ALIAS_SEND',
      passThrough,
      { op: 'ALIAS_SEND', from: mine, to: theirRef, message: 1 },
      tuple(33, mine, theirRef),
      [1],
    ],
    [
      'ALIAS_SEND of 28',
      modern,
      { op: 'ALIAS_SEND', from: mine, to: theirRef, message: 1 },
      tuple(37, 4, mine, theirRef),
      [1],
    ],
    ['EXIT', old, { op: 'EXIT', from: mine, to: theirs, reason: 'r' }, tuple(3, mine, theirs, 'r'), []],
    ['PAYLOAD_EXIT', modern, { op: 'EXIT', from: mine, to: theirs, reason: 'r' }, tuple(24, mine, theirs), ['r']],
    ['EXIT2', old, { op: 'EXIT2', from: mine, to: theirs, reason: 'r' }, tuple(8, mine, theirs, 'r'), []],
    ['PAYLOAD_EXIT2', modern, { op: 'EXIT2', from: mine, to: theirs, reason: 'r' }, tuple(26, mine, theirs), ['r']],
    [
      'EXIT2 to an alias',
      modern,
      { op: 'EXIT2', from: mine, to: theirRef, reason: 'r' },
      tuple(37, 20, mine, theirRef),
      ['r'],
    ],
    [
      'MONITOR_P_EXIT',
      old,
      { op: 'MONITOR_P_EXIT', from: 'n', to: theirs, ref: theirRef, reason: 'r' },
      tuple(21, atom('n'), theirs, theirRef, 'r'),
      [],
    ],
    [
      'PAYLOAD_MONITOR_P_EXIT',
      modern,
      { op: 'MONITOR_P_EXIT', from: mine, to: theirs, ref: theirRef, reason: 'r' },
      tuple(28, mine, theirs, theirRef),
      ['r'],
    ],
    ['UNLINK_ID', modern, { op: 'UNLINK', from: mine, to: theirs, id: 9 }, tuple(35, 9, mine, theirs), []],
    ['UNLINK_ID_ACK', modern, { op: 'UNLINK_ACK', from: mine, to: theirs, id: 9n }, tuple(36, 9, mine, theirs), []],
    ['GROUP_LEADER', modern, { op: 'GROUP_LEADER', leader: mine, to: theirs }, tuple(7, mine, theirs), []],
    [
      'SPAWN_REPLY',
      modern,
      { op: 'SPAWN_REPLY', ref: theirRef, to: theirs, link: true, monitor: false, result: 'badopt' },
      tuple(31, theirRef, theirs, 1, atom('badopt')),
      [],
    ],
  ])('%s', (_name, flags, message, control, payload) => {
    const { connection, output } = connect({ flags });
    expect(connection.send(message)).toBe(true);
    expect(output()).toEqual(packet(control, ...payload));
  });
});

describe('time', () => {
  test('a tick is sent when nothing else was, and a silent peer is dead', () => {
    const { connection, output } = connect({ tickTime: 8 });
    expect(connection.tickInterval).toBe(2000);
    expect(connection.tick(2000, 0)).toBe('alive');
    expect(output()).toHaveLength(0);
    expect(connection.tick(4000, 0)).toBe('alive');
    expect(output()).toEqual(Buffer.alloc(4));
    expect(connection.tick(6000, 1)).toBe('alive');
    expect(output()).toHaveLength(0);
    expect(connection.tick(8000, 0)).toBe('net_tick_timeout');
    expect(connection.statistics.ticksOut).toBe(1);
  });

  test('bytes of the peer keep it alive, even the first one of a frame', () => {
    const { connection } = connect({ tickTime: 8 });
    for (let now = 2000; now < 100_000; now += 2000) {
      if (now % 6000 === 0) connection.receive(Buffer.from([0]), now);
      expect(connection.tick(now, 0)).toBe('alive');
    }
  });

  test('an unfinished message is the end of the connection; time in which nobody looked does not count', () => {
    const head = [131, 69, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0];
    const first = framed(head, encoded(tuple(6, theirs, atom(''), atom('echo'))));
    const begun = () => {
      const { connection } = connect({ tickTime: 8, limits: { fragmentTime: 3 }, flags: passThrough | 0x802000n });
      connection.receive(first, 0);
      expect(connection.statistics.openFragments).toBe(1);
      return connection;
    };
    const ticked = begun();
    const looks = [2000, 4000, 6000, 8000].map((now) => {
      ticked.receive(Buffer.alloc(4), now);
      return thrownBy(() => ticked.tick(now, 0));
    });
    expect(looks).toEqual([
      undefined,
      undefined,
      expect.objectContaining({ code: 'fragment_timeout' }),
      expect.anything(),
    ]);
    const asleep = begun();
    asleep.receive(Buffer.alloc(4), 3_600_000);
    expect(asleep.tick(3_600_000, 0)).toBe('alive');
  });

  test('a full queue does not keep a dead peer alive', () => {
    const { connection } = connect({ tickTime: 8 });
    connection.send({ op: 'SEND', from: mine, to: theirs, message: 1 });
    expect([2000, 4000, 6000, 8000].map((now) => connection.tick(now, 1e6))).toEqual([
      'alive',
      'alive',
      'alive',
      'net_tick_timeout',
    ]);
  });
});

test('two connections understand each other', () => {
  const here = connect();
  const there = connect({ self: peer, peer: self });
  here.connection.send({ op: 'LINK', from: mine, to: theirs });
  there.connection.receive(here.output(), 0);
  expect(there.messages).toEqual([{ op: 'LINK', from: mine, to: theirs }]);
});
