// EPMD's messages, bytes to values and back. Protocol section 1.2; what a daemon refuses is in section 1.4.
// Limits are checked when a length is read; "more bytes are needed" is `undefined`, never an exception.
import { isUtf8 } from 'node:buffer';
import { LimitError, ProtocolError } from '../../errors.js';

/** The first byte of every message, requests and responses. */
export const EPMD_OP = {
  DUMP_REQ: 100,
  KILL_REQ: 107,
  NAMES_REQ: 110,
  STOP_REQ: 115,
  ALIVE2_X_RESP: 118,
  PORT2_RESP: 119,
  ALIVE2_REQ: 120,
  ALIVE2_RESP: 121,
  PORT_PLEASE2_REQ: 122,
} as const;

/** Node types of ALIVE2_REQ. BEAM registers every node, hidden ones too, as 77 (protocol section 1.2). */
export const NODE_TYPE = { NORMAL: 77, HIDDEN: 72 } as const;

/** Distribution versions that a node of today registers: every release from 23 on says 6 and 5. */
export const DIST_HIGH = 6;
export const DIST_LOW = 5;

/** The creation beside a refusal. */
export const REFUSED_CREATION = 99;

/** The largest request body; the daemon's buffer is 3060 bytes, and a full one is refused. */
const MAX_REQUEST = 3057;
/** Bytes of a name and of the extra field. */
const MAX_NAME_BYTES = 1020;
/** Characters of a name that can be registered; one less can be looked up (an off-by-one of the daemon). */
const MAX_NAME_CHARACTERS = 255;
/** ALIVE2_REQ without name and extra. */
const ALIVE2_FIXED = 13;

/** What EPMD knows of a node. */
export interface NodeInfo {
  /** The part of the node name before the `@`. */
  readonly name: string;
  readonly port: number;
  readonly type: number;
  /** 0 is TCP. */
  readonly protocol: number;
  readonly highestVersion: number;
  readonly lowestVersion: number;
  readonly extra: Uint8Array;
}

export type EpmdRequest =
  | { readonly op: 'ALIVE2_REQ'; readonly node: NodeInfo }
  /** Well-formed and never acceptable: answered with a refusal. Only decoding makes one. */
  | { readonly op: 'ALIVE2_REQ refused'; readonly highestVersion: number; readonly why: string }
  | { readonly op: 'PORT_PLEASE2_REQ'; readonly name: string }
  | { readonly op: 'NAMES_REQ' }
  | { readonly op: 'DUMP_REQ' }
  | { readonly op: 'KILL_REQ' }
  | { readonly op: 'STOP_REQ'; readonly name: string };

/** The answer to ALIVE2_REQ. `result` 0 is yes; anything else is a refusal of any reason. */
export interface Alive2Response {
  readonly result: number;
  readonly creation: number;
}

/** One line of a NAMES answer. */
export interface RegisteredName {
  readonly name: string;
  readonly port: number;
}

/** A record of a DUMP answer; `fd` is any number that tells registrations apart. */
export interface DumpRecord extends RegisteredName {
  readonly fd: number;
}

/** Encodes a request with its length prefix. The caller has checked the name (see {@link nameFault}). */
export function encodeRequest(request: Exclude<EpmdRequest, { op: 'ALIVE2_REQ refused' }>): Buffer {
  switch (request.op) {
    case 'ALIVE2_REQ':
      return framed(EPMD_OP.ALIVE2_REQ, nodeFields(request.node));
    case 'PORT_PLEASE2_REQ':
    case 'STOP_REQ':
      return framed(EPMD_OP[request.op], Buffer.from(request.name));
    case 'NAMES_REQ':
    case 'DUMP_REQ':
    case 'KILL_REQ':
      return framed(EPMD_OP[request.op], Buffer.alloc(0));
  }
}

/**
 * Reads the one request of a connection; `undefined` while it is incomplete.
 *
 * @throws ProtocolError for everything that the daemon answers by closing without a reply.
 */
