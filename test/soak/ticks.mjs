// BEAMs that are stopped for a while, shorter or longer than the tick time, with a full send queue or not, and an event
// loop of ours that hangs. A node is down exactly when it was silent for longer than it may be.
import { setTimeout as sleep } from 'node:timers/promises';
import { startOurs } from './beam.mjs';

const TICK_TIME = 4;
const MiB = 1024 * 1024;

export async function ticks({ startBeam, fail, state, goesOn }) {
  // The BEAMs have more patience with us, who are to be judged by nobody else.
  const args = ['-kernel', 'net_ticktime', String(3 * TICK_TIME), '-kernel', 'net_tickintensity', '12'];
  const beams = await Promise.all([startBeam(args), startBeam(args), startBeam(args)]);
  const node = await startOurs({ netTickTime: TICK_TIME });
  const down = new Map();
  const events = node.monitorNodes();
  const listening = (async () => {
    for await (const { type, node: name, reason } of events) if (type === 'nodedown') down.set(name, reason?.code);
  })();
  const hang = setInterval(() => {
    const until = performance.now() + Math.random() * TICK_TIME * 300;
    while (performance.now() < until);
  }, TICK_TIME * 1500);
  Object.assign(state, { short: 0, long: 0, slowest: '0.00 s' });
  try {
    const one = async (beam) => {
      while (goesOn()) {
        if ((await node.ping(beam.name)) !== 'pong') fail(`${beam.name} cannot be reached`);
        down.delete(beam.name);
        const long = Math.random() < 0.5;
        if (!long) await sleep(Math.random() * TICK_TIME * 500);
        beam.signal('SIGSTOP');
        const since = performance.now();
        if (!long) {
          await sleep(Math.random() * TICK_TIME * 400);
          beam.signal('SIGCONT');
          // Time enough to be taken for dead by mistake.
          await sleep(TICK_TIME * 1500);
          if (down.has(beam.name)) fail(`${beam.name} was down (${down.get(beam.name)}) after a short stop`);
          state.short++;
          continue;
        }
        if (Math.random() < 0.5) node.send({ name: 'nobody', node: beam.name }, Buffer.alloc(16 * MiB));
        const latest = 1.25 * TICK_TIME + 2 + (TICK_TIME * 300) / 1000;
        while (!down.has(beam.name) && performance.now() - since < 2 * latest * 1000) await sleep(10);
        const took = (performance.now() - since) / 1000;
        if (!down.has(beam.name)) fail(`${beam.name} was silent for ${took.toFixed(1)} s, and is not down`);
        else if (down.get(beam.name) !== 'net_tick_timeout') fail(`${beam.name} is down by ${down.get(beam.name)}`);
        else if (took > latest) fail(`${beam.name} was down after ${took.toFixed(2)} s only`);
        if (took > Number.parseFloat(state.slowest)) state.slowest = `${took.toFixed(2)} s`;
        state.long++;
        beam.signal('SIGCONT');
        await sleep(500);
      }
    };
    await Promise.all(beams.map(one));
  } finally {
    clearInterval(hang);
    await node.stop();
    await listening;
    await Promise.all(beams.map((beam) => beam.stop()));
  }
}
