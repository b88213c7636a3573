// Nodes without a network: process tables whose signals for each other wait in queues until a test lets them go on.
// A connection that is cut loses what is in its queues, and both sides hear of it, as with a real one.
import { ProcessTable, type ProcessTableOptions } from '../../src/process/process-table.js';
import { destinationNode, type Signal } from '../../src/process/signal.js';
import { type FindFunction, serveSpawnRequest } from '../../src/process/spawn-request.js';

/** Signals that a node connects for; the others are dropped when there is no connection (node/remote-signals.ts). */
const CONNECTS = new Set(['message', 'link', 'monitor', 'exit', 'groupLeader', 'spawnRequest']);

export interface ClusterOptions {
  readonly find?: FindFunction;
}

export class Cluster {
  /** What crashed: thrown by functions that ended without an exit. */
  readonly crashes: unknown[] = [];
  readonly lost: unknown[] = [];
  /** Signals that have gone over a connection, in order. */
  readonly wire: Signal[] = [];
  protected readonly tables = new Map<string, ProcessTable>();
  private readonly queues = new Map<string, Signal[]>();
  private readonly options: ClusterOptions;
  private creation = 3_000_000_000;

  constructor(options: ClusterOptions = {}) {
    this.options = options;
  }

  /** A node, or a new life of one that was there before. */
  node(name: string, options: Pick<ProcessTableOptions, 'maxMessages'> = {}): ProcessTable {
    const find = this.options.find ?? (() => undefined);
    const table: ProcessTable = new ProcessTable({
      ...options,
      node: name,
      creation: ++this.creation,
      seed: 0x9abcdef0,
      remote: (signal) => this.send(name, signal),
      onCrash: (_process, thrown) => this.crashes.push(thrown),
      onLost: (_signal, error) => this.lost.push(error),
      onSpawnRequest: (request) => serveSpawnRequest(table, request, find),
    });
    this.tables.set(name, table);
    return table;
  }

  /** Number of signals under way. */
  get underWay(): number {
    return [...this.queues.values()].reduce((sum, { length }) => sum + length, 0);
  }

  /** Lets one signal arrive. @returns whether there was one. */
  step(from: string, to: string): boolean {
    const signal = this.queues.get(`${from} ${to}`)?.shift();
    if (signal === undefined) return false;
    this.wire.push(signal);
    const table = this.tables.get(to);
    // A node that is not there cannot be connected to.
    if (table === undefined) this.cut(from, to);
    else table.deliver(signal);
    return true;
  }

  /** Lets everything arrive, and what that causes. */
  settle(): void {
    while (this.underWay > 0) {
      for (const key of [...this.queues.keys()]) {
        const [from, to] = key.split(' ') as [string, string];
        while (this.step(from, to)) {
          // Next one.
        }
      }
    }
  }

  /** The connection between two nodes is lost. */
  cut(one: string, other: string): void {
    this.queues.delete(`${one} ${other}`);
    this.queues.delete(`${other} ${one}`);
    this.tables.get(one)?.nodeDown(other);
    this.tables.get(other)?.nodeDown(one);
  }

  protected send(from: string, signal: Signal): void {
    const to = destinationNode(signal);
    const key = `${from} ${to}`;
    const queue = this.queues.get(key);
    if (queue !== undefined) queue.push(signal);
    else if (CONNECTS.has(signal.kind)) {
      this.queues.set(key, [signal]);
      this.queues.set(`${to} ${from}`, this.queues.get(`${to} ${from}`) ?? []);
    }
  }
}

/** What a node still remembers; all zero when nobody has relations any more. */
export function leftovers(table: ProcessTable): Record<string, number> {
  const all = [...table.all()];
  const count = (sizes: readonly number[]): number => sizes.reduce((sum, size) => sum + size, 0);
  return {
    links: count(all.map(({ relations }) => relations.links.size)),
    monitors: count(all.map(({ relations }) => relations.monitors.size)),
    watchers: count(all.map(({ relations }) => relations.watchers.size)),
    pending: count(all.map(({ pending }) => pending?.size ?? 0)),
    watchedByName: table.delivery.watchedByName,
    aliases: table.aliases.size,
    spawning: table.spawning.size,
    timers: table.timers.size,
  };
}

export const NOTHING_LEFT = {
  links: 0,
  monitors: 0,
  watchers: 0,
  pending: 0,
  watchedByName: 0,
  aliases: 0,
  spawning: 0,
  timers: 0,
};
