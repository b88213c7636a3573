// The house keeps its floors: import directions, purity, names and sizes. The rules are tables in support/house.ts;
// here they judge the real tree, and bad samples, so that a checker that sees nothing is noticed.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { checkMachinePaths, checkNamesAndSizes, checkSource } from './support/house.js';
import { blank, imports } from './support/source-scan.js';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Path and text of the files under these names whose path matches; binary files are left out. */
function read(names: readonly string[], matching = /./): Map<string, string> {
  const files = new Map<string, string>();
  for (const name of names.filter((each) => existsSync(join(root, each)))) {
    const below = statSync(join(root, name)).isDirectory()
      ? readdirSync(join(root, name), { recursive: true, encoding: 'utf8' }).map((each) => `${name}/${each}`)
      : [name];
    for (const path of below.filter((each) => matching.test(each) && statSync(join(root, each)).isFile())) {
      const bytes = readFileSync(join(root, path));
      if (!bytes.includes(0)) files.set(path, bytes.toString('utf8'));
    }
  }
  return files;
}

describe('this tree', () => {
  const source = read(['src'], /\.ts$/);

  test('src/ keeps the directions, the purity and the words', () => {
    expect(source.size).toBeGreaterThan(0);
    expect(checkSource(source)).toEqual([]);
  });

  test('test/ and benchmarks/ have honest names and sizes', () => {
    const files = read(['test', 'benchmarks'], /\.m?[jt]s$/);
    expect(files.size).toBeGreaterThan(0);
    expect(checkNamesAndSizes(files)).toEqual([]);
  });

  test('nothing names a path of the machine it was written on', () => {
    const names = ['src', 'test', 'benchmarks', 'docs', '.ci', '.github', 'README.md', 'package.json'];
    expect(checkMachinePaths(read(names))).toEqual([]);
  });
});

/** The files of the tree in docs/ARCHITECTURE.md: a folder's line ends in `/`, and indentation says what is inside. */
function drawnTree(): string[] {
  const [, tree = ''] = /^src\/\n((?: .*\n|\n)*)/m.exec(readFileSync(join(root, 'docs/ARCHITECTURE.md'), 'utf8')) ?? [];
  const folders: string[] = [];
  return tree.split('\n').flatMap((line) => {
    const [, indent = '', names = ''] = /^( *)((?:[\w-]+(?:\.ts|\/)(?: · )?)*)/.exec(line) ?? [];
    const depth = indent.length / 2 - 1;
    if (names === '') return [];
    if (names.endsWith('/')) folders.splice(depth, folders.length, names);
    else return names.split(' · ').map((name) => ['src/', ...folders.slice(0, depth), name].join(''));
    return [];
  });
}

test('the tree in docs/ARCHITECTURE.md is that of src/', () => {
  expect(drawnTree().sort()).toEqual([...read(['src'], /\.ts$/).keys()].sort());
});

