// The rules of the house as data, and their checker: which floor may import which, what only certain rooms may touch,
// names, sizes. See docs/ARCHITECTURE.md for the reasons.
import { builtinModules } from 'node:module';
import { posix } from 'node:path';
import { blank, type Import, imports, lineAt } from './source-scan.js';

/** A floor may import itself, errors.ts, arguments.ts and the floors named here; nothing else. */
const floors: Readonly<Record<string, readonly string[]>> = {
  term: [],
  etf: ['term'],
  dist: ['term', 'etf'],
  transport: [],
  discovery: ['transport'],
  membership: ['discovery'],
  process: ['term'],
  otp: ['term', 'process'],
  node: ['term', 'etf', 'dist', 'process', 'transport', 'discovery', 'otp'],
  testing: ['transport', 'discovery', 'membership'],
  cli: ['index.ts'],
};

/** Files directly in src/: the composition root and the doors may import every floor but cli. */
const topFiles = ['errors.ts', 'arguments.ts', 'start-node.ts', 'index.ts'];

/** What every floor stands on. */
const grounds = ['errors.ts', 'arguments.ts'];

const pureFloors = ['term', 'etf', 'dist', 'process', 'otp'];

/** Built-in modules that a file of a pure floor may import. */
const pureMay: Readonly<Record<string, RegExp>> = {
  'node:buffer': /^/,
  'node:zlib': /^src\/etf\/compressed\.ts$/,
  'node:crypto': /^src\/dist\/handshake\/digest\.ts$/,
};

/** docs/decisions/0003 */
const dependencies = ['pino', 'dns-packet'];

