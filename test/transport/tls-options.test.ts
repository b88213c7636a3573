// What tls() takes and what it refuses, and how it follows its files (docs/TLS.md).
import { createPrivateKey } from 'node:crypto';
import { copyFileSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect as tlsConnect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ArgumentError } from '../../src/errors.js';
import { tls } from '../../src/transport/tls.js';
import type { OtpTlsOptions, TlsOptions } from '../../src/transport/tls-options.js';
import type { Transport } from '../../src/transport/transport.js';
import { type CertificateFiles, certificateFolder, makeCertificates, readPem } from '../support/certificates.js';

const host = '127.0.0.1';
const folder = certificateFolder();
let files: Record<'here' | 'there' | 'foreign', CertificateFiles>;

beforeAll(async () => {
  files = await makeCertificates(folder, {
    here: { issuer: 'cluster', hosts: [host] },
    there: { issuer: 'cluster', hosts: [host] },
    foreign: { issuer: 'foreign', hosts: [host] },
  });
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const quiet = { host, port: 0, onConnection: () => {}, onError: () => {} };

/** The serial number of the certificate that a listener shows; why it shows none. */
function shown(port: number): Promise<string> {
  const { cert, key } = readPem(files.there);
  return new Promise((resolve) => {
    const socket = tlsConnect({ host, port, cert, key, rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().fingerprint256);
      socket.destroy();
    });
    socket.once('error', (error: Error) => resolve(error.message));
  });
}

async function works(ours: Transport, theirs: Transport): Promise<boolean> {
  let got: (text: string) => void = () => {};
  const text = new Promise<string>((resolve) => {
    got = resolve;
  });
  const listener = await theirs.listen({
    ...quiet,
    onConnection: (stream) =>
      stream.start({
        onData: (chunk) => got(chunk.toString()),
        onDrain() {},
        onClose: (error) => got(String(error)),
      }),
  });
  const stream = await ours.connect({ ...listener, nodeHost: host }, { signal: new AbortController().signal });
  stream.write([Buffer.from('hello')]);
  const heard = await text;
  stream.destroy();
  await listener.close();
  return heard === 'hello';
}

describe('takes', () => {
  test('paths, texts, bytes, and several authorities', async () => {
    const { cert, key, ca } = readPem(files.there);
    const foreign = readPem(files.foreign);
    const text = tls({ cert, key, ca: [foreign.ca, ca] });
    const bytes = tls({ cert: Buffer.from(cert), key: Buffer.from(key), ca: Buffer.from(ca) });
    expect(await works(tls(files.here), text)).toBe(true);
    expect(await works(bytes, tls(files.here))).toBe(true);
    expect(await works(tls({ ...foreign, ca }), text)).toBe(true);
    expect(await works(tls({ ...foreign, ca }), tls({ cert, key, ca }))).toBe(false);
  });

  test('an encrypted key with its passphrase', async () => {
    const passphrase = 'open, sesame';
    const { cert, key, ca } = readPem(files.here);
    const options = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase } as const;
    const locked = createPrivateKey(key).export(options) as string;
    expect(await works(tls({ cert, ca, key: locked, passphrase }), tls(files.there))).toBe(true);
    expect(() => tls({ cert, ca, key: locked })).toThrow(/passphrase/);
    const wrong = (() => tls({ cert, ca, key: locked, passphrase: 'sesame' })) as () => unknown;
    expect(wrong).toThrow(ArgumentError);
    expect(wrong).not.toThrow(/sesame/);
  });

  test('the options of an ssl_dist_optfile', async () => {
    const side = { certfile: files.here.cert, keyfile: files.here.key, cacertfile: files.here.ca };
    const both: OtpTlsOptions = { server: side, client: { ...side, verify: 'verify_peer', ktls: true } };
    expect(await works(tls(both), tls(files.there))).toBe(true);
    expect(await works(tls(files.there), tls(both))).toBe(true);
    const recent = tls({ server: { ...side, versions: ['tlsv1.3'] } });
    const old = tls({ client: { ...side, versions: ['tlsv1.2'] } });
    await expect(works(old, recent)).rejects.toMatchObject({ code: 'protocol_version' });
    const cipher = 'ECDHE-ECDSA-AES256-GCM-SHA384';
    expect(await works(tls({ client: { ...side, ciphers: [cipher] } }), tls({ server: side }))).toBe(true);
  });

  test('a key in the file of the certificate, as OTP does', async () => {
    const certfile = join(folder, 'both.pem');
    writeFileSync(certfile, readFileSync(files.here.cert, 'utf8') + readFileSync(files.here.key, 'utf8'));
    const side = { certfile, cacertfile: files.here.ca };
    expect(await works(tls({ client: side }), tls({ server: side }))).toBe(true);
  });

  test('verify_none, and certificates that are optional', async () => {
    const { cert: certfile, key: keyfile, ca: cacertfile } = files.here;
    const foreign = { certfile: files.foreign.cert, keyfile: files.foreign.key, cacertfile: files.here.ca };
    const trusting = tls({ server: { certfile, keyfile, verify: 'verify_none' } });
    expect(await works(tls({ client: foreign }), trusting)).toBe(true);
    const optional = tls({ server: { certfile, keyfile, cacertfile, fail_if_no_peer_cert: false } });
    expect(await works(tls({ client: { cacertfile } }), optional)).toBe(true);
    expect(await works(tls({ client: foreign }), optional)).toBe(false);
    expect(await works(tls({ client: { verify: 'verify_none' } }), trusting)).toBe(true);
  });

  test('one direction only', async () => {
    const side = { certfile: files.here.cert, keyfile: files.here.key, cacertfile: files.here.ca };
    await expect(tls({ client: side }).listen(quiet)).rejects.toMatchObject({ code: 'badarg' });
    const connecting = tls({ server: side }).connect({ host, port: 1 }, { signal: new AbortController().signal });
    await expect(connecting).rejects.toMatchObject({ code: 'badarg' });
  });
});

