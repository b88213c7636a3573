// Raw bytes to an EPMD and what comes back, with every wait bounded. For asking the real daemon and ours the same.
import { connect, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';

/** Containers are often without. */
export const hasIpv6Loopback: boolean = Object.values(networkInterfaces()).some((addresses) =>
  addresses?.some(({ address }) => address === '::1'),
);

export interface Exchange {
  readonly socket: Socket;
  /** All bytes that came so far. */
  bytes(): Buffer;
  /** Settles once the other side has closed (a reset counts), or with `'open'` after `ms`. */
  closed(ms?: number): Promise<'closed' | 'open'>;
  /** Settles once `count` bytes came, or the connection ended; rejects after `ms`. */
  received(count: number, ms?: number): Promise<Buffer>;
  send(bytes: Uint8Array): void;
  /** Ends the connection in order and waits for the other side to do so too. */
  end(): Promise<void>;
}

export function openRaw(port: number, host = '127.0.0.1'): Promise<Exchange> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host });
    let all = Buffer.alloc(0);
    let over = false;
    const wakers = new Set<() => void>();
    const wake = () => {
      for (const waker of wakers) waker();
    };
    const until = async (condition: () => boolean, ms: number): Promise<boolean> => {
      if (condition()) return true;
      let check = () => {};
      let timer: NodeJS.Timeout | undefined;
      try {
        return await new Promise<boolean>((done) => {
          timer = setTimeout(() => done(false), ms);
          check = () => {
            if (condition()) done(true);
          };
          wakers.add(check);
        });
      } finally {
        clearTimeout(timer);
        wakers.delete(check);
      }
    };
    socket.once('error', reject);
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      all = Buffer.concat([all, chunk]);
      wake();
    });
    socket.on('close', () => {
      over = true;
      wake();
    });
    socket.once('connect', () =>
      resolve({
        socket,
        bytes: () => all,
        closed: async (ms = 5000) => ((await until(() => over, ms)) ? 'closed' : 'open'),
        async received(count, ms = 5000) {
          if (!(await until(() => over || all.length >= count, ms)))
            throw new Error(`${all.length} of ${count} bytes came within ${ms} ms: ${all.toString('hex')}`);
          return all;
        },
        send: (bytes) => void socket.write(bytes),
        async end() {
          socket.end();
          await until(() => over, 2000);
          socket.destroy();
        },
      }),
    );
  });
}

/** Length prefix and body. */
export function framed(body: Uint8Array): Buffer {
  const head = Buffer.alloc(2);
  head.writeUInt16BE(body.length);
  return Buffer.concat([head, body]);
}

export interface Alive2 {
  readonly name: string | Uint8Array;
  readonly port?: number;
  readonly type?: number;
  readonly protocol?: number;
  readonly high?: number;
  readonly low?: number;
  readonly extra?: Uint8Array;
  /** What the length fields say, when they lie. */
  readonly nameLength?: number;
  readonly extraLength?: number;
}

/** An ALIVE2_REQ body written by hand, so that it can be wrong in every way. */
export function alive2(fields: Alive2): Buffer {
  const name = typeof fields.name === 'string' ? Buffer.from(fields.name) : fields.name;
  const { extra = Buffer.alloc(0) } = fields;
  const head = Buffer.alloc(11);
  head[0] = 120;
  head.writeUInt16BE(fields.port ?? 4321, 1);
  head[3] = fields.type ?? 77;
  head[4] = fields.protocol ?? 0;
  head.writeUInt16BE(fields.high ?? 6, 5);
  head.writeUInt16BE(fields.low ?? 5, 7);
  head.writeUInt16BE(fields.nameLength ?? name.length, 9);
  const extraLength = Buffer.alloc(2);
  extraLength.writeUInt16BE(fields.extraLength ?? extra.length);
  return Buffer.concat([head, name, extraLength, extra]);
}
