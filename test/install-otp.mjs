// The tests talk to a real BEAM. Where `erl` or `epmd` is missing this installs the smallest Debian packages that have
// them, if it may; otherwise it says what to install and fails, because a skipped interop test looks like a passed one.
import { spawnSync } from 'node:child_process';
import { aptInstall } from './support/apt.mjs';

// erlang-base holds kernel, stdlib, erts and epmd; erlang-ssl carries the distribution over TLS, and what it depends on
// makes the certificates for it.
const packages = ['erlang-base', 'erlang-ssl'];
const other = process.env.ERLNODE_OTP;

/** OTP's release as the given erl says it, or undefined where there is none. */
function release(erl) {
  const expression = 'io:put_chars(erlang:system_info(otp_release)), halt(0, [{flush, true}]).';
  const { status, stdout } = spawnSync(erl, ['-noinput', '-boot', 'start_clean', '-eval', expression], {
    encoding: 'utf8',
    timeout: 30_000,
  });
  return status === 0 ? stdout.trim() : undefined;
}

/** Where Debian's Erlang is used, its applications come one by one. */
function hasTls(erl) {
  const expression =
    'Where = [code:which(M) || M <- [inet_tls_dist, public_key, crypto]], ' +
    'halt(case lists:member(non_existing, Where) of true -> 1; false -> 0 end).';
  return spawnSync(erl, ['-noinput', '-boot', 'start_clean', '-eval', expression], { timeout: 30_000 }).status === 0;
}

/** The usage is an error to epmd, but then it has run; nothing here may depend on who listens on EPMD's port. */
function hasEpmd() {
  return spawnSync('epmd', ['-help'], { timeout: 30_000 }).error === undefined;
}

function fail(why) {
  console.error(`
The tests need Erlang/OTP 23 or newer (the commands erl and epmd on the PATH) with its application ssl, and ${why}.
Install it, then run the tests again:

  Debian, Ubuntu    sudo apt-get install --no-install-recommends ${packages.join(' ')}
  Fedora            sudo dnf install erlang
  macOS             brew install erlang
  other             https://www.erlang.org/downloads

Another OTP than the one on the PATH: ERLNODE_OTP=<path of its erl>.
`);
  process.exit(1);
}

if (other) {
  const found = release(other);
  if (found === undefined) fail(`ERLNODE_OTP=${other} does not start`);
  if (!hasTls(other)) fail(`ERLNODE_OTP=${other} has no application ssl`);
  console.log(`Erlang/OTP ${found} (${other})`);
} else {
  const look = () => (hasEpmd() && hasTls('erl') ? release('erl') : undefined);
  let found = look();
  if (found === undefined) {
    console.log(`Erlang is missing, or a part of it; installing ${packages.join(' ')}.`);
    aptInstall(packages, fail);
    found = look();
    if (found === undefined)
      fail(`${packages.join(' ')} is installed, but erl does not start, or has no application ssl`);
  }
  console.log(`Erlang/OTP ${found}`);
}
