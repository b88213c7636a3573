// The proof of knowing the cookie (protocol section 2.3): MD5 of the cookie and the other side's challenge in decimal.
// Compared in constant time; neither cookie nor digest ever reaches an error or a log.
import { Buffer } from 'node:buffer';
import { createHash, timingSafeEqual } from 'node:crypto';

export const DIGEST_BYTES = 16;

/** `challenge` is an unsigned 32-bit number; the cookie counts as its Latin-1 bytes. */
export function digest(cookie: string, challenge: number): Buffer {
  return createHash('md5')
    .update(Buffer.from(cookie, 'latin1'))
    .update(String(challenge >>> 0))
    .digest();
}

export function sameDigest(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
