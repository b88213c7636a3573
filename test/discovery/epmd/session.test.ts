import { describe, expect, test } from 'vitest';
import { encodeNamesResponse } from '../../../src/discovery/epmd/messages.js';
import { Registry } from '../../../src/discovery/epmd/registry.js';
import { Session, type SessionHost } from '../../../src/discovery/epmd/session.js';
import { alive2, framed } from './raw.js';

function host(relaxed = false): SessionHost<string> & { dropped: string[] } {
  const registry = new Registry<string>({ now: () => 4000, maxNames: 100 });
  const dropped: string[] = [];
  return {
    registry,
    relaxed,
    port: 4369,
    names: () => encodeNamesResponse(4369, registry.active()),
    drop: (owner) => void dropped.push(owner),
    dropped,
  };
}

const body = (op: string, rest = '') => framed(Buffer.from(op + rest));
const session = (shared: SessionHost<string>, owner: string, local: boolean) => new Session(shared, () => owner, local);

describe('a peer on another machine', () => {
  test.each([
    ['ALIVE2', framed(alive2({ name: 'a' }))],
    ['ALIVE2 that is refused to anyone', framed(alive2({ name: 'a\n' }))],
    ['DUMP', body('d')],
    ['KILL', body('k')],
    ['STOP', body('s', 'here')],
  ])('gets no answer to %s', (_, bytes) => {
    const shared = host(true);
    session(shared, 'here', true).receive(framed(alive2({ name: 'here' })));
    const reaction = session(shared, 'far', false).receive(bytes);
    expect(reaction).toMatchObject({ next: 'close' });
    expect(reaction).not.toHaveProperty('reply');
    expect(shared.registry.active()).toMatchObject([{ name: 'here' }]);
    expect(shared.dropped).toEqual([]);
  });

  test('may look up and list', () => {
    const shared = host();
    session(shared, 'here', true).receive(framed(alive2({ name: 'here', port: 77 })));
    expect(session(shared, 'far', false).receive(body('z', 'here'))).toMatchObject({
      next: 'close',
      reply: Buffer.from('7700004d4d000006000500046865726500' + '00', 'hex'),
    });
    expect(session(shared, 'far', false).receive(body('n'))).toMatchObject({
      next: 'close',
      reply: Buffer.concat([Buffer.from([0, 0, 0x11, 0x11]), Buffer.from('name here at port 77\n')]),
    });
  });
});

test('every request, whole and byte by byte, gets the same reaction', () => {
  const requests = [
    framed(alive2({ name: 'a' })),
    body('z', 'a'),
    body('n'),
    body('d'),
    body('k'),
    body('s', 'a'),
    body('?'),
  ];
  for (const relaxed of [false, true])
    for (const bytes of requests) {
      const whole = session(host(relaxed), 'x', true).receive(bytes);
      const dripped = session(host(relaxed), 'x', true);
      for (const byte of bytes.subarray(0, -1)) expect(dripped.receive(Buffer.from([byte]))).toEqual({ next: 'wait' });
      expect(dripped.receive(bytes.subarray(-1))).toEqual(whole);
    }
});

test('every request with a byte too many is no request: closed without an answer, and nothing happens', () => {
  for (const relaxed of [false, true])
    for (const bytes of [framed(alive2({ name: 'b' })), ...['z', 'n', 'd', 'k', 's'].map((op) => body(op, 'a'))]) {
      const shared = host(relaxed);
      session(shared, 'there', true).receive(framed(alive2({ name: 'a' })));
      const reaction = session(shared, 'x', true).receive(Buffer.concat([bytes, Buffer.from([0])]));
      expect(reaction).toMatchObject({ next: 'close' });
      expect(reaction).not.toHaveProperty('reply');
      expect(shared.registry.active()).toMatchObject([{ name: 'a' }]);
      expect(shared.dropped).toEqual([]);
    }
});

test('STOP ends the connection of the registration, KILL only says so', () => {
  const shared = host(true);
  session(shared, 'one', true).receive(framed(alive2({ name: 'n' })));
  expect(session(shared, 'two', true).receive(body('s', 'n'))).toMatchObject({
    next: 'close',
    reply: Buffer.from('STOPPED'),
  });
  expect(shared.dropped).toEqual(['one']);
  expect(session(shared, 'three', true).receive(body('k'))).toEqual({ next: 'kill', reply: Buffer.from('OK') });
});

test('closing frees the name, also twice, also when there was none', () => {
  const shared = host();
  const one = session(shared, 'one', true);
  one.receive(framed(alive2({ name: 'n' })));
  one.closed();
  one.closed();
  session(shared, 'two', true).closed();
  expect(shared.registry.size).toBe(0);
});
