// Control messages: what one node tells another (protocol section 4.1), in one spelling per meaning.
// Which of the wire's spellings is used is decided by the negotiated flags, once per connection.
import type { Pid, Reference } from '../term/identifiers.js';
import type { Term } from '../term/term.js';

/** The meaning of a control message, whatever its spelling on the wire. Names and modules are plain strings. */
export type ControlMessage =
  | Link
  | Unlink
  | UnlinkAck
  | Send
  | RegSend
  | AliasSend
  | Exit
  | Exit2
  | Monitor
  | MonitorExit
  | GroupLeader
  | SpawnRequest
  | SpawnReply;

export interface Link {
  readonly op: 'LINK';
  readonly from: Pid;
  readonly to: Pid;
}

/** `id` is undefined in the old link protocol only (OTP before 23.3), which has no acknowledgement. */
export interface Unlink {
  readonly op: 'UNLINK';
  readonly from: Pid;
  readonly to: Pid;
  readonly id: number | bigint | undefined;
}

export interface UnlinkAck {
  readonly op: 'UNLINK_ACK';
  readonly from: Pid;
  readonly to: Pid;
  readonly id: number | bigint;
}

/** `priority` (OTP 28): before ordinary messages, if the receiver opted in. */
export interface Send {
  readonly op: 'SEND';
  /** Old peers do not say who sends. */
  readonly from: Pid | undefined;
  readonly to: Pid;
  readonly message: Term;
  readonly priority?: true;
}

export interface RegSend {
  readonly op: 'REG_SEND';
  readonly from: Pid;
  readonly to: string;
  readonly message: Term;
  readonly priority?: true;
}

export interface AliasSend {
  readonly op: 'ALIAS_SEND';
  readonly from: Pid;
  readonly to: Reference;
  readonly message: Term;
  readonly priority?: true;
}

/** The exit signal of a broken link. */
export interface Exit {
  readonly op: 'EXIT';
  readonly from: Pid;
  readonly to: Pid;
  readonly reason: Term;
}

/** `exit/2`. */
export interface Exit2 {
  readonly op: 'EXIT2';
  readonly from: Pid;
  readonly to: Pid | Reference | string;
  readonly reason: Term;
  readonly priority?: true;
}

export interface Monitor {
  readonly op: 'MONITOR_P' | 'DEMONITOR_P';
  readonly from: Pid;
  readonly to: Pid | string;
  readonly ref: Reference;
}

export interface MonitorExit {
  readonly op: 'MONITOR_P_EXIT';
  /** What was monitored, as the request named it. */
  readonly from: Pid | string;
  readonly to: Pid;
  readonly ref: Reference;
  readonly reason: Term;
}

export interface GroupLeader {
  readonly op: 'GROUP_LEADER';
  readonly leader: Pid;
  readonly to: Pid;
}

export interface SpawnRequest {
  readonly op: 'SPAWN_REQUEST';
  readonly ref: Reference;
  readonly from: Pid;
  readonly groupLeader: Pid;
  readonly module: string;
  readonly function: string;
  /** Informational: `args` is what counts. */
  readonly arity: number;
  readonly options: Term;
  readonly args: Term;
}

export interface SpawnReply {
  readonly op: 'SPAWN_REPLY';
  readonly ref: Reference;
  readonly to: Pid;
  readonly link: boolean;
  readonly monitor: boolean;
  /** The new process, or the error's name (`badopt`, `system_limit` …). */
  readonly result: Pid | string;
}
