// `npm run interop:matrix`: every test that asks a real BEAM, against several releases of OTP, and docs/INTEROP.md.
// Each release is unpacked by otp-root.mjs; no root, nothing installed, nothing mounted. `--help` has the rest.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { CannotBuild, otpRoot } from './otp-root.mjs';
import { explanation, writeReport } from './report.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const here = fileURLToPath(new URL('.', import.meta.url));

/** The Debian suites that have each release, the one to prefer first: unstable may be in the middle of something. */
const SUITES = { 23: ['bullseye'], 25: ['bookworm'], 27: ['trixie'], newest: ['unstable', 'testing'] };

/** What Debian may have moved to its archive. */
const MAY_BE_GONE = ['23'];

const usage = `
npm run interop:matrix [-- options] [RELEASE...]     RELEASE: ${Object.keys(SUITES).join(', ')}; default: all of them

  --fresh          unpack the releases again, for a suite that has moved on
  --no-report      leave docs/INTEROP.md and test/matrix/results.json alone
  --tests TEXT     only test files whose path contains TEXT (may be repeated); implies --no-report
  --json FILE      vitest's own report, for one RELEASE

Needs Debian or a relative of it: the packages come from the mirror in its apt sources.
`;

function readJson(name) {
  return JSON.parse(readFileSync(join(here, name), 'utf8'));
}

/** The first of the suites that can be had. */
function rootOf(suites, options) {
  const [suite, ...others] = suites;
  try {
    return otpRoot(suite, options);
  } catch (error) {
    if (!(error instanceof CannotBuild)) throw error;
    if (others.length === 0) throw error;
    console.error(`${suite}: ${error.message}; trying ${others[0]}`);
    return rootOf(others, options);
  }
}

/** The test files that can reach a BEAM or an epmd: those from which test/support/otp-command.ts is imported. */
function testsWithBeam() {
  const reaches = new Map();
  const visit = (path) => {
    if (reaches.has(path)) return reaches.get(path);
    reaches.set(path, false); // a cycle adds nothing
    const source = readFileSync(path, 'utf8');
    const found =
      path.endsWith('support/otp-command.ts') ||
      Array.from(source.matchAll(/from '(\.{1,2}\/[^']+)\.js'/g))
        .map(([, specifier]) => resolve(dirname(path), `${specifier}.ts`))
        .filter((target) => target.startsWith(join(root, 'test')) && existsSync(target))
        .some(visit);
    reaches.set(path, found);
    return found;
  };
  return readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
    .map((name) => join(root, 'test', name))
    .filter((path) => path.endsWith('.test.ts') && visit(path))
    .map((path) => relative(root, path))
    .sort();
}

/** Runs the files on one release. @returns vitest's report, or undefined where it made none */
function runTests(otp, files, output) {
  rmSync(output, { force: true });
  mkdirSync(dirname(output), { recursive: true });
  const vitest = join(root, 'node_modules/vitest/vitest.mjs');
  const reporters = ['--reporter=dot', '--reporter=json', `--outputFile.json=${output}`];
  spawnSync(process.execPath, [vitest, 'run', '--maxWorkers=2', ...reporters, ...files], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    // The PATH too, for what is tested as a user would start it.
    env: { ...process.env, ERLNODE_OTP: otp.erl, PATH: `${otp.bin}${delimiter}${process.env.PATH}` },
  });
  try {
    return JSON.parse(readFileSync(output, 'utf8'));
  } catch {
    return undefined;
  }
}

/** `{ [file]: { passed, failed: [names] } }`; a file that does not load has one failure. */
function summarise(report, files) {
  const results = Object.fromEntries(files.map((file) => [file, { passed: 0, failed: ['(no result)'] }]));
  for (const { name, status, message, assertionResults } of report?.testResults ?? []) {
    const failed = assertionResults.filter((test) => test.status !== 'passed').map((test) => test.fullName);
    if (status === 'failed' && failed.length === 0) failed.push(`(the file) ${message.split('\n')[0]}`);
    results[relative(root, name)] = { passed: assertionResults.length - failed.length, failed };
  }
  return results;
}

/** Failures that differences.json does not explain, and explanations that no longer are needed. */
function judge(release, results, differences) {
  const rows = Object.entries(results).flatMap(([file, { failed }]) => failed.map((test) => ({ file, test })));
  const used = new Set(rows.map(({ file, test }) => explanation(differences, release, file, test)));
  return {
    unexplained: rows.filter(({ file, test }) => explanation(differences, release, file, test) === undefined),
    stale: differences.filter((entry) => entry.releases.includes(release) && entry.file in results && !used.has(entry)),
  };
}

function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      help: { type: 'boolean' },
      fresh: { type: 'boolean' },
      'no-report': { type: 'boolean' },
      tests: { type: 'string', multiple: true },
      json: { type: 'string' },
    },
  });
  const names = positionals.length > 0 ? positionals : Object.keys(SUITES);
  if (values.help || names.some((name) => SUITES[name] === undefined)) {
    console.log(usage.trim());
    return values.help ? 0 : 2;
  }
  const differences = readJson('differences.json');
  const all = testsWithBeam().filter((file) => values.tests?.some((text) => file.includes(text)) ?? true);
  const runs = [];
  const problems = [];
  for (const name of names) {
    let otp;
    try {
      otp = rootOf(SUITES[name], { fresh: values.fresh ?? false });
    } catch (error) {
      if (!(error instanceof CannotBuild)) throw error;
      console.error(`\nOTP ${name} (Debian ${SUITES[name].join(' or ')}): ${error.message}`);
      if (MAY_BE_GONE.includes(name) && positionals.length === 0) console.error('Going on without it.');
      else problems.push(`OTP ${name} could not be had`);
      continue;
    }
    console.log(`\n== OTP ${otp.otp}, erts ${otp.erts}, from Debian ${otp.suite}; Node.js ${process.version} ==`);
    const left = differences.filter(({ releases, without }) => without && releases.includes(otp.release));
    const files = all.filter((file) => !left.some(({ without }) => without.some((text) => file.startsWith(text))));
    const json = values.json === undefined ? join(root, `.cache/otp/${otp.suite}.json`) : resolve(values.json);
    const results = summarise(runTests(otp, files, json), files);
    const { unexplained, stale } = judge(otp.release, results, differences);
    for (const { file, test } of unexplained) problems.push(`OTP ${otp.release}: ${file}: ${test}`);
    for (const { file, test } of stale)
      problems.push(`OTP ${otp.release}: passes, but is a known difference: ${file}: ${test}`);
    runs.push({
      release: otp.release,
      otp: otp.otp,
      erts: otp.erts,
      suite: otp.suite,
      node: process.versions.node,
      date: new Date().toISOString().slice(0, 10),
      files: results,
    });
  }
  if (!values['no-report'] && values.tests === undefined && runs.length > 0) {
    const path = join(here, 'results.json');
    const others = readJson('results.json').filter(({ release }) => !runs.some((run) => run.release === release));
    const newest = [...others, ...runs].sort((a, b) => a.release - b.release);
    writeFileSync(path, `${JSON.stringify(newest, null, 2)}\n`);
    writeReport();
    console.log('\ndocs/INTEROP.md is written.');
  }
  console.log(problems.length === 0 ? '\nNothing unexplained.' : `\nUnexplained:\n${problems.join('\n')}`);
  return problems.length === 0 ? 0 : 1;
}

process.exitCode = main();
