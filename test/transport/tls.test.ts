import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { transportConformance } from '../../src/testing/index.js';
import { tls } from '../../src/transport/tls.js';
import { type CertificateFiles, certificateFolder, makeCertificates } from '../support/certificates.js';
import { freePort } from '../support/free-port.js';

const host = '127.0.0.1';
const folder = certificateFolder();
let files: Record<'here', CertificateFiles>;

beforeAll(async () => {
  files = await makeCertificates(folder, { here: { issuer: 'cluster', hosts: [host, 'localhost'] } });
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.each(['TLSv1.2', 'TLSv1.3'] as const)('conformance of %s', (version) => {
  const cases = transportConformance({
    create: () => ({ transport: tls({ ...files.here, minVersion: version, maxVersion: version }), host }),
    refused: async () => ({ host, port: await freePort() }),
    unknownHost: { host: `${'x'.repeat(64)}.invalid`, port: 1 },
  });
  for (const { name, run } of cases) test(name, run);
});
