import { once } from 'node:events';
import { createServer, connect as netConnect, type Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { ConnectionError } from '../../src/errors.js';
import { transportConformance } from '../../src/testing/index.js';
import { tcp } from '../../src/transport/tcp.js';
import { tls } from '../../src/transport/tls.js';
import type { ByteStream } from '../../src/transport/transport.js';
import { freePort } from '../support/free-port.js';

const host = '127.0.0.1';
const never = new AbortController().signal;

/** Two neighbours that were free a moment ago. */
async function freePorts(): Promise<{ min: number; max: number }> {
  for (;;) {
    const min = await freePort();
    if (min === 65_535) continue;
    const server = createServer();
    const free = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(min + 1, host, () => server.close(() => resolve(true)));
    });
    if (free) return { min, max: min + 1 };
  }
}

describe('conformance', () => {
  const cases = transportConformance({
    create: () => ({ transport: tcp(), host }),
    refused: async () => ({ host, port: await freePort() }),
    // A label of more than 63 characters: refused by the resolver itself, no query leaves the machine.
    unknownHost: { host: `${'x'.repeat(64)}.invalid`, port: 1 },
    freePorts,
  });
  for (const { name, run } of cases) test(name, run);
});

/** A raw socket and the stream that accepted it. */
async function rawPeer(): Promise<{ raw: Socket; stream: ByteStream; close(): Promise<void> }> {
  let accept: (stream: ByteStream) => void = () => {};
  const accepted = new Promise<ByteStream>((resolve) => {
    accept = resolve;
  });
  const listener = await tcp().listen({ host, port: 0, onConnection: accept, onError() {} });
  const raw = netConnect({ host, port: listener.port, allowHalfOpen: true });
  raw.on('error', () => {});
  await once(raw, 'connect');
  const stream = await accepted;
  return {
    raw,
    stream,
    close: async () => {
      raw.destroy();
      stream.destroy();
      await listener.close();
    },
  };
}

interface Told {
  data: string;
  closes: (Error | undefined)[];
}

function listenTo(stream: ByteStream): { told: Told; closed: Promise<void> } {
  const told: Told = { data: '', closes: [] };
  const closed = new Promise<void>((resolve) => {
    stream.start({
      onData: (chunk) => {
        told.data += chunk.toString('latin1');
      },
      onDrain() {},
      onClose: (error) => {
        told.closes.push(error);
        resolve();
      },
    });
  });
  return { told, closed };
}

test('a peer that half-closes is gone, and what was queued for it is not waited for', async () => {
  const { raw, stream, close } = await rawPeer();
  raw.pause();
  stream.write([Buffer.alloc(32_000_000)]);
  const { told, closed } = listenTo(stream);
  raw.end('bye');
  await closed;
  expect(told).toEqual({ data: 'bye', closes: [undefined] });
  await close();
});

test('a reset is connection_closed, with the cause', async () => {
  const { raw, stream, close } = await rawPeer();
  const { told, closed } = listenTo(stream);
  raw.resetAndDestroy();
  await closed;
  expect(told.closes).toEqual([expect.objectContaining({ code: 'connection_closed' })]);
  expect(told.closes[0]).toBeInstanceOf(ConnectionError);
  expect((told.closes[0] as Error).message).toContain('127.0.0.1:');
  expect((told.closes[0] as Error).cause).toMatchObject({ code: 'ECONNRESET' });
  await close();
});

test('a reset before start is held back, and harms nobody', async () => {
  const { raw, stream, close } = await rawPeer();
  raw.resetAndDestroy();
  await new Promise((resolve) => setTimeout(resolve, 20));
  const { told, closed } = listenTo(stream);
  await closed;
  expect(told.closes).toHaveLength(1);
  await close();
});

test('ending over unread bytes does not cost the peer what it was sent', async () => {
  const { raw, stream, close } = await rawPeer();
  raw.write(Buffer.alloc(100_000));
  await new Promise((resolve) => setTimeout(resolve, 20));
  let received = '';
  raw.on('data', (chunk: Buffer) => {
    received += chunk.toString('latin1');
  });
  stream.write([Buffer.from('not allowed')]);
  stream.end();
  await once(raw, 'end');
  expect(received).toBe('not allowed');
  await close();
});

