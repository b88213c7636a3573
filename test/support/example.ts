// How documentation is put to the test: a program runs, a session is typed into a real Erlang shell, and both print what
// the documentation says. `// prints: x` in a program is a line of its output, `// warns: x` a warning on stderr.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { epmd } from '../../src/discovery/index.js';
import { within } from './child.js';
import type { Program, Shell } from './program.js';

/** Types a session, `1> expression.` and what the shell answers, and compares prompts and answers. */
export async function typeSession(shell: Shell, session: string): Promise<void> {
  for (const entry of session.trim().split(/^(?=\S*\d+> )/m)) {
    const [, prompt, line = '', answer = ''] = /^(?:\(.*\))?(\d+> )(.*)\n?([\s\S]*)$/.exec(entry) ?? [];
    expect(`${shell.prompt}${line}`).toBe(`${prompt}${line}`);
    expect(`${line}\n${comparable(await shell.run(line))}`).toBe(`${line}\n${comparable(answer.trim())}`);
  }
}

/** Waits until the program's node can be found, or has come and gone. */
export async function nodeIsUp(program: Program, port: number): Promise<void> {
  const names = epmd({ port }).names;
  for (const end = Date.now() + 20_000; Date.now() < end && program.running; await sleep(20)) {
    const found = (await names?.('127.0.0.1').catch(() => [])) ?? [];
    if (found.some(({ name }) => name === 'ts')) return;
  }
}

/** Has the program printed what it should have, and does it live on, or end well, as its code says? */
export async function judge(program: Program, code: string): Promise<void> {
  const [expected, warnings] = ['prints', 'warns'].map((does) =>
    [...code.matchAll(new RegExp(`// ${does}: (.*)$`, 'gm'))].map(([, line = '']) => comparable(line.trim())),
  ) as [string[], string[]];
  const printed = (): string[] =>
    program.stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => comparable(line.trim()));
  const untilInterrupted = code.includes('SIGINT');
  const ends = !untilInterrupted && (code.includes('.stop()') || !code.includes('startNode'));
  if (!ends) {
    await expect.poll(() => printed().length, { timeout: 20_000 }).toBeGreaterThanOrEqual(expected.length);
    expect(program.running).toBe(true);
    if (untilInterrupted) program.signal('SIGINT');
  }
  if (ends || untilInterrupted) {
    const { code: status } = await within(20_000, program.exited, () => `it goes on:\n${program.stdout}`);
    expect({ status, stderr: warned(program.stderr) }).toEqual({ status: 0, stderr: warnings });
  }
  expect(printed()).toEqual(expected);
  await expect.poll(() => warned(program.stderr)).toEqual(warnings);
}

/** The lines on stderr, of warnings of ours only what they say. */
function warned(stderr: string): string[] {
  const lines = stderr
    .split('\n')
    .filter((line) => line !== '' && !/^ {4}at |^\(Use `node --trace-warnings/.test(line));
  return lines.map((line) => comparable(line.replace(/^\(node:\d+\) ErlnodeWarning: /, '')));
}

/** Numbers that differ in every run, made equal; line breaks of the printer taken out. */
function comparable(printed: string): string {
  return printed
    .replace(/\n\s*/g, '')
    .replace(/<0\.\d+\.0>/g, '<0.N.0>')
    .replace(/#Ref<[\d.]+>/g, '#Ref<N>')
    .replace(/#Fun<[\w.]+>/g, '#Fun<N>');
}
