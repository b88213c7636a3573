// The messages of the handshake, to and from bytes (protocol sections 2.2 and 2.9). Lengths are checked before reading.
// Readers return undefined for anything that is not exactly the message asked for; bytes behind a name are ignored.
import { Buffer } from 'node:buffer';
import { DIGEST_BYTES } from './digest.js';
import type { LengthBytes } from './handshake.js';

/** First byte of each message. */
const TAG = { name: 78, oldName: 110, status: 115, complement: 99, challengeReply: 114, challengeAck: 97 } as const;

/** The only version that old send_name messages carry. */
const OLD_VERSION = 5;

export interface SendName {
  readonly version: 5 | 6;
  readonly flags: bigint;
  /** Undefined in version 5: it comes with the complement. */
  readonly creation: number | undefined;
  readonly name: string;
}

export interface Challenge {
  readonly flags: bigint;
  readonly challenge: number;
  readonly creation: number;
  readonly name: string;
}

export interface Named {
  readonly node: string;
  readonly creation: number;
}

export interface ChallengeReply {
  readonly challenge: number;
  readonly digest: Buffer;
}

function framed(lengthBytes: LengthBytes, bodyLength: number): { message: Buffer; at: number } {
  const message = Buffer.alloc(lengthBytes + bodyLength);
  message.writeUIntBE(bodyLength, 0, lengthBytes);
  return { message, at: lengthBytes };
}

export function writeSendName(lengthBytes: LengthBytes, flags: bigint, creation: number, name: string): Buffer {
  const { message, at } = framed(lengthBytes, 15 + name.length);
  message[at] = TAG.name;
  message.writeBigUInt64BE(flags, at + 1);
  message.writeUInt32BE(creation, at + 9);
  message.writeUInt16BE(name.length, at + 13);
  message.write(name, at + 15, 'latin1');
  return message;
}

export function writeStatus(lengthBytes: LengthBytes, status: string): Buffer {
  const { message, at } = framed(lengthBytes, 1 + status.length);
  message[at] = TAG.status;
  message.write(status, at + 1, 'latin1');
  return message;
}

export function writeNamedStatus(lengthBytes: LengthBytes, named: Named): Buffer {
  const head = writeStatus(lengthBytes, 'named:');
  const name = Buffer.from(named.node);
  const tail = Buffer.alloc(2 + name.length + 4);
  tail.writeUInt16BE(name.length, 0);
  name.copy(tail, 2);
  tail.writeUInt32BE(named.creation, 2 + name.length);
  head.writeUIntBE(head.length - lengthBytes + tail.length, 0, lengthBytes);
  return Buffer.concat([head, tail]);
}

export function writeChallenge(lengthBytes: LengthBytes, challenge: Challenge): Buffer {
  const { message, at } = framed(lengthBytes, 19 + challenge.name.length);
  message[at] = TAG.name;
  message.writeBigUInt64BE(challenge.flags, at + 1);
  message.writeUInt32BE(challenge.challenge, at + 9);
  message.writeUInt32BE(challenge.creation, at + 13);
  message.writeUInt16BE(challenge.name.length, at + 17);
  message.write(challenge.name, at + 19, 'latin1');
  return message;
}

export function writeChallengeReply(lengthBytes: LengthBytes, challenge: number, digest: Uint8Array): Buffer {
  const { message, at } = framed(lengthBytes, 5 + DIGEST_BYTES);
  message[at] = TAG.challengeReply;
  message.writeUInt32BE(challenge, at + 1);
  message.set(digest, at + 5);
  return message;
}

export function writeChallengeAck(lengthBytes: LengthBytes, digest: Uint8Array): Buffer {
  const { message, at } = framed(lengthBytes, 1 + DIGEST_BYTES);
  message[at] = TAG.challengeAck;
  message.set(digest, at + 1);
  return message;
}

export function readSendName(body: Buffer): SendName | undefined {
  if (body[0] === TAG.oldName) {
    if (body.length < 7 || body.readUInt16BE(1) !== OLD_VERSION) return undefined;
    const flags = BigInt(body.readUInt32BE(3));
    return { version: 5, flags, creation: undefined, name: body.toString('latin1', 7) };
  }
  if (body[0] !== TAG.name || body.length < 15) return undefined;
  const name = readName(body, 13);
  if (name === undefined) return undefined;
  return { version: 6, flags: body.readBigUInt64BE(1), creation: body.readUInt32BE(9), name };
}

/** The text of a status; `named:` and what follows is for {@link readNamed}. */
export function readStatus(body: Buffer): string | undefined {
  if (body[0] !== TAG.status) return undefined;
  return body.toString('latin1', 1);
}

export function readNamed(body: Buffer): Named | undefined {
  const head = 1 + 'named:'.length;
  if (readStatus(body)?.startsWith('named:') !== true || body.length < head + 2) return undefined;
  const length = body.readUInt16BE(head);
  const end = head + 2 + length;
  if (body.length < end + 4) return undefined;
  return { node: body.toString('utf8', head + 2, end), creation: body.readUInt32BE(end) };
}

export function readChallenge(body: Buffer): Challenge | undefined {
  if (body[0] !== TAG.name || body.length < 19) return undefined;
  const name = readName(body, 17);
  if (name === undefined) return undefined;
  return {
    flags: body.readBigUInt64BE(1),
    challenge: body.readUInt32BE(9),
    creation: body.readUInt32BE(13),
    name,
  };
}

/** The upper half of the flags and the creation, which an old send_name had no room for. */
export function readComplement(body: Buffer): { flagsHigh: bigint; creation: number } | undefined {
  if (body[0] !== TAG.complement || body.length !== 9) return undefined;
  return { flagsHigh: BigInt(body.readUInt32BE(1)) << 32n, creation: body.readUInt32BE(5) };
}

export function readChallengeReply(body: Buffer): ChallengeReply | undefined {
  if (body[0] !== TAG.challengeReply || body.length !== 5 + DIGEST_BYTES) return undefined;
  return { challenge: body.readUInt32BE(1), digest: body.subarray(5) };
}

export function readChallengeAck(body: Buffer): Buffer | undefined {
  if (body[0] !== TAG.challengeAck || body.length !== 1 + DIGEST_BYTES) return undefined;
  return body.subarray(1);
}

function readName(body: Buffer, at: number): string | undefined {
  const end = at + 2 + body.readUInt16BE(at);
  return end > body.length ? undefined : body.toString('latin1', at + 2, end);
}

/** Bytes of a peer as an error message may show them: short, and nothing in them can act on a terminal or a log. */
export function escaped(text: string): string {
  const shown = text.length > 60 ? `${text.slice(0, 60)}…` : text;
  return `"${shown.replace(/[^\x20-\x7e…]|["\\]/g, (char) => `\\x{${(char.codePointAt(0) as number).toString(16)}}`)}"`;
}

/** What came, for an error message. Digests are not shown: with the challenge they would let a reader guess cookies. */
export function messageInWords(body: Buffer): string {
  const tag = body[0];
  if (tag === undefined) return 'an empty message';
  if (tag === TAG.status) return `status ${escaped(body.toString('latin1', 1, 80))}`;
  const known = Object.entries(TAG).find(([, value]) => value === tag)?.[0];
  return `${body.length} bytes starting with ${tag}${known === undefined ? '' : ` (${known})`}`;
}
