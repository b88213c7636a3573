// Who is linked to and monitors whom, as seen from one process (protocol section 4.3, "Links" and "Monitors").
// A link that was taken back stays here inactive until the other side has acknowledged it: until then its exit signal
// may still be under way and must have no effect.
import type { Pid, Reference } from '../term/identifiers.js';
import type { RegisteredName } from './signal.js';

export interface Link {
  readonly pid: Pid;
  active: boolean;
  /** The UNLINK_ID that has not been acknowledged yet. */
  unlinkId: number | undefined;
}

/** A monitor that this process holds. */
export interface Monitor {
  readonly ref: Reference;
  readonly target: Pid | RegisteredName;
  /** Told instead of the mailbox when the monitor fires: a call in flight, or a spawn request. */
  readonly onDown?: (reason: unknown) => void;
}

/** A monitor that another process holds on this one. `object` is what it asked for and what its DOWN will carry. */
export interface Watcher {
  readonly ref: Reference;
  readonly from: Pid;
  readonly object: Pid | RegisteredName;
}

export class Relations {
  readonly links: Map<string, Link> = new Map();
  readonly monitors: Map<string, Monitor> = new Map();
  readonly watchers: Map<string, Watcher> = new Map();
  private lastUnlinkId = 0;

  /** @returns whether a LINK signal has to go out. */
  link(pid: Pid): boolean {
    const link = this.links.get(pid.key);
    if (link?.active === true) return false;
    this.links.set(pid.key, { pid, active: true, unlinkId: undefined });
    return true;
  }

  /** @returns the id for the UNLINK signal that has to go out, if one has to. */
  unlink(pid: Pid): number | undefined {
    const link = this.links.get(pid.key);
    if (link === undefined || !link.active) return undefined;
    link.active = false;
    link.unlinkId = ++this.lastUnlinkId;
    return link.unlinkId;
  }

  /** A LINK came in: an entry that is there, active or not, stays as it is. */
  linked(pid: Pid): void {
    if (!this.links.has(pid.key)) this.links.set(pid.key, { pid, active: true, unlinkId: undefined });
  }

  /** An UNLINK came in. */
  unlinked(pid: Pid): void {
    if (this.links.get(pid.key)?.active === true) this.links.delete(pid.key);
  }

  unlinkAcknowledged(pid: Pid, id: number | bigint): void {
    const link = this.links.get(pid.key);
    if (link !== undefined && !link.active && link.unlinkId === Number(id)) this.links.delete(pid.key);
  }

  /** The other end of a link has ended. @returns whether this process has to hear of it. */
  exited(pid: Pid): boolean {
    const link = this.links.get(pid.key);
    if (link === undefined) return false;
    this.links.delete(pid.key);
    return link.active;
  }
}
