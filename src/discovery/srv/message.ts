// Questions to bytes, bytes to what they say about the name that was asked for. RFC 1035, EDNS(0) RFC 6891.
// Records of other names are not an answer, whatever else a message holds; a chain of aliases has an end.
import { isIPv4, isIPv6 } from 'node:net';
import { type DecodedPacket, decode, encode, type OptAnswer, type Packet, RECURSION_DESIRED } from 'dns-packet';
import { ProtocolError } from '../../errors.js';
import { type Answer, canonical, type RecordType, type SrvRecord, shown } from './records.js';

export interface Question {
  readonly name: string;
  readonly type: RecordType;
}

/** What a datagram may hold without being torn apart on the way (DNS flag day 2020). */
const EDNS_PAYLOAD = 1232;
/** Aliases that are followed from the name that was asked for. */
export const MAX_ALIASES = 8;

/** @param id 0..65535, unpredictable */
export function encodeQuestion({ name, type }: Question, id: number, edns: boolean): Buffer {
  const payload = { type: 'OPT', name: '.', udpPayloadSize: EDNS_PAYLOAD, flags: 0, options: [] };
  const packet: Packet = {
    type: 'query',
    id,
    flags: RECURSION_DESIRED,
    questions: [{ name, type }],
    additionals: edns ? [payload as unknown as OptAnswer] : [],
  };
  return encode(packet);
}

/** A message from a server that answers the question, though perhaps with a failure. */
export interface Message {
  /** `NOERROR`, `NXDOMAIN`, `SERVFAIL` … */
  readonly rcode: string;
  readonly truncated: boolean;
  readonly answers: readonly AnyRecord[];
  readonly authorities: readonly AnyRecord[];
}

/** A record of class IN. */
interface AnyRecord {
  readonly name: string;
  readonly type: string;
  readonly class?: unknown;
  readonly ttl?: number;
  readonly data: unknown;
}

/**
 * Reads bytes as a response to the question. Strings say why they are none and may be ignored: a stray answer, or
 * somebody who guesses.
 *
 * @throws ProtocolError `unexpected_message`: it is for us, and cannot be read.
 */
export function readMessage(bytes: Uint8Array, id: number, question: Question): Message | string {
  // Before anything is decoded: a flood of guesses is to cost nothing.
  if (bytes.length < 12) return 'a message shorter than a header';
  if ((((bytes[0] as number) << 8) | (bytes[1] as number)) !== id) return 'an answer to another question (its id)';
  if (((bytes[2] as number) & 0x80) === 0) return 'a question';
  let packet: DecodedPacket;
  try {
    packet = decode(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  } catch (error) {
    throw new ProtocolError('unexpected_message', `a malformed answer: ${(error as Error).message}`, { cause: error });
  }
  const rcode = String((packet as { readonly rcode?: unknown }).rcode ?? 'NOERROR');
  const [asked, ...more] = packet.questions ?? [];
  // Servers that do not understand a question need not repeat it.
  const repeated =
    asked === undefined
      ? rcode !== 'NOERROR' && rcode !== 'NXDOMAIN'
      : more.length === 0 && asked.type === question.type && canonical(asked.name) === canonical(question.name);
  if (!repeated) return `an answer for ${asked === undefined ? 'nothing' : shown(`${asked.type} ${asked.name}`)}`;
  const { answers, authorities } = packet;
  return { rcode, truncated: packet.flag_tc, answers: internet(answers), authorities: internet(authorities) };
}

/** The codec's types say what ought to be in a record, this one what it relies on. */
function internet(records: readonly unknown[] | undefined): readonly AnyRecord[] {
  return ((records ?? []) as readonly AnyRecord[]).filter((record) => record.class === 'IN');
}

/** What a message says, or the name at which to ask on: an alias whose own records were not sent along. */
export type Reading<Value> = Answer<Value> | { readonly askAt: string; readonly ttl: number };

/** @throws ProtocolError `unexpected_message` for aliases that lead nowhere, and records that are not of their type. */
export function readAnswer(
  { rcode, answers, authorities }: Message,
  { name, type }: Question,
): Reading<string | SrvRecord> {
  const aliases = new Map<string, AnyRecord>();
  for (const record of answers)
    if (record.type === 'CNAME' && !aliases.has(canonical(record.name))) aliases.set(canonical(record.name), record);
  let at = canonical(name);
  let ttl = Number.POSITIVE_INFINITY;
  for (let hops = 0; ; hops++) {
    const alias = aliases.get(at);
    if (alias === undefined) break;
    if (hops === MAX_ALIASES)
      throw new ProtocolError(
        'unexpected_message',
        `aliases (CNAME) that run in a circle, or over more than ${MAX_ALIASES} names, from ${shown(name)}`,
      );
    ttl = Math.min(ttl, seconds(alias.ttl));
    at = canonical(String(alias.data));
  }
  const records: (string | SrvRecord)[] = [];
  for (const record of answers) {
    if (record.type !== type || canonical(record.name) !== at) continue;
    ttl = Math.min(ttl, seconds(record.ttl));
    records.push(type === 'SRV' ? srvRecord(record.data) : address(record.data, type));
  }
  if (records.length > 0) return { records, exists: true, ttl };
  const authority = authorities.find((record) => record.type === 'SOA');
  if (at !== canonical(name) && rcode === 'NOERROR' && authority === undefined) return { askAt: at, ttl };
  return { records, exists: rcode !== 'NXDOMAIN', ttl: Math.min(ttl, negativeTtl(authority)) };
}

/** RFC 2308 section 5; without an SOA nothing says for how long there is nothing. */
function negativeTtl(authority: AnyRecord | undefined): number {
  if (authority === undefined) return 0;
  const { minimum } = authority.data as { readonly minimum?: number };
  return Math.min(seconds(authority.ttl), seconds(minimum));
}

/** RFC 2181 section 8: the highest bit set is 0. */
function seconds(ttl: number | undefined): number {
  return ttl === undefined || ttl > 0x7fff_ffff ? 0 : ttl;
}

function srvRecord(data: unknown): SrvRecord {
  const { priority = 0, weight = 0, port, target } = data as Partial<SrvRecord>;
  if (port === undefined || typeof target !== 'string')
    throw new ProtocolError('unexpected_message', 'an SRV record without a target');
  return { priority, weight, port, target };
}

function address(data: unknown, type: 'A' | 'AAAA'): string {
  if (typeof data === 'string' && (type === 'A' ? isIPv4(data) : isIPv6(data))) return data;
  throw new ProtocolError('unexpected_message', `expected an address in a record of type ${type}`);
}
