// What tls() can be told: in Node's words, or the contents of OTP's ssl_dist_optfile (protocol section 7.1).
// Both become one shape per direction, and whatever would verify less than it seems to is refused.

import { checkIsOptions } from '../arguments.js';
import { ArgumentError } from '../errors.js';
import type { TcpOptions } from './tcp.js';

/** PEM as text or bytes; a string without `-----BEGIN` is the path of a file with it, which is read again when it changes. */
export type PemSource = string | Uint8Array;

export type TlsVersion = 'TLSv1.2' | 'TLSv1.3';

/** Each of these lets somebody in whom the default turns away. The cookie then is all that protects a node. */
export interface TlsDangers {
  /** Connect to whoever answers: what is sent may be read and changed by anyone on the way. */
  readonly acceptAnyServer?: boolean;
  /** Let peers connect that show no certificate, or any. OTP's default for a server. */
  readonly acceptAnyClient?: boolean;
  /** A certificate of the authority is enough, whatever host it is for: one node may pose as another. */
  readonly acceptAnyName?: boolean;
}

interface TlsCarrierOptions extends TcpOptions {
  /** Connections that a listener has in the middle of TLS at once; beyond it the oldest is closed. Default: 64. */
  readonly maxHandshakes?: number;
  /**
   * Lists of revoked certificates, PEM, read again when they change. With it every authority of a chain needs one that
   * has not expired, or nobody is let in whom it signed.
   */
  readonly crl?: PemSource | readonly PemSource[];
  readonly dangerously?: TlsDangers;
}

/** In Node's words; for both directions. */
export interface TlsOptions extends TlsCarrierOptions {
  readonly key: PemSource;
  /** This node's certificate, and the intermediate ones after it. It must be for the host part of the node's name. */
  readonly cert: PemSource;
  /** The authorities that sign the cluster's certificates. Those that browsers trust are not among them. */
  readonly ca?: PemSource | readonly PemSource[];
  readonly passphrase?: string;
  /** Default: TLSv1.2. */
  readonly minVersion?: TlsVersion;
  readonly maxVersion?: TlsVersion;
  /** In OpenSSL's words. */
  readonly ciphers?: string;
}

/** One direction of an `ssl_dist_optfile`. Options of OTP that are not here are refused. */
export interface OtpTlsSide {
  readonly certfile?: string;
  /** Default: `certfile`. */
  readonly keyfile?: string;
  readonly password?: string;
  readonly cacertfile?: string;
  /** Default here: `verify_peer`, also for a server. */
  readonly verify?: 'verify_peer' | 'verify_none';
  readonly versions?: readonly ('tlsv1.2' | 'tlsv1.3')[];
  /** In OpenSSL's words, which are OTP's names for the suites of TLS 1.2. */
  readonly ciphers?: string | readonly string[];
  /** `true` wants the lists as `crl`, beside `server` and `client`: there is no cache to be asked. */
  readonly crl_check?: boolean;
  // Taken and without effect: Node has its own way, and none of them is about who is trusted.
  readonly reuse_sessions?: unknown;
  readonly secure_renegotiate?: unknown;
  readonly client_renegotiation?: unknown;
  readonly hibernate_after?: unknown;
  readonly honor_cipher_order?: unknown;
  readonly honor_ecc_order?: unknown;
  readonly log_level?: unknown;
  readonly ktls?: unknown;
}

export interface OtpTlsServer extends OtpTlsSide {
  /** Default here: true, unless `verify` is `verify_none`. */
  readonly fail_if_no_peer_cert?: boolean;
}

export interface OtpTlsClient extends OtpTlsSide {
  /** `disable`: the certificate may be for any host. */
  readonly server_name_indication?: 'disable';
}

/** The terms of an `ssl_dist_optfile` as an object. Without `server` nobody can connect, without `client` we cannot. */
export interface OtpTlsOptions extends TlsCarrierOptions {
  readonly server?: OtpTlsServer;
  readonly client?: OtpTlsClient;
}

/** One direction, whatever words it came in. */
export interface TlsSide {
  /** For messages: `tls`, `tls server`. */
  readonly what: string;
  readonly key: PemSource | undefined;
  readonly cert: PemSource | undefined;
  readonly ca: readonly PemSource[];
  readonly crl: readonly PemSource[];
  readonly passphrase: string | undefined;
  readonly minVersion: TlsVersion;
  readonly maxVersion: TlsVersion;
  readonly ciphers: string | undefined;
  /** The peer shows a certificate of one of the authorities. */
  readonly verify: boolean;
  /** A server's client may show none, but if it shows one, that is verified. */
  readonly optional: boolean;
  /** The certificate is for the host part of the peer's name. */
  readonly names: boolean;
}

/** @throws ArgumentError `badarg`. */
export function tlsSides(options: TlsOptions | OtpTlsOptions): { server?: TlsSide; client?: TlsSide } {
  const { acceptAnyServer, acceptAnyClient, acceptAnyName } = checkedDangers(options.dangerously ?? {});
  if (!('server' in options || 'client' in options)) {
    checkNames('tls', options, nodeKeys);
    const both = nodeSide(options as TlsOptions, acceptAnyName !== true);
    return {
      server: checked({ ...both, verify: acceptAnyClient !== true }),
      client: checked({ ...both, verify: acceptAnyServer !== true }),
    };
  }
  checkNames('tls', options, directionKeys);
  const { server, client } = options as OtpTlsOptions;
  const crl = listed(options.crl);
  return {
    ...(server === undefined
      ? {}
      : { server: checked(otpSide('tls server', server, serverKeys, crl, acceptAnyClient, acceptAnyName)) }),
    ...(client === undefined
      ? {}
      : { client: checked(otpSide('tls client', client, clientKeys, crl, acceptAnyServer, acceptAnyName)) }),
  };
}

