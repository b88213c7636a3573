// The model: two nodes, six processes, any interleaving of what they do, of signals under way, and of lost connections.
// In the end both sides agree on every link and monitor, every monitor has fired exactly once if it had to, and nothing
// is left. The signals travel as objects (test/process) or as bytes (test/node).
import fc from 'fast-check';
import { expect } from 'vitest';
import type { Process } from '../../src/process/process.js';
import type { ProcessTable } from '../../src/process/process-table.js';
import { atom } from '../../src/term/atom.js';
import type { Reference } from '../../src/term/identifiers.js';
import type { Term } from '../../src/term/term.js';
import { Tuple, tuple } from '../../src/term/tuple.js';
import { Cluster, type ClusterOptions, leftovers, NOTHING_LEFT } from './cluster.js';

const NODES = ['a@h', 'b@h'] as const;
const DOWN = atom('DOWN');
const NAMES = ['x', 'y'];

/** A monitor as the test knows it. */
interface Watch {
  readonly ref: Reference;
  readonly watcher: Process;
  readonly target: Process | undefined;
  stopped: boolean;
}

export class World {
  readonly cluster: Cluster;
  readonly tables: readonly [ProcessTable, ProcessTable];
  readonly processes: Process[] = [];
  readonly watches: Watch[] = [];
  readonly broken: Promise<unknown>[] = [];
  cuts = 0;

  constructor(make: MakeCluster) {
    this.cluster = make({ find: (_module, name) => (name === 'wait' ? (self) => self.receive() : undefined) });
    this.tables = [this.cluster.node('a@h'), this.cluster.node('b@h')];
    for (let i = 0; i < 6; i++) this.spawn(i);
    this.any(0).register('x');
    this.any(1).register('x');
  }

  spawn(at: number): Process {
    const fresh = this.table(at).spawn(undefined);
    fresh.trapExit = at % 3 !== 0;
    this.processes.push(fresh);
    return fresh;
  }

  table(at: number): ProcessTable {
    return this.tables[at % 2] as ProcessTable;
  }

  /** A process, living or not. */
  any(at: number): Process {
    return this.processes[at % this.processes.length] as Process;
  }

  /** A living process; a new one if the one that is meant has ended. */
  living(at: number): Process {
    const one = this.any(at);
    return one.exited ? this.spawn(at) : one;
  }
}

export type Step = (world: World) => void;

export type MakeCluster = (options: ClusterOptions) => Cluster;

export const at: fc.Arbitrary<number> = fc.nat(11);
const reason = fc.constantFrom<Term>(atom('normal'), atom('kill'), atom('boom'), tuple(atom('r'), 1));

export const step: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(at, at).map(
    ([one, other]): Step =>
      (world) =>
        world.living(one).link(world.any(other).pid),
  ),
  fc.tuple(at, at).map(
    ([one, other]): Step =>
      (world) =>
        world.living(one).unlink(world.any(other).pid),
  ),
  fc.tuple(at, at).map(
    ([one, other]): Step =>
      (world) => {
        const watcher = world.living(one);
        const target = world.any(other);
        world.watches.push({ ref: watcher.monitor(target.pid), watcher, target, stopped: false });
      },
  ),
  fc.tuple(at, at, fc.constantFrom(...NAMES)).map(
    ([one, other, name]): Step =>
      (world) => {
        const watcher = world.living(one);
        const ref = watcher.monitor({ name, node: world.any(other).node });
        world.watches.push({ ref, watcher, target: undefined, stopped: false });
      },
  ),
  at.map(
    (which): Step =>
      (world) => {
        const watch = world.watches[which % Math.max(1, world.watches.length)];
        if (watch === undefined || watch.watcher.exited) return;
        watch.watcher.demonitor(watch.ref, { flush: true });
        watch.stopped = true;
      },
  ),
  fc.tuple(at, fc.constantFrom(...NAMES)).map(
    ([one, name]): Step =>
      (world) => {
        const process = world.living(one);
        if (world.table(NODES.indexOf(process.node as 'a@h')).names.whereis(name) === undefined) process.register(name);
      },
  ),
  fc.tuple(at, reason).map(
    ([one, why]): Step =>
      (world) =>
        world.any(one).exit(why),
  ),
  fc.tuple(at, at, reason).map(
    ([one, other, why]): Step =>
      (world) =>
        world.living(one).exit(world.any(other).pid, why),
  ),
  fc.tuple(at, at).map(
    ([one, other]): Step =>
      (world) =>
        world.living(one).send(world.any(other).pid, 'message'),
  ),
  fc.tuple(at, at).map(
    ([one, other]): Step =>
      (world) => {
        const options = { timeout: Number.POSITIVE_INFINITY };
        world.broken.push(world.living(one).call(world.any(other).pid, 'question', options));
      },
  ),
  fc.tuple(at, fc.boolean(), fc.boolean()).map(
    ([one, link, monitor]): Step =>
      (world) => {
        const asking = world.living(one);
        const where = NODES.find((node) => node !== asking.node) ?? 'a@h';
        world.broken.push(asking.spawnRequest(where, 'm', 'wait', [], { link, monitor }));
      },
  ),
  at.map(
    (one): Step =>
      (world) =>
        void world.living(one).alias(),
  ),
);

