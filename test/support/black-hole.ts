// A place that swallows packets: a listening socket whose queue is full. Linux drops what asks to be let in there, as a
// firewall would, and whoever connects hears nothing.
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';

export interface BlackHole {
  readonly host: string;
  readonly port: number;
  stop(): Promise<void>;
}

// The thread listens and is never again there to accept.
const listening = `
  const { createServer } = require('node:net');
  const { parentPort, workerData } = require('node:worker_threads');
  const server = createServer().listen({ ...workerData, backlog: 1 }, () => {
    parentPort.postMessage(server.address().port);
    setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));
  });
  server.on('error', (error) => parentPort.postMessage(error.message));
`;

/** @param host an address of this machine; the port is free there unless it is given. */
export async function startBlackHole(host = '127.0.0.1', port = 0): Promise<BlackHole> {
  const worker = new Worker(listening, { eval: true, workerData: { host, port } });
  const told = await new Promise<unknown>((resolve, reject) => worker.once('message', resolve).once('error', reject));
  if (typeof told !== 'number') throw new Error(`no black hole: ${String(told)}`);
  const fillers: Socket[] = [];
  // Until two in a row do not get in: one may be late because the machine is busy.
  for (let outside = 0; outside < 2 && fillers.length < 50; ) {
    const socket = connect({ host, port: told });
    socket.on('error', () => {});
    fillers.push(socket);
    const inside = new Promise<boolean>((resolve) => socket.once('connect', () => resolve(true)));
    outside = (await Promise.race([inside, sleep(100, false)])) ? 0 : outside + 1;
  }
  return {
    host,
    port: told,
    async stop() {
      for (const socket of fillers) socket.destroy();
      await worker.terminate();
    },
  };
}