export function decodeRequest(bytes: Buffer): EpmdRequest | undefined {
  if (bytes.length < 2) return undefined;
  const length = bytes.readUInt16BE(0);
  if (length === 0 || length > MAX_REQUEST) throw bad(`a request of 1 to ${MAX_REQUEST} bytes`, `length ${length}`);
  if (bytes.length > length + 2) throw bad(`a request of ${length} bytes and nothing after it`, `${bytes.length - 2}`);
  if (bytes.length < length + 2) return undefined;
  const body = bytes.subarray(2);
  const op = body.readUInt8(0);
  switch (op) {
    case EPMD_OP.ALIVE2_REQ:
      return decodeAlive2(body);
    case EPMD_OP.PORT_PLEASE2_REQ:
      return { op: 'PORT_PLEASE2_REQ', name: decodeAskedName(body.subarray(1)) };
    case EPMD_OP.STOP_REQ:
      return { op: 'STOP_REQ', name: decodeStopName(body.subarray(1)) };
    case EPMD_OP.NAMES_REQ:
      return { op: 'NAMES_REQ' };
    case EPMD_OP.DUMP_REQ:
      return { op: 'DUMP_REQ' };
    case EPMD_OP.KILL_REQ:
      return { op: 'KILL_REQ' };
    default:
      throw bad('a request EPMD knows', `op ${op}`);
  }
}

/** Why EPMD would not register this name, in words; `undefined` for a good name. */
export function nameFault(name: string): string | undefined {
  if (name === '') return 'it is empty';
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) return `it is longer than ${MAX_NAME_BYTES} bytes`;
  if ([...name].length > MAX_NAME_CHARACTERS) return `it is longer than ${MAX_NAME_CHARACTERS} characters`;
  // A line end in a name forges lines of a NAMES answer; the other control characters forge what terminals show.
  if (/\p{Cc}/u.test(name)) return 'it contains a control character';
  return undefined;
}

/** The request decides the shape: a node of version 6 gets 32 bits of creation. */
export function encodeAlive2Response(highestVersion: number, { result, creation }: Alive2Response): Buffer {
  const wide = highestVersion >= 6;
  const reply = Buffer.alloc(wide ? 6 : 4);
  reply[0] = wide ? EPMD_OP.ALIVE2_X_RESP : EPMD_OP.ALIVE2_RESP;
  reply[1] = result;
  if (wide) reply.writeUInt32BE(creation, 2);
  else reply.writeUInt16BE(creation, 2);
  return reply;
}

/** @throws ProtocolError for anything else than an answer to ALIVE2_REQ, and for bytes behind it. */
export function decodeAlive2Response(bytes: Buffer): Alive2Response | undefined {
  const op = bytes[0];
  if (op === undefined) return undefined;
  if (op !== EPMD_OP.ALIVE2_X_RESP && op !== EPMD_OP.ALIVE2_RESP)
    throw bad('an answer to ALIVE2_REQ (118 or 121)', hex(bytes));
  const size = op === EPMD_OP.ALIVE2_X_RESP ? 6 : 4;
  if (bytes.length > size) throw bad(`an answer of ${size} bytes to ALIVE2_REQ`, hex(bytes));
  if (bytes.length < size) return undefined;
  return { result: bytes.readUInt8(1), creation: size === 6 ? bytes.readUInt32BE(2) : bytes.readUInt16BE(2) };
}

/** `undefined`: no such name. */
export function encodePort2Response(node: NodeInfo | undefined): Buffer {
  if (node === undefined) return Buffer.from([EPMD_OP.PORT2_RESP, 1]);
  return Buffer.concat([Buffer.from([EPMD_OP.PORT2_RESP, 0]), nodeFields(node)]);
}

/**
 * Reads an answer to PORT_PLEASE2_REQ; bytes behind it are not looked at.
 *
 * @returns the node, `'unknown'`, or `undefined` while the answer is incomplete.
 * @throws ProtocolError for anything else.
 */
