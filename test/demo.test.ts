// `npm run demo`, as a user has it: with Erlang, without, with an EPMD there or none, interrupted, and when things go
// wrong. Each run has an EPMD port and a PATH of its own.
import { execFile, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { guard, signalGroup, within } from './support/child.js';
import { startEpmd } from './support/epmd.js';
import { freePort } from './support/free-port.js';
import { otpCommand } from './support/otp-command.js';

const demo = fileURLToPath(new URL('../docs/examples/demo.mjs', import.meta.url));
const screen = new URL('../docs/examples/demo/screen.mjs', import.meta.url).href;

vi.setConfig({ testTimeout: 90_000 }); // the demo ends by itself long before

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'erlnode-demo-'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A folder for the PATH in which there is Node.js and, where a script is given, that `erl`. */
function pathWith(name: string, erl?: string): string {
  const path = mkdtempSync(join(folder, `${name}-`));
  symlinkSync(process.execPath, join(path, 'node'));
  if (erl !== undefined) {
    writeFileSync(join(path, 'erl'), erl);
    chmodSync(join(path, 'erl'), 0o755);
  }
  return path;
}

/** The `erl` that the other tests use, with what its start script needs. */
function pathWithErlang(): string {
  const quoted = otpCommand('erl').map((part) => `'${part.replaceAll("'", `'\\''`)}'`);
  return pathWith('erlang', `#!/bin/sh\nPATH='${process.env['PATH']}' exec ${quoted.join(' ')} "$@"\n`);
}

interface Run {
  readonly output: string;
  readonly exited: ReturnType<typeof guard>;
  interrupt(): void;
}

function start(path: string, epmdPort: number, ...args: string[]): Run {
  const child = spawn(process.execPath, [demo, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    env: { PATH: path, HOME: folder, ERL_EPMD_PORT: String(epmdPort) },
  });
  const exited = guard(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  const late = setTimeout(() => signalGroup(child, 'SIGKILL'), 60_000);
  void exited.finally(() => clearTimeout(late));
  return {
    get output() {
      return output;
    },
    exited,
    interrupt: () => void child.kill('SIGINT'),
  };
}

async function run(
  path: string,
  epmdPort: number,
  ...args: string[]
): Promise<{ code: number | null; output: string }> {
  const started = start(path, epmdPort, ...args);
  const { code } = await started.exited;
  return { code, output: started.output };
}

/** Processes that have one of the demo's node names, which are random, on their command line. */
async function leftBehind(output: string): Promise<string[]> {
  const names = new Set(output.match(/\w+_[0-9a-f]{4}@127\.0\.0\.1/g));
  expect(names.size).toBeGreaterThan(0);
  const { stdout } = await promisify(execFile)('ps', ['-eo', 'args']);
  return stdout.split('\n').filter((line) => [...names].some((name) => line.includes(name)));
}

describe('with Erlang', () => {
  test('both shells talk to each other, and to an EPMD that the demo serves', async () => {
    const { code, output } = await run(pathWithErlang(), await freePort());
    expect({ code, output }).toMatchObject({ code: 0 });
    expect(output).toMatch(/^No EPMD runs on port \d+: the TypeScript node serves it\.\n/);
    expect(output).toMatch(/Node\.js v\d.+ts_\w+@127\.0\.0\.1 +│ Erlang\/OTP \d+ +erl_\w+@127\.0\.0\.1\n/);
    expect(output).toMatch(/│ \d+> net_adm:ping\(Ts\)\.\n +│ pong\n/);
    expect(output).toMatch(/^> await node\.ping\(beam\) +│\n'pong' +│$/m);
    expect(output).toMatch(/^echo got \{<0\.\d+\.0>,#\{say => "hello"\}\} +│$/m);
    expect(output).toMatch(/^\{thanks,<<"good day">>\} +│$/m);
    expect(output).toMatch(/gen_server:call\(\{counter, Ts\}, \{add, 23\}\)\.\n +│ 42\n/);
    expect(output).toContain('{badrpc,');
    expect(output).toMatch(/^All \d+ lines printed what they should have, in \d+ ms\.$/m);
    expect(output).not.toContain('\x1b');
    expect(output).not.toContain('Warning');
    expect(output).not.toContain('apt-get');
    await expect.poll(() => leftBehind(output), { timeout: 10_000 }).toEqual([]);
  });

  test('an EPMD that is there is used', async () => {
    const epmd = await startEpmd();
    const { code, output } = await run(pathWithErlang(), epmd.port);
    expect({ code, output }).toMatchObject({ code: 0 });
    expect(output).toContain(`An EPMD runs on port ${epmd.port}: both nodes register there.`);
    await epmd.stop();
  });

  test('a port that something else has taken is no hindrance', async () => {
    const server = createServer((socket) => socket.on('error', () => {}).end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    const port = await new Promise<number>((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
    });
    const { code, output } = await run(pathWithErlang(), port);
    server.close();
    expect({ code, output }).toMatchObject({ code: 0 });
    expect(output).toMatch(/is no EPMD .*: the TypeScript node serves port \d+\.\n/);
  });
});

describe('without Erlang', () => {
  test('a second process plays its part', async () => {
    const { code, output } = await run(pathWith('plain'), await freePort());
    expect({ code, output }).toMatchObject({ code: 0 });
    expect(output).toMatch(/Node\.js v\d.+ts_\w+@127\.0\.0\.1 +│ Node\.js v\d.+peer_\w+@127\.0\.0\.1\n/);
    expect(output).toMatch(/│ > await node\.ping\(ts\)\n +│ 'pong'\n/);
    expect(output).toMatch(/^> await node\.ping\(peer\) +│\n'pong' +│$/m);
    expect(output).toMatch(/^All \d+ lines printed what they should have, in \d+ ms\.$/m);
    expect(output).toContain('sudo apt-get install --no-install-recommends erlang-base');
    expect(output).toMatch(/brew install erlang[\s\S]*asdf install erlang/);
    expect(output).not.toContain('Warning');
    await expect.poll(() => leftBehind(output), { timeout: 10_000 }).toEqual([]);
  });
});

describe('when it goes wrong', () => {
  test('an erl that does not start', async () => {
    const broken = pathWith('broken', '#!/bin/sh\necho "cannot find my boot file" >&2\nexit 3\n');
    const { code, output } = await run(broken, await freePort());
    expect({ code, output }).toMatchObject({ code: 1 });
    expect(output).toMatch(/The demo failed: erl ended \(exit code 3\)\ncannot find my boot file\n/);
  });

  test('an answer that is wrong', async () => {
    const liar = `#!${process.execPath}
      const name = process.argv[process.argv.indexOf('-name') + 1];
      let n = 1;
      const prompt = () => process.stdout.write('(' + name + ')' + n++ + '> ');
      prompt();
      process.stdin.on('data', (line) => {
        process.stdout.write(String(line).includes('ping') ? 'pang\\n' : String(line).replace(/^.* = |\\.\\n$/g, '') + '\\n');
        prompt();
      }).on('end', () => process.exit());
    `;
    const { code, output } = await run(pathWith('liar', liar), await freePort());
    expect({ code, output }).toMatchObject({ code: 1 });
    expect(output).toContain('The demo failed: net_adm:ping(Ts). printed something else than pong');
    expect(output).toContain('"msg":"node started"');
    await expect.poll(() => leftBehind(output), { timeout: 10_000 }).toEqual([]);
  });

  test('an erl that says nothing', async () => {
    const mute = pathWith('mute', `#!${process.execPath}\nsetTimeout(() => {}, 60_000);\n`);
    const { code, output } = await run(mute, await freePort(), '--patience', '3');
    expect({ code, output }).toMatchObject({ code: 1 });
    expect(output).toContain('The demo failed: the start of erl took longer than 3 s');
  });

  test('Ctrl-C', async () => {
    const mute = pathWith(
      'mute',
      `#!${process.execPath}\nprocess.title = process.argv.join(' ');\nsetTimeout(() => {}, 60_000);\n`,
    );
    const started = start(mute, await freePort(), '--verbose');
    await expect.poll(() => started.output, { timeout: 10_000 }).toContain('node started');
    started.interrupt();
    expect(await within(10_000, started.exited, () => started.output)).toMatchObject({ code: 130 });
    expect(started.output).not.toContain('failed');
    await expect.poll(() => leftBehind(started.output), { timeout: 10_000 }).toEqual([]);
  });
});

test('--stay waits for the user to come, and ends by Ctrl-C', async () => {
  const port = await freePort();
  const started = start(pathWith('plain'), port, '--stay');
  await expect.poll(() => started.output, { timeout: 10_000 }).toContain('Ctrl-C ends it.');
  const [, command = ''] = /^ {2}(ERL_EPMD_PORT=.* erl -name .*)$/m.exec(started.output) ?? [];
  expect(command).toMatch(new RegExp(`^ERL_EPMD_PORT=${port} erl -name me@127\\.0\\.0\\.1 -setcookie \\w{20,}$`));
  started.interrupt();
  expect(await within(10_000, started.exited, () => started.output)).toMatchObject({ code: 0 });
});

test('--help, and options that there are not', async () => {
  const help = await run(pathWith('plain'), 1, '--help');
  expect(help.code).toBe(0);
  expect(help.output).toContain('npm run demo -- --stay');
  const unknown = await run(pathWith('plain'), 1, '--no-such');
  expect(unknown.code).toBe(1);
  expect(unknown.output).toContain('--no-such');
});

test('colours are for terminals, and for those who want them', async () => {
  interface Screen {
    twoColumns(output: unknown, env: Record<string, string>): { heading(left: string, right: string): void };
  }
  const { twoColumns } = (await import(screen)) as Screen;
  const printed = (isTTY: boolean, env: Record<string, string>): string => {
    let text = '';
    const output = { isTTY, columns: 80, write: (part: string) => (text += part) };
    twoColumns(output, env).heading('left side', 'x'.repeat(50));
    return text;
  };
  expect(printed(true, {})).toContain('\x1b[1m');
  for (const plain of [printed(true, { NO_COLOR: '1' }), printed(true, { TERM: 'dumb' }), printed(false, {})])
    expect(plain).toBe(`${'left side'.padEnd(38)} │ ${'x'.repeat(38)}\n${''.padEnd(38)} │     ${'x'.repeat(12)}\n`);
});
