// An OTP release of its own, unpacked from Debian packages into .cache/otp/<suite>; needs neither root nor a container.
// Its programs are started through the C library's loader that came with them, so they run beside any other Debian.
// The mirror is the one in this machine's apt sources; apt checks every package against Debian's keys.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const cache = fileURLToPath(new URL('../../.cache/otp/', import.meta.url));

/** erlang-ssl brings crypto and public_key; the compiler is in erlang-base. */
const packages = ['erlang-base', 'erlang-ssl'];

/** Where Debian keeps the keys of its archive; the name changed with Debian 13. */
const keyrings = ['/usr/share/keyrings/debian-archive-keyring.pgp', '/usr/share/keyrings/debian-archive-keyring.gpg'];

/** What keeps us from having a release here; told to the user without a stack. */
export class CannotBuild extends Error {}

function run(command, args, what) {
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    encoding: 'utf8',
    timeout: 300_000,
    maxBuffer: 1 << 28,
    env: { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' },
  });
  if (status === 0) return stdout;
  // Without the address of the mirror: results go into a file that is published.
  const words = `${error?.message ?? ''}${stderr ?? ''}`.trim().replaceAll(/\bhttps?:\/\/\S+/g, '<mirror>');
  throw new CannotBuild(`${what}: ${words.split('\n').slice(-5).join('\n') || `exit code ${status}`}`);
}

/** The archives of this machine's apt sources that may hold Debian itself, the likeliest first. */
function mirrors() {
  const format = '$(REPO_URI) $(COMPONENT) $(ORIGIN)';
  const listed = run('apt-get', ['indextargets', '--format', format, 'Created-By: Packages'], 'apt-get indextargets');
  const rank = ([uri, , origin]) => (origin === 'Debian' ? 0 : 1) + (/security/.test(uri) ? 2 : 0);
  const rows = listed
    .trim()
    .split('\n')
    .map((line) => line.split(' '));
  const main = rows.filter(([uri, component]) => uri !== '' && component === 'main');
  return [...new Set(main.sort((a, b) => rank(a) - rank(b)).map(([uri]) => uri))];
}

/** Downloads the packages of `suite` and all they depend on, as into an empty system. @returns their paths */
function download(suite, folder) {
  for (const part of ['lists/partial', 'archives/partial']) mkdirSync(join(folder, part), { recursive: true });
  writeFileSync(join(folder, 'status'), '');
  const list = join(folder, 'suite.list');
  const apt = (...args) => [
    ...Object.entries({
      'Dir::Etc::sourcelist': list,
      'Dir::Etc::sourceparts': '-',
      'Dir::Etc::preferences': '/dev/null',
      'Dir::Etc::preferencesparts': '-',
      'Dir::State::lists': join(folder, 'lists'),
      'Dir::State::status': join(folder, 'status'),
      'Dir::State::extended_states': join(folder, 'extended_states'),
      'Dir::Cache': folder,
      'Dir::Cache::archives': join(folder, 'archives'),
      'Dir::Log': folder,
      'APT::Default-Release': '',
      'APT::Sandbox::User': '',
      'APT::Install-Recommends': 'false',
      'Acquire::Languages': 'none',
      // A mirror that stands still, or a clock that does, is good enough for what never leaves the cache.
      'Acquire::Check-Date': 'false',
      'Acquire::Check-Valid-Until': 'false',
      'Acquire::Retries': '3',
      'Debug::NoLocking': 'true',
    }).flatMap(([key, value]) => ['-o', `${key}=${value}`]),
    '-qq',
    ...args,
  ];
  const key = keyrings.find((path) => existsSync(path));
  let refusal = new CannotBuild('there is no Debian archive in the apt sources of this machine');
  for (const mirror of mirrors()) {
    writeFileSync(list, `deb ${key === undefined ? '' : `[signed-by=${key}] `}${mirror} ${suite} main\n`);
    try {
      run('apt-get', apt('-o', 'APT::Update::Error-Mode=any', 'update'), `cannot read the package list of ${suite}`);
      const install = apt('-y', 'install', '--download-only', ...packages);
      run('apt-get', install, `cannot download ${packages.join(' and ')} of ${suite}`);
      const folderOf = join(folder, 'archives');
      return readdirSync(folderOf)
        .filter((name) => name.endsWith('.deb'))
        .map((name) => join(folderOf, name));
    } catch (error) {
      if (!(error instanceof CannotBuild)) throw error;
      refusal = error;
    }
  }
  throw refusal;
}

/** Folders of shared libraries, and the loader among them; `lib64/ld-…` itself may be a link into the host's `/lib`. */
function libraries(root) {
  const folders = ['usr/lib', 'lib']
    .filter((lib) => existsSync(join(root, lib)))
    .flatMap((lib) =>
      readdirSync(join(root, lib))
        .filter((name) => /-linux-gnu/.test(name))
        .map((name) => join(lib, name)),
    );
  const loaders = folders.flatMap((folder) =>
    readdirSync(join(root, folder))
      .filter((name) => /^ld-.*\.so(\.\d+)?$/.test(name) && lstatSync(join(root, folder, name)).isFile())
      .map((name) => join(folder, name)),
  );
  if (loaders.length !== 1) throw new CannotBuild(`expected one loader in the packages, found: ${loaders.join(', ')}`);
  return { folders, loader: loaders[0] };
}

