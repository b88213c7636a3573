// An EPMD that answers with whatever a test tells it to, on a loopback port of its own.
import { type AddressInfo, createServer, type Socket } from 'node:net';

export interface FakeEpmd {
  readonly port: number;
  /** Connections it accepted so far. */
  readonly accepted: number;
  /** Settles when every connection has been closed by the other side. */
  quiet(): Promise<void>;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** `answer` runs when the first bytes of a request have come. */
export function fakeEpmd(
  answer: (socket: Socket, request: Buffer) => void,
  host = '127.0.0.1',
  port = 0,
): Promise<FakeEpmd> {
  return new Promise((resolve, reject) => {
    const sockets = new Set<Socket>();
    let accepted = 0;
    let onQuiet = () => {};
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      accepted++;
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        if (sockets.size === 0) onQuiet();
      });
      socket.once('data', (request) => answer(socket, request));
      socket.on('end', () => socket.destroy());
    });
    const close = () =>
      new Promise<void>((done) => {
        server.close(() => done());
        for (const socket of sockets) socket.destroy();
      });
    server.once('error', reject);
    server.listen({ port, host, ipv6Only: true }, () =>
      resolve({
        port: (server.address() as AddressInfo).port,
        get accepted() {
          return accepted;
        },
        quiet: () =>
          new Promise((done) => {
            onQuiet = done;
            if (sockets.size === 0) done();
          }),
        close,
        [Symbol.asyncDispose]: close,
      }),
    );
  });
}
