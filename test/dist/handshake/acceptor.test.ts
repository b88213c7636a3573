import { describe, expect, test } from 'vitest';
import { DFLAG } from '../../../src/dist/flags.js';
import { digest } from '../../../src/dist/handshake/digest.js';
import { message, u16, u32, u64 } from '../../support/bytes.js';
import { acceptor, feed, flags, them, us, ways } from './link.js';

function sendName(name: string, announced: bigint = flags, trailing = ''): Buffer {
  return message('N', u64(announced), u32(us.creation), u16(name.length), Buffer.from(name, 'latin1'), trailing);
}

function oldName(name: string, announced: bigint = flags, version = 5): Buffer {
  return message('n', u16(version), u32(Number(announced & 0xffff_ffffn)), name);
}

const challenge = message('N', u64(them.flags), u32(0xfedcba98), u32(them.creation), u16(them.node.length), them.node);
const reply = message('r', u32(777), digest('secret', 0xfedcba98));

describe.each(ways)('an acceptor, fed %s', (way) => {
  test.each(['ok', 'ok_simultaneous'] as const)('says %s and challenges at once', (decision) => {
    const b = acceptor({ decide: () => decision });
    const { sent } = feed(b, sendName(us.node, flags, 'from the future'), way);
    expect(sent).toEqual(Buffer.concat([message(`s${decision}`), challenge]));
    expect([b.awaits, b.peer]).toEqual(['challenge_reply', us.node]);
  });

  test('acknowledges the right digest', () => {
    const { sent, established } = feed(acceptor(), Buffer.concat([sendName(us.node), reply, Buffer.from([1])]), way);
    expect(sent).toEqual(Buffer.concat([message('sok'), challenge, message('a', digest('secret', 777))]));
    expect(established).toMatchObject({ peer: us.node, peerCreation: us.creation, peerFlags: flags });
    expect(established?.rest).toEqual(Buffer.from([1]));
  });

  test('a callback that throws: the step is the one it was asked at', () => {
    const b = acceptor({
      cookie() {
        throw new TypeError('a bug of the program');
      },
    });
    const { failure } = feed(b, Buffer.concat([sendName(us.node), reply]), way);
    expect(failure).toMatchObject({ code: 'aborted', step: 'challenge_reply' });
    expect(failure?.message).toContain('waiting for challenge_reply');
  });

  test('understands the name and complement of an old initiator', () => {
    const complement = message('c', u32(Number(flags >> 32n)), u32(4242));
    const { sent, established } = feed(acceptor(), Buffer.concat([oldName(us.node), complement, reply]), way);
    expect(sent).toEqual(Buffer.concat([message('sok'), challenge, message('a', digest('secret', 777))]));
    expect(established).toMatchObject({
      peer: us.node,
      peerCreation: 4242,
      peerFlags: flags,
      flags: flags & them.flags,
    });
  });

  test('waits for true or false after alive', () => {
    const b = acceptor({ decide: () => 'alive' });
    expect(feed(b, sendName(us.node), way).sent).toEqual(message('salive'));
    expect(b.awaits).toBe('status_reply');
    expect(feed(b, message('strue'), way).sent).toEqual(challenge);
    expect(feed(b, reply, way).established?.peer).toBe(us.node);
  });

  test('an old initiator is told alive, too', () => {
    const b = acceptor({ decide: () => 'alive' });
    feed(b, Buffer.concat([oldName(us.node), message('strue')]), way);
    expect(b.awaits).toBe('complement');
  });

  test.each([
    ['garbage', message([1, 2, 3]), 'unexpected_message', 'send_name', ''],
    ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\n\r\n'.padEnd(20_000)), 'unexpected_message', 'send_name', ''],
    ['an empty message', message(), 'unexpected_message', 'send_name', ''],
    ['half a name', message('N', u64(flags)), 'unexpected_message', 'send_name', ''],
    ['a name cut short', message('N', u64(flags), u32(1), u16(50), 'a@b'), 'unexpected_message', 'send_name', ''],
    ['an old name of another version', oldName(us.node, flags, 6), 'unexpected_message', 'send_name', ''],
    ['a name without host', sendName('ts'), 'bad_name', 'send_name', ''],
    ['two hosts', sendName('ts@a@b'), 'bad_name', 'send_name', ''],
    ['300 characters', sendName(`ts@${'h'.repeat(300)}`), 'bad_name', 'send_name', ''],
    ['a name with a space', sendName('t s@h'), 'bad_name', 'send_name', 'nok'],
    ['control characters', sendName('ts@h\x1b[2J'), 'bad_name', 'send_name', 'nok'],
    ['our own name', sendName(them.node), 'bad_name', 'send_name', 'nok'],
    [
      'too few flags',
      sendName(us.node, 0x407070f94n & ~DFLAG.DFLAG_MAP_TAG & ~DFLAG.DFLAG_MANDATORY_25_DIGEST),
      'missing_flags',
      'send_name',
      'not_allowed',
    ],
    ['an old name with too few flags', oldName(us.node, 0n), 'missing_flags', 'send_name', 'not_allowed'],
    [
      'a wish for a name',
      sendName('localhost', flags | DFLAG.DFLAG_NAME_ME),
      'not_allowed',
      'send_name',
      'not_allowed',
    ],
    ['a wish for a name at no host', sendName('a@b', flags | DFLAG.DFLAG_NAME_ME), 'bad_name', 'send_name', ''],
  ])('fails at %s', (_what, input, code, step, status) => {
    const { failure, sent } = feed(acceptor(), input, way);
    expect(failure).toMatchObject({ code, step, name: 'HandshakeError' });
    expect(sent).toEqual(status === '' ? Buffer.alloc(0) : message(`s${status}`));
    // biome-ignore lint/suspicious/noControlCharactersInRegex: their absence is the point
    expect(failure?.message).not.toMatch(/[\x00-\x1f]/);
  });

  test.each([
    ['a wrong digest', message('r', u32(777), digest('wrong', 0xfedcba98)), 'bad_cookie'],
    ['the digest of another challenge', message('r', u32(777), digest('secret', 1)), 'bad_cookie'],
    ['a short digest', message('r', u32(777), digest('secret', 0xfedcba98).subarray(1)), 'unexpected_message'],
    ['our own challenge', message('r', u32(0xfedcba98), digest('secret', 0xfedcba98)), 'unexpected_message'],
    ['another message', message('a', digest('secret', 1)), 'unexpected_message'],
  ])('says nothing after %s', (_what, input, code) => {
    const b = acceptor();
    feed(b, sendName(us.node), way);
    const { failure, sent } = feed(b, input, way);
    expect(failure).toMatchObject({ code, step: 'challenge_reply' });
    expect(sent).toHaveLength(0);
  });

  test('fails at a broken complement', () => {
    const { failure } = feed(acceptor(), Buffer.concat([oldName(us.node), message('c', u32(0))]), way);
    expect(failure).toMatchObject({ code: 'unexpected_message', step: 'complement' });
  });

  test.each(['maybe', 'TRUE', 'true ', ''])('fails at status %j after alive', (status) => {
    const b = acceptor({ decide: () => 'alive' });
    const { failure } = feed(b, Buffer.concat([sendName(us.node), message(`s${status}`)]), way);
    expect(failure).toMatchObject({ code: 'unexpected_message', step: 'status_reply' });
  });
});

test('a challenge that this node has outstanding elsewhere is not answered', () => {
  const b = acceptor({ isOwnChallenge: (each) => each === 777 });
  const { failure, sent } = feed(b, Buffer.concat([sendName(us.node), reply]));
  expect(failure).toMatchObject({ code: 'unexpected_message', step: 'challenge_reply' });
  expect(sent).toEqual(Buffer.concat([message('sok'), challenge]));
});

test('an acceptor gives its whole flags, whatever the peer has', () => {
  const { sent } = feed(acceptor(), sendName(us.node, 0x407070f94n));
  expect(sent.subarray(5)).toEqual(challenge);
});

test.each([
  ['OTP 23', 0x101df7fbdn],
  ['the minimum of OTP 25', 0x1070f94n],
  ['the digest alone', DFLAG.DFLAG_MANDATORY_25_DIGEST],
])('the flags of %s are enough', (_who, announced) => {
  expect(feed(acceptor(), sendName(us.node, announced)).failure).toBeUndefined();
});
