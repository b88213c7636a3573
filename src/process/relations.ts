// Who is linked to and monitors whom, as seen from one process (protocol section 4.3, "Links" and "Monitors").
// A link that was taken back stays here inactive until the other side has acknowledged it: until then its exit signal
// may still be under way and must have no effect.
import type { Pid, Reference } from '../term/identifiers.js';
import type { Term } from '../term/term.js';
import type { Key } from './local-identifiers.js';
import type { RegisteredName } from './signal.js';

export interface Link {
  readonly pid: Pid;
  active: boolean;
  /** This process wants to hear of the other's end before ordinary messages. */
  priority: boolean;
  /** The UNLINK_ID that has not been acknowledged yet. */
  unlinkId: number | undefined;
}

/** A monitor that this process holds. */
export interface Monitor {
  readonly ref: Reference;
  readonly target: Pid | RegisteredName;
  /** Told instead of the mailbox when the monitor fires: a call in flight, or a spawn request. */
  readonly onDown?: (reason: Term) => void;
  /** Its DOWN goes before ordinary messages. */
  readonly priority?: boolean;
}

/** A monitor that another process holds on this one. `object` is what it asked for and what its DOWN will carry. */
export interface Watcher {
  readonly ref: Reference;
  readonly from: Pid;
  readonly object: Pid | RegisteredName;
}

const NONE: ReadonlyMap<never, never> = new Map<never, never>();

/** Links by the key of the other pid, monitors and watchers by the key of their reference. Made when first used. */
export class Relations {
  #linkMap: Map<Key, Link> | undefined = undefined;
  #monitorMap: Map<Key, Monitor> | undefined = undefined;
  #watcherMap: Map<Key, Watcher> | undefined = undefined;
  #lastUnlinkId = 0;

  get links(): ReadonlyMap<Key, Link> {
    return this.#linkMap ?? NONE;
  }

  get monitors(): ReadonlyMap<Key, Monitor> {
    return this.#monitorMap ?? NONE;
  }

  get watchers(): ReadonlyMap<Key, Watcher> {
    return this.#watcherMap ?? NONE;
  }

  /** @returns whether a LINK signal has to go out. The last call says whether the link has priority, as in OTP. */
  link(key: Key, pid: Pid, priority = false): boolean {
    const there = this.#linkMap?.get(key);
    if (there?.active === true) {
      there.priority = priority;
      return false;
    }
    this.#linkMap ??= new Map();
    this.#linkMap.set(key, { pid, active: true, priority, unlinkId: undefined });
    return true;
  }

  /** @returns the id for the UNLINK signal that has to go out, if one has to. */
  unlink(key: Key): number | undefined {
    const link = this.#linkMap?.get(key);
    if (link === undefined || !link.active) return undefined;
    link.active = false;
    link.unlinkId = ++this.#lastUnlinkId;
    return link.unlinkId;
  }

  /** A LINK came in: an entry that is there, active or not, stays as it is. */
  linked(key: Key, pid: Pid): void {
    if (this.#linkMap?.has(key) === true) return;
    this.#linkMap ??= new Map();
    this.#linkMap.set(key, { pid, active: true, priority: false, unlinkId: undefined });
  }

  /** An UNLINK came in. */
  unlinked(key: Key): void {
    if (this.#linkMap?.get(key)?.active === true) this.#linkMap.delete(key);
  }

  unlinkAcknowledged(key: Key, id: number | bigint): void {
    const link = this.#linkMap?.get(key);
    if (link !== undefined && !link.active && link.unlinkId === Number(id)) this.#linkMap?.delete(key);
  }

  /** A link is of no use any more, because the other end or the way to it is gone. @returns it, if it was active. */
  takeLink(key: Key): Link | undefined {
    const link = this.#linkMap?.get(key);
    if (link === undefined) return undefined;
    this.#linkMap?.delete(key);
    return link.active ? link : undefined;
  }

  addMonitor(key: Key, monitor: Monitor): void {
    this.#monitorMap ??= new Map();
    this.#monitorMap.set(key, monitor);
  }

  takeMonitor(key: Key): Monitor | undefined {
    const monitor = this.#monitorMap?.get(key);
    if (monitor !== undefined) this.#monitorMap?.delete(key);
    return monitor;
  }

  addWatcher(key: Key, watcher: Watcher): void {
    this.#watcherMap ??= new Map();
    this.#watcherMap.set(key, watcher);
  }

  removeWatcher(key: Key): void {
    this.#watcherMap?.delete(key);
  }

  /** The process has ended and everyone was told. */
  clear(): void {
    this.#linkMap = undefined;
    this.#monitorMap = undefined;
    this.#watcherMap = undefined;
  }
}