function nodeSide(options: TlsOptions, names: boolean): TlsSide {
  const { key, cert, ca, passphrase, ciphers, minVersion, maxVersion } = options;
  if (key === undefined || cert === undefined)
    throw new ArgumentError(
      'badarg',
      'tls: expected key and cert (PEM, or the path of a PEM file): this node has to show who it is',
    );
  return {
    what: 'tls',
    ...{ key, cert, passphrase, ciphers, names },
    ca: listed(ca),
    crl: listed(options.crl),
    minVersion: version(minVersion ?? 'TLSv1.2'),
    maxVersion: version(maxVersion ?? 'TLSv1.3'),
    verify: true,
    optional: false,
  };
}

const carrierKeys = ['noDelay', 'keepAlive', 'localAddress', 'backlog', 'maxHandshakes', 'crl', 'dangerously'];
const nodeKeys = [...carrierKeys, 'key', 'cert', 'ca', 'passphrase', 'minVersion', 'maxVersion', 'ciphers'];
const directionKeys = [...carrierKeys, 'server', 'client'];

function listed(sources: PemSource | readonly PemSource[] | undefined): readonly PemSource[] {
  return sources === undefined
    ? []
    : Array.isArray(sources)
      ? (sources as readonly PemSource[])
      : [sources as PemSource];
}

const ignored = [
  ...['reuse_sessions', 'secure_renegotiate', 'client_renegotiation', 'hibernate_after', 'honor_cipher_order'],
  ...['honor_ecc_order', 'log_level', 'ktls'],
];
const sideKeys = [
  'certfile',
  'keyfile',
  'password',
  'cacertfile',
  'verify',
  'crl_check',
  'versions',
  'ciphers',
  ...ignored,
];
const serverKeys: readonly string[] = [...sideKeys, 'fail_if_no_peer_cert'];
const clientKeys: readonly string[] = [...sideKeys, 'server_name_indication'];

function otpSide(
  what: string,
  options: OtpTlsServer & OtpTlsClient,
  keys: readonly string[],
  crl: readonly PemSource[],
  acceptAny: boolean | undefined,
  acceptAnyName: boolean | undefined,
): TlsSide {
  checkIsOptions(what, options);
  checkNames(what, options, keys);
  const { certfile, keyfile, password, cacertfile, verify, ciphers, versions } = options;
  if (keys === serverKeys && certfile === undefined)
    throw new ArgumentError('badarg', `${what}: expected certfile: who listens has to show who it is`);
  if (verify !== undefined && verify !== 'verify_peer' && verify !== 'verify_none')
    throw new ArgumentError('badarg', `${what}: verify must be 'verify_peer' or 'verify_none'`);
  if (versions !== undefined && !Array.isArray(versions as unknown))
    throw new ArgumentError('badarg', `${what}: versions must be an array of 'tlsv1.2' and 'tlsv1.3'`);
  if (options.crl_check !== undefined && options.crl_check !== crl.length > 0)
    throw new ArgumentError(
      'badarg',
      `${what}: crl_check must be true, with the lists of revoked certificates as crl: […] beside server and client, ` +
        'or false without',
    );
  const known = (versions ?? ['tlsv1.2', 'tlsv1.3']).map((one) => version(one.replace('tlsv', 'TLSv')));
  return {
    what,
    key: keyfile ?? certfile,
    cert: certfile,
    ca: listed(cacertfile),
    crl,
    passphrase: password,
    minVersion: known.includes('TLSv1.2') ? 'TLSv1.2' : 'TLSv1.3',
    maxVersion: known.includes('TLSv1.3') ? 'TLSv1.3' : 'TLSv1.2',
    ciphers: typeof ciphers === 'object' ? ciphers.join(':') : ciphers,
    verify: verify !== 'verify_none' && acceptAny !== true,
    optional: options.fail_if_no_peer_cert === false,
    names: acceptAnyName !== true && options.server_name_indication !== 'disable',
  };
}

/** A certificate revocation list or a check of the user's that is passed over would let in whom they turn away. */
function checkNames(what: string, options: object, known: readonly string[]): void {
  for (const key of Object.keys(options))
    if (!known.includes(key))
      throw new ArgumentError(
        'badarg',
        `${what}: the option ${JSON.stringify(key)} is not supported here; leaving it out silently might verify less than you want`,
      );
}

function version(text: string): TlsVersion {
  if (text === 'TLSv1.2' || text === 'TLSv1.3') return text;
  throw new ArgumentError('badarg', `tls: expected version TLSv1.2 or TLSv1.3, got ${JSON.stringify(text)}`);
}

const dangers = ['acceptAnyServer', 'acceptAnyClient', 'acceptAnyName'];

/** A misspelt danger would do no harm, but whoever wrote it believes that it does something. */
function checkedDangers(given: TlsDangers): TlsDangers {
  for (const [name, value] of Object.entries(given) as [string, unknown][])
    if (!dangers.includes(name) || typeof value !== 'boolean')
      throw new ArgumentError('badarg', `tls: dangerously takes ${dangers.join(', ')}, each true or false`);
  return given;
}

function checked(side: TlsSide): TlsSide {
  const { what, verify, ca, minVersion, maxVersion } = side;
  if (verify && ca.length === 0)
    throw new ArgumentError(
      'badarg',
      `${what}: expected ca (OTP: cacertfile), the authority of your cluster: peers are verified, and the authorities ` +
        'that browsers trust would let everybody in who has a web site',
    );
  if (minVersion > maxVersion) throw new ArgumentError('badarg', `${what}: minVersion is above maxVersion`);
  return side;
}
