// All sorts of messages to a BEAM and back for a long time: atoms that were never seen, large binaries between small ones,
// calls, spawns, links, timeouts. Everything comes back as it went, and memory stays where it was.
import { randomBytes, randomInt } from 'node:crypto';
import { atom, charlist, ExitError, equals, tuple } from 'erlnode';
import { startOurs } from './beam.mjs';

const ECHO = 'register(echo, spawn(fun F() -> receive {P, R, T} when is_pid(P) -> P ! {R, T}, F(); _ -> F() end end)).';
let fresh = 0;

const KINDS = [
  () => randomInt(2 ** 40),
  () => -(2n ** BigInt(randomInt(64, 2000))),
  () => Math.random() * 1e9,
  // A BEAM never forgets an atom and holds a million: new ones go round, and the rest is text.
  () => atom(`soak_${++fresh % 200_000}`),
  () => randomBytes(randomInt(100)),
  () => randomBytes(randomInt(100_000, 1_000_000)),
  () => charlist('some text '.repeat(randomInt(50))),
  () => new Map(Array.from({ length: randomInt(40) }, (_, i) => [i, `value ${i}`].map((each) => toTerm(each)))),
  () => tuple(...Array.from({ length: randomInt(5) }, () => term())),
  () => Array.from({ length: randomInt(5) }, () => term()),
];

const toTerm = (each) => (typeof each === 'string' ? Buffer.from(each) : each);
const term = () => KINDS[randomInt(KINDS.length)]();

async function talk(node, beam, state, fail, goesOn) {
  const echo = { name: 'echo', node: beam.name };
  while (goesOn()) {
    const me = node.spawnMailbox();
    me.trapExit = true;
    const sent = Array.from({ length: 20 }, () => term());
    sent.forEach((each, i) => {
      me.send(echo, tuple(me.pid, i, each));
    });
    for (let i = 0; i < sent.length; i++) {
      const back = await me.receive({ timeout: 60_000 });
      if (back.at(0) !== i) fail(`message ${i} came as number ${back.at(0)}`);
      else if (!equals(back.at(1), sent[i])) fail(`a term has changed on its way: ${String(sent[i]).slice(0, 100)}`);
      state.messages++;
    }
    if ((await node.rpc(beam.name, 'lists', 'seq', [1, 3])).length !== 3) fail('rpc');
    // An echo knows no calls.
    const late = await me.call(echo, 'never answered', { timeout: 1 }).catch((error) => error);
    if (!(late instanceof ExitError) || late.code !== 'timeout') fail(`a call without an answer: ${late}`);
    const { pid } = await me.spawnRequest(beam.name, 'erlang', 'exit', [atom('over')], { link: true, monitor: true });
    const ends = [await me.receive({ timeout: 60_000 }), await me.receive({ timeout: 60_000 })];
    if (!ends.every((each) => each.at(each.length - 1) === atom('over'))) fail(`${pid} ended with ${ends.map(String)}`);
    state.calls += 2;
    await node.drained(beam.name);
    me.exit();
  }
}

export async function traffic({ startBeam, fail, state, goesOn }) {
  const beam = await startBeam();
  const node = await startOurs({ terms: { floats: 'exact' } });
  await beam.eval(ECHO);
  Object.assign(state, { messages: 0, calls: 0 });
  try {
    await Promise.all(Array.from({ length: 4 }, () => talk(node, beam, state, fail, goesOn)));
    const [info] = node.info();
    if (info?.queuedBytes !== 0 || info.openFragments !== 0) fail(`left over: ${JSON.stringify(info)}`);
    if (!beam.alive()) fail('the BEAM has died');
  } finally {
    await node.stop();
    await beam.stop();
  }
}
