// A real DNS server, dnsmasq, on a loopback port of its own, that knows what a test tells it and asks nobody else.
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { encode } from 'dns-packet';
import { guard, signalGroup, within } from './child.js';
import { freePort } from './free-port.js';

export interface DnsServer {
  readonly port: number;
  /** As an option of `srv` wants it: `127.0.0.1:5353`. */
  readonly address: string;
  /** SIGSTOP makes it a server that is late; SIGCONT lets it answer what has come meanwhile. */
  signal(signal: NodeJS.Signals): void;
  stop(): Promise<void>;
}

/** Debian keeps it in a folder that is not on everybody's PATH. */
function command(): string {
  const folders = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/usr/local/sbin', '/opt/homebrew/sbin'];
  const found = folders.map((folder) => join(folder, 'dnsmasq')).find((path) => existsSync(path));
  if (found === undefined) throw new Error('there is no dnsmasq; node test/install-dns.mjs installs it');
  return found;
}

/** Resolves when it answers. `zone` are lines of dnsmasq's configuration: `host-record=n1.cluster.test,127.0.0.1`. */
export async function startDnsServer(zone: readonly string[]): Promise<DnsServer> {
  for (let attempt = 1; ; attempt++) {
    const started = await tryStart(await freePort(), zone);
    if (typeof started !== 'string') return started;
    // Someone else took the free port between our asking and its binding it.
    if (attempt === 5) throw new Error(`dnsmasq did not start: ${started}`);
  }
}

async function tryStart(port: number, zone: readonly string[]): Promise<DnsServer | string> {
  const folder = mkdtempSync(join(tmpdir(), 'erlnode-dns-'));
  const file = join(folder, 'dnsmasq.conf');
  const lines = [
    `port=${port}`,
    'listen-address=127.0.0.1',
    'bind-interfaces',
    'no-resolv',
    'no-hosts',
    'pid-file=',
    ...(process.getuid?.() === 0 ? ['user=root'] : []),
    'local=/test/',
    'local=/consul/',
    'local=/cluster.local/',
    'local-ttl=7',
    'host-record=started.test,127.0.0.1',
    ...zone,
  ];
  writeFileSync(file, `${lines.join('\n')}\n`);
  const child = spawn(command(), ['-C', file, '--keep-in-foreground', '--log-facility=-'], {
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  });
  let output = '';
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const exited = guard(child);
  let ended: string | undefined;
  exited.then(
    ({ code, signal }) => (ended = `it ended with ${signal ?? `exit code ${code}`}; ${output.trim()}`),
    (error: Error) => (ended = error.message),
  );
  const stop = async () => {
    signalGroup(child, 'SIGKILL');
    await within(5000, exited, () => `dnsmasq on port ${port} does not end`);
    rmSync(folder, { recursive: true, force: true });
  };
  for (const end = Date.now() + 10_000; ; await sleep(10)) {
    const answered = await answers(port);
    if (ended !== undefined) return ended;
    if (answered) return { port, address: `127.0.0.1:${port}`, signal: (signal) => signalGroup(child, signal), stop };
    if (Date.now() > end) {
      await stop();
      return `no answer within 10 s; ${output.trim()}`;
    }
  }
}

/** Whether somebody there says anything to a question. */
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    const done = (answered: boolean) => {
      clearTimeout(timer);
      socket.close();
      resolve(answered);
    };
    const timer = setTimeout(() => done(false), 500);
    socket.once('error', () => done(false));
    socket.once('message', () => done(true));
    socket.connect(port, '127.0.0.1', () =>
      socket.send(encode({ type: 'query', id: 1, questions: [{ type: 'A', name: 'started.test' }] })),
    );
  });
}