export function decodePort2Response(bytes: Buffer): NodeInfo | 'unknown' | undefined {
  if (bytes.length === 0) return undefined;
  if (bytes[0] !== EPMD_OP.PORT2_RESP) throw bad('an answer to PORT_PLEASE2_REQ (119)', hex(bytes));
  if (bytes.length < 2) return undefined;
  if (bytes[1] !== 0) return 'unknown';
  if (bytes.length < 12) return undefined;
  const nameEnd = 12 + lengthAt(bytes, 10, 'name');
  if (bytes.length < nameEnd + 2) return undefined;
  const end = nameEnd + 2 + lengthAt(bytes, nameEnd, 'extra');
  if (bytes.length < end) return undefined;
  const name = bytes.subarray(12, nameEnd);
  if (!isUtf8(name)) throw bad('a name in UTF-8 in the answer to PORT_PLEASE2_REQ', hex(name));
  return readNode(bytes, 2, name.toString(), Buffer.from(bytes.subarray(nameEnd + 2, end)));
}

/** `epmdPort` must be the port the asker believes EPMD is on, or BEAM drops the answer (protocol section 1.6). */
export function encodeNamesResponse(epmdPort: number, names: Iterable<RegisteredName>): Buffer {
  let text = '';
  for (const { name, port } of names) text += `name ${name} at port ${port}\n`;
  return withPort(epmdPort, text);
}

/** The most bytes a NAMES answer may have: 10,000 names of 200 bytes. */
export const MAX_NAMES_ANSWER: number = 2 * 1024 * 1024;

/**
 * Reads a complete answer to NAMES_REQ, which ends where the connection does. Lines of another shape are left out,
 * because the real daemon lets a local program register names with line ends in them.
 *
 * @throws ProtocolError when nothing in it looks like such an answer; LimitError `message_too_large`.
 */
export function decodeNamesResponse(bytes: Buffer): RegisteredName[] {
  if (bytes.length > MAX_NAMES_ANSWER)
    throw new LimitError('message_too_large', "EPMD's answer to NAMES_REQ", MAX_NAMES_ANSWER, bytes.length);
  if (bytes.length < 4) throw bad("EPMD's port number and its names", `${bytes.length} bytes: ${hex(bytes)}`);
  const epmdPort = bytes.readUInt32BE(0);
  if (epmdPort > 0xffff) throw bad("EPMD's port number and its names", hex(bytes));
  const text = bytes.toString('utf8', 4);
  const names: RegisteredName[] = [];
  for (const line of text.split('\n')) {
    const match = /^name (.*) at port (\d{1,5})$/s.exec(line);
    const port = Number(match?.[2]);
    if (match !== null && port <= 0xffff) names.push({ name: match[1] as string, port });
  }
  if (names.length === 0 && text !== '') throw bad('lines like "name x at port 4370"', hex(bytes.subarray(4)));
  return names;
}

/** Each record ends with a NUL, as the daemon's own do. */
export function encodeDumpResponse(
  epmdPort: number,
  active: Iterable<DumpRecord>,
  unused: Iterable<DumpRecord>,
): Buffer {
  let text = '';
  for (const { name, port, fd } of active) text += `active name     <${name}> at port ${port}, fd = ${fd}\n\0`;
  for (const { name, port, fd } of unused) text += `old/unused name <${name}>, port = ${port}, fd = ${fd} \n\0`;
  return withPort(epmdPort, text);
}

