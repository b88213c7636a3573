// The names an EPMD server knows and the creations it gives them. Protocol section 1.3; pure, the clock is passed in.
// A creation is never 0..3 for a node of version 6, and a name that comes back within 1,000 others gets the next one.
import { type DumpRecord, type NodeInfo, nameFault } from './messages.js';

/** Names that left and whose creations are remembered. */
const REMEMBERED = 1000;
const LAST_CREATION = 0xffff_ffff;
const FIRST_CREATION = 4;

interface Entry<Owner> {
  readonly node: NodeInfo;
  readonly owner: Owner;
  readonly counter: number;
  /** Tells registrations apart in a dump, where the daemon prints its file descriptor. */
  readonly id: number;
}

export interface RegistryOptions {
  /** Seconds of the wall clock: where the creations of a new name start. */
  readonly now: () => number;
  readonly maxNames: number;
}

/** `Owner` is what a registration lives and dies with: its connection. */
export class Registry<Owner> {
  readonly #options: RegistryOptions;
  readonly #active = new Map<string, Entry<Owner>>();
  readonly #byOwner = new Map<Owner, string>();
  readonly #unused = new Map<string, { readonly counter: number; readonly port: number; readonly id: number }>();
  #registrations = 0;
  #changes = 0;

  constructor(options: RegistryOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#active.size;
  }

  /** Grows with every change of what {@link Registry.active} says. */
  get changes(): number {
    return this.#changes;
  }

  /** The creation of the new registration, or why there is none. An owner registers once. */
  register(node: NodeInfo, owner: Owner): { creation: number } | { refused: string } {
    const fault = nameFault(node.name);
    if (fault !== undefined) return { refused: fault };
    if (this.#active.has(node.name)) return { refused: 'the name is registered' };
    if (this.#active.size >= this.#options.maxNames)
      return { refused: `${this.#options.maxNames} names are registered` };
    const before = this.#unused.get(node.name);
    const counter = before === undefined ? atLeastFirst(this.#options.now()) : following(before.counter);
    this.#unused.delete(node.name);
    this.#changes++;
    this.#active.set(node.name, { node, owner, counter, id: ++this.#registrations });
    this.#byOwner.set(owner, node.name);
    return { creation: node.highestVersion >= 6 ? counter : (counter % 3) + 1 };
  }

  /** Frees what the owner registered, if anything; whether there was something. */
  unregister(owner: Owner): boolean {
    const name = this.#byOwner.get(owner);
    const entry = name === undefined ? undefined : this.#active.get(name);
    if (name === undefined || entry === undefined) return false;
    this.#byOwner.delete(owner);
    this.#changes++;
    this.#active.delete(name);
    this.#unused.set(name, { counter: entry.counter, port: entry.node.port, id: entry.id });
    if (this.#unused.size > REMEMBERED) {
      const [oldest] = this.#unused.keys();
      if (oldest !== undefined) this.#unused.delete(oldest);
    }
    return true;
  }

  find(name: string): NodeInfo | undefined {
    return this.#active.get(name)?.node;
  }

  ownerOf(name: string): Owner | undefined {
    return this.#active.get(name)?.owner;
  }

  /** Newest registration first. */
  active(): DumpRecord[] {
    return Array.from(this.#active.values(), ({ node, id }) => ({
      name: node.name,
      port: node.port,
      fd: id,
    })).reverse();
  }

  /** Names that left, the latest first. */
  unused(): DumpRecord[] {
    return Array.from(this.#unused, ([name, { port, id }]) => ({ name, port, fd: id })).reverse();
  }
}

function atLeastFirst(seconds: number): number {
  const creation = Math.floor(seconds) % (LAST_CREATION + 1);
  return creation < FIRST_CREATION ? FIRST_CREATION : creation;
}

function following(counter: number): number {
  return counter >= LAST_CREATION ? FIRST_CREATION : counter + 1;
}
