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

/** The operations as the wire numbers them (protocol section 4.1). TT: with a sequential-trace token. */
export const DOP = {
  DOP_LINK: 1,
  DOP_SEND: 2,
  DOP_EXIT: 3,
  DOP_UNLINK: 4,
  DOP_REG_SEND: 6,
  DOP_GROUP_LEADER: 7,
  DOP_EXIT2: 8,
  DOP_SEND_TT: 12,
  DOP_EXIT_TT: 13,
  DOP_REG_SEND_TT: 16,
  DOP_EXIT2_TT: 18,
  DOP_MONITOR_P: 19,
  DOP_DEMONITOR_P: 20,
  DOP_MONITOR_P_EXIT: 21,
  DOP_SEND_SENDER: 22,
  DOP_SEND_SENDER_TT: 23,
  DOP_PAYLOAD_EXIT: 24,
  DOP_PAYLOAD_EXIT_TT: 25,
  DOP_PAYLOAD_EXIT2: 26,
  DOP_PAYLOAD_EXIT2_TT: 27,
  DOP_PAYLOAD_MONITOR_P_EXIT: 28,
  DOP_SPAWN_REQUEST: 29,
  DOP_SPAWN_REQUEST_TT: 30,
  DOP_SPAWN_REPLY: 31,
  DOP_SPAWN_REPLY_TT: 32,
  DOP_ALIAS_SEND: 33,
  DOP_ALIAS_SEND_TT: 34,
  DOP_UNLINK_ID: 35,
  DOP_UNLINK_ID_ACK: 36,
  DOP_ALTACT_SIG_SEND: 37,
} as const;

/** What the flags of DOP_ALTACT_SIG_SEND say; bits without a name are ignored. */
export const ERTS_DOP_ALTACT_SIG_FLG = { PRIO: 1, TOKEN: 2, ALIAS: 4, NAME: 8, EXIT: 16 } as const;

/** What the flags of DOP_SPAWN_REPLY say. */
export const ERTS_DIST_SPAWN_FLAG = { LINK_CREATED: 1, MONITOR_CREATED: 2 } as const;
