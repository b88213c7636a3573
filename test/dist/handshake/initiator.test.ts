import { describe, expect, test } from 'vitest';
import { DFLAG } from '../../../src/dist/flags.js';
import { digest } from '../../../src/dist/handshake/digest.js';
import { message, u16, u32, u64 } from '../../support/bytes.js';
import { feed, flags, initiator, them, us, ways } from './link.js';

const ok = message('sok');

function challenge(options: { name?: string; flags?: bigint; challenge?: number; trailing?: string } = {}): Buffer {
  const name = options.name ?? them.node;
  return message(
    'N',
    u64(options.flags ?? them.flags),
    u32(options.challenge ?? 999),
    u32(them.creation),
    u16(name.length),
    name,
    options.trailing ?? '',
  );
}

const ack = message('a', digest('secret', 12345));

describe.each(ways)('an initiator, fed %s', (way) => {
  test.each(['ok', 'ok_simultaneous', 'alive'])('goes on after status %s', (status) => {
    const a = initiator();
    const { sent, failure } = feed(a, message(`s${status}`), way);
    expect(failure).toBeUndefined();
    expect(sent).toEqual(status === 'alive' ? message('strue') : Buffer.alloc(0));
    expect(a.awaits).toBe('challenge');
  });

  test('answers the challenge and is done with the ack; what is behind belongs to the connection', () => {
    const a = initiator();
    const input = Buffer.concat([ok, challenge({ trailing: 'from the future' }), ack, Buffer.from([0, 0, 0, 0, 9])]);
    const { sent, established } = feed(a, input, way);
    expect(sent).toEqual(message('r', u32(12345), digest('secret', 999)));
    expect(established).toMatchObject({ peer: them.node, peerCreation: them.creation, flags: flags & them.flags });
    expect(established?.rest).toEqual(Buffer.from([0, 0, 0, 0, 9]));
    expect(a.awaits).toBe('nothing');
  });

  test.each([
    ['a foreign status', message('smaybe'), 'unexpected_message', 'status'],
    ['a status with more behind it', message('sok '), 'unexpected_message', 'status'],
    ['an empty message', message(), 'unexpected_message', 'status'],
    ['a challenge before the status', challenge(), 'unexpected_message', 'status'],
    ['nok', message('snok'), 'nok', 'status'],
    ['not_allowed', message('snot_allowed'), 'not_allowed', 'status'],
    ['a name that was not asked for', message('snamed:', u16(3), 'a@b', u32(9)), 'unexpected_message', 'status'],
    ['another node', Buffer.concat([ok, challenge({ name: 'f@127.0.0.1' })]), 'wrong_node', 'challenge'],
    ['a node without maps', Buffer.concat([ok, challenge({ flags: 0x1050f94n })]), 'missing_flags', 'challenge'],
    [
      'an old challenge',
      Buffer.concat([ok, message('n', u16(5), u32(0), u32(1), 'e@h')]),
      'unexpected_message',
      'challenge',
    ],
    ['half a challenge', Buffer.concat([ok, message('N', u64(0n))]), 'unexpected_message', 'challenge'],
    [
      'a name that is cut short',
      Buffer.concat([ok, message('N', u64(0n), u32(1), u32(1), u16(9), 'e@h')]),
      'unexpected_message',
      'challenge',
    ],
    ['our own challenge', Buffer.concat([ok, challenge({ challenge: 12345 })]), 'unexpected_message', 'challenge'],
    [
      'a wrong ack',
      Buffer.concat([ok, challenge(), message('a', digest('other', 12345))]),
      'bad_cookie',
      'challenge_ack',
    ],
    [
      'a short ack',
      Buffer.concat([ok, challenge(), message('a', digest('secret', 12345).subarray(1))]),
      'unexpected_message',
      'challenge_ack',
    ],
    [
      'a long ack',
      Buffer.concat([ok, challenge(), message('a', digest('secret', 12345), [0])]),
      'unexpected_message',
      'challenge_ack',
    ],
  ])('fails at %s', (_what, input, code, step) => {
    const { failure, established } = feed(initiator(), input, way);
    expect(established).toBeUndefined();
    expect(failure).toMatchObject({ code, step, name: 'HandshakeError' });
    expect(failure?.message).toContain(`handshake with ${them.node}`);
  });

  test('asks for a name and takes it', () => {
    const self = { node: 'localhost', creation: 0, flags: flags | DFLAG.DFLAG_NAME_ME };
    const name = '2ABCD@localhost';
    const input = Buffer.concat([message('snamed:', u16(name.length), name, u32(1234), 'more'), challenge(), ack]);
    const { established } = feed(initiator({ self }), input, way);
    expect(established).toMatchObject({ named: { node: name, creation: 1234 }, flags: flags & them.flags });
  });
});

test.each([
  ['a plain ok', message('sok'), 'unexpected_message'],
  ['a plain alive', message('salive'), 'unexpected_message'],
  ['a name cut short', message('snamed:', u16(20), 'a@b'), 'unexpected_message'],
  ['no length', message('snamed:', [0]), 'unexpected_message'],
  ['a bad name', message('snamed:', u16(3), 'a b', u32(1)), 'bad_name'],
])('one that asks for a name fails at %s', (_what, input, code) => {
  const self = { node: 'localhost', creation: 0, flags: flags | DFLAG.DFLAG_NAME_ME };
  expect(feed(initiator({ self }), input).failure).toMatchObject({ code, step: 'status' });
});

test('a challenge that this node has outstanding elsewhere is not answered', () => {
  const outcome = feed(initiator({ isOwnChallenge: (each) => each === 999 }), Buffer.concat([ok, challenge()]));
  expect(outcome.failure).toMatchObject({ code: 'unexpected_message', step: 'challenge' });
  expect(outcome.sent).toHaveLength(0);
});

test('the first bytes are our name', () => {
  const start = initiator().start();
  expect(start).toEqual(message('N', u64(us.flags), u32(us.creation), u16(us.node.length), us.node));
});

test('a TLS peer cannot announce more than a handshake needs', () => {
  const { failure } = feed(initiator({ lengthBytes: 4 }), Buffer.from([0, 1, 0, 0]));
  expect(failure).toMatchObject({ code: 'unexpected_message', step: 'status' });
});
