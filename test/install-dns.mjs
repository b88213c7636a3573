// The tests ask a real DNS server. Where dnsmasq is missing this installs Debian's smallest package that has it, if it
// may; otherwise it says what to install and fails, because a skipped test looks like a passed one.
import { spawnSync } from 'node:child_process';
import { aptInstall } from './support/apt.mjs';

const name = 'dnsmasq-base';

/** Debian keeps it in a folder that is not on everybody's PATH. */
function version() {
  for (const command of ['dnsmasq', '/usr/sbin/dnsmasq', '/usr/local/sbin/dnsmasq', '/opt/homebrew/sbin/dnsmasq']) {
    const { status, stdout } = spawnSync(command, ['--version'], { encoding: 'utf8', timeout: 30_000 });
    if (status === 0) return stdout.split('\n')[0].replace(/ {2}.*/, '');
  }
  return undefined;
}

function fail(why) {
  console.error(`
The tests need the DNS server dnsmasq (the command dnsmasq on the PATH or in /usr/sbin), and ${why}.
Install it, then run the tests again; it need not run as a service:

  Debian, Ubuntu    sudo apt-get install --no-install-recommends ${name}
  Fedora            sudo dnf install dnsmasq
  macOS             brew install dnsmasq
`);
  process.exit(1);
}

let found = version();
if (found === undefined) {
  console.log(`dnsmasq is missing; installing ${name}.`);
  aptInstall([name], fail);
  found = version();
  if (found === undefined) fail(`${name} is installed, but dnsmasq does not start`);
}
console.log(found);
