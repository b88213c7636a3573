// Who is refused, by whom, and what both sides say about it: two streams, or two nodes, of ours.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { connect as netConnect, type Socket } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ConnectionError } from '../../src/errors.js';
import type { NodeOptions } from '../../src/node/options.js';
import { startNode } from '../../src/start-node.js';
import { tcp } from '../../src/transport/tcp.js';
import { tls } from '../../src/transport/tls.js';
import type { TlsOptions } from '../../src/transport/tls-options.js';
import type { ByteStream, Listener, Transport } from '../../src/transport/transport.js';
import { sharedTable } from '../discovery/shared-table.js';
import { type CertificateFiles, certificateFolder, makeCertificates } from '../support/certificates.js';
import { keepLines, type LogLine, until } from '../support/ts-node.js';

const host = '127.0.0.1';
const folder = certificateFolder();
type Name = 'here' | 'there' | 'elsewhere' | 'foreign' | 'old' | 'young' | 'lonely';
let files: Record<Name, CertificateFiles>;

beforeAll(async () => {
  files = await makeCertificates(folder, {
    here: { issuer: 'cluster', hosts: [host, 'here.example'] },
    there: { issuer: 'cluster', hosts: [host, 'there.example'] },
    elsewhere: { issuer: 'cluster', hosts: ['elsewhere.example'] },
    foreign: { issuer: 'foreign', hosts: [host] },
    old: { issuer: 'cluster', hosts: [host], years: [2020, 2021] },
    young: { issuer: 'cluster', hosts: [host], years: [2090, 2091] },
    lonely: { issuer: 'self', hosts: [host] },
  });
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const containing = (text: string): unknown => expect.stringContaining(text);

/** What the owner of an accepted stream hears first: bytes, or the end. */
function firstWord(stream: ByteStream): Promise<string> {
  return new Promise((resolve) => {
    stream.start({
      onData: (chunk) => resolve(`data ${chunk}`),
      onDrain() {},
      onClose: (error) => resolve(error instanceof ConnectionError ? error.code : `closed ${error}`),
    });
  });
}

interface Ear {
  readonly listener: Listener;
  /** One for each stream that was accepted, in order. */
  readonly words: Promise<string>[];
}

async function listen(transport: Transport): Promise<Ear> {
  const words: Promise<string>[] = [];
  const onConnection = (stream: ByteStream) => words.push(firstWord(stream));
  return { listener: await transport.listen({ host, port: 0, onConnection, onError() {} }), words };
}

/** Connects and says hello; what each side then says of it. */
async function meet(client: TlsOptions, server: TlsOptions, nodeHost = host): Promise<[string, string]> {
  const { listener, words } = await listen(tls(server));
  try {
    const { signal } = new AbortController();
    const outcome = await tls(client)
      .connect({ ...listener, nodeHost }, { signal })
      .then(
        (stream) => {
          const word = firstWord(stream);
          stream.write([Buffer.from('hello')]);
          void words[0]?.then(() => stream.end());
          return word;
        },
        ({ code }: ConnectionError) => code,
      );
    await until(() => words.length > 0, 'the accepted stream');
    return [outcome, await (words[0] as Promise<string>)];
  } finally {
    await listener.close();
  }
}

describe.each(['TLSv1.2', 'TLSv1.3'] as const)('%s', (minVersion) => {
  const version = { minVersion, maxVersion: minVersion };
  const as = (name: Name): TlsOptions => ({ ...files[name], ca: files.here.ca, ...version });

  test('two of one cluster', async () => {
    expect(await meet(as('here'), as('there'))).toEqual(['closed undefined', 'data hello']);
  });

  // A server that refuses has no way to say so by Node's TLS: the client sees the end, now or after its first bytes.
  const theEnd = /^(closed undefined|connection_closed|handshake_failure)$/;

  test.each([
    ['foreign', 'unknown_ca'],
    ['old', 'certificate_expired'],
    ['young', 'certificate_expired'],
    ['lonely', 'selfsigned_peer'],
  ] as const)('the client is %s: %s', async (name, code) => {
    const [ofClient, ofServer] = await meet(as(name), as('there'));
    expect(ofServer).toBe(code);
    expect(ofClient).toMatch(theEnd);
  });

  test.each([
    ['foreign', 'unknown_ca'],
    ['old', 'certificate_expired'],
    ['young', 'certificate_expired'],
    ['elsewhere', 'hostname_check_failed'],
  ] as const)('the server is %s: %s', async (name, code) => {
    const [ofClient, ofServer] = await meet(as('here'), as(name));
    expect(ofClient).toBe(code);
    expect(ofServer).toMatch(/^(handshake_failure|closed undefined|connection_closed)$/);
  });

  test('a client without a certificate', async () => {
    const { listener, words } = await listen(tls(as('here')));
    const socket = tlsConnect({ host, port: listener.port, rejectUnauthorized: false, ...version });
    socket.on('error', () => {});
    await new Promise((resolve) => socket.once('close', resolve));
    expect(await words[0]).toBe('certificate_required');
    await listener.close();
  });

  test('what can be switched off, dangerously', async () => {
    const anyClient = { ...as('there'), dangerously: { acceptAnyClient: true } };
    expect(await meet(as('foreign'), anyClient)).toEqual(['closed undefined', 'data hello']);
    const anyServer = { ...as('here'), dangerously: { acceptAnyServer: true } };
    expect((await meet(anyServer, { ...as('foreign'), ca: files.here.ca }))[1]).toBe('data hello');
    const anyName = { ...as('here'), dangerously: { acceptAnyName: true } };
    expect((await meet(anyName, as('elsewhere')))[1]).toBe('data hello');
    // Each of them, and nothing else.
    expect((await meet(anyName, as('foreign')))[0]).toBe('unknown_ca');
    expect((await meet(as('foreign'), { ...as('here'), dangerously: { acceptAnyName: true } }))[1]).toBe('unknown_ca');
  });
});

test('no version in common', async () => {
  const [old, recent] = [{ maxVersion: 'TLSv1.2' } as const, { minVersion: 'TLSv1.3' } as const];
  expect(await meet({ ...files.here, ...old }, { ...files.there, ...recent })).toEqual([
    'protocol_version',
    'protocol_version',
  ]);
});

test('the certificate is for the host of the node name, not for where discovery says that the node is', async () => {
  expect(await meet(files.here, files.there, 'there.example')).toEqual(['closed undefined', 'data hello']);
  expect((await meet(files.here, files.there, 'here.example'))[0]).toBe('hostname_check_failed');
  expect((await meet(files.here, files.elsewhere, '127.0.0.9'))[0]).toBe('hostname_check_failed');
});

async function stranger(port: number, bytes: Uint8Array): Promise<Socket> {
  const socket = netConnect({ host, port });
  socket.on('error', () => {}).resume();
  await once(socket, 'connect');
  socket.write(bytes);
  return socket;
}

test.each([
  ['the first message of a node without TLS', Buffer.from('\0\x1fN\0\0\0\0\0\0\0\0\0\0\0\0\0\0ts@127.0.0.1')],
  ['HTTP', Buffer.from('GET / HTTP/1.1\r\nHost: here\r\n\r\n')],
])('%s on a port with TLS', async (_, bytes) => {
  const { listener, words } = await listen(tls(files.here));
  const socket = await stranger(listener.port, bytes);
  await once(socket, 'close');
  expect(await words[0]).toBe('not_tls');
  await listener.close();
});

test('whatever a stranger sends ends with its own connection, and a word for it', async () => {
  const { listener, words } = await listen(tls(files.here));
  const hello = fc.constantFrom(
    Buffer.of(),
    Buffer.of(0x16, 3, 1),
    Buffer.of(0x16, 3, 3, 0, 4),
    Buffer.of(0x80, 0x2e, 1),
  );
  await fc.assert(
    fc.asyncProperty(hello, fc.uint8Array({ maxLength: 200 }), async (start, rest) => {
      const at = words.length;
      const socket = await stranger(listener.port, Buffer.concat([start, rest]));
      socket.end();
      await until(() => words.length > at, 'the stream');
      expect(await words[at]).toMatch(/^(not_tls|handshake_failure|protocol_version)$/);
      socket.destroy();
    }),
    { numRuns: 60 },
  );
  const good = await tls(files.there).connect(
    { ...listener, nodeHost: host },
    { signal: new AbortController().signal },
  );
  good.write([Buffer.from('still here')]);
  expect(await words.at(-1)).toBe('data still here');
  good.destroy();
  await listener.close();
});

describe('nodes', () => {
  async function pair(here: Partial<NodeOptions>, there: Partial<NodeOptions>, name = `there@${host}`) {
    const options = { cookie: 'secret', discovery: sharedTable(new Map()) };
    const log: LogLine[] = [];
    const a = await startNode(`here@${host}`, { ...options, logger: keepLines(log), ...here });
    const b = await startNode(name, { ...options, ...there });
    const stop = () => Promise.all([a.stop(), b.stop()]);
    const refused = () => log.filter(({ message }) => message === 'connection refused');
    return { a, b, refused, stop };
  }

  test('a node that is not what its certificate says', async () => {
    const { a, b, refused, stop } = await pair({ transport: tls(files.here) }, { transport: tls(files.elsewhere) });
    try {
      await expect(b.connect(a.name)).rejects.toMatchObject({ code: 'not_allowed' });
      await until(() => refused().length > 0, 'the log line');
      expect(refused()).toMatchObject([{ code: 'hostname_check_failed', peer: b.name }]);
      expect(String(refused()[0]?.['reason'])).toContain('elsewhere.example');
      await expect(a.connect(b.name)).rejects.toMatchObject({
        code: 'hostname_check_failed',
        message: containing('not for 127.0.0.1, but for DNS:elsewhere.example'),
      });
    } finally {
      await stop();
    }
  });

  test('a certificate that is refused without a word: both sides still say what it may be', async () => {
    const foreign = tls({ ...files.foreign, ca: files.here.ca });
    const { a, b, refused, stop } = await pair({ transport: tls(files.here) }, { transport: foreign });
    try {
      await expect(b.connect(a.name)).rejects.toThrow(/refuse our certificate/);
      await until(() => refused().length > 0, 'the log line');
      expect(refused()).toMatchObject([{ code: 'unknown_ca', step: 'carrier' }]);
    } finally {
      await stop();
    }
  });

  test('plain TCP on the one side, TLS on the other', async () => {
    const { a, b, refused, stop } = await pair({ transport: tcp() }, { transport: tls(files.there) });
    try {
      await expect(b.connect(a.name)).rejects.toMatchObject({ code: 'not_tls' });
      await until(() => refused().length > 0, 'the log line');
      expect(refused()).toMatchObject([{ code: 'unexpected_tls' }]);
      await expect(a.connect(b.name)).rejects.toMatchObject({ code: 'closed' });
    } finally {
      await stop();
    }
  });

  test('strangers that never finish TLS are dropped when their time is up, or when there are too many', async () => {
    const options = { transport: tls(files.here), setupTime: 1.5, limits: { unauthenticated: 5 } };
    const { a, b, refused, stop } = await pair(options, { transport: tls(files.there) });
    try {
      const port = a.port as number;
      const sockets = await Promise.all(Array.from({ length: 12 }, () => stranger(port, Buffer.of(0x16, 3, 1))));
      const closed = Promise.all(sockets.map(async (socket) => socket.closed || once(socket, 'close')));
      await until(
        () => refused().filter(({ code }) => code === 'too_many_unauthenticated').length >= 7,
        'the oldest to go',
      );
      expect(await b.ping(a.name)).toBe('pong');
      await closed;
      await until(() => refused().some(({ code }) => code === 'setup_timeout'), 'the log line');
    } finally {
      await stop();
    }
  });

  test('a peer that never answers TLS', async () => {
    const { a, b, stop } = await pair(
      { transport: tls(files.here), setupTime: 0.5 },
      { transport: { ...tcp(), listen: (options) => tcp().listen({ ...options, onConnection() {} }) } },
    );
    try {
      await expect(a.connect(b.name)).rejects.toMatchObject({
        code: 'timeout',
        message: containing('it may be a node without TLS'),
      });
    } finally {
      await stop();
    }
  });

  test('large messages', async () => {
    const { a, b, stop } = await pair({ transport: tls(files.here) }, { transport: tls(files.there) });
    try {
      const bytes = randomBytes(30_000_000);
      const me = b.spawnMailbox({ name: 'me' });
      a.send({ name: 'me', node: b.name }, bytes);
      expect(bytes.equals((await me.receive({ timeout: 10_000 })) as Buffer)).toBe(true);
    } finally {
      await stop();
    }
  });
});
