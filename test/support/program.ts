// A program under test in a process of its own, as a user would start it, and the Erlang shell that a user would have
// open beside it.
import { spawn } from 'node:child_process';
import { guard, signalGroup, within } from './child.js';
import { otpCommand } from './otp-command.js';

export interface Program {
  readonly stdout: string;
  readonly stderr: string;
  readonly exited: ReturnType<typeof guard>;
  readonly running: boolean;
  signal(signal: NodeJS.Signals): void;
}

/** Runs a file on this Node.js with an EPMD port of its own. Killed after a minute, whatever it does. */
export function startProgram(file: string, epmdPort: number, args: readonly string[] = []): Program {
  const child = spawn(process.execPath, [file, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    env: { ...process.env, ERL_EPMD_PORT: String(epmdPort), NO_COLOR: '1' },
  });
  const exited = guard(child);
  const written = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      written[name] += text;
    });
  }
  const late = setTimeout(() => signalGroup(child, 'SIGKILL'), 60_000);
  void exited.finally(() => clearTimeout(late));
  return {
    get stdout() {
      return written.stdout;
    },
    get stderr() {
      return written.stderr;
    },
    get running() {
      return child.exitCode === null && child.signalCode === null;
    },
    exited,
    signal: (signal) => signalGroup(child, signal),
  };
}

/** The shell of a real Erlang node. */
export interface Shell {
  /** `1> ` */
  readonly prompt: string;
  /** Types one line. @returns what the shell prints for it */
  run(line: string): Promise<string>;
  stop(): void;
}

interface ErlangShell extends Shell {
  ready(): Promise<boolean>;
}

interface ShellModule {
  erlangShell(options: { name: string; cookie: string; epmdPort: number; command: readonly string[] }): ErlangShell;
}

/** Opens the shell of a new Erlang node; the demo does it the same way. */
export async function openShell(name: string, cookie: string, epmdPort: number): Promise<Shell> {
  const module = new URL('../../docs/examples/demo/erlang-shell.mjs', import.meta.url).href;
  const { erlangShell } = (await import(module)) as ShellModule;
  const shell = erlangShell({ name, cookie, epmdPort, command: otpCommand('erl') });
  const ready = await within(30_000, shell.ready(), () => 'erl did not start within 30 s');
  if (!ready) throw new Error('there is no erl');
  return {
    get prompt() {
      return shell.prompt;
    },
    run: (line) => within(20_000, shell.run(line), () => `the Erlang shell did not answer ${line}`),
    stop: () => shell.stop(),
  };
}
