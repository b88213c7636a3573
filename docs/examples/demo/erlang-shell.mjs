// The shell of a real Erlang node, started by the demo and typed into through a pipe.
import { spawn } from 'node:child_process';

/** Starts `erl` as a distributed node that listens on loopback only. */
export function erlangShell({ name, cookie, epmdPort, command = ['erl'] }) {
  const { ERL_FLAGS, ERL_AFLAGS, ERL_ZFLAGS, ...env } = process.env; // they could change everything below
  const loopback = ['-kernel', 'inet_dist_use_interface', '{127,0,0,1}'];
  // no_dot_erlang: the user's own ~/.erlang may print things. start_epmd: there is one, and none shall stay behind.
  const args = ['-boot', 'no_dot_erlang', '-start_epmd', 'false', '-name', name, '-setcookie', cookie, ...loopback];
  const [program, ...first] = command;
  const erl = spawn(program, [...first, ...args], {
    env: { ...env, ERL_EPMD_PORT: String(epmdPort), ERL_CRASH_DUMP: '/dev/null', TERM: 'dumb' },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  process.on('exit', () => erl.kill('SIGKILL'));

  // Whatever the shell prints, up to its next prompt, is its answer.
  const prompt = new RegExp(`\\(${name.replaceAll('.', '\\.')}\\)\\d+> $`);
  let output = '';
  let waiting;
  const next = () =>
    new Promise((resolve, reject) => {
      waiting = { resolve, reject };
    });
  for (const stream of [erl.stdout, erl.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk) => {
      output += chunk;
      const found = prompt.exec(output);
      if (found === null) return;
      waiting.resolve({ printed: output.slice(0, found.index).trim(), prompt: found[0] });
      output = '';
    });
  }
  erl.stdin.on('error', () => {}); // it has ended, as the next lines tell
  erl.on('error', (error) => waiting.reject(error));
  erl.on('exit', (code, signal) =>
    waiting.reject(new Error(`erl ended (${signal ?? `exit code ${code}`})\n${output}`)),
  );
  const started = next();
  let last;
  return {
    /** @returns whether there is an `erl` on the PATH; settles when its shell is ready */
    async ready() {
      try {
        last = await started;
        return true;
      } catch (error) {
        if (error.code === 'ENOENT') return false;
        throw error;
      }
    },
    /** `1> `: the shell's own prompt without the node's name. */
    get prompt() {
      return last.prompt.replace(/^\(.*\)/, '');
    },
    /** Types one line. @returns what the shell printed */
    async run(line) {
      const answer = next();
      erl.stdin.write(`${line}\n`);
      last = await answer;
      return last.printed;
    },
    stop: () => erl.kill('SIGKILL'),
  };
}
