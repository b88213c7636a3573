// One question to one server, over UDP, and over TCP when the answer does not fit. RFC 1035 section 4.2, RFC 7766.
// Bytes that are no answer are not waited for longer, and not kept.
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import { ConnectionError, type ErlnodeError, ProtocolError } from '../../errors.js';
import { encodeQuestion, type Message, type Question, readMessage } from './message.js';
import { type NameServer, serverName } from './servers.js';

export interface ExchangeOptions {
  readonly server: NameServer;
  readonly question: Question;
  readonly edns: boolean;
  /** Milliseconds over UDP, and again as many over TCP. */
  readonly timeout: number;
  readonly signal: AbortSignal;
}

/**
 * The server's message, whatever its rcode.
 *
 * @throws ConnectionError `timeout`, `dns_failure` (no way to the server), `aborted`; ProtocolError `unexpected_message`.
 */
export async function exchange(options: ExchangeOptions): Promise<Message> {
  const message = await overUdp(options);
  return message.truncated ? overTcp(options) : message;
}

function overUdp(options: ExchangeOptions): Promise<Message> {
  const { server, question, edns } = options;
  const id = randomInt(0x1_0000);
  return waiting(options, (settle) => {
    // A socket of its own: a fresh port is what makes answers hard to guess. Connected: only the server is heard.
    const socket = createSocket(isIPv6(server.address) ? 'udp6' : 'udp4');
    let stray: string | undefined;
    socket.on('error', (error) => settle(unreachable(server, error)));
    socket.on('message', (bytes) => {
      const read = attempt(() => readMessage(bytes, id, question), server);
      if (typeof read === 'string') stray = read;
      else settle(read);
    });
    // Without a callback: with one, failures to connect go there instead of to 'error'.
    socket.on('connect', () => {
      socket.send(encodeQuestion(question, id, edns), (error) => {
        if (error !== null) settle(unreachable(server, error));
      });
    });
    socket.connect(server.port, server.address);
    return { close: () => socket.close(), heard: () => stray };
  });
}

function overTcp(options: ExchangeOptions): Promise<Message> {
  const { server, question, edns } = options;
  const id = randomInt(0x1_0000);
  return waiting(options, (settle) => {
    const socket = connect({ host: server.address, port: server.port });
    const chunks: Buffer[] = [];
    let size = 0;
    socket.on('error', (error) => settle(unreachable(server, error)));
    socket.on('connect', () => {
      const query = encodeQuestion(question, id, edns);
      socket.write(Buffer.concat([Buffer.from([query.length >> 8, query.length & 0xff]), query]));
    });
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      size += chunk.length;
      if (size < 2) return;
      const length = ((byteAt(chunks, 0) << 8) | byteAt(chunks, 1)) + 2;
      if (size < length) return;
      // What follows the declared size was not asked for.
      const bytes = Buffer.concat(chunks, length).subarray(2);
      const read = attempt(() => readMessage(bytes, id, question), server);
      if (typeof read !== 'string') settle(read);
      else settle(new ProtocolError('unexpected_message', `${serverName(server)} sent ${read} over TCP`));
    });
    socket.on('close', () =>
      settle(
        new ProtocolError(
          'unexpected_message',
          `${serverName(server)} said that its answer needs TCP, and closed the connection after ${size} bytes of it`,
        ),
      ),
    );
    return { close: () => socket.destroy(), heard: () => (size === 0 ? undefined : `${size} bytes over TCP`) };
  });
}

interface Open {
  close(): void;
  /** What came that was no answer. */
  heard(): string | undefined;
}

/** Settles once, in time, and leaves nothing open. */
function waiting(
  { server, timeout, signal }: ExchangeOptions,
  open: (settle: (outcome: Message | ErlnodeError) => void) => Open,
): Promise<Message> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return void reject(aborted(server, signal));
    let settled = false;
    let opened: Open | undefined;
    const settle = (outcome: Message | ErlnodeError) => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      opened?.close();
      if ('rcode' in outcome) resolve(outcome);
      else reject(outcome);
    };
    const onAbort = () => settle(aborted(server, signal));
    const timer = setTimeout(() => {
      const heard = opened?.heard();
      const what = `${serverName(server)} did not answer within ${Math.ceil(timeout)} ms`;
      settle(new ConnectionError('timeout', heard === undefined ? what : `${what} (what came was ${heard})`));
    }, timeout);
    signal.addEventListener('abort', onAbort);
    opened = open(settle);
  });
}

function attempt(read: () => Message | string, server: NameServer): Message | string | ErlnodeError {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return new ProtocolError(error.code, `${serverName(server)} sent ${error.message}`, { cause: error });
  }
}

function byteAt(chunks: readonly Buffer[], index: number): number {
  let left = index;
  for (const chunk of chunks) {
    if (left < chunk.length) return chunk[left] as number;
    left -= chunk.length;
  }
  return 0;
}

function aborted(server: NameServer, signal: AbortSignal): ConnectionError {
  return new ConnectionError('aborted', `asking ${serverName(server)}: the caller gave up`, { cause: signal.reason });
}

function unreachable(server: NameServer, error: Error): ConnectionError {
  const { code } = error as NodeJS.ErrnoException;
  const hint = code === 'ECONNREFUSED' ? 'nothing listens there' : error.message;
  return new ConnectionError('dns_failure', `cannot ask the name server ${serverName(server)}: ${hint}`, {
    cause: error,
  });
}
