// The floor: what Node's own sockets do when nothing of this package is in between, in the same run and with the same
// peers. Packets have a length of four bytes in front; one that begins with a 1 is sent back. Nothing else is looked at.
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

const HEAD = 4;
/** What ends a flood: a packet of one byte that is sent back. */
const done = Buffer.from([0, 0, 0, 1, 1]);
const BUSY = 1024 * 1024;

export interface BareServer {
  readonly port: number;
  close(): void;
}

/** Echoes, and swallows floods, as cheaply as Node can. */
export async function bareServer(): Promise<BareServer> {
  const server: Server = createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => {});
    // Floods consist of zeros, so a chunk that ends in 1 is an echo, or the end of a flood.
    socket.on('data', (chunk) => {
      if (chunk.at(-1) === 1) socket.write(chunk.length > 64 ? done : chunk);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, close: () => server.close() };
}

async function open(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  return socket;
}

/** Nanoseconds of each round trip. */
export async function bareEcho(port: number, count: number): Promise<number[]> {
  const socket = await open(port);
  const packet = Buffer.alloc(HEAD + 40, 1);
  packet.writeUInt32BE(40);
  let answered = (): void => {};
  socket.on('data', () => answered());
  const times: number[] = [];
  for (let i = -count / 5; i < count; i++) {
    const start = process.hrtime.bigint();
    socket.write(packet);
    await new Promise<void>((resolve) => {
      answered = resolve;
    });
    if (i >= 0) times.push(Number(process.hrtime.bigint() - start));
  }
  socket.destroy();
  return times;
}

/** Nanoseconds until everything has been received and that was confirmed. */
export async function bareFlood(port: number, count: number, size: number): Promise<number> {
  const socket = await open(port);
  const head = Buffer.alloc(HEAD);
  head.writeUInt32BE(size);
  const packet = Buffer.alloc(size);
  const start = process.hrtime.bigint();
  for (let i = 0; i < count; i++) {
    socket.cork();
    socket.write(head);
    socket.write(packet);
    socket.uncork();
    if (socket.writableLength > BUSY) await new Promise((resolve) => socket.once('drain', resolve));
  }
  socket.write(done);
  await new Promise((resolve) => socket.once('data', resolve));
  const time = Number(process.hrtime.bigint() - start);
  socket.destroy();
  return time;
}
