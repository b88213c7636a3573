// One node on several listeners, each with a carrier of its own: a cluster can go over to TLS node by node.
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { staticNodes } from '../../src/discovery/index.js';
import { startNode } from '../../src/start-node.js';
import { tcp } from '../../src/transport/tcp.js';
import { tls } from '../../src/transport/tls.js';
import { unix } from '../../src/transport/unix.js';
import { sharedTable } from '../discovery/shared-table.js';
import { type CertificateFiles, makeCertificates } from '../support/certificates.js';
import { freePort } from '../support/free-port.js';

const host = '127.0.0.1';
const directory = mkdtempSync(join(tmpdir(), 'unix-'));
const quiet = { discovery: staticNodes({ env: {} }), cookie: 'secret', listen: false } as const;
let files: Record<'here' | 'there', CertificateFiles>;

beforeAll(async () => {
  files = await makeCertificates(directory, {
    here: { issuer: 'cluster', hosts: [host] },
    there: { issuer: 'cluster', hosts: [host] },
  });
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

test('TCP, TLS and Unix-domain sockets, all at once', async () => {
  const [plain, secure] = [await freePort(), await freePort()];
  const local = unix({ directory });
  const table = new Map();
  const node = await startNode(`ts@${host}`, {
    ...quiet,
    discovery: sharedTable(table),
    transport: tls(files.here),
    listen: [{ port: secure }, { port: plain, transport: tcp() }, { transport: local }],
  });
  const at = (port: number) => staticNodes({ nodes: { [`ts@${host}`]: port }, env: {} });
  const others = await Promise.all([
    startNode(`a@${host}`, { ...quiet, discovery: at(plain) }),
    startNode(`b@${host}`, { ...quiet, discovery: at(secure), transport: tls(files.there) }),
    startNode(`c@${host}`, { ...quiet, discovery: at(1), transport: local }),
  ]);
  try {
    for (const other of others) expect(await other.ping(node.name)).toBe('pong');
    expect(node.nodes('hidden').sort()).toEqual([`a@${host}`, `b@${host}`, `c@${host}`]);
    expect(node.port).toBe(secure);
    expect([...table]).toEqual([[`ts@${host}`, { port: secure }]]);
  } finally {
    await Promise.all([node, ...others].map((each) => each.stop()));
  }
  // All of them are closed.
  for (const port of [plain, secure]) {
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(port, host, resolve);
    });
    server.close();
  }
});

test('one that cannot listen ends the start, and the others with it', async () => {
  const port = await freePort();
  const starting = startNode(`ts@${host}`, { ...quiet, listen: [{ port }, { port }] });
  await expect(starting).rejects.toMatchObject({ code: 'address_in_use' });
  const node = await startNode(`ts@${host}`, { ...quiet, listen: { port } });
  await node.stop();
});

test.each([[null], [[]], [[null]], [[7]]])('listen: %j is refused', async (listen) => {
  await expect(startNode(`ts@${host}`, { ...quiet, listen: listen as never })).rejects.toMatchObject({
    code: 'badarg',
  });
});
