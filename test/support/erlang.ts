// A real, long-lived Erlang node under the control of a test. It listens on loopback only, registers with an EPMD of
// the test's own, reads nothing from the developer's home, and never outlives the test.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { type Exit, guard, signalGroup, within } from './child.js';
import { type Epmd, startEpmd } from './epmd.js';
import { otpCommand } from './otp-command.js';

export interface ErlangOptions {
  /** Node name, with or without `@host` (127.0.0.1 is added); `false` starts a node without distribution. */
  readonly name?: string | false;
  /** Short name, with or without `@host` (localhost is added), instead of `name`. */
  readonly sname?: string;
  /** Default: a random one, see `Erlang.cookie`; `false` leaves it to the cookie file in `home`. */
  readonly cookie?: string | false;
  readonly hidden?: boolean;
  /** Default: an EPMD shared by all nodes that this test file starts without saying otherwise. */
  readonly epmdPort?: number;
  /** More arguments of `erl`, after ours. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** HOME of the node; default: an empty folder. */
  readonly home?: string;
}

export interface Erlang {
  readonly name: string;
  readonly cookie: string;
  readonly epmdPort: number;
  /** OTP's major release, `'25'`. */
  readonly release: string;
  readonly pid: number;
  /** Lines the node wrote to stdout and stderr, its logger's included, oldest first. */
  readonly log: readonly string[];
  readonly exited: Promise<Exit>;
  /**
   * Evaluates expressions in one process per node, so `self()` and the bindings stay; the result as `~0tp` prints it,
   * on one line. Rejects with `ErlangError` when the expression fails, and after `timeout` ms (10,000).
   */
  eval(expressions: string, options?: { timeout?: number }): Promise<string>;
  /**
   * Ends the node at once but in order (sockets are closed). Rejects when the node had crashed, or complained of what a
   * peer sent it: whatever a test does, no BEAM is to be hurt by it (protocol section 8, line 104).
   */
  stop(): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** SIGSTOP makes a node that is connected but silent; SIGCONT wakes it. */
  signal(signal: NodeJS.Signals): void;
  [Symbol.asyncDispose](): Promise<void>;
}

/** What a node says when a peer has sent it something that it should not have (protocol section 4.2), or a service fell. */
const HURT = new RegExp(
  [
    'Invalid distribution message',
    'got a corrupted (external term|distribution header)',
    'Got message from incompatible erlang',
    'Generic server (net_kernel|rex|auth|pg|global_\\w+|erl_epmd|code_server|logger\\w*) terminating',
    'Slogan:',
    'Cannot allocate',
  ].join('|'),
);
const CRASHED = new Set(['SIGSEGV', 'SIGABRT', 'SIGBUS', 'SIGILL', 'SIGFPE']);

/** An expression failed inside Erlang; `reason` is `class: Reason` as Erlang prints it. */
export class ErlangError extends Error {
  override readonly name = 'ErlangError';
  readonly reason: string;
  constructor(reason: string, expressions: string) {
    super(`${reason}\n  while evaluating ${shorten(expressions)}`);
    this.reason = reason;
  }
}

const evaluator = fileURLToPath(new URL('erlang-eval.erl', import.meta.url));
let shared: Promise<Epmd> | undefined;

function shorten(text: string): string {
  return text.length <= 500 ? text : `${text.slice(0, 500)}… (${text.length} characters)`;
}

function nodeArguments(options: ErlangOptions): string[] {
  const random = `e_${randomBytes(6).toString('hex')}`;
  const named = (name: string, host: string) => (name.includes('@') ? name : `${name}@${host}`);
  if (options.sname !== undefined) return ['-sname', named(options.sname, 'localhost')];
  return options.name === false ? [] : ['-name', named(options.name ?? random, '127.0.0.1')];
}

/** The address of the node's name if it is one of this machine's own, so that nodes can share a port. */
function loopback([, name = '']: readonly string[]): string {
  const [, own = '127.0.0.1'] = /@(127\.\d+\.\d+\.\d+)$/.exec(name) ?? [];
  return `{${own.replaceAll('.', ',')}}`;
}