describe('refuses', () => {
  const refused: readonly [string, () => unknown, RegExp][] = [
    ['nothing', () => ({}), /expected key and cert/],
    ['no authority', () => ({ cert: files.here.cert, key: files.here.key }), /expected ca/],
    ['an empty list of authorities', () => ({ ...files.here, ca: [] }), /expected ca/],
    ['a file that is not there', () => ({ ...files.here, key: join(folder, 'none.pem') }), /none\.pem \(ENOENT\)/],
    ['the key of another certificate', () => ({ ...files.here, key: files.there.key }), /not the key of cert/],
    ['something that is no PEM', () => ({ ...files.here, cert: Buffer.from('hello') }), /PEM/],
    ['an old version', () => ({ ...files.here, minVersion: 'TLSv1.1' }), /TLSv1\.2 or TLSv1\.3/],
    ['versions the wrong way round', () => ({ ...files.here, minVersion: 'TLSv1.3', maxVersion: 'TLSv1.2' }), /above/],
    ['ciphers that nobody knows', () => ({ ...files.here, ciphers: 'ROT13' }), /ciphers names none/],
    ['a server without a certificate', () => ({ server: { cacertfile: files.here.ca } }), /certfile/],
    [
      'a misspelt option',
      () => ({ server: { certfile: files.here.cert, cacerts: 'x' } }),
      /"cacerts" is not supported/,
    ],
    ['a misspelt option in Node’s words', () => ({ ...files.here, minversion: 'TLSv1.3' }), /"minversion" is not/],
    ['a check of the user’s', () => ({ ...files.here, checkServerIdentity: () => undefined }), /"checkServerIdentity"/],
    ['an authority beside the directions', () => ({ server: {}, ca: files.here.ca }), /"ca" is not supported/],
    ['a direction that is nothing', () => ({ server: null }), /tls server takes its options as an object/],
    ['versions that are no array', () => ({ client: { versions: 'tlsv1.3' } }), /versions must be an array/],
    ['an option that it cannot keep', () => ({ server: { depth: 1 } }), /"depth" is not supported/],
    [
      'crl_check without lists',
      () => ({ server: { certfile: files.here.cert, cacertfile: files.here.ca, crl_check: true } }),
      /crl_check must be true, with the lists/,
    ],
    [
      'crl_check in part',
      () => ({ client: { cacertfile: files.here.ca, crl_check: 'peer' }, crl: 'x' }),
      /crl_check must be true/,
    ],
    [
      'a list that is none',
      () => ({ ...files.here, crl: Buffer.from('-----BEGIN X509 CRL-----') }),
      /crl holds no list/,
    ],
    ['no handshakes at all', () => ({ ...files.here, maxHandshakes: 0 }), /maxHandshakes/],
    ['a strange verify', () => ({ client: { verify: 'peer' } }), /verify_peer/],
    ['a strange version', () => ({ client: { versions: ['sslv3'] } }), /TLSv1\.2/],
    ['a strange danger', () => ({ ...files.here, dangerously: { acceptAny: true } }), /acceptAnyServer/],
    ['a danger that is not true', () => ({ ...files.here, dangerously: { acceptAnyName: 'no' } }), /acceptAnyName/],
  ];
  test.each(refused)('%s', (_, options, message) => {
    const build = () => tls(options() as TlsOptions);
    expect(build).toThrow(ArgumentError);
    expect(build).toThrow(message);
  });
});