function decodeAlive2(body: Buffer): EpmdRequest {
  if (body.length <= ALIVE2_FIXED) throw bad('an ALIVE2_REQ with a name', `${body.length} bytes`);
  const nameEnd = 11 + body.readUInt16BE(9);
  if (nameEnd + 2 > body.length) throw bad('an ALIVE2_REQ that holds its name', `name up to byte ${nameEnd}`);
  const end = nameEnd + 2 + body.readUInt16BE(nameEnd);
  if (end > body.length) throw bad('an ALIVE2_REQ that holds its extra field', `extra up to byte ${end}`);
  const name = body.subarray(11, nameEnd);
  if (name.includes(0)) throw bad('a name without NUL in ALIVE2_REQ', hex(name));
  const highestVersion = body.readUInt16BE(5);
  const refused = (why: string): EpmdRequest => ({ op: 'ALIVE2_REQ refused', highestVersion, why });
  if (!isUtf8(name)) return refused('the name is not UTF-8');
  if (end - nameEnd - 2 > MAX_NAME_BYTES) return refused(`the extra field is longer than ${MAX_NAME_BYTES} bytes`);
  const text = name.toString();
  const fault = nameFault(text);
  if (fault !== undefined) return refused(`the name cannot be registered: ${fault}`);
  return { op: 'ALIVE2_REQ', node: readNode(body, 1, text, Buffer.from(body.subarray(nameEnd + 2, end))) };
}

function decodeAskedName(bytes: Buffer): string {
  const name = bytes.at(-1) === 0 ? bytes.subarray(0, -1) : bytes;
  if (name.length === 0 || name.includes(0) || !isUtf8(name)) throw bad('a name in PORT_PLEASE2_REQ', hex(bytes));
  const text = name.toString();
  const characters = [...text].length;
  if (characters >= MAX_NAME_CHARACTERS)
    throw bad(`a name of at most ${MAX_NAME_CHARACTERS - 1} characters in PORT_PLEASE2_REQ`, `${characters}`);
  return text;
}

function decodeStopName(bytes: Buffer): string {
  if (bytes.length === 0) throw bad('a name in STOP_REQ', 'none');
  const end = bytes.indexOf(0);
  return bytes.toString('utf8', 0, end < 0 ? bytes.length : end);
}

/** The eight bytes before a name are the same in ALIVE2_REQ and PORT2_RESP. */
function readNode(bytes: Buffer, at: number, name: string, extra: Buffer): NodeInfo {
  return {
    name,
    port: bytes.readUInt16BE(at),
    type: bytes.readUInt8(at + 2),
    protocol: bytes.readUInt8(at + 3),
    highestVersion: bytes.readUInt16BE(at + 4),
    lowestVersion: bytes.readUInt16BE(at + 6),
    extra,
  };
}

function nodeFields(node: NodeInfo): Buffer {
  const name = Buffer.from(node.name);
  const fields = Buffer.alloc(12 + name.length + node.extra.length);
  fields.writeUInt16BE(node.port, 0);
  fields.writeUInt8(node.type, 2);
  fields.writeUInt8(node.protocol, 3);
  fields.writeUInt16BE(node.highestVersion, 4);
  fields.writeUInt16BE(node.lowestVersion, 6);
  fields.writeUInt16BE(name.length, 8);
  fields.set(name, 10);
  fields.writeUInt16BE(node.extra.length, 10 + name.length);
  fields.set(node.extra, 12 + name.length);
  return fields;
}

function framed(op: number, rest: Buffer): Buffer {
  const head = Buffer.alloc(3);
  head.writeUInt16BE(rest.length + 1, 0);
  head[2] = op;
  return Buffer.concat([head, rest]);
}

function withPort(port: number, text: string): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(port);
  return Buffer.concat([head, Buffer.from(text)]);
}

function lengthAt(bytes: Buffer, at: number, field: string): number {
  const length = bytes.readUInt16BE(at);
  if (length > MAX_NAME_BYTES)
    throw bad(`at most ${MAX_NAME_BYTES} bytes of ${field} in the answer to PORT_PLEASE2_REQ`, `${length}`);
  return length;
}

/** The first bytes of what came, so that a wrong service can be recognized and nothing of it reaches a terminal. */
function hex(bytes: Buffer): string {
  const shown = bytes.toString('hex', 0, 16).replace(/..(?=.)/g, '$& ');
  return bytes.length > 16 ? `${shown} …` : shown || 'nothing';
}

function bad(expected: string, came: string): ProtocolError {
  return new ProtocolError('unexpected_message', `EPMD protocol: expected ${expected}, got ${came}`);
}