export async function startErlang(options: ErlangOptions = {}): Promise<Erlang> {
  const naming = nodeArguments(options);
  const distributed = naming.length > 0;
  if (distributed && options.epmdPort === undefined) shared ??= startEpmd();
  const epmdPort = options.epmdPort ?? (distributed ? (await (shared as Promise<Epmd>)).port : 0);
  const cookie = options.cookie === false ? '' : (options.cookie ?? `c${randomBytes(8).toString('hex')}`);
  const home = options.home ?? mkdtempSync(join(tmpdir(), 'erlnode-home-'));
  const [command, ...prefix] = otpCommand('erl');
  const args = [
    ...prefix,
    '-noinput',
    ...naming,
    // Without this, erl leaves an EPMD daemon behind when it finds none.
    ...(distributed ? ['-start_epmd', 'false', '-kernel', 'inet_dist_use_interface', loopback(naming)] : []),
    ...(distributed && cookie !== '' ? ['-setcookie', cookie] : []),
    ...(options.hidden === true ? ['-hidden'] : []),
    ...(options.args ?? []),
    '-eval',
    // The path as a list of code points, so that no character in it needs quoting.
    `ok = file:eval(${JSON.stringify([...evaluator].map((c) => c.codePointAt(0)))}).`,
  ];
  const { ERL_FLAGS: _1, ERL_AFLAGS: _2, ERL_ZFLAGS: _3, ERL_LIBS: _4, ...inherited } = process.env;
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    detached: true,
    env: {
      ...inherited,
      HOME: home,
      ERL_CRASH_DUMP: '/dev/null',
      ...(distributed ? { ERL_EPMD_PORT: String(epmdPort) } : {}),
      ...options.env,
    },
  });
  const exited = guard(child);
  const log: string[] = [];
  for (const stream of [child.stdout, child.stderr]) collectLines(stream as Duplex, log);
  const channel = child.stdio[3] as Duplex;
  const pending = new Map<number, { expressions: string; resolve(text: string): void; reject(error: Error): void }>();
  let nextId = 1;

  const lastLines = () => (log.length === 0 ? '' : `; its last lines:\n  ${log.slice(-15).join('\n  ')}`);
  const failAll = (why: string) => {
    for (const { reject, expressions } of pending.values())
      reject(new Error(`${why} while evaluating ${shorten(expressions)}${lastLines()}`));
    pending.clear();
  };
  const ready = new Promise<string>((resolve, reject) => {
    pending.set(0, { expressions: '(its start)', resolve, reject });
  });
  const closed = new Promise((resolve) => child.once('close', resolve));
  exited.then(
    async ({ code, signal }) => {
      // Its last words may still be in the pipe; a child of its own may keep the pipe open.
      await within(1000, closed, () => '').catch(() => {});
      if (options.home === undefined) rmSync(home, { recursive: true, force: true });
      failAll(`the Erlang node ended (${signal ?? `exit code ${code}`})`);
    },
    (error: Error) => failAll(`cannot run ${command}: ${error.message}`),
  );
  channel.on('error', () => {}); // the node is gone; `exited` says why
  readPackets(channel, (packet) => {
    const id = packet.readUInt32BE(0);
    const kind = String.fromCharCode(packet.readUInt8(4));
    const waiting = pending.get(id);
    if (waiting === undefined) return; // its time was up
    pending.delete(id);
    const text = packet.toString('utf8', 5);
    if (kind === 'e') waiting.reject(new ErlangError(text, waiting.expressions));
    else waiting.resolve(text);
  });

  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      signalGroup(child, 'SIGCONT');
      channel.end();
      await within(3000, exited, () => 'still there').catch(() => signalGroup(child, 'SIGKILL'));
      await within(5000, exited, () => `the Erlang node (process ${child.pid}) does not end`);
    }
    // Its last words may still be in the pipe.
    await within(1000, closed, () => '').catch(() => {});
    const hurt = log.filter((line) => HURT.test(line));
    if (CRASHED.has(child.signalCode ?? '')) hurt.push(`ended by ${child.signalCode}`);
    if (hurt.length > 0) throw new Error(`the Erlang node was hurt:\n  ${hurt.join('\n  ')}`);
  };

  let hello: string;
  try {
    hello = await within(30_000, ready, () => `the Erlang node did not start within 30 s${lastLines()}`);
  } catch (error) {
    signalGroup(child, 'SIGKILL');
    throw error;
  }
  const [release = '', name = ''] = hello.split(' ');
  return {
    name,
    cookie,
    epmdPort,
    release,
    pid: child.pid as number,
    log,
    exited,
    eval(expressions, { timeout = 10_000 } = {}) {
      if (child.exitCode !== null || child.signalCode !== null || !channel.writable)
        return Promise.reject(new Error(`the Erlang node ${name} has ended${lastLines()}`));
      const id = nextId++;
      const answer = new Promise<string>((resolve, reject) => pending.set(id, { expressions, resolve, reject }));
      const source = Buffer.from(expressions);
      const head = Buffer.alloc(8);
      head.writeUInt32BE(source.length + 4, 0);
      head.writeUInt32BE(id, 4);
      channel.write(Buffer.concat([head, source]));
      return within(timeout, answer, () => {
        const before = [...pending.entries()].find(([other]) => other < id)?.[1].expressions;
        const queued = before === undefined ? '' : `; it waited for an earlier one: ${shorten(before)}`;
        return `no answer from ${name} within ${timeout} ms to ${shorten(expressions)}${queued}${lastLines()}`;
      });
    },
    stop,
    async kill() {
      signalGroup(child, 'SIGKILL');
      await exited;
    },
    signal: (signal) => signalGroup(child, signal),
    [Symbol.asyncDispose]: stop,
  };
}

function collectLines(stream: Duplex, lines: string[]): void {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    const parts = (rest + chunk).split('\n');
    rest = parts.pop() ?? '';
    lines.push(...parts);
  });
  stream.once('end', () => {
    if (rest !== '') lines.push(rest);
  });
}

/** Packets with a four-byte length, as OTP's `{packet, 4}` writes them. */
function readPackets(stream: Duplex, onPacket: (packet: Buffer) => void): void {
  let chunks: Buffer[] = [];
  let size = 0;
  stream.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    size += chunk.length;
    for (;;) {
      if (size < 4) return;
      if ((chunks[0] as Buffer).length < 4) chunks = [Buffer.concat(chunks)];
      const length = (chunks[0] as Buffer).readUInt32BE(0);
      if (size < 4 + length) return;
      const all = Buffer.concat(chunks);
      onPacket(all.subarray(4, 4 + length));
      chunks = [all.subarray(4 + length)];
      size -= 4 + length;
    }
  });
}
