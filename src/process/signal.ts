// What processes exchange (protocol section 4.3). A signal knows nothing of the wire: the same value goes to a process
// of this node and, through node/remote-signals, to one on another. Between two processes, signals keep their order.
import type { Pid, Reference } from '../term/identifiers.js';
import type { Term } from '../term/term.js';

/** A process by its registered name, on this node or another. */
export interface RegisteredName {
  readonly name: string;
  readonly node: string;
}

/** OTP: Req in `spawn_request`: a function to run in a new process on another node. */
export interface SpawnRequest {
  readonly kind: 'spawnRequest';
  readonly ref: Reference;
  readonly from: Pid;
  readonly groupLeader: Pid;
  /** Where the process shall run. */
  readonly node: string;
  readonly module: string;
  readonly function: string;
  /** A list of arguments, if the other side keeps to the rules. */
  readonly args: Term;
  /** A list of spawn options: `link`, `monitor`, and hints that a foreign node need not know. */
  readonly options: Term;
}

/** The answer to a {@link SpawnRequest}: a pid, or OTP's word for why there is none. */
export interface SpawnReply {
  readonly kind: 'spawnReply';
  readonly ref: Reference;
  readonly to: Pid;
  /** Who answers: references can be guessed, so only who was asked may. */
  readonly node: string;
  readonly result: Pid | string;
  readonly link: boolean;
  readonly monitor: boolean;
}

export type Signal =
  | {
      readonly kind: 'message';
      /** Absent when an old peer did not say who sends. */
      readonly from: Pid | undefined;
      readonly to: Pid | RegisteredName | Reference;
      readonly message: Term;
      /** OTP 28: goes before ordinary messages if it comes to an alias that was made for this. */
      readonly priority?: true;
    }
  | { readonly kind: 'link'; readonly from: Pid; readonly to: Pid }
  | { readonly kind: 'unlink'; readonly from: Pid; readonly to: Pid; readonly id: number | bigint | undefined }
  | { readonly kind: 'unlinkAck'; readonly from: Pid; readonly to: Pid; readonly id: number | bigint }
  /** The end of a linked process. */
  | { readonly kind: 'linkExit'; readonly from: Pid; readonly to: Pid; readonly reason: Term }
  /** `exit/2`: somebody asks a process to end. */
  | {
      readonly kind: 'exit';
      readonly from: Pid;
      readonly to: Pid | RegisteredName | Reference;
      readonly reason: Term;
      /** As with a message, for a receiver that traps exits. */
      readonly priority?: true;
    }
  | { readonly kind: 'monitor'; readonly from: Pid; readonly to: Pid | RegisteredName; readonly ref: Reference }
  | { readonly kind: 'demonitor'; readonly from: Pid; readonly to: Pid | RegisteredName; readonly ref: Reference }
  /** A monitor fires. `from` is what was monitored, as it was given. */
  | {
      readonly kind: 'down';
      readonly from: Pid | RegisteredName;
      readonly to: Pid;
      readonly ref: Reference;
      readonly reason: Term;
    }
  | { readonly kind: 'groupLeader'; readonly from: Pid; readonly to: Pid }
  | SpawnRequest
  | SpawnReply;

/** The node that a signal is for. */
export function destinationNode(signal: Signal): string {
  return signal.kind === 'spawnRequest' ? signal.node : signal.to.node;
}
