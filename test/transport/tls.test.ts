import { beforeAll, describe, test } from 'vitest';
import { tls } from '../../src/transport/tls.js';
import { transportCases } from '../conformance/transport.js';
import { type CertificateFiles, makeCertificates } from '../support/certificates.js';
import { freePort } from '../support/free-port.js';

const host = '127.0.0.1';
let files: Record<'here', CertificateFiles>;

beforeAll(async () => {
  files = await makeCertificates({ here: { issuer: 'cluster', hosts: [host, 'localhost'] } });
});

describe.each(['TLSv1.2', 'TLSv1.3'] as const)('conformance of %s', (version) => {
  const cases = transportCases({
    create: () => ({ transport: tls({ ...files.here, minVersion: version, maxVersion: version }), host }),
    refused: async () => ({ host, port: await freePort() }),
    unknownHost: { host: `${'x'.repeat(64)}.invalid`, port: 1 },
  });
  for (const { name, run } of cases) test(name, run);
});