/** What only certain files may import, wherever they are. */
const onlyIn: readonly { readonly module: RegExp; readonly files: RegExp; readonly what: string }[] = [
  { module: /^pino$/, files: /^src\/node\/log\.ts$/, what: 'pino' },
  { module: /^dns-packet$/, files: /^src\/discovery\/srv\/message\.ts$/, what: 'dns-packet' },
  {
    module: /^node:(net|tls|dgram|https?|http2)$/,
    files: /^src\/(transport\/|discovery\/|membership\/gossip\.ts$)/,
    what: 'sockets',
  },
  { module: /^node:dns(\/|$)/, files: /^src\/discovery\//, what: 'DNS' },
  {
    module: /^node:fs(\/|$)/,
    files:
      /^src\/(cli\/|node\/cookie\.ts$|transport\/(tls-credentials|unix)\.ts$|discovery\/static-file\.ts$|membership\/erlang-hosts\.ts$)/,
    what: 'files',
  },
];

const environmentIn =
  /^src\/(cli\/|node\/(cookie|options)\.ts$|start-node\.ts$|discovery\/(epmd\/|srv\/srv\.ts$|static-nodes\.ts$))/;

/** What no code says; tested on text without comments and strings. */
const banned: readonly { readonly text: RegExp; readonly where: RegExp; readonly why: string }[] = [
  // Where a type stands; a variable may be called any.
  {
    text: /(?::|<|(?<!\|)\||(?<!&)&|=>|\b(?:as|satisfies|is|extends|keyof))\s*any\b(?!\s*[(:.?])|(?<![.\w$])any\s*(?:>|\[\])/g,
    where: /^/,
    why: 'uses any',
  },
  { text: /^\s*private\s/gm, where: /^/, why: 'hides a member from the compiler only; use #' },
  { text: /\benum\s+[\w$]+\s*\{/g, where: /^/, why: 'declares an enum' },
  { text: /\bexport\s+default\b|\bas\s+default\b/g, where: /^/, why: 'has a default export' },
  { text: /(?<![.\w$])Error\s*\(/g, where: /^/, why: 'makes a bare Error; use a class of errors.ts' },
  {
    text: /\b(?:Date\s*\.\s*now|new\s+Date|Math\s*\.\s*random|performance\s*\.\s*now|set(?:Timeout|Interval|Immediate)\s*\()/g,
    where: /^src\/(term|etf|dist)\//,
    why: 'reads a clock, a timer or chance; take it as an argument',
  },
  {
    text: /\bprocess\s*\??\.\s*env\b|\bprocess\s*\[|\}\s*=\s*process\b(?!\s*\.)/g,
    where: new RegExp(`^(?!${environmentIn.source.slice(1)})`),
    why: 'reads the environment',
  },
];

const badNames = /^(util|helper|common|type|misc|manager|handler)s?$/;
const maxLines = 500;

/** An absolute path of somebody's machine; places that exist everywhere (/usr, /etc, /tmp) may be named. */
const machinePath = /(?<![\w.~/-])(?:\/(?:home|Users|root|work|workspace|mnt)\/[\w.-]+|[A-Za-z]:\\Users\\)/g;

/** Judges `src` files by path and content; returns one line per fault. */
export function checkSource(files: ReadonlyMap<string, string>): string[] {
  const faults: string[] = [];
  const edges = new Map<string, string[]>();
  for (const [path, source] of files) {
    const report = (line: number, what: string) => faults.push(`${path}:${line} ${what}`);
    const floor = floorOf(path);
    if (!(floor in floors) && !topFiles.includes(floor)) report(1, `src/ has no place for ${floor}`);
    const blanked = blank(source);
    const targets: string[] = [];
    for (const entry of imports(source, blanked)) {
      const fault = entry.specifier.startsWith('.')
        ? judgeRelative(path, entry, files)
        : judgeModule(path, floor, entry.specifier);
      if (fault !== undefined) report(entry.line, fault);
      if (!entry.typeOnly && entry.specifier.startsWith('.')) targets.push(resolve(path, entry.specifier));
    }
    edges.set(path, targets);
    for (const match of blanked.matchAll(/(?<![.\w$])(?:import|require)\s*\(\s*(?!\s*['"`])/g))
      report(lineAt(source, match.index), 'imports something that is not a literal');
    for (const { text, where, why } of banned)
      if (where.test(path)) for (const match of blanked.matchAll(text)) report(lineAt(source, match.index), why);
  }
  return [...faults, ...checkNamesAndSizes(files), ...findCycles(edges)];
}

/** Names and sizes; for src/ and test/ alike. */
export function checkNamesAndSizes(files: ReadonlyMap<string, string>): string[] {
  const faults: string[] = [];
  for (const [path, source] of files) {
    for (const part of path.split('/')) {
      const name = part.replace(/(\.(test|property|d))*\.m?[jt]s$/, '');
      if (badNames.test(name)) faults.push(`${path}:1 ${name} says nothing about what is inside`);
    }
    const lines = source.replace(/\n$/, '').split('\n').length;
    if (lines > maxLines) faults.push(`${path}:${lines} is longer than ${maxLines} lines`);
  }
  return faults;
}

/** Paths of somebody's machine, in any text. */
export function checkMachinePaths(files: ReadonlyMap<string, string>): string[] {
  return [...files].flatMap(([path, text]) =>
    Array.from(text.matchAll(machinePath), (match) => `${path}:${lineAt(text, match.index)} names ${match[0]}`),
  );
}

function floorOf(path: string): string {
  return path.split('/')[1] ?? '';
}

function resolve(path: string, specifier: string): string {
  return posix.join(posix.dirname(path), specifier).replace(/\.js$/, '.ts');
}

function judgeRelative(path: string, { specifier, typeOnly }: Import, files: ReadonlyMap<string, string>) {
  const target = resolve(path, specifier);
  if (!target.startsWith('src/')) return `imports ${specifier}, which is outside src/`;
  if (!files.has(target)) return `imports ${specifier}, which does not exist`;
  const from = floorOf(path);
  const to = floorOf(target);
  if (from === 'errors.ts') return to === 'term' && typeOnly ? undefined : `errors.ts imports ${specifier}`;
  if (from === 'arguments.ts') return to === 'errors.ts' ? undefined : `arguments.ts imports ${specifier}`;
  if (from === to || (grounds.includes(to) && from !== 'cli')) return undefined;
  if (topFiles.includes(from)) return to === 'cli' || to === 'testing' ? `${from} imports ${specifier}` : undefined;
  return floors[from]?.includes(to) === true ? undefined : `${from} must not import ${to} (${specifier})`;
}

function judgeModule(path: string, floor: string, specifier: string): string | undefined {
  const module = builtinModules.includes(specifier) ? `node:${specifier}` : specifier;
  for (const rule of onlyIn)
    if (rule.module.test(module) && !rule.files.test(path)) return `imports ${specifier}: no ${rule.what} here`;
  if (module === 'node:process' && !environmentIn.test(path)) return `imports ${specifier}: no environment here`;
  if (!module.startsWith('node:'))
    return dependencies.includes(module) ? undefined : `imports ${specifier}, not a dependency`;
  if (!pureFloors.includes(floor) && !grounds.includes(floor)) return undefined;
  return pureMay[module]?.test(path) === true ? undefined : `imports ${specifier}: ${floor} is pure`;
}

/** Depth first; a cycle of types only is no cycle of the running program. */
function findCycles(edges: ReadonlyMap<string, readonly string[]>): string[] {
  const done = new Set<string>();
  const trail: string[] = [];
  const cycles: string[] = [];
  const visit = (path: string) => {
    const at = trail.indexOf(path);
    if (at >= 0) cycles.push(`${path}:1 is in a cycle: ${[...trail.slice(at), path].join(' → ')}`);
    if (at >= 0 || done.has(path)) return;
    trail.push(path);
    for (const next of edges.get(path) ?? []) visit(next);
    trail.pop();
    done.add(path);
  };
  for (const path of edges.keys()) visit(path);
  return cycles;
}
