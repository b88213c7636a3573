// What the node's tables keep of a process: everything but the calls that a program makes on it (those are Process).
import type { ExitError } from '../errors.js';
import type { Pid } from '../term/identifiers.js';
import type { Term } from '../term/term.js';
import type { Mailbox } from './mailbox.js';
import type { Relations } from './relations.js';

export interface ProcessState {
  readonly pid: Pid;
  readonly exited: boolean;
  readonly mailbox: Mailbox;
  readonly relations: Relations;
  readonly names: Set<string>;
  readonly aliasKeys: Set<string>;
  /** Other nodes that this process has, or had, links or monitors with. */
  readonly nodes: Set<string>;
  /** Calls in flight: what to reject when the process ends. */
  readonly pending: Set<(error: ExitError) => void>;
  groupLeader: Pid;
  trapExit: boolean;
  /** The error that ends every wait of a process that has ended. */
  exitError(): ExitError;
  /** Marks it ended and rejects its waits; called once, by the table. */
  end(reason: Term): void;
}
