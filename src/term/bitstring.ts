// Bitstrings whose length is not a whole number of bytes; the others are binaries (Uint8Array).
import { ArgumentError } from '../errors.js';

/** `<<5:3>>`: `bytes` holds the bits from the most significant on; the last byte uses its upper `lastBits` bits only. */
export class BitString {
  readonly bytes: Uint8Array;
  /** Bits used in the last byte: 1 to 7. */
  readonly lastBits: number;

  /** @internal Use {@link bitstring}. */
  constructor(bytes: Uint8Array, lastBits: number) {
    this.bytes = bytes;
    this.lastBits = lastBits;
  }

  /** Length in bits. */
  get bitLength(): number {
    return (this.bytes.length - 1) * 8 + this.lastBits;
  }
}

/**
 * The first `bitLength` bits of `bytes`: a {@link BitString}, or a plain binary when that is a whole number of bytes.
 * The bytes are copied and unused bits cleared.
 *
 * @throws ArgumentError `badarg` when there are fewer bits than asked for.
 */
export function bitstring(bytes: Uint8Array, bitLength: number): BitString | Uint8Array {
  if (!Number.isInteger(bitLength) || bitLength < 0 || bitLength > bytes.length * 8) {
    throw new ArgumentError('badarg', `bitLength must be 0 to ${bytes.length * 8}, not ${bitLength}`);
  }
  const own = Uint8Array.prototype.slice.call(bytes, 0, Math.ceil(bitLength / 8));
  const lastBits = bitLength % 8;
  if (lastBits === 0) return own;
  const last = own.length - 1;
  own[last] = (own[last] as number) & (0xff << (8 - lastBits));
  return new BitString(own, lastBits);
}
