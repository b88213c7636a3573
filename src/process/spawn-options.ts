// What a process runs, and what it is told when it is spawned.
import type { Atom } from '../term/atom.js';
import type { Pid } from '../term/identifiers.js';
import { checkIsFunction, checkOptional } from './arguments.js';
import type { LocalNode } from './local-node.js';
import type { Process } from './process.js';

/** What a process runs. Its end is the process's end; what it throws is the exit reason. */
export type ProcessFunction = (self: Process) => unknown;

export interface SpawnOptions {
  /** Registers the new process before anything else can happen. */
  readonly name?: string | Atom;
  /** The process of this node to link the new one to. */
  readonly link?: Process | Pid;
  /** A process of this node that watches the new one: it gets a DOWN message. */
  readonly monitor?: Process | Pid;
  /** The group leader; that of the linked or monitoring process unless given, else the node's `user`. */
  readonly groupLeader?: Pid;
  /**
   * Messages that may wait in the new process's mailbox; with one more it ends with `killed`, as a process over OTP's
   * `max_heap_size` does, and the log says so. Default: the node's `limits.mailboxMessages`, which is no limit.
   */
  readonly maxMessages?: number;
  /** @internal Who is behind a spawn request with a link. */
  readonly parent?: Pid;
  /** @internal A process of the node itself: exit signals do not reach it. */
  readonly system?: boolean;
}

/** For {@link Process.spawn}. */
export interface ChildOptions {
  /** Registers the new process before anything else can happen. */
  readonly name?: string | Atom;
  /** OTP: spawn_link. */
  readonly link?: boolean;
  /** The group leader; this process's unless given. */
  readonly groupLeader?: Pid;
  /** See {@link SpawnOptions.maxMessages}. */
  readonly maxMessages?: number;
}

/** What a process needs of its node. */
export interface ProcessHome extends LocalNode {
  readonly groupLeader: Pid | undefined;
  /** For those who are not told otherwise; 0 is no limit. */
  readonly maxMessages: number;
  spawn(run: ProcessFunction | undefined, options: SpawnOptions): Process;
}

/** @internal See Process.spawn. */
export function spawnChild(self: Process, home: ProcessHome, run: ProcessFunction, given: ChildOptions): Process {
  checkIsFunction(run, 'spawn()');
  checkOptional(given, 'spawn()');
  const { link, ...options } = given;
  const groupLeader = options.groupLeader ?? self.groupLeader;
  return home.spawn(run, { ...options, groupLeader, ...(link === true ? { link: self } : {}) });
}
