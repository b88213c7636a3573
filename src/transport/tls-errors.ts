// What went wrong between two ends of TLS: OpenSSL's codes as OTP's words for them, and what usually is behind it.
// A table; nothing of what a peer sent gets into a message but what OpenSSL makes of it.
import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import { ConnectionError, type ConnectionErrorCode } from '../errors.js';

type Cause = readonly [code: ConnectionErrorCode, why: string];

const otherAuthority: Cause = [
  'unknown_ca',
  'its certificate is signed by an authority that is not in ca; do both nodes have certificates of one cluster?',
];
const expired: Cause = ['certificate_expired', 'its certificate has expired; or a clock is wrong'];
const notTls: Cause = [
  'not_tls',
  'what came is not TLS; it probably is a node without TLS (erl without -proto_dist inet_tls), or no node at all',
];

/** What we found wrong with the peer. */
const ours: Readonly<Record<string, Cause>> = {
  UNABLE_TO_GET_ISSUER_CERT: otherAuthority,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: otherAuthority,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: otherAuthority,
  SELF_SIGNED_CERT_IN_CHAIN: otherAuthority,
  CERT_SIGNATURE_FAILURE: otherAuthority,
  CERT_UNTRUSTED: otherAuthority,
  INVALID_CA: ['unknown_ca', 'its certificate is signed by one that is no authority'],
  DEPTH_ZERO_SELF_SIGNED_CERT: [
    'selfsigned_peer',
    'its certificate is signed by itself, which proves nothing; have an authority sign it and put that in ca',
  ],
  CERT_HAS_EXPIRED: expired,
  CERT_NOT_YET_VALID: ['certificate_expired', 'its certificate is not valid yet; or a clock is wrong'],
  CERT_REVOKED: ['certificate_revoked', 'its certificate has been revoked'],
  UNABLE_TO_GET_CRL: ['bad_certificate', 'crl has no list of the authority that signed its certificate'],
  CRL_HAS_EXPIRED: ['bad_certificate', 'the list of revoked certificates has expired; is crl renewed?'],
  CRL_NOT_YET_VALID: ['bad_certificate', 'the list of revoked certificates is not valid yet; or a clock is wrong'],
  CRL_SIGNATURE_FAILURE: [
    'bad_certificate',
    'the list of revoked certificates is not signed by the authority it is of',
  ],
  INVALID_PURPOSE: ['bad_certificate', 'its certificate was not made for this (see its extended key usage)'],
  ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE: ['certificate_required', 'it showed no certificate'],
  ERR_SSL_WRONG_VERSION_NUMBER: notTls,
  ERR_SSL_HTTP_REQUEST: notTls,
  ERR_SSL_HTTPS_PROXY_REQUEST: notTls,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: notTls,
  ERR_SSL_BAD_RECORD_TYPE: notTls,
  ERR_SSL_UNSUPPORTED_PROTOCOL: ['protocol_version', 'it speaks no version of TLS that we do (1.2 and 1.3)'],
  ERR_SSL_NO_PROTOCOLS_AVAILABLE: ['protocol_version', 'no version of TLS is left that both may speak'],
  ERR_SSL_NO_SHARED_CIPHER: ['handshake_failure', 'there is no cipher that both know'],
  ERR_SSL_NO_SUITABLE_SIGNATURE_ALGORITHM: ['handshake_failure', 'there is no signature algorithm that both know'],
};

/** What the peer says it found wrong with us: alerts (RFC 8446, section 6.2), by the word that OpenSSL ends with. */
const theirs: readonly (readonly [alert: string, cause: Cause])[] = [
  ['ALERT_UNKNOWN_CA', ['unknown_ca', 'it does not know the authority that signed our certificate']],
  [
    'ALERT_CERTIFICATE_EXPIRED',
    ['certificate_expired', 'it says that our certificate has expired; or a clock is wrong'],
  ],
  ['ALERT_CERTIFICATE_REVOKED', ['certificate_revoked', 'it says that our certificate has been revoked']],
  [
    'ALERT_CERTIFICATE_REQUIRED',
    ['certificate_required', 'it wants a certificate of ours; give tls() a key and a cert'],
  ],
  [
    'ALERT_BAD_CERTIFICATE',
    ['bad_certificate', 'it refuses our certificate; a BEAM says so of one that is self-signed'],
  ],
  ['ALERT_CERTIFICATE_UNKNOWN', ['bad_certificate', 'it refuses our certificate']],
  ['ALERT_UNSUPPORTED_CERTIFICATE', ['bad_certificate', 'it cannot use a certificate like ours']],
  ['ALERT_PROTOCOL_VERSION', ['protocol_version', 'it speaks no version of TLS that we do (1.2 and 1.3)']],
  [
    'ALERT_HANDSHAKE_FAILURE',
    [
      'handshake_failure',
      'it gave up: our certificate may be missing, or for another host than that of our node name; or no cipher is common',
    ],
  ],
];

/**
 * @param where the other end in words.
 * @param error what Node's TLS gave; its code decides. Undefined: the connection just ended.
 * @param bytesRead what had come from the other end by then.
 */
export function tlsError(where: string, error: Error | undefined, bytesRead: number): ConnectionError {
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? 'closed';
  const cause = ours[code] ?? alertOf(code) ?? general(code, bytesRead);
  return named(where, cause, code, error);
}

/** An error after TLS was up on this side: the peer's verdict on our certificate may come then; undefined for others. */
export function lateTlsError(where: string, error: Error): ConnectionError | undefined {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  const cause = ours[code] ?? alertOf(code);
  return cause === undefined ? undefined : named(where, cause, code, error);
}

/** Why this certificate is not for this host. What it is for comes from an authority of ours; its form need not. */
export function nameFault(nodeHost: string, certificate: PeerCertificate): string | undefined {
  if (checkServerIdentity(nodeHost, certificate) === undefined) return undefined;
  const names = certificate.subjectaltname?.replaceAll(/[^ -~]/g, '?').slice(0, 200) ?? 'no host at all';
  return `its certificate is not for ${nodeHost}, but for ${names}`;
}

/** A first record that no client begins with: it would only be kept. */
export function tooLargeError(where: string, size: number): ConnectionError {
  return named(where, notTls, `a first record of ${size} bytes`, undefined);
}

/** A certificate for somebody else. */
export function nameError(where: string, fault: string): ConnectionError {
  return new ConnectionError('hostname_check_failed', `TLS with ${where} failed: ${fault}`);
}

/** A verification that failed where Node only has the code. */
export function verificationError(where: string, code: string): ConnectionError {
  return named(where, ours[code] ?? ['bad_certificate', 'its certificate cannot be verified'], code, undefined);
}

function named(where: string, [word, why]: Cause, code: string, cause: Error | undefined): ConnectionError {
  return new ConnectionError(word, `TLS with ${where} failed: ${why} (${code})`, cause === undefined ? {} : { cause });
}

function alertOf(code: string): Cause | undefined {
  return theirs.find(([alert]) => code.endsWith(alert))?.[1];
}

function general(code: string, bytesRead: number): Cause {
  if (code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_')) return ['handshake_failure', 'see the cause'];
  return bytesRead === 0
    ? ['not_tls', 'it closed without a byte of TLS; it probably is a node without TLS, or not there any more']
    : ['handshake_failure', 'it closed in the middle of the TLS handshake; it may refuse our certificate, see its log'];
}
