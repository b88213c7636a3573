// A real Erlang node for a soak program, registered with an EPMD that one of our nodes serves, and controlled by rpc. It
// ends with the program, whatever that dies of: its standard input closes.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { atom, startNode } from 'erlnode';
import { epmd } from 'erlnode/discovery';

const cookie = `soak${randomBytes(8).toString('hex')}`;
const port = 20_000 + Math.floor(Math.random() * 20_000);
const discovery = epmd({ port, embedded: true });
const unique = () => randomBytes(4).toString('hex');
let control;

/** A node of ours that knows the cookie. */
export function startOurs(options = {}) {
  return startNode(`soak_${unique()}@127.0.0.1`, { cookie, discovery, ...options });
}

const UNTIL_INPUT_ENDS = 'spawn(fun() -> io:get_line(""), erlang:halt() end).';

/** @param args more arguments of `erl` */
export async function startBeam(args = []) {
  // It stays, with its EPMD, as long as the process.
  control ??= startOurs();
  const node = await control;
  const name = `beam_${unique()}@127.0.0.1`;
  const own = ['-noshell', '-hidden', '-name', name, '-setcookie', cookie, '-start_epmd', 'false'];
  const child = spawn(process.env.ERLNODE_OTP ?? 'erl', [...own, ...args, '-eval', UNTIL_INPUT_ENDS], {
    stdio: ['pipe', 'inherit', 'inherit'],
    env: { ...process.env, ERL_EPMD_PORT: String(port), ERL_CRASH_DUMP: '/dev/null' },
  });
  child.stdin.on('error', () => {});
  const beam = {
    name,
    alive: () => child.exitCode === null && child.signalCode === null,
    signal: (signal) => child.kill(signal),
    call: (module, run, ...given) => node.rpc(name, module, run, given),
    /** Evaluates Erlang, which needs a dot at the end. */
    async eval(text) {
      const [, tokens] = await beam.call(
        'erl_scan',
        'string',
        [...text].map((c) => c.codePointAt(0)),
      );
      const [, expressions] = await beam.call('erl_parse', 'parse_exprs', tokens);
      const [, value] = await beam.call('erl_eval', 'exprs', expressions, []);
      return value;
    },
    processes: () => beam.call('erlang', 'system_info', atom('process_count')),
    async stop() {
      child.kill('SIGCONT');
      child.stdin.end();
      for (let i = 0; i < 100 && beam.alive(); i++) await sleep(50);
      child.kill('SIGKILL');
      node.disconnect(name);
    },
  };
  for (let i = 0; (await node.ping(name)) !== 'pong'; i++) {
    if (i > 200 || !beam.alive()) throw new Error(`${name} does not start`);
    await sleep(50);
  }
  return beam;
}
