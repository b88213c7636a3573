// A DNS server that says whatever a test tells it to, over UDP and TCP on one loopback port: what no real one would.
import { createSocket, type RemoteInfo } from 'node:dgram';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { type Answer, decode, encode, type OptAnswer } from 'dns-packet';

export interface Query {
  readonly id: number;
  readonly name: string;
  readonly type: string;
  readonly overTcp: boolean;
  /** Bytes of a datagram that the client takes, if it says so (EDNS). */
  readonly payload: number | undefined;
  /** How many questions came before this one. */
  readonly count: number;
  /** Sends bytes as they are; over TCP with their length before them. */
  raw(bytes: Uint8Array): void;
  /** The connection of a question over TCP. */
  readonly socket: Socket | undefined;
  /** A proper message, unless told otherwise. */
  reply(message?: Reply): void;
}

export interface Reply {
  readonly answers?: readonly unknown[];
  readonly authorities?: readonly unknown[];
  readonly rcode?: number;
  readonly truncated?: boolean;
  readonly id?: number;
  readonly question?: { readonly name: string; readonly type: string };
}

export interface HostileDns {
  readonly address: string;
  readonly port: number;
  /** The questions so far, `SRV n1.cluster.test`, with ` tcp` after those that came over TCP. */
  readonly asked: readonly string[];
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export const SERVFAIL = 2;
export const NXDOMAIN = 3;
export const NOTIMP = 4;
export const REFUSED = 5;

export function srvRecord(name: string, target: string, port = 4370, more: object = {}): object {
  return { type: 'SRV', name, ttl: 30, data: { priority: 0, weight: 0, port, target, ...more } };
}

export function aRecord(name: string, data: string, ttl = 30): object {
  return { type: data.includes(':') ? 'AAAA' : 'A', name, ttl, data };
}

/** What a server says of its zone beside a name that is not there: for how long that holds (RFC 2308), in seconds. */
export function soaRecord(zone: string, minimum = 60, ttl = 3600): object {
  const data = { mname: 'ns.test', rname: 'admin.test', serial: 1, refresh: 1, retry: 1, expire: 1, minimum };
  return { type: 'SOA', name: zone, ttl, data };
}

/** The bytes of a message. */
export function message(query: Pick<Query, 'id' | 'name' | 'type'>, reply: Reply = {}): Buffer {
  const { rcode = 0, truncated = false, id = query.id, question = query } = reply;
  return encode({
    type: 'response',
    id,
    flags: 0x180 | (truncated ? 0x200 : 0) | rcode,
    questions: [{ name: question.name, type: question.type as 'SRV' }],
    answers: (reply.answers ?? []) as Answer[],
    authorities: (reply.authorities ?? []) as Answer[],
  });
}

/** Answers every question as `answer` does; nothing comes of a question that it does not answer. */
export async function hostileDns(answer: (query: Query) => void): Promise<HostileDns> {
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  const heard = (bytes: Buffer, overTcp: boolean, raw: Query['raw'], socket?: Socket) => {
    const packet = decode(bytes);
    const [question] = packet.questions ?? [];
    if (question === undefined) return;
    const id = packet.id ?? 0;
    const { name, type } = question;
    const opt = packet.additionals?.find((record): record is OptAnswer => record.type === 'OPT');
    const count = asked.push(`${type} ${name}${overTcp ? ' tcp' : ''}`) - 1;
    const reply = (said?: Reply) => raw(message({ id, name, type }, said));
    answer({ id, name, type, overTcp, payload: opt?.udpPayloadSize, count, raw, socket, reply });
  };

  const tcp = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    let bytes = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      bytes = Buffer.concat([bytes, chunk]);
      if (bytes.length < 2 || bytes.length < 2 + bytes.readUInt16BE(0)) return;
      const question = bytes.subarray(2, 2 + bytes.readUInt16BE(0));
      bytes = Buffer.alloc(0);
      const raw = (said: Uint8Array) => {
        socket.write(Buffer.concat([Buffer.from([said.length >> 8, said.length & 0xff]), said]));
      };
      heard(question, true, raw, socket);
    });
  });
  for (let attempt = 1; ; attempt++) {
    await new Promise<void>((resolve) => tcp.listen(0, '127.0.0.1', resolve));
    const { port } = tcp.address() as AddressInfo;
    const udp = createSocket('udp4');
    udp.on('message', (bytes: Buffer, from: RemoteInfo) =>
      heard(bytes, false, (said) => udp.send(said, from.port, from.address)),
    );
    const bound = await new Promise<boolean>((resolve) => {
      udp.once('error', () => resolve(false));
      udp.bind(port, '127.0.0.1', () => resolve(true));
    });
    const close = () =>
      new Promise<void>((resolve) => {
        for (const socket of sockets) socket.destroy();
        udp.close(() => tcp.close(() => resolve()));
      });
    if (bound) return { port, address: `127.0.0.1:${port}`, asked, close, [Symbol.asyncDispose]: close };
    await close();
    if (attempt === 5) throw new Error('no port is free for both UDP and TCP');
  }
}
