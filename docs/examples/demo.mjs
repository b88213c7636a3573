// npm run demo: an Erlang node and a TypeScript node talk to each other, and both shells are shown side by side.
// Nothing printed is made up: every answer is what the shell on that side printed, and a wrong one ends the demo.
import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:net';
import { parseArgs } from 'node:util';
import { format } from 'erlnode';
import { epmd } from 'erlnode/discovery';
import { pino } from 'pino';
import { erlangShell } from './demo/erlang-shell.mjs';
import { startDemoNode } from './demo/node.mjs';
import { twoColumns } from './demo/screen.mjs';
import { THE_SAME, withErlang, withTypeScript } from './demo/story.mjs';
import { typescriptShell } from './demo/typescript-shell.mjs';

const HELP = `
npm run demo                    Erlang and TypeScript talk to each other; without erl on the PATH, two
                                TypeScript processes do
npm run demo -- --without-erl   two TypeScript processes, even if there is an erl
npm run demo -- --stay          only starts the TypeScript node, says how to join it from your own erl, and
                                stays until Ctrl-C
npm run demo -- --patience 60   for slow machines: seconds that one line may take, 15 unless told otherwise
npm run demo -- --verbose       also prints the node's log to stderr
npm run demo -- --help          prints this

ERL_EPMD_PORT chooses another EPMD than that on port 4369. NO_COLOR switches colours off.
`;

const HOW_TO_GET_ERLANG = `
There is no erl on your PATH, so a second TypeScript process played its part. To see a real BEAM instead:

  Debian, Ubuntu   sudo apt-get install --no-install-recommends erlang-base
  Fedora           sudo dnf install erlang
  macOS            brew install erlang
  asdf             asdf plugin add erlang && asdf install erlang latest && asdf set -u erlang latest
`;

const screen = twoColumns();
const logged = [];
const cleanups = [];
let whenInterrupted = 130; // the exit code
let patience = 15; // seconds that one line may take

async function main({ stay, verbose, 'without-erl': withoutErl }) {
  const id = randomBytes(2).toString('hex'); // another demo may be running on this machine
  const ts = `ts_${id}@127.0.0.1`;
  const cookie = `demo${randomBytes(12).toString('hex')}`;
  const epmdPort = await chooseEpmdPort();
  const options = {
    cookie,
    discovery: epmd({ port: epmdPort, embedded: true }),
    logger: pino({ level: 'debug' }, { write: (line) => log(line, verbose) }),
  };
  const onEcho = (message) => screen.printed('left', `echo got ${format(message)}`);
  const node = await within('the start of the TypeScript node', startDemoNode(ts, options, onEcho));
  cleanups.push(() => node.stop());
  if (stay) return await untilInterrupted(node, cookie, epmdPort);

  const left = typescriptShell({ node, me: node.spawnMailbox() });
  const beam = `erl_${id}@127.0.0.1`;
  const erl = withoutErl ? undefined : startErl(beam, cookie, epmdPort);
  if (erl !== undefined && (await within('the start of erl', erl.ready()))) {
    const release = await within('asking erl for its release', erl.run('erlang:system_info(otp_release).'));
    screen.heading(`Node.js ${process.version}  ${ts}`, `Erlang/OTP ${release.replaceAll('"', '')}  ${beam}`);
    return await play(withErlang({ ts, beam }), left, erl);
  }
  const peer = `peer_${id}@127.0.0.1`;
  const second = await within('the start of the second process', secondProcess(peer, cookie, epmdPort));
  screen.heading(`Node.js ${process.version}  ${ts}`, `Node.js ${process.version}  ${peer}`);
  await play(withTypeScript({ ts, peer }), left, second);
  if (!withoutErl) screen.line(HOW_TO_GET_ERLANG.trimEnd());
}

/** Types every line, shows what comes back, and ends the demo where that is not what must come back. */
async function play(story, left, right) {
  const started = performance.now();
  let lines = 0;
  let before;
  for (const { title, lines: scene } of story) {
    screen.line();
    screen.line(title, 'bold');
    for (const { side, line, answer } of scene) {
      const shell = side === 'left' ? left : right;
      screen.typed(side, shell.prompt + line);
      const printed = (await within(line, shell.run(line))).replace(/\n\s*/g, ''); // the screen breaks lines itself
      screen.printed(side, printed);
      const expected = answer === THE_SAME ? before : answer;
      if (typeof expected === 'string' ? printed !== expected : !expected.test(printed))
        throw new Error(`${line} printed something else than ${expected}`);
      before = printed;
      lines++;
    }
  }
  const took = Math.ceil(performance.now() - started);
  screen.line();
  screen.line(`All ${lines} lines printed what they should have, in ${took} ms.`, 'green');
}

