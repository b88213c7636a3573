// The data behind docs/INTEROP.md: what it names exists, and the page is what the data makes.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

interface Line {
  readonly line: number;
  readonly says: string;
  readonly state: 'beam' | 'machine' | 'partly' | 'not';
  readonly tests?: readonly { readonly file: string; readonly title: string }[];
  /** Why there is no test, not all of it, or no BEAM in it. */
  readonly why?: string;
}

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');
const lines = JSON.parse(read('conformance.json')) as readonly Line[];

/** Whether a string of the file is the title; a title in a table is an element of an array. */
function hasTitle(file: string, title: string): boolean {
  const source = read(`../../${file}`);
  const spellings = [`'${title.replaceAll("'", "\\'")}'`, `"${title}"`, `\`${title}\``];
  return spellings.some((spelling) => source.includes(spelling));
}

test('every line of the conformance checklist is there, once and in order', () => {
  expect(lines.map(({ line }) => line)).toEqual(Array.from({ length: 104 }, (_, i) => i + 1));
});

test('every line has tests or a reason', () => {
  for (const { line, state, tests = [], why } of lines) {
    expect(['beam', 'machine', 'partly', 'not'], `line ${line}`).toContain(state);
    expect(tests.length > 0, `line ${line} is shown by a test`).toBe(state !== 'not');
    if (state !== 'beam') expect(why, `line ${line} says why`).toBeTruthy();
  }
});

test('every test that is named exists', () => {
  const missing = lines.flatMap(({ line, tests = [] }) =>
    tests
      .filter(({ file, title }) => !existsSync(new URL(`../../${file}`, import.meta.url)) || !hasTitle(file, title))
      .map(({ file, title }) => `line ${line}: ${file}: ${title}`),
  );
  expect(missing).toEqual([]);
});

test('every difference names files that exist', () => {
  const differences = JSON.parse(read('differences.json')) as { file?: string; without?: string[] }[];
  const named = differences.flatMap(({ file, without = [] }) => [...without, ...(file === undefined ? [] : [file])]);
  expect(named.filter((path) => !existsSync(new URL(`../../${path}`, import.meta.url)))).toEqual([]);
});

test('docs/INTEROP.md is what the data makes; node test/matrix/report.mjs writes it', () => {
  const report = fileURLToPath(new URL('report.mjs', import.meta.url));
  const { status, stderr } = spawnSync(process.execPath, [report, '--check'], { encoding: 'utf8' });
  expect([status, stderr]).toEqual([0, '']);
});
