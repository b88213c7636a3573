// The README is executed. Section by section: every ts and js block is a program of its own against the built package,
// every erlang block is typed into a real Erlang shell, and what both print is what the README says; ts blocks are
// type-checked, too. `// prints: x` is a line of output. Pids, references and funs have other numbers in every run.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startEpmd } from './support/epmd.js';
import { judge, nodeIsUp, typeSession } from './support/example.js';
import { freePort } from './support/free-port.js';
import { openShell, type Program, type Shell, startProgram } from './support/program.js';

interface Block {
  readonly language: string;
  readonly code: string;
  /** The built file of a program. */
  readonly file: string;
}

interface Section {
  readonly title: string;
  readonly blocks: readonly Block[];
}

const root = fileURLToPath(new URL('..', import.meta.url));
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const { name: packageName, scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  name: string;
  scripts: Record<string, string>;
};

// Below the package's folder, so that `import … from 'erlnode'` finds the package itself, through its exports.
mkdirSync(join(root, '.cache'), { recursive: true });
const folder = mkdtempSync(join(root, '.cache/readme-'));
const sections = readme.split(/^(?=#{1,3} )/m).map(
  (text, s): Section => ({
    title: /^#+ (.*)$/m.exec(text)?.[1] ?? '',
    blocks: [...text.matchAll(/^```(.*)\n([\s\S]*?)^```$/gm)].map(([, language = '', code = ''], b) => ({
      language,
      code,
      file: join(folder, `${s}-${b}.${language === 'js' ? 'mjs' : 'js'}`),
    })),
  }),
);
const isProgram = ({ language }: Block): boolean => language === 'js' || language === 'ts';
const all = sections.flatMap(({ blocks }) => blocks);

beforeAll(() => {
  for (const { language, code, file } of all) {
    if (language === 'js') writeFileSync(file, code);
    if (language === 'ts') writeFileSync(file.replace(/\.js$/, '.ts'), code);
  }
  const options = { module: 'nodenext', target: 'es2022', types: ['node'], strict: true, skipLibCheck: false };
  const strict = { exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, verbatimModuleSyntax: true };
  const config = { compilerOptions: { ...options, ...strict, rootDir: '.' }, include: ['*.ts'] };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
  const tsc = spawnSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', folder]);
  if (tsc.status !== 0) throw new Error(`the README's ts blocks have type errors:\n${tsc.stdout}`);
}, 60_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('every program and every Erlang session', () => {
  const withCode = sections.filter(({ blocks }) => blocks.some(isProgram));
  test.each(withCode)('$title', { timeout: 90_000 }, ({ blocks }) => play(blocks));

  test('there are some, and no Erlang session without one', () => {
    expect(withCode.length).toBeGreaterThan(5);
    const alone = sections.filter(
      ({ blocks }) => !blocks.some(isProgram) && blocks.some((b) => b.language === 'erlang'),
    );
    expect(alone).toEqual([]);
  });
});

/** Starts the programs and types the sessions in the order of the README. */
async function play(blocks: readonly Block[]): Promise<void> {
  // An example that serves an EPMD comes first; all others find one, and the Erlang node is there before them.
  const embedded = blocks.some(({ code }) => code.includes('embedded: true'));
  const needsErlang = blocks.some(({ code }) => code.includes('e@127.0.0.1'));
  const daemon = embedded ? undefined : await startEpmd();
  const port = daemon?.port ?? (await freePort());
  const open = (): Promise<Shell> => openShell('e@127.0.0.1', 'secret', port);
  let shell = needsErlang && !embedded ? await open() : undefined;
  const programs: { readonly program: Program; readonly code: string }[] = [];
  try {
    for (const block of blocks) {
      if (isProgram(block)) {
        const program = startProgram(block.file, port);
        programs.push({ program, code: block.code });
        if (block.code.includes('startNode')) await nodeIsUp(program, port);
      } else if (block.language === 'erlang') {
        shell ??= await open();
        await typeSession(shell, block.code);
      }
    }
    for (const { program, code } of programs) await judge(program, code);
  } finally {
    shell?.stop();
    for (const { program } of programs) program.signal('SIGKILL');
    await daemon?.stop();
  }
}

describe('the text', () => {
  test('begins with a program of at most 15 lines, and what the shells print', () => {
    const [first] = sections.filter(({ blocks }) => blocks.length > 0);
    expect(first?.blocks.map(({ language }) => language)).toEqual(['js', 'erlang']);
    expect(first?.blocks[0]?.code.trimEnd().split('\n').length).toBeLessThanOrEqual(15);
  });

  test('has no blocks that nobody checks', () => {
    expect(all.filter(({ language }) => !['js', 'ts', 'erlang', 'sh'].includes(language))).toEqual([]);
  });

  test('names commands that exist', () => {
    const lines = all.filter(({ language }) => language === 'sh').flatMap(({ code }) => code.trim().split('\n'));
    const inline = [...readme.matchAll(/`(npm [^`]+)`/g)].map(([, command = '']) => command);
    const commands = [...lines, ...inline].flatMap((line) => line.split(' && '));
    expect(commands.length).toBeGreaterThan(3);
    const unknown = commands.filter((command) => {
      const [, script] = /^npm (?:run )?(\w+)/.exec(command) ?? [];
      return command !== 'npm ci' && command !== `npm install ${packageName}` && scripts[script ?? ''] === undefined;
    });
    expect(unknown).toEqual([]);
  });

  test('links to files that exist', () => {
    const targets = [...readme.matchAll(/\]\((?!https:)([^)#]+)/g)].map(([, target = '']) => target);
    expect(targets.length).toBeGreaterThan(5);
    expect(targets.filter((target) => !existsSync(join(root, target)))).toEqual([]);
  });
});
