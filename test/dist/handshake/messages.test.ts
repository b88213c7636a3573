import { expect, test } from 'vitest';
import { digest, sameDigest } from '../../../src/dist/handshake/digest.js';
import { escaped, messageInWords, writeSendName } from '../../../src/dist/handshake/messages.js';
import { isHost, nodeNameFault } from '../../../src/dist/handshake/node-name.js';

test.each([
  ['secret', 0, '175ec77a7f63082590987d0d8b051aff'],
  ['secret', 12345, 'd4047d3e56e6d6d63f7d16b85cd2fa88'],
  ['nocookie', 4294967295, 'aedfd1e50f279a56b743f0fe00959600'],
])('digest of %s and %d', (cookie, challenge, hex) => {
  expect(digest(cookie, challenge).toString('hex')).toBe(hex);
});

test('the challenge counts as unsigned, the cookie as Latin-1', () => {
  expect(digest('nocookie', -1)).toEqual(digest('nocookie', 4294967295));
  expect(digest('é', 1)).not.toEqual(digest(Buffer.from('é').toString('latin1'), 1));
});

test('digests of different length are different', () => {
  expect(sameDigest(digest('a', 1), digest('a', 1))).toBe(true);
  expect(sameDigest(digest('a', 1), digest('a', 2))).toBe(false);
  expect(sameDigest(digest('a', 1), digest('a', 1).subarray(1))).toBe(false);
});

test('send_name is what a BEAM expects', () => {
  const hex = '001c4e0000002d07df7fbc01020304000d6a7331406c6f63616c686f7374';
  expect(writeSendName(2, 0x2d07df7fbcn, 0x01020304, 'js1@localhost').toString('hex')).toBe(hex);
  expect(writeSendName(4, 0x2d07df7fbcn, 0x01020304, 'js1@localhost').toString('hex')).toBe(`0000${hex}`);
});

test.each(['e@127.0.0.1', 'e_1-X@host', 'a@::1', 'a@h.example.org', `a@${'h'.repeat(253)}`])('%s is a name', (name) => {
  expect(nodeNameFault(name)).toBeUndefined();
});

test.each([
  ['', 'shape'],
  ['e', 'shape'],
  ['@h', 'shape'],
  ['e@', 'shape'],
  ['e@h@h', 'shape'],
  [`a@${'h'.repeat(254)}`, 'shape'],
  ['a b@h', 'characters'],
  ['é@h', 'characters'],
  ['a.b@h', 'characters'],
  ['a@h h', 'characters'],
  ['a@h\n', 'characters'],
  ['a@\x1b[2J', 'characters'],
])('%j is none', (name, kind) => {
  expect(nodeNameFault(name)?.kind).toBe(kind);
});

test('a host is what may stand behind the @', () => {
  expect(isHost('localhost')).toBe(true);
  for (const bad of ['', 'a@b', 'a b', '\0', 'h'.repeat(255)]) expect(isHost(bad)).toBe(false);
});

test('bytes of a peer cannot act on a log, and digests do not get there', () => {
  expect(escaped('a\x1b[2J"\\\r\n')).toBe(String.raw`"a\x{1b}[2J\x{22}\x{5c}\x{d}\x{a}"`);
  expect(escaped('x'.repeat(100))).toHaveLength(63);
  expect(messageInWords(Buffer.from('sno\n'))).toBe(String.raw`status "no\x{a}"`);
  expect(messageInWords(Buffer.alloc(0))).toBe('an empty message');
  expect(messageInWords(Buffer.from('rXXXXYYYY'))).toBe('9 bytes starting with 114 (challengeReply)');
  expect(messageInWords(Buffer.from([1, 2]))).toBe('2 bytes starting with 1');
});