test('one write() is one packet: many small chunks arrive as they were joined', async () => {
  const { raw, stream, close } = await rawPeer();
  const sizes: number[] = [];
  let total = 0;
  const all = new Promise<void>((resolve) => {
    raw.on('data', (chunk: Buffer) => {
      sizes.push(chunk.length);
      total += chunk.length;
      if (total === 1000) resolve();
    });
  });
  stream.write(Array.from({ length: 100 }, () => Buffer.alloc(10, 1)));
  await all;
  expect(sizes).toEqual([1000]);
  await close();
});

test.each([0, -1, 65_536, 1.5, Number.NaN])('port %d is nowhere to connect to', async (port) => {
  await expect(tcp().connect({ host, port }, { signal: never })).rejects.toMatchObject({ code: 'noport' });
});

test.each([{ min: 5, max: 4 }, { min: -1, max: 4 }, 70_000])('port %j is nothing to listen on', async (port) => {
  const listening = tcp().listen({ host, port, onConnection() {}, onError() {} });
  await expect(listening).rejects.toMatchObject({ code: 'noport' });
});

test('an address of another machine is nothing to listen on', async () => {
  const listening = tcp().listen({ host: '192.0.2.1', port: 0, onConnection() {}, onError() {} });
  await expect(listening).rejects.toMatchObject({ code: 'eaddrnotavail' });
});

test('starts from the local address it is told, with the options it is given', async () => {
  let remote = '';
  const transport = tcp({ localAddress: '127.0.0.2', keepAlive: 1000, noDelay: false, backlog: 1 });
  const listener = await transport.listen({
    host,
    port: 0,
    onConnection: (stream) => {
      remote = stream.remote;
      listenTo(stream);
    },
    onError() {},
  });
  const stream = await transport.connect(listener, { signal: never });
  expect(stream.remote).toBe(`127.0.0.1:${listener.port}`);
  const { closed } = listenTo(stream);
  stream.end();
  await closed;
  expect(remote).toMatch(/^127\.0\.0\.2:\d+$/);
  await listener.close();
});

test('two hundred connects and closes leave no listener and no descriptor behind', async () => {
  const transport = tcp();
  const open = () => process.getActiveResourcesInfo().filter((name) => name.startsWith('TCP')).length;
  const before = open();
  const listener = await transport.listen({ host, port: 0, onConnection: (s) => void listenTo(s), onError() {} });
  // One signal for all, one after the other: Node would warn of listeners that pile up on it.
  const { signal } = new AbortController();
  const warnings: Error[] = [];
  const onWarning = (warning: Error) => warnings.push(warning);
  process.on('warning', onWarning);
  for (let round = 0; round < 200; round++) {
    const stream = await transport.connect(listener, { signal });
    const { closed } = listenTo(stream);
    if (round % 2 === 0) stream.end();
    else stream.destroy();
    await closed;
  }
  await listener.close();
  // An end of the test before may have been closing still.
  await expect.poll(open, { timeout: 5000 }).toBeLessThanOrEqual(before);
  process.off('warning', onWarning);
  expect(warnings).toEqual([]);
});

test.each([
  { noDelay: 'yes' },
  { keepAlive: true },
  { keepAlive: -1 },
  { keepAlive: Number.NaN },
  { localAddress: 'localhost' },
  { localAddress: 1 },
  { backlog: '128' },
  { backlog: 1.5 },
])('%o is refused when the transport is made', (options) => {
  const [name] = Object.keys(options);
  const refused = expect.objectContaining({ name: 'ArgumentError', code: 'badarg' });
  expect(() => tcp(options as object)).toThrow(refused);
  expect(() => tcp(options as object)).toThrow(`expected ${name} to be`);
  expect(() => tls({ key: 'k', cert: 'c', ...(options as object) })).toThrow(`tls: expected ${name} to be`);
});
