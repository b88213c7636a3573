// What libcluster's Gossip strategy sends: `heartbeat::`, and the term #{node => Name}; with a secret, encrypted.
// Whatever else comes on that port is not for us.
import { Buffer } from 'node:buffer';
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';

const PREFIX = Buffer.from('heartbeat::');
const IV_BYTES = 16;
const VERSION = 131;
const MAP_EXT = 116;
/** The four spellings of an atom, and the bytes of their length: what a BEAM writes depends on its release. */
const ATOMS: Readonly<Record<number, readonly [lengthBytes: 1 | 2, encoding: 'utf8' | 'latin1']>> = {
  100: [2, 'latin1'], // ATOM_EXT
  115: [1, 'latin1'], // SMALL_ATOM_EXT
  118: [2, 'utf8'], // ATOM_UTF8_EXT
  119: [1, 'utf8'], // SMALL_ATOM_UTF8_EXT
};

/** @param secret what all nodes of the cluster were given. */
export function encodeHeartbeat(node: string, secret: string | undefined): Buffer {
  const map = Buffer.of(VERSION, MAP_EXT, 0, 0, 0, 1);
  const plain = Buffer.concat([PREFIX, map, atom('node'), atom(node)]);
  if (secret === undefined) return plain;
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv('aes-256-cbc', keyOf(secret), iv);
  return Buffer.concat([iv, cipher.update(plain), cipher.final()]);
}

/** The name in a heartbeat; undefined for anything else, a heartbeat of another secret included. */
export function decodeHeartbeat(bytes: Buffer, secret: string | undefined): string | undefined {
  const plain = secret === undefined ? bytes : decrypted(bytes, secret);
  if (plain === undefined || !plain.subarray(0, PREFIX.length).equals(PREFIX)) return undefined;
  const term = plain.subarray(PREFIX.length);
  if (term.length < 6 || term[0] !== VERSION || term[1] !== MAP_EXT || term.readUInt32BE(2) !== 1) return undefined;
  const key = readAtom(term, 6);
  if (key === undefined || key.text !== 'node') return undefined;
  const value = readAtom(term, key.end);
  return value?.end === term.length ? value.text : undefined;
}

function atom(text: string): Buffer {
  const bytes = Buffer.from(text);
  const head =
    bytes.length < 256 ? Buffer.of(119, bytes.length) : Buffer.of(118, bytes.length >> 8, bytes.length & 255);
  return Buffer.concat([head, bytes]);
}

function readAtom(bytes: Buffer, at: number): { readonly text: string; readonly end: number } | undefined {
  const [lengthBytes, encoding] = ATOMS[bytes[at] ?? 0] ?? [];
  const start = at + 1 + (lengthBytes ?? 0);
  if (lengthBytes === undefined || start > bytes.length) return undefined;
  const end = start + bytes.readUIntBE(at + 1, lengthBytes);
  return end > bytes.length ? undefined : { text: bytes.toString(encoding, start, end), end };
}

function keyOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}

function decrypted(bytes: Buffer, secret: string): Buffer | undefined {
  try {
    const decipher = createDecipheriv('aes-256-cbc', keyOf(secret), bytes.subarray(0, IV_BYTES));
    return Buffer.concat([decipher.update(bytes.subarray(IV_BYTES)), decipher.final()]);
  } catch {
    return undefined;
  }
}