export const delivery: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.boolean().map(
      (there): Step =>
        ({ cluster }) =>
          void (there ? cluster.step('a@h', 'b@h') : cluster.step('b@h', 'a@h')),
    ),
  },
  { weight: 1, arbitrary: fc.constant<Step>(({ cluster }) => cluster.settle()) },
);

export const cut: fc.Arbitrary<Step> = fc.constant<Step>((world) => {
  world.cuts++;
  world.cluster.cut('a@h', 'b@h');
});

/** Whether every active link is one on both sides, and every monitor has its watcher. */
function agree(world: World): void {
  const all = [...world.tables].flatMap((table) => [...table.all()]);
  const living = new Map(all.map((one) => [one.pid.key, one]));
  for (const one of all) {
    for (const { pid, active } of one.relations.links.values()) {
      expect(active, 'no link waits for an answer').toBe(true);
      const back = [...(living.get(pid.key)?.relations.links.values() ?? [])];
      expect(
        back.some((link) => link.active && link.pid.equals(one.pid)),
        'linked on both sides',
      ).toBe(true);
    }
    for (const { ref } of one.relations.monitors.values()) {
      const watched = all.some(({ relations }) => [...relations.watchers.values()].some((it) => it.ref.equals(ref)));
      expect(watched, 'a monitor is known where it was set').toBe(true);
    }
    for (const { ref, from } of one.relations.watchers.values()) {
      const held = [...(living.get(from.key)?.relations.monitors.values() ?? [])];
      expect(
        held.some((monitor) => monitor.ref.equals(ref)),
        'a watcher is there',
      ).toBe(true);
    }
  }
}

function downs(watcher: Process, ref: Reference): number {
  let count = 0;
  watcher.mailbox.flush((message) => {
    if (message instanceof Tuple && message.elements[0] === DOWN && ref.equals(message.elements[1])) count++;
    return false;
  });
  return count;
}

function everyMonitorFiredOnce({ watches, cuts }: World): void {
  for (const { ref, watcher, target, stopped } of watches) {
    if (watcher.exited) continue;
    const count = downs(watcher, ref);
    if (stopped) expect(count).toBe(0);
    else if (target?.exited === true) expect(count).toBe(1);
    else if (target !== undefined && cuts === 0) expect(count).toBe(0);
    else expect(count).toBeLessThanOrEqual(1);
  }
}

export function run(steps: readonly Step[], make: MakeCluster = (options) => new Cluster(options)): void {
  const world = new World(make);
  for (const each of steps) each(world);
  world.cluster.settle();
  agree(world);
  everyMonitorFiredOnce(world);
  for (const table of world.tables) table.stop(atom('shutdown'));
  world.cluster.settle();
  for (const table of world.tables) {
    expect(leftovers(table)).toEqual(NOTHING_LEFT);
    expect([table.size, table.relatedNodes, table.names.registered()]).toEqual([0, 0, []]);
  }
  expect([world.cluster.crashes, world.cluster.lost]).toEqual([[], []]);
}