describe('the checker', () => {
  /** Faults of one file in a small sound house. */
  function faults(path: string, content: string): string[] {
    const house = new Map([
      ['src/errors.ts', ''],
      ['src/index.ts', `export * from './node/node.js';`],
      ['src/start-node.ts', ''],
      ['src/term/atom.ts', ''],
      ['src/etf/decode.ts', `import { atom } from '../term/atom.js';`],
      ['src/dist/frame.ts', ''],
      ['src/process/mailbox.ts', ''],
      ['src/otp/gen.ts', ''],
      ['src/transport/tcp.ts', `import { connect } from 'node:net';`],
      ['src/discovery/srv.ts', `import { Resolver } from 'node:dns/promises';`],
      ['src/node/node.ts', `import type { A } from '../dist/frame.js';\nimport '../process/mailbox.js';`],
      ['src/node/log.ts', `import type { Logger } from 'pino';`],
      ['src/testing/strategy.ts', `import 'node:assert/strict';`],
      ['src/cli/main.ts', `import { startNode } from '../index.js';`],
    ]);
    expect(checkSource(house)).toEqual([]);
    return checkSource(house.set(path, content));
  }

  test.each([
    ['src/dist/x.ts', `import { a } from '../process/mailbox.js';`, 'dist must not import process'],
    ['src/process/x.ts', `export * from '../dist/frame.js';`, 'process must not import dist'],
    ['src/process/x.ts', `export type { A } from '../etf/decode.js';`, 'process must not import etf'],
    ['src/term/x.ts', `type A = import('../etf/decode.js').A;`, 'term must not import etf'],
    ['src/term/x.ts', `const a = await import(\n  '../etf/decode.js'\n);`, 'term must not import etf'],
    ['src/etf/x.ts', `import '../dist/frame.js';`, 'etf must not import dist'],
    ['src/otp/x.ts', `import '../node/node.js';`, 'otp must not import node'],
    ['src/transport/x.ts', `import '../discovery/srv.js';`, 'transport must not import discovery'],
    ['src/discovery/x.ts', `import '../term/atom.js';`, 'discovery must not import term'],
    ['src/node/x.ts', `import '../start-node.js';`, 'node must not import start-node.ts'],
    ['src/node/x.ts', `import '../index.js';`, 'node must not import index.ts'],
    ['src/testing/x.ts', `import '../node/node.js';`, 'testing must not import node'],
    ['src/discovery/x.ts', `import '../testing/strategy.js';`, 'discovery must not import testing'],
    ['src/index.ts', `export * from './testing/strategy.js';`, 'index.ts imports ./testing/strategy.js'],
    ['src/cli/x.ts', `import '../node/node.js';`, 'cli must not import node'],
    ['src/cli/x.ts', `import '../errors.js';`, 'cli must not import errors.ts'],
    ['src/start-node.ts', `import './cli/main.js';`, 'start-node.ts imports ./cli/main.js'],
    ['src/errors.ts', `import { a } from './term/atom.js';`, 'errors.ts imports ./term/atom.js'],
    ['src/errors.ts', `import type { A } from './dist/frame.js';`, 'errors.ts imports ./dist/frame.js'],
    ['src/node/x.ts', `import '../../test/y.js';`, 'outside src/'],
    ['src/node/x.ts', `import './gone.js';`, 'does not exist'],
    ['src/shared/x.ts', '', 'src/ has no place for shared'],
    ['src/loose.ts', '', 'src/ has no place for loose.ts'],
  ])('directions: %s with %s', (path, content, fault) => {
    expect(faults(path, content)).toEqual([expect.stringContaining(fault)]);
  });

  test.each([
    ['src/term/x.ts', `import { readFileSync } from 'fs';`, 'no files here'],
    ['src/term/x.ts', `import { inspect } from 'node:util';`, 'term is pure'],
    ['src/etf/decode.ts', `import { inflateSync } from 'node:zlib';`, 'etf is pure'],
    ['src/dist/handshake/messages.ts', `import { createHash } from 'node:crypto';`, 'dist is pure'],
    ['src/node/x.ts', `import { pino } from 'pino';`, 'no pino here'],
    ['src/node/x.ts', `import { connect } from 'node:net';`, 'no sockets here'],
    ['src/transport/x.ts', `import dns from 'node:dns';`, 'no DNS here'],
    ['src/node/x.ts', `import { env } from 'node:process';`, 'no environment here'],
    ['src/node/x.ts', `import { x } from 'left-pad';`, 'not a dependency'],
    ['src/node/x.ts', `const m = await import(name);`, 'not a literal'],
    ['src/transport/x.ts', 'const a = process.env.HOME;', 'reads the environment'],
    ['src/transport/x.ts', 'const { env } = process;', 'reads the environment'],
    ['src/dist/x.ts', 'const t = Date.now();', 'reads a clock'],
    ['src/dist/x.ts', 'setTimeout(f, 1);', 'reads a clock'],
  ])('purity: %s with %s', (path, content, fault) => {
    expect(faults(path, content)).toEqual([expect.stringContaining(fault)]);
  });

  test.each([
    ['let a: any;', 'uses any'],
    ['const a = b as any;', 'uses any'],
    ['let a: Map<string, any[]>;', 'uses any'],
    ['let a: Map<any, string>;', 'uses any'],
    ['let a: Promise<Set<string, any>>;', 'uses any'],
    ['type A = string | any;', 'uses any'],
    ['class A {\n  private b = 1;\n}', 'hides a member'],
    ['enum A { B }', 'declares an enum'],
    ['export const enum A { B }', 'declares an enum'],
    ['export default 1;', 'default export'],
    ['export { a as default };', 'default export'],
    [`throw new Error('x');`, 'bare Error'],
    [`throw Error('x');`, 'bare Error'],
    ['const a = `${new Error("x")}`;', 'bare Error'],
  ])('words: %s', (content, fault) => {
    expect(faults('src/term/x.ts', content)).toEqual([expect.stringContaining(fault)]);
  });

  test.each([
    ['src/etf/compressed.ts', `import { inflateSync } from 'node:zlib';`],
    ['src/dist/handshake/digest.ts', `import { createHash } from 'node:crypto';`],
    ['src/term/x.ts', `import { Buffer } from 'node:buffer';`],
    ['src/node/options.ts', 'const a = process.env.ERL_EPMD_PORT;'],
    ['src/discovery/epmd/client.ts', `const a = process.env['ERL_EPMD_PORT'];`],
    ['src/process/x.ts', 'const timer = setTimeout(f, 1);'],
    ['src/node/x.ts', '// any new Error( enum A {\n/* export default */ const s = "process.env", r = /as any`"/;'],
    ['src/node/x.ts', 'const s = `from "nowhere" ${a /* any */} new Error(`; Promise.any([]); /** import("x") */'],
    ['src/node/x.ts', 'const a = b / c; const d = e / f; class XError extends Error {} new XError("any");'],
    ['src/node/x.ts', 'const [two, any] = f(a || any, { any: 1 }); g(two ?? any ?? 1, any);'],
    ['src/errors.ts', `import type { Term } from './term/atom.js';`],
  ])('lets pass: %s with %s', (path, content) => {
    expect(faults(path, content)).toEqual([]);
  });

  test('finds a cycle, through several files, but not one of types', () => {
    const files = (kind: string) =>
      new Map([
        ['src/term/a.ts', `import { b } from './b.js';`],
        ['src/term/b.ts', `import { c } from './c.js';`],
        ['src/term/c.ts', `${kind} { a } from './a.js';`],
      ]);
    const found = checkSource(files('import'));
    expect(found).toEqual([
      'src/term/a.ts:1 is in a cycle: src/term/a.ts → src/term/b.ts → src/term/c.ts → src/term/a.ts',
    ]);
    expect(checkSource(files('export'))).toEqual(found);
    expect(checkSource(files('import type'))).toEqual([]);
  });

  test.each(['utils', 'helper', 'common', 'types', 'misc', 'connection/manager', 'handlers'])(
    'refuses the name %s',
    (name) => {
      expect(faults(`src/node/${name}.ts`, '')).toHaveLength(1);
      expect(faults(`src/node/${name}/x.ts`, '')).toHaveLength(1);
      expect(faults(`src/node/remote-${name.replace('/', '-')}.ts`, '')).toEqual([]);
    },
  );

  test('counts lines', () => {
    expect(faults('src/node/x.ts', '\n'.repeat(500))).toEqual([]);
    expect(faults('src/node/x.ts', '\n'.repeat(501))).toEqual(['src/node/x.ts:501 is longer than 500 lines']);
  });

  test('sees paths of machines, and lets public ones pass', () => {
    const path = (...parts: string[]) => ['', ...parts].join('/');
    const judge = (text: string) => checkMachinePaths(new Map([['a.md', text]]));
    for (const bad of [path('home', 'joe', 'x'), path('root', 'x'), path('work', 'main'), path('Users', 'joe')])
      for (const text of [bad, `see ${bad}`, `"${bad}"`, `a\n(${bad})`]) expect(judge(text)).toHaveLength(1);
    for (const good of [
      path('usr', 'bin', 'erl'),
      'https://example.org/home/x',
      '~/.erlang.cookie',
      ['src', 'node', 'work', 'x'].join('/'),
    ])
      expect(judge(good)).toEqual([]);
  });

  test('reads imports with their lines and kinds', () => {
    const source = [
      `import a, { b } from 'x'; // from 'no'`,
      `import type { C } from "y";`,
      `export type {`,
      `  D,`,
      `} from './d.js';`,
      'const s = `${`from "no"`} import("no")`;',
      `type E = typeof import('./e.js');`,
    ].join('\n');
    expect(imports(source).map(({ specifier, line, typeOnly }) => [specifier, line, typeOnly])).toEqual([
      ['x', 1, false],
      ['y', 2, true],
      ['./d.js', 5, true],
      ['./e.js', 7, false],
    ]);
    expect(blank(source)).toHaveLength(source.length);
  });
});
