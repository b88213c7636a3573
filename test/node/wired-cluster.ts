// Nodes whose signals for each other travel as bytes: through control messages, atom cache, fragments and frames of two
// connections, taken in small parts and cut anywhere, so that small messages overtake large ones of other senders.

import { Connection } from '../../src/dist/connection.js';
import { ANNOUNCED_FLAGS } from '../../src/dist/flags.js';
import { connects, fromControl, toControl } from '../../src/node/remote-signals.js';
import { destinationNode, type Signal } from '../../src/process/signal.js';
import { Cluster, type ClusterOptions } from '../process/cluster.js';

/** One way of a connection: what is sent here, on its way, and who reads it there. */
interface Way {
  readonly sender: Connection;
  readonly reader: Connection;
  /** Taken from the sender, not yet given to the reader. */
  flying: Buffer;
}

export class WiredCluster extends Cluster {
  private readonly ways = new Map<string, Way>();
  private readonly flags: bigint;
  /** Messages that were read before some that had been sent earlier. */
  fragmented = 0;

  constructor(options: ClusterOptions, flags: bigint = ANNOUNCED_FLAGS) {
    super(options);
    this.flags = flags;
  }

  override get underWay(): number {
    return [...this.ways.values()].reduce((sum, { sender, flying }) => sum + sender.outputBytes + flying.length, 0);
  }

  /** Lets a part of what is under way arrive: no more than a fragment, and no less than a byte. */
  override step(from: string, to: string): boolean {
    const way = this.ways.get(`${from} ${to}`);
    if (way === undefined) return false;
    if (way.flying.length === 0) {
      way.flying = Buffer.concat(way.sender.takeOutput(1));
      if (way.flying.length === 0) return false;
    }
    if (this.tables.get(to) === undefined) {
      this.cut(from, to);
      return true;
    }
    const size = way.flying.length < 8 ? way.flying.length : Math.ceil(way.flying.length / 2);
    const part = way.flying.subarray(0, size);
    way.flying = way.flying.subarray(size);
    way.reader.receive(part, 0);
    if (way.reader.statistics.openFragments > 0) this.fragmented++;
    return true;
  }

  override settle(): void {
    while (this.underWay > 0) {
      for (const key of [...this.ways.keys()]) {
        const [from, to] = key.split(' ') as [string, string];
        while (this.step(from, to)) {
          // The next part.
        }
      }
    }
  }

  override cut(one: string, other: string): void {
    for (const key of [`${one} ${other}`, `${other} ${one}`]) {
      const way = this.ways.get(key);
      way?.sender.close();
      way?.reader.close();
      this.ways.delete(key);
    }
    this.tables.get(one)?.nodeDown(other);
    this.tables.get(other)?.nodeDown(one);
  }

  protected override send(from: string, signal: Signal): void {
    const to = destinationNode(signal);
    if (!this.ways.has(`${from} ${to}`)) {
      if (!connects(signal)) return;
      this.join(from, to);
    }
    const told = this.ways.get(`${from} ${to}`)?.sender.send(toControl(signal));
    if (told !== true) throw new Error(`${to} cannot be told of a ${signal.kind}`);
  }

  private join(one: string, other: string): void {
    const [here, there] = [this.connection(one, other), this.connection(other, one)];
    this.ways.set(`${one} ${other}`, { sender: here, reader: there, flying: Buffer.alloc(0) });
    this.ways.set(`${other} ${one}`, { sender: there, reader: here, flying: Buffer.alloc(0) });
  }

  private connection(self: string, peer: string): Connection {
    return new Connection({
      self,
      peer,
      flags: this.flags,
      now: 0,
      sink: {
        onControl: (message) => {
          const signal = fromControl(message, self, peer);
          this.wire.push(signal);
          this.tables.get(self)?.deliver(signal);
        },
      },
    });
  }
}
