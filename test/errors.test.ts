// docs/ERRORS.md has every class and every code of errors.ts, and no other.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');
const source = read('../src/errors.ts');

/** The members of a union of texts, those of the unions in it included. */
function codesOf(union: string): string[] {
  const named = new RegExp(`type ${union} =([^;]*);`).exec(source)?.[1] ?? union;
  return Array.from(named.matchAll(/'(\w+)'|\b([A-Z]\w+)\b/g)).flatMap(([, code, other]) =>
    code === undefined ? codesOf(other as string) : [code],
  );
}

const classes = Array.from(source.matchAll(/export class (\w+) extends ErlnodeError<([^>]+)>/g));
const documented = new Map(
  read('../docs/ERRORS.md')
    .split(/^## /m)
    .slice(1)
    .map((section) => [
      section.slice(0, section.indexOf('\n')),
      Array.from(section.matchAll(/^\| `(\w+)` \| ./gm), ([, code]) => code as string),
    ]),
);

test('every class has a section', () => {
  expect(classes.length).toBeGreaterThan(7);
  expect([...documented.keys()]).toEqual(classes.map(([, name]) => name));
});

test.each(classes.map(([, name, union]) => [name as string, union as string]))('%s: every code once', (name, union) => {
  const codes = codesOf(union);
  expect(codes.length).toBeGreaterThan(0);
  expect(documented.get(name)?.toSorted()).toEqual(codes.toSorted());
});
