// A real epmd of its own for each test file, on a free port of the loopback interface.
import { spawn } from 'node:child_process';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { guard, signalGroup, within } from './child.js';
import { freePort } from './free-port.js';
import { otpCommand } from './otp-command.js';

export interface Epmd {
  readonly port: number;
  readonly pid: number;
  /** What epmd has registered, asked over the wire as `epmd -names` does. */
  names(): Promise<{ name: string; port: number }[]>;
  /** Ends epmd; every node registered there sees its connection close. */
  stop(): Promise<void>;
}

/** NAMES_REQ and its whole answer: 4 bytes port number, then text. */
function askNames(port: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = connect(port, '127.0.0.1', () => socket.write(Buffer.from([0, 1, 'n'.charCodeAt(0)])));
    socket.setTimeout(2000, () => socket.destroy(new Error('epmd does not answer')));
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.once('error', reject);
    socket.once('end', () => resolve(Buffer.concat(chunks)));
  });
}

/** Starts `epmd` in the foreground; resolves when it answers. `port` restarts one where another was; `args` follow ours. */
export async function startEpmd(options: { port?: number; args?: readonly string[] } = {}): Promise<Epmd> {
  for (let attempt = 1; ; attempt++) {
    const port = options.port ?? (await freePort());
    const started = await tryStart(port, options.args ?? []);
    if (typeof started !== 'string') return started;
    // Someone else took the free port between our asking and epmd's binding it.
    if (options.port !== undefined || attempt === 5) throw new Error(`epmd did not start on port ${port}: ${started}`);
  }
}

async function tryStart(port: number, args: readonly string[]): Promise<Epmd | string> {
  // Whoever listens there already would answer for the one we start, until that has found out and ended.
  if ((await askNames(port).catch(() => undefined)) !== undefined) return 'another one answers there';
  const [command, ...prefix] = otpCommand('epmd');
  const child = spawn(command, [...prefix, '-port', String(port), '-address', '127.0.0.1', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const exited = guard(child);
  let ended: string | undefined;
  exited.then(
    ({ code, signal }) => (ended = `it ended with ${signal ?? `exit code ${code}`}; ${output.trim()}`),
    (error: Error) => (ended = error.message),
  );
  for (const end = Date.now() + 10_000; ; await sleep(20)) {
    const answer = await askNames(port).catch(() => undefined);
    if (ended !== undefined) return ended;
    if (answer !== undefined && answer.length >= 4 && answer.readUInt32BE(0) === port) break;
    if (Date.now() > end) {
      signalGroup(child, 'SIGKILL');
      return `no answer within 10 s; ${output.trim()}`;
    }
  }
  return {
    port,
    pid: child.pid as number,
    async names() {
      const lines = (await askNames(port)).toString('utf8', 4).matchAll(/^name (.*) at port (\d+)$/gm);
      return Array.from(lines, ([, name = '', at]) => ({ name, port: Number(at) }));
    },
    async stop() {
      signalGroup(child, 'SIGKILL');
      await within(5000, exited, () => `epmd on port ${port} does not end`);
    },
  };
}