/** The EPMD that your own erl would use, so that it can join; another port only where that one is of no use. */
async function chooseEpmdPort() {
  const port = Number(process.env.ERL_EPMD_PORT || 4369);
  try {
    await epmd({ port, timeout: 3000 }).names('127.0.0.1');
    screen.line(`An EPMD runs on port ${port}: both nodes register there.`);
    return port;
  } catch (error) {
    if (error.code === 'epmd_unreachable') {
      screen.line(`No EPMD runs on port ${port}: the TypeScript node serves it.`);
      return port;
    }
    const free = await freePort();
    screen.line(`What listens on port ${port} is no EPMD (${error.message}): the TypeScript node serves port ${free}.`);
    return free;
  }
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

function startErl(name, cookie, epmdPort) {
  const erl = erlangShell({ name, cookie, epmdPort });
  cleanups.push(erl.stop);
  return erl;
}

/** Another TypeScript node in a process of its own, with a shell that is typed into by messages. */
async function secondProcess(name, cookie, epmdPort) {
  const child = fork(new URL('demo/typescript-shell.mjs', import.meta.url), [name, cookie], {
    env: { ...process.env, ERL_EPMD_PORT: String(epmdPort) },
  });
  cleanups.push(() => child.kill('SIGKILL'));
  process.on('exit', () => child.kill('SIGKILL'));
  let waiting;
  const next = () =>
    new Promise((resolve, reject) => {
      waiting = { resolve, reject };
    });
  child.on('message', ({ echo, printed }) => {
    if (echo !== undefined) screen.printed('right', `echo got ${echo}`);
    else waiting.resolve(printed);
  });
  child.on('error', (error) => waiting.reject(error));
  child.on('exit', (code, signal) => waiting.reject(new Error(`the second process ended (${signal ?? code})`)));
  await next();
  return {
    prompt: '> ',
    run(line) {
      const answered = next();
      child.send({ line });
      return answered;
    },
  };
}

/** --stay: for your own erl. */
async function untilInterrupted(node, cookie, epmdPort) {
  whenInterrupted = 0;
  const variable = epmdPort === 4369 ? '' : `ERL_EPMD_PORT=${epmdPort} `;
  const Ts = `'${node.name}'`;
  screen.line(`
${node.name} is up. Join it from another terminal:

  ${variable}erl -name me@127.0.0.1 -setcookie ${cookie}

  net_adm:ping(${Ts}).
  {echo, ${Ts}} ! {self(), hello}, receive Echo -> Echo end.
  gen_server:call({counter, ${Ts}}, {add, 42}).
  rpc:call(${Ts}, calculator, add, [40, 2]).

Ctrl-C ends it.
`);
  for await (const { type, node: other } of node.monitorNodes()) screen.printed('left', `${type} ${other}`);
}

function log(line, verbose) {
  logged.push(line);
  if (logged.length > 20) logged.shift();
  if (verbose) process.stderr.write(line);
}

/** Rejects when `promise` takes longer than it may. */
async function within(what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${patience} s`)), patience * 1000);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Ends whatever the demo started. Nothing is left that keeps this process alive, but it is not waited for for ever. */
function end(exitCode) {
  process.exitCode = exitCode;
  setTimeout(() => process.exit(), 3000).unref();
  for (const cleanup of cleanups.splice(0).reverse()) void cleanup();
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => end(whenInterrupted));
process.stdout.on('error', () => process.exit(1)); // nobody reads any more

try {
  const { values } = parseArgs({
    options: {
      help: { type: 'boolean', short: 'h' },
      patience: { type: 'string', default: '15' },
      stay: { type: 'boolean' },
      verbose: { type: 'boolean', short: 'v' },
      'without-erl': { type: 'boolean' },
    },
  });
  patience = Number(values.patience);
  if (!(patience > 0 && patience <= 3600)) throw new Error(`--patience takes seconds, not ${values.patience}`);
  if (values.help) console.log(HELP.trim());
  else await main(values);
  end(process.exitCode ?? 0);
} catch (error) {
  if (process.exitCode === undefined) {
    console.error(`\nThe demo failed: ${error.message}`);
    if (logged.length > 0) console.error(`\nWhat the TypeScript node logged last:\n${logged.join('')}`);
    end(1);
  }
}
