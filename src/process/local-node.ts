// What a process may ask of the node it lives on. ProcessTable is the one that answers.
import type { Pid, Reference } from '../term/identifiers.js';
import type { Term } from '../term/term.js';
import type { Aliases } from './aliases.js';
import type { Key } from './local-identifiers.js';
import type { MessageTimers } from './message-timers.js';
import type { ProcessState } from './process-state.js';
import type { RegisteredNames } from './registered-names.js';
import type { Signal, SpawnReply } from './signal.js';

/** A process that waits for the answer to its spawn request; it may end before the answer comes. */
export interface PendingSpawn {
  readonly ref: Reference;
  readonly process: ProcessState;
  readonly node: string;
  onReply(reply: SpawnReply): void;
}

export interface LocalNode {
  /** The node's name. */
  readonly node: string;
  readonly names: RegisteredNames;
  readonly aliases: Aliases;
  readonly timers: MessageTimers;
  /** By the key of the request's reference. */
  readonly spawning: Map<Key, PendingSpawn>;
  /** A reference that this node has never made before. */
  makeReference(): Reference;
  pidKey(pid: Pid): Key;
  referenceKey(ref: Reference): Key;
  /**
   * Sends a signal on its way, to a process here or on another node.
   *
   * @throws ArgumentError `badarg` for a bad node name, `not_encodable` for a term that has no Erlang form.
   */
  route(signal: Signal): void;
  /** `process` has a link or a monitor with `node`, so it wants to know when the connection is lost. */
  related(process: ProcessState, node: string): void;
  /**
   * Calls `tell` once, when less than the busy mark waits to be sent to `node`: at once if that is so now.
   *
   * @returns what takes that back.
   */
  whenDrained(node: string, tell: () => void): () => void;
  /** While links and monitors of a node that is lost fire: why it is, or why it could not be reached. */
  readonly lostBecause: Error | undefined;
  /** Ends a process. */
  terminate(process: ProcessState, reason: Term): void;
}
