// Bytes by hand: what a test says to a node that no encoder of ours would say.

/** Text is Latin-1. */
export type Bytes = Uint8Array | string | readonly number[];

export function bytesOf(...parts: readonly Bytes[]): Buffer {
  return Buffer.concat(
    parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : Buffer.from(part))),
  );
}

export function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export function u64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
}

/** A message of a handshake, or of EPMD: its length, then its parts. */
export function message(...parts: readonly Bytes[]): Buffer {
  const body = bytesOf(...parts);
  return Buffer.concat([u16(body.length), body]);
}