describe('follows its files', () => {
  /** Both of another certificate, each at once. */
  function become(name: keyof typeof files, only?: 'cert' | 'key'): void {
    for (const part of ['cert', 'key'] as const) {
      if (only !== undefined && part !== only) continue;
      copyFileSync(files[name][part], join(folder, `${part}.new`));
      renameSync(join(folder, `${part}.new`), join(folder, part));
    }
  }

  test('a listener shows its new certificate, and keeps the old one while the files do not fit together', async () => {
    become('here');
    const errors: string[] = [];
    const transport = tls({ cert: join(folder, 'cert'), key: join(folder, 'key'), ca: files.here.ca });
    const listener = await transport.listen({ ...quiet, onError: ({ message }) => errors.push(message) });
    const second = await transport.listen(quiet);
    const [here = '', there = ''] = await Promise.all(
      [files.here, files.there].map(async (one) => {
        const other = await tls(one).listen(quiet);
        const certificate = await shown(other.port);
        await other.close();
        return certificate;
      }),
    );
    expect(await shown(listener.port)).toBe(here);
    become('there', 'cert');
    await expect.poll(() => shown(listener.port).then(() => errors.length), { timeout: 10_000 }).toBe(1);
    expect(errors[0]).toMatch(/not the key of cert/);
    expect(await shown(listener.port)).toBe(here);
    become('there', 'key');
    await expect.poll(() => shown(listener.port), { timeout: 10_000 }).toBe(there);
    expect(await shown(second.port)).toBe(there);
    expect(errors).toHaveLength(1);
    rmSync(join(folder, 'key'));
    await expect.poll(() => shown(listener.port).then(() => errors.length), { timeout: 10_000 }).toBe(2);
    expect(errors[1]).toMatch(/ENOENT/);
    expect(await shown(listener.port)).toBe(there);
    await listener.close();
    await second.close();
  });

  test('who connects shows its new certificate, too', async () => {
    become('foreign');
    const transport = tls({ cert: join(folder, 'cert'), key: join(folder, 'key'), ca: files.here.ca });
    const server = tls(files.there);
    expect(await works(transport, server)).toBe(false);
    become('here');
    await expect.poll(() => works(transport, server), { timeout: 10_000 }).toBe(true);
  });
});
