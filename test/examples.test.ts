// Every program in docs/examples is started, and the Erlang session in its first comment is typed into a real shell:
// the lines before `Run:` before it starts, those after it when its node is up. The demo has a test of its own.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { startEpmd } from './support/epmd.js';
import { judge, nodeIsUp, typeSession } from './support/example.js';
import { freePort } from './support/free-port.js';
import { openShell, startProgram } from './support/program.js';

const folder = fileURLToPath(new URL('../docs/examples', import.meta.url));
const programs = readdirSync(folder).filter((file) => file.endsWith('.mjs') && file !== 'demo.mjs');

test('there are some', () => {
  expect(programs.length).toBeGreaterThan(3);
});

test.each(programs)('%s', { timeout: 90_000 }, async (file) => {
  const code = readFileSync(join(folder, file), 'utf8');
  const [comment = ''] = code.split(/\n(?!\/\/)/);
  const part = (label: string): string => {
    const [, text = ''] = new RegExp(`^// ${label}: ([\\s\\S]*?)(?=^// \\w+:|$(?![\\s\\S]))`, 'm').exec(comment) ?? [];
    const lines = text.split('\n').map((line) => line.replace(/^\/\/ {9}|^ +/, ''));
    if (label !== 'Run' && lines[0] === 'erl -name e@127.0.0.1 -setcookie secret') lines.shift();
    return lines.join('\n').trim();
  };
  expect(part('Run')).toBe(`node docs/examples/${file}`);

  const [before, after] = [part('First'), part('Then')];
  const daemon = code.includes('embedded: true') ? undefined : await startEpmd();
  const port = daemon?.port ?? (await freePort());
  const open = () => openShell('e@127.0.0.1', 'secret', port);
  let shell = before === '' ? undefined : await open();
  if (shell !== undefined) await typeSession(shell, before);
  const program = startProgram(join(folder, file), port);
  try {
    await nodeIsUp(program, port);
    if (after !== '') {
      shell ??= await open();
      await typeSession(shell, after);
    }
    await judge(program, code);
  } finally {
    program.signal('SIGKILL');
    shell?.stop();
    await daemon?.stop();
  }
});
