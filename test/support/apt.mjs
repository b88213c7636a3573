// Installs Debian's packages for a test that needs what is in them, if it may.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** @param fail called with why it cannot be done; does not return */
export function aptInstall(packages, fail) {
  if (process.platform !== 'linux' || !existsSync('/usr/bin/apt-get'))
    fail('it can be installed by this script on Debian and Ubuntu only');
  const root = process.getuid?.() === 0;
  if (!root && spawnSync('sudo', ['-n', 'true']).status !== 0)
    fail('this script is neither root nor allowed to use sudo without a password');
  const run = (...args) => {
    const command = [...(root ? [] : ['sudo', '-n']), 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', ...args];
    console.log(`$ ${command.join(' ')}`);
    return spawnSync(command[0], command.slice(1), { stdio: ['ignore', 'inherit', 'inherit'] }).status === 0;
  };
  const installing = ['install', '-q', '-y', '--no-install-recommends', ...packages];
  // The lists may be fresh, or older than what the mirror still has.
  if (!run(...installing) && !(run('update', '-q') && run(...installing)))
    fail('apt-get install failed (its messages are above)');
}
