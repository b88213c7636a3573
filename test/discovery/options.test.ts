// What discoveries and transports are made of, given in the wrong way.
import { describe, expect, test } from 'vitest';
import { epmd, epmdServer, firstOf, srv, staticNodes } from '../../src/discovery/index.js';
import { ArgumentError } from '../../src/errors.js';
import { tcp } from '../../src/transport/tcp.js';
import { tls } from '../../src/transport/tls.js';
import { unix } from '../../src/transport/unix.js';

const wrong = (value: unknown): never => value as never;

describe.each<[string, (options: never) => unknown]>([
  ['epmd', epmd],
  ['epmdServer', epmdServer],
  ['staticNodes', staticNodes],
  ['srv', srv],
  ['firstOf', firstOf],
  ['tcp', tcp],
  ['tls', tls],
  ['unix', unix],
])('%s', (_, make) => {
  test.each([null, 5, 'x', [], () => {}])('%j for options', async (options) => {
    await expect((async () => make(wrong(options)))()).rejects.toBeInstanceOf(ArgumentError);
  });
});

const pem = { key: 'k', cert: 'c', ca: 'a' };

test.each<[string, () => unknown, RegExp]>([
  ['epmd', () => epmd(wrong({ embeded: true })), /no option "embeded"; it has .*embedded/],
  ['an embedded server', () => epmd({ embedded: wrong({ adress: '::' }) }), /no option "adress"; it has .*address/],
  ['epmdServer', () => epmdServer(wrong({ adress: '::' })), /no option "adress"/],
  ['staticNodes', () => staticNodes(wrong({ node: {} })), /no option "node"; it has .*nodes/],
  ['srv', () => srv(wrong({ server: ['127.0.0.1'] })), /no option "server"; it has .*servers/],
  ['tcp', () => tcp(wrong({ noDelai: true })), /no option "noDelai"; it has .*noDelay/],
  ['unix', () => unix(wrong({ directory: '/tmp/x', dir: '/tmp/y' })), /no option "dir"/],
  ['tls', () => tls(wrong({ ...pem, minVersoin: 'TLSv1.3' })), /the option "minVersoin" is not supported/],
  ['tls with words of both kinds', () => tls(wrong({ ...pem, server: {} })), /the option "key" is not supported/],
])('an option of %s that is misspelt', async (_, make, message) => {
  const making = (async () => make())();
  await expect(making).rejects.toBeInstanceOf(ArgumentError);
  await expect(making).rejects.toThrow(message);
});

test.each<[string, () => unknown, RegExp]>([
  ['a table for options', () => staticNodes(wrong({ 'a@h': { host: 'h', port: 1 } })), /nodes: \{ "a@h"/],
  ['a list of sources', () => firstOf(wrong([staticNodes(), epmd()])), /one after the other/],
  ['a source that was not called', () => firstOf(epmd as never), /firstOf\(/],
  ['embedded: 5', () => epmd({ embedded: wrong(5) }), /embedded/],
  ['a host that is a number', () => epmd({ host: wrong(5) }), /host/],
  ['no directory', () => unix(wrong({})), /directory/],
])('%s', (_, make, message) => {
  expect(make).toThrow(ArgumentError);
  expect(make).toThrow(message);
});
