// What a listener does with those who have not finished TLS: nothing until they have begun, one thing for so many of them.
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { connect as tlsConnect } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ConnectionError } from '../../src/errors.js';
import { tls } from '../../src/transport/tls.js';
import type { TlsOptions } from '../../src/transport/tls-options.js';
import type { ByteStream, Listener } from '../../src/transport/transport.js';
import { type CertificateFiles, certificateFolder, makeCertificates } from '../support/certificates.js';
import { until } from '../support/ts-node.js';

const host = '127.0.0.1';
const folder = certificateFolder();
let files: Record<'here' | 'there', CertificateFiles>;
let listener: Listener;
let words: string[] = [];
const sockets: Socket[] = [];
const streams: ByteStream[] = [];

beforeAll(async () => {
  const cluster = { issuer: 'cluster', hosts: [host] };
  files = await makeCertificates(folder, { here: cluster, there: cluster });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(async () => {
  for (const stream of [...sockets.splice(0), ...streams.splice(0)]) stream.destroy();
  await listener?.close();
});

/** Writes down of each stream the data, or why it ended, with its number. */
async function listen(options: Partial<TlsOptions> = {}): Promise<void> {
  let count = 0;
  const heard: string[] = [];
  words = heard;
  const onConnection = (stream: ByteStream) => {
    const number = count++;
    stream.start({
      onData: (chunk) => heard.push(`${number} ${chunk}`),
      onDrain() {},
      onClose: (error) => heard.push(`${number} ${error instanceof ConnectionError ? error.code : 'closed'}`),
    });
  };
  listener = await tls({ ...files.here, ...options }).listen({ host, port: 0, onConnection, onError() {} });
}

function dial(): Socket {
  const socket = connect({ host, port: listener.port, noDelay: true });
  sockets.push(socket);
  return socket.on('error', () => {}).resume();
}

async function stranger(...pieces: readonly Uint8Array[]): Promise<Socket> {
  const socket = dial();
  await once(socket, 'connect');
  for (const piece of pieces) await new Promise((resolve) => socket.write(piece, resolve));
  return socket;
}

/** One of the cluster, whose bytes come to the listener as `cut` says. */
async function client(cut: (bytes: Buffer) => readonly Buffer[]): Promise<void> {
  const between = createServer((near) => {
    const far = dial();
    near.on('data', (chunk) => {
      for (const piece of cut(chunk)) far.write(piece);
    });
    near.on('error', () => {}).on('close', () => far.destroy());
    far.on('data', (chunk: Buffer) => near.write(chunk)).on('close', () => near.destroy());
  });
  await once(between.listen(0, host), 'listening');
  const { port } = between.address() as AddressInfo;
  const { signal } = new AbortController();
  const stream = await tls(files.there).connect({ host, port }, { signal });
  between.close();
  stream.start({ onData() {}, onDrain() {}, onClose() {} });
  stream.write([Buffer.from('hello')]);
  streams.push(stream);
}

const hello = new Promise<Buffer>((resolve) => {
  const write = (chunk: Buffer, _: unknown, done: () => void) => {
    resolve(chunk);
    done();
  };
  tlsConnect({ socket: new Duplex({ read() {}, write }) }).on('error', () => {});
});

describe('a client whose beginning comes in pieces is let in', () => {
  test.each<[string, (bytes: Buffer) => readonly Buffer[]]>([
    ['byte by byte', (bytes) => Array.from(bytes, (byte) => Buffer.of(byte))],
    ['the header alone', (bytes) => [bytes.subarray(0, 5), bytes.subarray(5)]],
    ['all but the last byte', (bytes) => [bytes.subarray(0, -1), bytes.subarray(-1)]],
    ['whole', (bytes) => [bytes]],
  ])('%s', async (_, cut) => {
    await listen();
    await client(cut);
    await until(() => words.length > 0, 'its data');
    expect(words).toEqual(['0 hello']);
  });
});

describe('who does not begin with TLS is told apart at once', () => {
  test.each<[string, Uint8Array, string]>([
    ['another first byte', Buffer.from('\0\x1fN, as a node without TLS says'), '0 not_tls'],
    ['a first record that is longer than any', Buffer.of(22, 3, 1, 0x20, 1), '0 not_tls'],
    ['one that is longer, and whole', Buffer.concat([Buffer.of(22, 3, 1, 0x20, 1), Buffer.alloc(8193)]), '0 not_tls'],
    ['a record that is no hello', Buffer.of(22, 3, 1, 0, 4, 7, 0, 0, 0), '0 handshake_failure'],
  ])('%s', async (_, bytes, word) => {
    await listen();
    await stranger(bytes);
    await until(() => words.length > 0, 'the end');
    expect(words).toEqual([word]);
  });

  test('a part of the beginning, and the end of the connection', async () => {
    await listen();
    (await stranger((await hello).subarray(0, 100))).end();
    await until(() => words.length > 0, 'the end');
    expect(words).toEqual(['0 handshake_failure']);
    (await stranger()).end();
    await until(() => words.length > 1, 'the end');
    expect(words[1]).toBe('1 not_tls');
  });
});

test('so many are in the middle of TLS, and the oldest makes room; those who have not begun do not count', async () => {
  await listen({ maxHandshakes: 3 });
  for (let i = 0; i < 5; i++) await stranger((await hello).subarray(0, -1));
  for (let i = 0; i < 5; i++) {
    await stranger(await hello);
    await until(() => words.length === Math.max(0, i - 2), 'the oldest to go');
  }
  expect(words).toEqual(['5 aborted', '6 aborted']);
  await client((bytes) => [bytes]);
  await until(() => words.includes('10 hello'), 'one that finishes');
  // It needs room only for as long as it takes.
  await stranger(await hello);
  await until(() => words.length >= 4, 'what that does');
  await client((bytes) => [bytes]);
  await until(() => words.includes('12 hello'), 'another that finishes');
  expect(words.filter((word) => word.endsWith('aborted')).slice(0, 3)).toEqual(['5 aborted', '6 aborted', '7 aborted']);
});
