import { describe, expect, test } from 'vitest';
import { DFLAG } from '../../../src/dist/flags.js';
import { acceptor, feed, flags, initiator, talk, them, us, ways } from './link.js';

describe.each(ways)('two machines, %s', (way) => {
  test('agree', () => {
    const { a, b } = talk(initiator(), acceptor(), way);
    expect([a.failure, b.failure]).toEqual([undefined, undefined]);
    const agreed = flags & them.flags;
    expect(a.established).toEqual({
      peer: them.node,
      peerCreation: them.creation,
      peerFlags: them.flags,
      flags: agreed,
      rest: Buffer.alloc(0),
    });
    expect(b.established).toEqual({
      peer: us.node,
      peerCreation: us.creation,
      peerFlags: us.flags,
      flags: agreed,
      rest: Buffer.alloc(0),
    });
  });

  test('agree with four bytes of length, as over TLS', () => {
    const { a, b } = talk(initiator({ lengthBytes: 4 }), acceptor({ lengthBytes: 4 }), way);
    expect([a.established?.peer, b.established?.peer]).toEqual([them.node, us.node]);
  });

  test('agree over "alive" when the new connection is still wanted', () => {
    const { a, b } = talk(initiator({ stillWanted: () => true }), acceptor({ decide: () => 'alive' }), way);
    expect([a.established?.peer, b.established?.peer]).toEqual([them.node, us.node]);
  });

  test('part over "alive" when it is not', () => {
    const { a, b } = talk(initiator({ stillWanted: () => false }), acceptor({ decide: () => 'alive' }), way);
    expect(a.failure).toMatchObject({ code: 'alive', step: 'status' });
    expect(b.failure).toMatchObject({ code: 'alive', step: 'status_reply' });
  });

  test('part at a wrong cookie, and the acceptor says nothing more', () => {
    const { a, b } = talk(initiator({ cookie: 'wrong' }), acceptor(), way);
    expect(a.failure).toBeUndefined();
    expect(b.failure).toMatchObject({ code: 'bad_cookie', step: 'challenge_reply' });
    expect(b.failure?.message).toContain('compare the cookies');
    expect(b.failure?.message).not.toMatch(/wrong|secret/);
  });

  test('use the cookie that the acceptor has for that peer', () => {
    const cookie = (peer: string) => (peer === us.node ? 'theirs' : 'default');
    expect(talk(initiator({ cookie: 'theirs' }), acceptor({ cookie }), way).b.established?.peer).toBe(us.node);
  });

  test.each(['nok', 'not_allowed'] as const)('part at %s', (status) => {
    const refusing = status === 'nok' ? acceptor({ decide: () => 'nok' }) : acceptor({ allow: () => false });
    const { a, b } = talk(initiator(), refusing, way);
    expect(a.failure).toMatchObject({ code: status, step: 'status' });
    expect(b.failure).toMatchObject({ code: status, step: 'send_name' });
  });

  test('name the one that asks for a name, and hide it', () => {
    const asking = { node: '127.0.0.1', creation: 0, flags: flags | DFLAG.DFLAG_NAME_ME | DFLAG.DFLAG_PUBLISHED };
    const named = { node: 'X1@127.0.0.1', creation: 77 };
    const { a, b } = talk(initiator({ self: asking }), acceptor({ giveName: () => named }), way);
    expect(a.established).toMatchObject({ peer: them.node, named });
    expect(b.established).toMatchObject({ peer: named.node, peerCreation: 77 });
    const hidden = flags & them.flags & ~DFLAG.DFLAG_PUBLISHED;
    expect([a.established?.flags, b.established?.flags]).toEqual([hidden, hidden]);
  });
});

test('flags are those of both, and a lone digest bit counts as what it stands for', () => {
  const lean = DFLAG.DFLAG_MANDATORY_25_DIGEST | DFLAG.DFLAG_UNLINK_ID;
  const { a, b } = talk(initiator({ self: { ...us, flags: lean } }), acceptor());
  expect(a.established?.flags).toBe(them.flags & lean);
  expect(b.established).toMatchObject({ peerFlags: lean, flags: them.flags & (lean | 0x1070f94n) });
});

test('input after the end is ignored', () => {
  const machine = acceptor({ allow: () => false });
  const first = machine.receive(initiator().start());
  expect(first.failure?.code).toBe('not_allowed');
  expect(machine.receive(initiator().start())).toEqual({ output: [] });
  expect(machine.awaits).toBe('nothing');
});

test('a callback that throws ends the handshake, and nothing else', () => {
  const broken = acceptor({
    decide: () => {
      throw new RangeError('a bug of the node');
    },
  });
  const { failure } = feed(broken, initiator().start());
  expect(failure).toMatchObject({ code: 'aborted', step: 'send_name' });
  expect(failure?.cause).toBeInstanceOf(RangeError);
});

test.each([
  ['closed', 'status', 'closed'],
  ['setup_timeout', 'status', 'setup_timeout'],
  ['aborted', 'status', 'aborted'],
] as const)('%s while waiting', (why, step, code) => {
  expect(initiator().abandon(why)).toMatchObject({ code, step });
  expect(acceptor().abandon(why)).toMatchObject({ code, step: 'send_name' });
});

test('a peer that closes on our digest most likely has another cookie', () => {
  const a = initiator();
  const { sent } = feed(acceptor(), a.start());
  feed(a, sent);
  expect(a.awaits).toBe('challenge_ack');
  expect(a.abandon('closed')).toMatchObject({ code: 'bad_cookie', step: 'challenge_ack' });
});
