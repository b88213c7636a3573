// Certificates for a test, made by OTP's own public_key, which is there wherever OTP's ssl is: authorities by name,
// for hosts and addresses, valid or not. They are files, in a folder that the test removes when it is done.
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { isIPv4 } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { otpCommand } from './otp-command.js';

export interface CertificateWish {
  /** Which authority signs it; `self`: nobody else does. */
  readonly issuer: string;
  /** DNS names and IPv4 addresses that it is for. */
  readonly hosts: readonly string[];
  /** Its authority has taken it back: see `revoked`. */
  readonly revoked?: boolean;
  /** First and last year; default: now. */
  readonly years?: readonly [number, number];
}

/** Paths of PEM files. */
export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
  /** The authority that signed it; of a self-signed one, itself. */
  readonly ca: string;
}

const maker = fileURLToPath(new URL('certificates.erl', import.meta.url));

/** A new folder for certificates. */
export function certificateFolder(): string {
  return mkdtempSync(join(tmpdir(), 'erlnode-tls-'));
}

export async function makeCertificates<Name extends string>(
  folder: string,
  wishes: Readonly<Record<Name, CertificateWish>>,
): Promise<Record<Name, CertificateFiles>> {
  const all = Object.entries<CertificateWish>(wishes);
  const list = all.map(([name, { issuer, hosts, years }]) => {
    const names = hosts.flatMap((host) => [
      // An address, too: a BEAM looks for the host part of a node name among the DNS names, whatever it is.
      `{dNSName, ${JSON.stringify(host)}}`,
      ...(isIPv4(host) ? [`{iPAddress, <<${host.replaceAll('.', ',')}>>}`] : []),
    ]);
    const by = issuer === 'self' ? 'self' : JSON.stringify(issuer);
    const validity = years === undefined ? 'now' : `{{${years[0]}, 1, 1}, {${years[1]}, 1, 1}}`;
    return `{${JSON.stringify(name)}, ${by}, [${names.join(', ')}], ${validity}}`;
  });
  const revoked = all.flatMap(([name, wish]) => (wish.revoked === true ? [JSON.stringify(name)] : []));
  const [command, ...prefix] = otpCommand('erl');
  const path = JSON.stringify([...maker].map((c) => c.codePointAt(0)));
  // A failure on the way ends erl with the reason; otherwise the script does.
  const run = `case file:eval(${path}) of {error, Why} -> io:format("~0p~n", [Why]), halt(1) end.`;
  await promisify(execFile)(
    command,
    [...prefix, '-noinput', '-eval', run, '-extra', folder, `[${list.join(', ')}].`, `[${revoked.join(', ')}].`],
    {
      timeout: 30_000,
      env: { ...process.env, ERL_CRASH_DUMP: '/dev/null' },
    },
  );
  const files = all.map(([name, { issuer }]) => [
    name,
    {
      cert: join(folder, `${name}.cert`),
      key: join(folder, `${name}.key`),
      ca: join(folder, issuer === 'self' ? `${name}.cert` : `${issuer}.ca`),
    },
  ]);
  return Object.fromEntries(files) as Record<Name, CertificateFiles>;
}

/** The list of what an authority has revoked; there is one if that is anything. */
export function revokedBy(issuer: string, folder: string): string {
  return join(folder, `${issuer}.crl`);
}

/** The texts of the files. */
export function readPem({ cert, key, ca }: CertificateFiles): { cert: string; key: string; ca: string } {
  return { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8'), ca: readFileSync(ca, 'utf8') };
}
