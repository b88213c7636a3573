// The package as users get it: packed, installed into an empty project, loaded by import and by require(), and
// type-checked by a consumer that checks our declarations too.
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { freePort } from './support/free-port.js';

const run = promisify(execFile);
vi.setConfig({ testTimeout: 60_000 }); // busy machines
const root = fileURLToPath(new URL('..', import.meta.url));
const doors = {
  erlnode: [
    ...['startNode', 'atom', 'tuple', 'float', 'charlist', 'text'],
    ...['erl', 'format', 'parse', 'compare', 'equals', 'tcp', 'tls', 'unix'],
    ...['cluster', 'hosts', 'dnsPoll', 'epmdNames', 'erlangHosts', 'gossip'],
  ],
  'erlnode/etf': ['encode', 'decode'],
  'erlnode/testing': ['transportConformance', 'discoveryConformance', 'strategyConformance', 'memory'],
  'erlnode/discovery': ['epmd', 'epmdServer', 'staticNodes', 'firstOf', 'srv', 'consul', 'kubernetes'],
};

const useOfEverything = `
  const term = tuple(atom('ok'), [1, 2n ** 70n, float(1)], 'text', charlist('abc'));
  const back = decode(encode(term));
  if (!equals(term, decode(encode(term), { floats: 'exact', binaries: 'string' }))) throw new Error('not equal');
  if (compare(atom('a'), atom('b')) >= 0) throw new Error('out of order');
  console.log(format(back), format(parse('{a, "b"}')), format(erl\`{ok, \${1}}\`), text(charlist('chars')));
`;
const printed = '{ok,[1,1180591620717411303424,1],<<"text">>,"abc"} {a,"b"} {ok,1} chars';

const typescript = `
  import { atom, equals, format, startNode, tuple, type Term } from 'erlnode';
  import { epmd, epmdServer } from 'erlnode/discovery';
  import { decode, encode } from 'erlnode/etf';

  export async function main(): Promise<string> {
    const server = epmdServer;
    const node = await startNode('ts@127.0.0.1', { cookie: 'secret', hidden: true, discovery: epmd() });
    const pid = node.spawn(async (self) => {
      self.register('echo');
      for await (const message of self) self.send('echo', message);
    });
    const me = node.spawnMailbox();
    me.send(pid, tuple(atom('hello'), 1));
    const answer: Term = await me.receive();
    const reply: Term = await me.call({ name: 'server', node: 'e@127.0.0.1' }, answer, { timeout: 5000 });
    await node.stop();
    return typeof server + format(decode(encode(reply))) + String(equals(reply, answer));
  }
  // @ts-expect-error: an atom has a name
  atom(1);
  // @ts-expect-error: a symbol is no term
  encode(Symbol.iterator);
`;

let project: string;
let packed: string[];

beforeAll(async () => {
  project = mkdtempSync(join(tmpdir(), 'erlnode-package-'));
  // lib/ is already built; the prepack script would empty it under the feet of tests that run meanwhile.
  const pack = await run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', project], { cwd: root });
  const [tarball] = JSON.parse(pack.stdout) as { filename: string; files: { path: string }[] }[];
  if (tarball === undefined) throw new Error('npm pack made nothing');
  packed = tarball.files.map(({ path }) => path);
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'consumer', private: true, type: 'module' }));
  await run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', `./${tarball.filename}`], {
    cwd: project,
  });
}, 120_000);

afterAll(() => rmSync(project, { recursive: true, force: true }));

/** Runs a file of the consumer's project and returns what it prints. */
async function node(file: string, code: string): Promise<string> {
  writeFileSync(join(project, file), code);
  const { stdout } = await run(process.execPath, [file], { cwd: project, timeout: 20_000 });
  return stdout.trim();
}

test('the tarball holds what it should, and no more', () => {
  expect(packed.filter((path) => !/^(lib\/.+\.(js|d\.ts)(\.map)?|src\/.+\.ts)$/.test(path)).sort()).toEqual([
    'LICENSE',
    'README.md',
    'package.json',
  ]);
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    exports: Record<string, string | Record<string, string>>;
  };
  const targets = Object.values(exports).flatMap((each) => (typeof each === 'string' ? [each] : Object.values(each)));
  expect(targets.filter((target) => !packed.includes(target.slice(2)))).toEqual([]);
});

