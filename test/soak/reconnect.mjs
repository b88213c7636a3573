// Connections that come and go as fast as they can, lost in every way, while processes on both sides are linked, watch,
// call and spawn. Every one of them is told, once, and nothing is left on either side.
import { setTimeout as sleep } from 'node:timers/promises';
import { atom, Tuple } from 'erlnode';
import { startOurs } from './beam.mjs';

/** Nodes of ours that reconnect beside each other. */
const NODES = 4;

const noconnection = atom('noconnection');

async function cycle(node, beam, victim, number, fail) {
  const me = node.spawnMailbox();
  me.trapExit = true;
  await node.connect(beam.name);
  const watch = me.monitor(victim);
  me.link(victim);
  const call = me.call(victim, number, { timeout: 60_000 }).then(
    () => 'answered',
    (error) => error.code,
  );
  // As with any erpc, what runs there goes on when the caller's node is gone.
  const there = node.erpc(beam.name, 'timer', 'sleep', [3000]).then(
    () => 'returned',
    (error) => error.code,
  );
  const spawned = await me.spawnRequest(beam.name, 'timer', 'sleep', [atom('infinity')], { link: true, monitor: true });
  // Ours, theirs, and a process of ours that ends at the same moment.
  if (number % 3 === 0) await beam.call('erlang', 'disconnect_node', atom(node.name));
  else node.disconnect(beam.name);
  const told = [];
  while (told.length < 4) told.push(await me.receive({ timeout: 20_000 }));
  const outcomes = [await call, await there];
  if (outcomes.some((code) => code !== 'nodedown' && code !== 'noconnection')) fail(`calls ended with ${outcomes}`);
  const downs = told.filter((each) => each instanceof Tuple && each.at(0) === atom('DOWN'));
  const exits = told.filter((each) => each instanceof Tuple && each.at(0) === atom('EXIT'));
  const right = (each) => each.at(each.length - 1) === noconnection;
  if (downs.length !== 2 || exits.length !== 2 || !told.every(right)) fail(`cycle ${number}: told ${told.map(String)}`);
  if (!downs.some((each) => watch.equals(each.at(1))) || !downs.some((each) => spawned.ref.equals(each.at(1))))
    fail(`cycle ${number}: a monitor has not fired`);
  if (me.messageQueueLength > 0) fail(`cycle ${number}: told of ${me.messageQueueLength} things more`);
  me.exit();
}

export async function reconnect({ startBeam, fail, state, goesOn }) {
  const beam = await startBeam();
  const nodes = await Promise.all(Array.from({ length: NODES }, () => startOurs()));
  const victim = await beam.eval('spawn(fun F() -> process_flag(trap_exit, true), receive _ -> F() end end).');
  const before = await beam.processes();
  state.cycles = 0;
  try {
    await Promise.all(
      nodes.map(async (node) => {
        while (goesOn()) await cycle(node, beam, victim, ++state.cycles, fail);
      }),
    );
    // Those that were spawned there end with their links; connections have processes, too.
    for (let i = 0; i < 100 && (await beam.processes()) > before; i++) await sleep(100);
    const after = await beam.processes();
    if (after > before) fail(`the BEAM has ${after} processes, ${before} before`);
    if (!beam.alive()) fail('the BEAM has died');
    for (const node of nodes) {
      const left = node.registered().length;
      if (left !== 3) fail(`${left} registered names instead of net_kernel, rex and user`);
    }
  } finally {
    await Promise.all(nodes.map((node) => node.stop()));
    await beam.stop();
  }
}
