// docs/PROTOCOL.md: its sections are those that the comments mean, and the files that it names are there.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const page = readFileSync(join(root, 'docs/PROTOCOL.md'), 'utf8');
const sections = new Set(Array.from(page.matchAll(/^(?:## |\| )(\d+(?:\.\d+)?) /gm), ([, number]) => number as string));

test('every section that a comment names is there', () => {
  const named = new Set<string>();
  for (const folder of ['src', 'test'])
    for (const file of readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })) {
      if (!/\.(ts|mjs|erl)$/.test(file)) continue;
      const text = readFileSync(join(root, folder, file), 'utf8').replaceAll(/\n\s*(\/\/|\*)\s*/g, ' ');
      for (const [, list] of text.matchAll(
        /protocol (?:sections? )?([1-9]\d*(?:\.\d+)?(?:(?:, | to | and )\d+(?:\.\d+)?)*)/gi,
      ))
        for (const number of (list as string).split(/, | to | and /)) named.add(number);
    }
  expect(named.size).toBeGreaterThan(20);
  expect([...named].filter((number) => !sections.has(number))).toEqual([]);
});

test('every file that it names is there', () => {
  const missing: string[] = [];
  for (const line of page.split('\n').filter((each) => each.startsWith('| '))) {
    const [, , , where = '', tests = ''] = line.split('|');
    for (const [cell, base] of [
      [where, 'src'],
      [tests, 'test'],
    ] as const) {
      let folder = '';
      for (const [, path = ''] of cell.matchAll(/`([^`]+)`/g)) {
        if (path.startsWith('test/')) {
          if (!existsSync(join(root, path))) missing.push(path);
          continue;
        }
        if (path.includes('/')) folder = path.slice(0, path.lastIndexOf('/') + 1);
        const name = path.includes('/') ? path : `${folder}${path}`;
        if (!found(base, name) && !found(base, path)) missing.push(`${base}/${name}`);
      }
    }
  }
  expect(missing).toEqual([]);
});

/** A file, a folder, or `tls-*.ts`; a test without its ending. */
function found(base: string, name: string): boolean {
  const path = join(root, base, name);
  if (base === 'src' && name.includes('*')) {
    const [start = '', end = ''] = name.split('/').at(-1)?.split('*') ?? [];
    const files = readdirSync(join(path, '..'));
    return files.some((file) => file.startsWith(start) && file.endsWith(end));
  }
  if (base === 'src' || name.endsWith('/')) return existsSync(path);
  return ['.test.ts', '.property.test.ts', '.interop.test.ts'].some((ending) => existsSync(`${path}${ending}`));
}