describe('plain JavaScript', () => {
  test('import', async () => {
    const imports = Object.entries(doors).map(([door, names]) => `import { ${names.join(', ')} } from '${door}';`);
    expect(await node('import.mjs', imports.join('\n') + useOfEverything)).toBe(printed);
  });

  test('require()', async () => {
    const imports = Object.entries(doors).map(([door, names]) => `const { ${names.join(', ')} } = require('${door}');`);
    expect(await node('require.cjs', imports.join('\n') + useOfEverything)).toBe(printed);
  });

  test('two nodes find each other and talk', async () => {
    const code = `
      import { genServer, startNode } from 'erlnode';
      import { epmd } from 'erlnode/discovery';
      const options = { cookie: 'secret', discovery: epmd({ port: ${await freePort()}, embedded: true }) };
      const [a, b] = [await startNode('a@127.0.0.1', options), await startNode('b@127.0.0.1', options)];
      b.spawn(genServer({ handleCall: (request) => request * 2 }), { name: 'doubler' });
      console.log(await a.ping(b.name), await a.call({ name: 'doubler', node: b.name }, 21));
      await Promise.all([a.stop(), b.stop()]);
    `;
    expect(await node('talk.mjs', code)).toBe('pong 42');
  });

  test('every door has every name', async () => {
    const code = `
      const missing = [];
      for (const [door, names] of Object.entries(${JSON.stringify(doors)})) {
        const module = await import(door);
        for (const name of names) if (typeof module[name] !== 'function') missing.push(door + ' ' + name);
      }
      console.log(JSON.stringify(missing));
    `;
    expect(JSON.parse(await node('names.mjs', code))).toEqual([]);
  });
});

/** The programs between a heading of docs/DISCOVERY.md and the next. */
function programsOf(heading: string): readonly string[] {
  const [, section = ''] = readFileSync(join(root, 'docs/DISCOVERY.md'), 'utf8').split(`\n## ${heading}\n`);
  const [text = ''] = section.split('\n## ');
  return Array.from(text.matchAll(/^```ts\n(import [\s\S]*?)^```$/gm), ([, program = '']) => program);
}

describe('TypeScript, with skipLibCheck off', () => {
  beforeAll(() => {
    // Our own @types/node, since a consumer on Node has one too.
    for (const name of ['@types/node', 'undici-types'])
      cpSync(join(root, 'node_modules', name), join(project, 'node_modules', name), { recursive: true });
    mkdirSync(join(project, 'src'));
    writeFileSync(join(project, 'src/main.ts'), typescript);
  });

  test('the discovery that docs/DISCOVERY.md writes passes the suite of erlnode/testing, with the runner of Node.js', async () => {
    const [discovery = '', suite = '', ...others] = programsOf('Writing one');
    expect(others).toEqual([]);
    writeFileSync(join(project, 'src/shared-table.ts'), discovery);
    writeFileSync(join(project, 'src/shared-table.test.ts'), suite);
    const options = ['--module nodenext --target es2022 --lib es2022 --types node --strict --outDir written'];
    const files = ['src/shared-table.ts', 'src/shared-table.test.ts'];
    const tsc = [join(root, 'node_modules/typescript/bin/tsc'), ...options.join(' ').split(' '), ...files];
    const runs = async (...args: readonly string[]) =>
      run(process.execPath, args, { cwd: project }).then(
        ({ stdout }) => stdout,
        (error: { stdout: string }) => `failed: ${error.stdout}`,
      );
    expect(await runs(...tsc)).toBe('');
    const report = await runs('--test', '--test-reporter=tap', 'written/shared-table.test.js');
    expect(report).toContain('\n# fail 0\n');
    expect(report).toContain('a closed registration is found no more');
    expect(report).toMatch(/\n# pass (?:1[5-9]|[2-9]\d)\n/);

    // The same suite has teeth: a table that forgets nothing does not pass.
    writeFileSync(join(project, 'src/shared-table.ts'), discovery.replace('table.delete(node)', 'void node'));
    expect(await runs(...tsc)).toBe('');
    expect(await runs('--test', '--test-reporter=tap', 'written/shared-table.test.js')).toMatch(/\n# fail [1-9]/);
  });

  test.each([
    ['nodenext', 'nodenext', 'main.ts'],
    ['preserve', 'bundler', 'main.ts'],
    ['nodenext', 'nodenext', 'common.cts'],
  ])('module %s, resolution %s, %s', async (module, moduleResolution, file) => {
    writeFileSync(join(project, 'src/common.cts'), typescript);
    const config = {
      compilerOptions: {
        ...{ module, moduleResolution, target: 'es2022', lib: ['es2022'], types: ['node'] },
        ...{ strict: true, exactOptionalPropertyTypes: true, skipLibCheck: false, noEmit: true },
      },
      files: [`src/${file}`],
    };
    const name = `tsconfig.${moduleResolution}.${file}.json`;
    writeFileSync(join(project, name), JSON.stringify(config));
    const tsc = [join(root, 'node_modules/typescript/bin/tsc'), '-p', name];
    const checked = run(process.execPath, tsc, { cwd: project }).then(
      () => '',
      (error: { stdout: string }) => error.stdout,
    );
    expect(await checked).toBe('');
  });
});
