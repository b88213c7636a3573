// Key, certificate and authorities of one direction, read again when their files have changed.
// New files that do not fit together change nothing: the old ones stay in use until better ones are there.
import { Buffer } from 'node:buffer';
import { constants } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import { ArgumentError } from '../errors.js';
import type { PemSource, TlsSide } from './tls-options.js';

/** Milliseconds between two looks at the files. */
const lookAgainAfter = 1000;

export class Credentials {
  readonly #side: TlsSide;
  readonly #paths: readonly string[];
  #stamp: string;
  #lookedAt: number;
  #options: SecureContextOptions;
  #context: SecureContext;

  /** @throws ArgumentError `badarg` when a file cannot be read, or the parts do not fit together. */
  constructor(side: TlsSide) {
    this.#side = side;
    this.#paths = [side.key, side.cert, ...side.ca, ...side.crl]
      .filter((source) => typeof source === 'string')
      .filter(isPath);
    // Before reading: a change in between is noticed the next time.
    this.#stamp = this.#look();
    this.#lookedAt = performance.now();
    this.#options = read(side);
    this.#context = build(side, this.#options);
  }

  get context(): SecureContext {
    return this.#context;
  }

  /** For `Server.setSecureContext`, which makes its own context of them. */
  get options(): SecureContextOptions {
    return this.#options;
  }

  /**
   * Looks at the files, at most once a second.
   *
   * @returns once for every state of the files, why they cannot be used. `context` and `options` are others when they can.
   */
  refresh(): ArgumentError | undefined {
    if (this.#paths.length === 0 || performance.now() - this.#lookedAt < lookAgainAfter) return undefined;
    this.#lookedAt = performance.now();
    const stamp = this.#look();
    if (stamp === this.#stamp) return undefined;
    this.#stamp = stamp;
    try {
      const options = read(this.#side);
      this.#context = build(this.#side, options);
      this.#options = options;
      return undefined;
    } catch (error) {
      if (error instanceof ArgumentError) return error;
      throw error;
    }
  }

  /** Links are followed: a Kubernetes secret is replaced by turning one. */
  #look(): string {
    const stamps = this.#paths.map((path) => {
      const stat = statSync(path, { throwIfNoEntry: false });
      return stat === undefined ? 'none' : `${stat.mtimeMs} ${stat.size} ${stat.ino}`;
    });
    return stamps.join();
  }
}

function isPath(source: string): boolean {
  return !source.includes('-----BEGIN');
}

function read(side: TlsSide): SecureContextOptions {
  const { what, key, cert, ca, crl, passphrase, ciphers, minVersion, maxVersion } = side;
  return {
    ...(key === undefined ? {} : { key: pem(what, 'key', key) }),
    ...(cert === undefined ? {} : { cert: pem(what, 'cert', cert) }),
    ...(passphrase === undefined ? {} : { passphrase }),
    ...(ciphers === undefined ? {} : { ciphers }),
    ...(ca.length === 0 ? {} : { ca: ca.map((source) => pem(what, 'ca', source)) }),
    ...(crl.length === 0 ? {} : { crl: crl.map((source) => pem(what, 'crl', source)) }),
    ...{ minVersion, maxVersion },
    // Nobody comes back on what an earlier certificate proved.
    secureOptions: constants.SSL_OP_NO_TICKET,
  };
}

function pem(what: string, part: string, source: PemSource): Buffer | string {
  if (typeof source !== 'string') return Buffer.from(source);
  if (!isPath(source)) return source;
  try {
    return readFileSync(source);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'no code';
    throw new ArgumentError('badarg', `${what}: cannot read the file of ${part}, ${source} (${code})`, { cause });
  }
}

function build(side: TlsSide, options: SecureContextOptions): SecureContext {
  try {
    return createSecureContext(options);
  } catch (cause) {
    const { code = 'no code' } = cause as NodeJS.ErrnoException;
    throw new ArgumentError('badarg', `${side.what}: ${faults[code] ?? 'these cannot be used'} (${code})`, { cause });
  }
}

const faults: Readonly<Record<string, string>> = {
  ERR_OSSL_X509_KEY_VALUES_MISMATCH: 'key is not the key of cert',
  ERR_OSSL_PEM_NO_START_LINE: 'key, cert or ca holds no PEM block of its kind',
  ERR_OSSL_PEM_BAD_END_LINE: 'key, cert or ca ends in the middle of a PEM block',
  ERR_OSSL_BAD_DECRYPT: 'the passphrase does not open the key',
  ERR_MISSING_PASSPHRASE: 'the key is encrypted; expected a passphrase (OTP: password)',
  ERR_CRYPTO_OPERATION_FAILED: 'crl holds no list of revoked certificates',
  ERR_SSL_NO_CIPHER_MATCH: 'ciphers names none that this Node.js has',
};
