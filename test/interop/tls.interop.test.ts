// TLS between us and a BEAM that was started with -proto_dist inet_tls, both verifying the other (protocol section 7.1).
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { epmd, epmdServer } from '../../src/discovery/index.js';
import { genServer } from '../../src/otp/gen-server.js';
import { atom } from '../../src/term/atom.js';
import { tuple } from '../../src/term/tuple.js';
import { tls } from '../../src/transport/tls.js';
import type { OtpTlsOptions } from '../../src/transport/tls-options.js';
import { type CertificateFiles, certificateFolder, makeCertificates } from '../support/certificates.js';
import { type Erlang, startErlang } from '../support/erlang.js';
import { startTestNode, type TestNode, until } from '../support/ts-node.js';

const host = '127.0.0.1';
const folder = certificateFolder();
let files: Record<'beam' | 'ours' | 'elsewhere' | 'foreign' | 'old' | 'lonely', CertificateFiles>;

beforeAll(async () => {
  files = await makeCertificates(folder, {
    beam: { issuer: 'cluster', hosts: [host, 'localhost'] },
    ours: { issuer: 'cluster', hosts: [host, 'localhost'] },
    elsewhere: { issuer: 'cluster', hosts: ['elsewhere.example'] },
    foreign: { issuer: 'foreign', hosts: [host] },
    old: { issuer: 'cluster', hosts: [host], years: [2020, 2021] },
    lonely: { issuer: 'self', hosts: [host] },
  });
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Arguments for an erl with this certificate that verifies in both directions. */
function inetTls(name: keyof typeof files, { ca = files.ours.ca, more = '' } = {}): string[] {
  const { cert, key } = files[name];
  const path = join(folder, `${name}${more.replaceAll(/\W/g, '')}.conf`);
  const side = `{certfile, "${cert}"}, {keyfile, "${key}"}, {cacertfile, "${ca}"}, {verify, verify_peer}${more}`;
  writeFileSync(path, `[{server, [${side}, {fail_if_no_peer_cert, true}]}, {client, [${side}]}].\n`);
  return ['-proto_dist', 'inet_tls', '-ssl_dist_optfile', path];
}

const containing = (text: string): unknown => expect.stringContaining(text);

const refusals = ({ log }: TestNode) => log.filter(({ message }) => message === 'connection refused');

/** What our log says about the one connection that was not accepted. */
async function refusal(ts: TestNode): Promise<unknown> {
  await until(() => refusals(ts).length > 0, 'a line about the refused connection');
  expect(refusals(ts)).toHaveLength(1);
  return refusals(ts)[0]?.['code'];
}

describe.each([
  ['tlsv1.2', "{versions, ['tlsv1.2']}"],
  // Keys are changed on the way, many times within one of the large messages.
  ['tlsv1.3', "{versions, ['tlsv1.3']}, {key_update_at, 1000000}"],
])('a BEAM and a node of ours, by %s', (_, more) => {
  let e: Erlang;
  let ts: TestNode;

  beforeAll(async () => {
    e = await startErlang({ args: inetTls('beam', { more: `, ${more}` }) });
    ts = await startTestNode(e.epmdPort, { cookie: e.cookie, transport: tls(files.ours) });
    ts.node.spawn(genServer({ handleCall: (request) => tuple(atom('heard'), request) }), { name: 'server' });
  });

  afterAll(async () => {
    await ts?.node.stop();
    await e?.stop();
  });

  test('either side connects', async () => {
    expect(await e.eval(`net_adm:ping('${ts.name}').`)).toBe('pong');
    expect(ts.node.nodes('hidden')).toEqual([e.name]);
    ts.node.disconnect(e.name);
    await until(async () => (await e.eval('nodes(hidden).')) === '[]', 'the end of the first connection');
    expect(await ts.node.ping(e.name)).toBe('pong');
    expect(await e.eval('nodes(hidden).')).toBe(`['${ts.name}']`);
    expect(refusals(ts)).toEqual([]);
  });

  test('messages, calls and rpc go both ways', async () => {
    expect(await e.eval(`gen_server:call({server, '${ts.name}'}, {one, "two"}).`)).toBe('{heard,{one,"two"}}');
    expect(String(await ts.node.rpc(e.name, 'erlang', 'node', []))).toBe(e.name);
    const me = ts.node.spawnMailbox({ name: 'me' });
    await e.eval(`{me, '${ts.name}'} ! {self(), hello}.`);
    const [from, hello] = (await me.receive({ timeout: 10_000 })) as Iterable<never>;
    expect(hello).toBe(atom('hello'));
    me.send(from as never, 42);
    expect(await e.eval('receive N -> N after 10000 -> none end.')).toBe('42');
    me.exit();
  });

  test('large messages come through whole', async () => {
    const bytes = Buffer.alloc(20_000_000, 'erlnode ');
    await e.eval('register(big, self()).');
    ts.node.send({ name: 'big', node: e.name }, bytes);
    const size = await e.eval(`receive Big -> ok end, unregister(big), {size(Big), erlang:md5(Big)}.`);
    expect(size).toBe(await e.eval('{20000000, erlang:md5(binary:copy(<<"erlnode ">>, 2500000))}.'));
    const back = await ts.node.rpc(e.name, 'binary', 'copy', [Buffer.from('erlnode '), 2_500_000]);
    expect(bytes.equals(back as Buffer)).toBe(true);
  });
});

test('the words of an ssl_dist_optfile, and nodes called after a host name', async () => {
  const e = await startErlang({ sname: 'e_tls', args: inetTls('beam') });
  const { cert: certfile, key: keyfile, ca: cacertfile } = files.ours;
  const side = { certfile, keyfile, cacertfile, verify: 'verify_peer', secure_renegotiate: true } as const;
  const options: OtpTlsOptions = { server: { ...side, fail_if_no_peer_cert: true }, client: side };
  const other = await startTestNode(e.epmdPort, {
    name: 'ts_tls@localhost',
    cookie: e.cookie,
    transport: tls(options),
  });
  try {
    expect(await e.eval(`net_adm:ping('${other.name}').`)).toBe('pong');
    other.node.disconnect(e.name);
    expect(await other.node.ping(e.name)).toBe('pong');
  } finally {
    await other.node.stop();
    await e.stop();
  }
});

test('over IPv6 (inet6_tls), either side connects', async () => {
  const server = await epmdServer({ port: 0, env: {} });
  const [name, ours, cookie] = ['e6@localhost', 'ts6@localhost', 'six'] as const;
  const args = inetTls('beam', { more: ', {reuse_sessions, false}' }).map((arg) =>
    arg.replace('inet_tls', 'inet6_tls'),
  );
  const e = await startErlang({ name: false, args, env: { ERL_EPMD_PORT: `${server.port}` } });
  // Wherever this machine looks for localhost, it is there.
  const lookup = () => Promise.resolve(['::1']);
  const discovery = epmd({ port: server.port, lookup });
  const listen = { host: '::1' };
  const { node } = await startTestNode(server.port, {
    name: ours,
    cookie,
    discovery,
    listen,
    transport: tls(files.ours),
  });
  try {
    await e.eval(`inet_db:add_host({0, 0, 0, 0, 0, 0, 0, 1}, ["localhost"]), inet_db:set_lookup([file]),
      application:set_env(kernel, inet_dist_use_interface, {0, 0, 0, 0, 0, 0, 0, 1}),
      {ok, _} = net_kernel:start(['${name}', shortnames]), erlang:set_cookie(node(), ${cookie}).`);
    expect((await discovery.resolve(name, { signal: new AbortController().signal }))[0]?.host).toBe('::1');
    expect(await node.ping(name)).toBe('pong');
    expect(await e.eval('nodes(hidden).')).toBe(`[${ours}]`);
    node.disconnect(name);
    await until(async () => (await e.eval('nodes(hidden).')) === '[]', 'the end of the first connection');
    expect(await e.eval(`net_adm:ping('${ours}').`)).toBe('pong');
    expect(node.nodes('hidden')).toEqual([name]);
  } finally {
    await node.stop();
    await e.stop();
    await server.close();
  }
});

describe('a BEAM refuses us', () => {
  let e: Erlang;

  beforeAll(async () => {
    e = await startErlang({ args: inetTls('beam') });
  });

  afterAll(() => e?.stop());

  // What a BEAM says about the same certificate is not the same in both roles, nor in every release.
  test.each([
    ['foreign', 'another authority', 'unknown_ca', /^unknown_ca$/],
    ['old', 'an expired certificate', 'certificate_expired', /^(handshake_failure|certificate_expired)$/],
    ['lonely', 'a self-signed certificate', 'bad_certificate', /^(handshake_failure|bad_certificate)$/],
    ['elsewhere', 'a certificate for another host', undefined, /^(handshake_failure|bad_certificate)$/],
  ] as const)('%s: %s', async (name, _, connecting, accepting) => {
    const transport = tls({ ...files[name], ca: files.ours.ca });
    const ts = await startTestNode(e.epmdPort, { cookie: e.cookie, transport });
    try {
      const outcome = await ts.node.connect(e.name).catch(({ code }: { code: string }) => code);
      // Whom a certificate is for matters to a BEAM that accepts only when it was told which nodes to allow.
      expect(outcome).toBe(connecting);
      if (connecting === undefined) ts.node.disconnect(e.name);
      await until(async () => (await e.eval('nodes(hidden).')) === '[]', 'no connection');
      expect(await e.eval(`net_adm:ping('${ts.name}').`)).toBe('pang');
      expect(await refusal(ts)).toMatch(accepting);
    } finally {
      await ts.node.stop();
    }
  });

  test('a node without TLS', async () => {
    const ts = await startTestNode(e.epmdPort, { cookie: e.cookie });
    try {
      // OTP 23 just closes; the later ones send an alert first.
      const alert = { code: 'unexpected_tls', message: containing('transport: tls') };
      await expect(ts.node.connect(e.name)).rejects.toMatchObject(e.release === '23' ? { code: 'closed' } : alert);
      expect(await e.eval(`net_adm:ping('${ts.name}').`)).toBe('pang');
      expect(await refusal(ts)).toBe('unexpected_tls');
    } finally {
      await ts.node.stop();
    }
  });
});

describe('we refuse a BEAM', () => {
  test.each([
    ['foreign', 'unknown_ca', 'unknown_ca'],
    ['elsewhere', 'hostname_check_failed', 'hostname_check_failed'],
    ['old', 'certificate_expired', 'certificate_expired'],
  ] as const)('%s: %s', async (name, connecting, accepting) => {
    const e = await startErlang({ args: inetTls(name) });
    const ts = await startTestNode(e.epmdPort, { cookie: e.cookie, transport: tls(files.ours) });
    try {
      await expect(ts.node.connect(e.name)).rejects.toMatchObject({ code: connecting });
      expect(await e.eval(`net_adm:ping('${ts.name}').`)).toBe('pang');
      expect(await refusal(ts)).toBe(accepting);
    } finally {
      await ts.node.stop();
      await e.stop();
    }
  });

  test('that speaks no TLS', async () => {
    const e = await startErlang();
    const ts = await startTestNode(e.epmdPort, { cookie: e.cookie, transport: tls(files.ours), setupTime: 1 });
    try {
      expect(await e.eval(`net_adm:ping('${ts.name}').`)).toBe('pang');
      expect(await refusal(ts)).toBe('not_tls');
      // It waits for the rest of what it takes for a long name, until our patience ends.
      await expect(ts.node.connect(e.name)).rejects.toMatchObject({
        code: 'timeout',
        message: containing('it may be a node without TLS'),
      });
    } finally {
      await ts.node.stop();
      await e.stop();
    }
  });
});
