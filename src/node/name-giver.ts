// Names for peers that have none and ask for one (DFLAG_NAME_ME, protocol section 2.8). A name that is free again is
// given again, with the next creation, so that strangers cannot make us remember ever more names.
import { randomBytes } from 'node:crypto';

export interface GivenName {
  readonly node: string;
  readonly creation: number;
}

/** Names kept for reuse, of all hosts together. */
const REMEMBERED = 1000;

export class NameGiver {
  /** Names that nobody has now, and the creation each was given with last. */
  readonly #free = new Map<string, number>();
  readonly #given = new Map<string, number>();

  /**
   * A name on `host` for a handshake that has just begun; {@link release} it when that fails or its connection ends.
   *
   * @param taken whether we have to do with a node of that name: one that has lost us may come back with it.
   */
  give(host: string, taken: (node: string) => boolean): GivenName {
    for (const [node, creation] of this.#free) {
      if (!node.endsWith(`@${host}`) || taken(node)) continue;
      this.#free.delete(node);
      return this.#hand(node, creation >= 0xffff_ffff ? 4 : creation + 1);
    }
    const random = randomBytes(8).readBigUInt64BE().toString(36).toUpperCase();
    return this.#hand(`${random}@${host}`, Math.max(4, randomBytes(4).readUInt32BE()));
  }

  /** @internal Names that are remembered; for tests. */
  get size(): number {
    return this.#free.size + this.#given.size;
  }

  /** Nobody has this name any more. Names that were not given here are none of our business. */
  release(node: string): void {
    const creation = this.#given.get(node);
    if (creation === undefined) return;
    this.#given.delete(node);
    if (this.#free.size < REMEMBERED) this.#free.set(node, creation);
  }

  #hand(node: string, creation: number): GivenName {
    this.#given.set(node, creation);
    return { node, creation };
  }
}
