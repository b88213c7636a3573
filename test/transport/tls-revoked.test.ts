// Certificates that their authority has taken back: by lists, which are read again when they change.
import { copyFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ConnectionError } from '../../src/errors.js';
import { tls } from '../../src/transport/tls.js';
import type { TlsOptions } from '../../src/transport/tls-options.js';
import type { ByteStream } from '../../src/transport/transport.js';
import { type CertificateFiles, certificateFolder, makeCertificates, revokedBy } from '../support/certificates.js';
import { startErlang } from '../support/erlang.js';
import { startTestNode, until } from '../support/ts-node.js';

const hosts = ['127.0.0.1'];
const folder = certificateFolder();
const earlier = certificateFolder();
let files: Record<'ours' | 'good' | 'stolen', CertificateFiles>;
let other: Record<'x', CertificateFiles>;

beforeAll(async () => {
  files = await makeCertificates(folder, {
    ours: { issuer: 'cluster', hosts },
    good: { issuer: 'cluster', hosts },
    stolen: { issuer: 'cluster', hosts, revoked: true },
  });
  other = await makeCertificates(earlier, { x: { issuer: 'other', hosts, revoked: true } });
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
  rmSync(earlier, { recursive: true, force: true });
});

const crl = () => revokedBy('cluster', folder);

/** A BEAM with this certificate. */
function startBeam(name: keyof typeof files) {
  const { cert, key, ca } = files[name];
  const file = join(folder, `${name}.conf`);
  const side = `{certfile, "${cert}"}, {keyfile, "${key}"}, {cacertfile, "${ca}"}, {verify, verify_peer}`;
  writeFileSync(file, `[{server, [${side}, {fail_if_no_peer_cert, true}]}, {client, [${side}]}].\n`);
  return startErlang({ args: ['-proto_dist', 'inet_tls', '-ssl_dist_optfile', file] });
}

test.each([
  ['in our words', () => ({ ...files.ours, crl: crl() })],
  [
    'in those of OTP',
    () => {
      const { cert: certfile, key: keyfile, ca: cacertfile } = files.ours;
      const side = { certfile, keyfile, cacertfile, crl_check: true } as const;
      return { server: side, client: side, crl: [crl()] };
    },
  ],
])('a BEAM whose certificate is revoked is refused in both directions, %s; another is let in', async (_, options) => {
  await using stolen = await startBeam('stolen');
  await using good = await startBeam('good');
  for (const { name, cookie, epmdPort, eval: evaluate } of [stolen, good]) {
    const ts = await startTestNode(epmdPort, { cookie, transport: tls(options() as TlsOptions) });
    const refused = () => ts.log.filter(({ message }) => message === 'connection refused');
    try {
      if (name === good.name) {
        expect(await ts.node.ping(name)).toBe('pong');
        continue;
      }
      await expect(ts.node.connect(name)).rejects.toMatchObject({ code: 'certificate_revoked' });
      expect(await evaluate(`net_adm:ping('${ts.name}').`)).toBe('pang');
      await until(() => refused().length > 0, 'the log line');
      expect(refused()).toMatchObject([{ code: 'certificate_revoked' }]);
    } finally {
      await ts.node.stop();
    }
  }
});

test('a list that comes later counts from then on; one that cannot be used leaves the old one', async () => {
  const path = join(folder, 'now.crl');
  const become = (source: string) => {
    copyFileSync(source, `${path}.new`);
    renameSync(`${path}.new`, path);
  };
  // What does not know the authority knows of nobody that he is not revoked.
  become(revokedBy('other', earlier));
  const errors: string[] = [];
  const transport = tls({ ...files.ours, ca: [files.ours.ca, other.x.ca], crl: path });
  /** What is heard first of each stream, in order. */
  const words: Promise<string>[] = [];
  const firstWord = (stream: ByteStream) =>
    new Promise<string>((resolve) => {
      const onClose = (error?: Error) => resolve(error instanceof ConnectionError ? error.code : 'closed');
      stream.start({ onData: (chunk) => resolve(String(chunk)), onDrain() {}, onClose });
    });
  const listener = await transport.listen({
    host: '127.0.0.1',
    port: 0,
    onConnection: (stream) => words.push(firstWord(stream)),
    onError: ({ message }) => errors.push(message),
  });
  /** What the listener hears of one with this certificate. */
  const heard = async (name: keyof typeof files) => {
    const at = words.length;
    const connecting = tls(files[name])
      .connect({ ...listener, nodeHost: '127.0.0.1' }, { signal: new AbortController().signal })
      .then(
        (stream) => {
          stream.start({ onData() {}, onDrain() {}, onClose() {} });
          stream.write([Buffer.from('hello')]);
          return stream;
        },
        () => undefined,
      );
    await until(() => words.length > at, 'the stream');
    const word = await words[at];
    (await connecting)?.destroy();
    return word;
  };
  try {
    expect(await heard('good')).toBe('bad_certificate');
    become(crl());
    await expect.poll(() => heard('good'), { timeout: 10_000 }).toBe('hello');
    expect(await heard('stolen')).toBe('certificate_revoked');
    writeFileSync(path, 'nothing');
    await expect.poll(() => heard('good').then(() => errors.length), { timeout: 10_000 }).toBe(1);
    expect(errors[0]).toMatch(/crl holds no list/);
    expect(await heard('stolen')).toBe('certificate_revoked');
  } finally {
    await listener.close();
  }
});
