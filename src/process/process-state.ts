// What the node's tables keep of a process: everything but the calls that a program makes on it (those are Process).
import type { ExitError } from '../errors.js';
import type { Pid } from '../term/identifiers.js';
import type { Term } from '../term/term.js';
import type { Key } from './local-identifiers.js';
import type { Mailbox } from './mailbox.js';
import type { Relations } from './relations.js';

export interface ProcessState {
  readonly pid: Pid;
  readonly exited: boolean;
  /** A process of the node itself, which exit signals do not reach. */
  readonly system: boolean;
  readonly mailbox: Mailbox;
  /** Messages that may wait in it; 0 is no limit. */
  readonly maxMessages: number;
  /** Made when first asked for. */
  readonly relations: Relations;
  readonly hasRelations: boolean;
  groupLeader: Pid;
  trapExit: boolean;
  // A process that does nothing yet owns as little as possible: what follows is made when it is needed.
  names: Set<string> | undefined;
  /** The aliases to forget when it ends. */
  aliasKeys: Set<Key> | undefined;
  /** Other nodes that this process has, or had, links or monitors with. */
  nodes: Set<string> | undefined;
  /** What waits for something else than a message: told when the process ends. */
  pending: Set<(error: ExitError) => void> | undefined;
  /** What a process that has ended throws at whoever calls it. */
  exitError(): ExitError;
  /** What ends a wait of it: the same, without a stack, which would say who ended it and not who waits. */
  endError(): ExitError;
  /** Marks it ended and ends its waits; called once, by the table. */
  end(reason: Term): void;
}

/** Has `ended` called if the process ends before {@link stopWaiting}. */
export function startWaiting(process: ProcessState, ended: (error: ExitError) => void): void {
  process.pending ??= new Set();
  process.pending.add(ended);
}

export function stopWaiting(process: ProcessState, ended: (error: ExitError) => void): void {
  process.pending?.delete(ended);
}