function isProgram(path) {
  if (!lstatSync(path).isFile()) return false;
  const head = Buffer.alloc(4);
  const file = openSync(path, 'r');
  readSync(file, head, 0, 4, 0);
  closeSync(file);
  return head.equals(Buffer.from('\x7fELF', 'latin1'));
}

function script(path, lines) {
  writeFileSync(path, `#!/bin/sh\n${lines.join('\n')}\n`);
  chmodSync(path, 0o755);
}

/** Puts a script in the place of every program of the runtime, and `erl` and `epmd` into `bin`. */
function makeRunnable(folder) {
  const root = join(folder, 'root');
  const { folders, loader } = libraries(root);
  const erlang = join(root, 'usr/lib/erlang');
  const erts = readdirSync(erlang).find((name) => name.startsWith('erts-'));
  const binaries = join(erlang, erts, 'bin');
  const up = relative(binaries, root);
  for (const name of readdirSync(binaries)) {
    const program = join(binaries, name);
    if (!isProgram(program)) continue;
    renameSync(program, `${program}.elf`);
    // Process id and open files stay: each step is an exec. The variable must not reach what a BEAM starts.
    script(program, [
      `root=\${0%/*}/${up}`,
      `exec "$root/${loader}" --library-path "${folders.map((path) => `$root/${path}`).join(':')}" "$0.elf" "$@"`,
    ]);
  }
  mkdirSync(join(folder, 'bin'));
  script(join(folder, 'bin', 'erl'), [
    // Both are called by their whole path, which a script that is found on the PATH is given, too.
    'ROOTDIR=$(cd "${0%/*}/../root/usr/lib/erlang" && pwd)',
    `BINDIR=$ROOTDIR/${erts}/bin`,
    'EMU=beam',
    'PROGNAME=$0',
    'export ROOTDIR BINDIR EMU PROGNAME',
    'exec "$BINDIR/erlexec" "$@"',
  ]);
  script(join(folder, 'bin', 'epmd'), [`exec "\${0%/*}/../root/usr/lib/erlang/${erts}/bin/epmd" "$@"`]);
}

/** Starts it once: what says its version is the release itself. */
function versions(erl) {
  const expression = `{ok, _} = application:ensure_all_started(ssl),
    Release = erlang:system_info(otp_release),
    {ok, Version} = file:read_file(filename:join([code:root_dir(), "releases", Release, "OTP_VERSION"])),
    io:format("~s ~s ~s~n", [Release, string:trim(Version), erlang:system_info(version)]),
    halt(0, [{flush, true}]).`;
  const [release, otp, erts] = run(erl, ['-noinput', '-eval', expression], 'the unpacked erl does not start')
    .trim()
    .split(' ');
  return { release: Number(release), otp, erts };
}

/**
 * The OTP of a Debian suite, unpacked on first use. `fresh` unpacks it again, for a suite that moves.
 * @returns `{ suite, release, otp, erts, erl, bin }`: versions, the path of its `erl`, the folder of `erl` and `epmd`
 */
export function otpRoot(suite, { fresh = false } = {}) {
  if (
    process.platform !== 'linux' ||
    spawnSync('apt-get', ['--version']).error ||
    spawnSync('dpkg-deb', ['--version']).error
  )
    throw new CannotBuild('this needs Debian or a relative of it: apt-get and dpkg-deb fetch and unpack the packages');
  const folder = join(cache, suite);
  const bin = join(folder, 'bin');
  const erl = join(bin, 'erl');
  const about = join(folder, 'versions.json');
  if (fresh || !existsSync(about)) {
    // Beside its place, and renamed when it is complete: a build that was interrupted leaves nothing that looks done.
    const work = `${folder}.new`;
    rmSync(work, { recursive: true, force: true });
    mkdirSync(join(work, 'root'), { recursive: true });
    const debs = download(suite, join(work, 'apt'));
    for (const deb of debs) run('dpkg-deb', ['-x', deb, join(work, 'root')], `cannot unpack ${deb}`);
    rmSync(join(work, 'apt'), { recursive: true, force: true });
    makeRunnable(work);
    const found = versions(join(work, 'bin', 'erl'));
    writeFileSync(join(work, 'versions.json'), JSON.stringify({ suite, ...found }));
    rmSync(folder, { recursive: true, force: true });
    renameSync(work, folder);
  }
  return { ...JSON.parse(readFileSync(about, 'utf8')), erl, bin };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [suite, ...flags] = process.argv.slice(2);
  if (suite === undefined || suite.startsWith('-')) {
    console.error('usage: node test/matrix/otp-root.mjs SUITE [--fresh]      e.g. trixie; prints the path of its erl');
    process.exit(2);
  }
  try {
    console.log(otpRoot(suite, { fresh: flags.includes('--fresh') }).erl);
  } catch (error) {
    if (!(error instanceof CannotBuild)) throw error;
    console.error(error.message);
    process.exit(1);
  }
}
