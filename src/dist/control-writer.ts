// Control messages to bytes, in the spelling that the negotiated flags ask for (protocol section 4.1).
// What the peer did not announce is not sent in some other way: it is not sent, and the caller is told.
import { ArgumentError } from '../errors.js';
import type { Encoder } from '../etf/encode.js';
import { SMALL_INTEGER_EXT, SMALL_TUPLE_EXT } from '../etf/tags.js';
import { type Atom, internAtom } from '../term/atom.js';
import { Pid, Reference } from '../term/identifiers.js';
import type { Term } from '../term/term.js';
import { type ControlMessage, DOP, ERTS_DIST_SPAWN_FLAG, ERTS_DOP_ALTACT_SIG_FLG } from './control.js';
import { DFLAG, hasFlags } from './flags.js';

// Held for good: every message names one of them.
const nobody: Atom = internAtom('');

export class ControlWriter {
  readonly #sender: boolean;
  readonly #exitPayload: boolean;
  readonly #monitors: boolean;
  readonly #unlinkId: boolean;
  readonly #spawn: boolean;
  readonly #alias: boolean;
  readonly #altact: boolean;

  /** @param flags the negotiated flags */
  constructor(flags: bigint) {
    this.#sender = hasFlags(flags, DFLAG.DFLAG_SEND_SENDER);
    this.#exitPayload = hasFlags(flags, DFLAG.DFLAG_EXIT_PAYLOAD);
    // A BEAM uses neither half alone.
    this.#monitors = hasFlags(flags, DFLAG.DFLAG_DIST_MONITOR | DFLAG.DFLAG_DIST_MONITOR_NAME);
    this.#unlinkId = hasFlags(flags, DFLAG.DFLAG_UNLINK_ID);
    this.#spawn = hasFlags(flags, DFLAG.DFLAG_SPAWN);
    this.#alias = hasFlags(flags, DFLAG.DFLAG_ALIAS);
    this.#altact = hasFlags(flags, DFLAG.DFLAG_ALTACT_SIG);
  }

  /** Did the peer announce what it takes to understand this message? */
  canSend(message: ControlMessage): boolean {
    switch (message.op) {
      case 'MONITOR_P':
      case 'DEMONITOR_P':
      case 'MONITOR_P_EXIT':
        return this.#monitors;
      case 'UNLINK_ACK':
        return this.#unlinkId;
      case 'SPAWN_REQUEST':
      case 'SPAWN_REPLY':
        return this.#spawn;
      case 'ALIAS_SEND':
        return this.#alias;
      case 'EXIT2':
        // There is no exit signal to a name, and to an alias only as an alternate action.
        return message.to instanceof Pid || (message.to instanceof Reference && this.#alias && this.#altact);
      case 'LINK':
      case 'UNLINK':
      case 'SEND':
      case 'REG_SEND':
      case 'EXIT':
      case 'GROUP_LEADER':
        return true;
    }
  }

  /**
   * Writes the control term of a message that {@link canSend}; true when {@link payloadOf} has to follow.
   *
   * @throws ArgumentError `not_encodable`; `badarg` for an UNLINK without the id that this peer needs.
   */
  write(out: Encoder, message: ControlMessage): boolean {
    switch (message.op) {
      case 'LINK':
        head(out, 3, DOP.DOP_LINK);
        out.term(message.from);
        out.term(message.to);
        return false;
      case 'UNLINK':
        return this.#unlink(out, message.from, message.to, message.id);
      case 'UNLINK_ACK':
        head(out, 4, DOP.DOP_UNLINK_ID_ACK);
        out.term(message.id);
        out.term(message.from);
        out.term(message.to);
        return false;
      case 'SEND':
        return this.#send(out, message.from, message.to, message.priority === true);
      case 'REG_SEND':
        return this.#regSend(out, message.from, message.to, message.priority === true);
      case 'ALIAS_SEND':
        return this.#aliasSend(out, message.from, message.to, message.priority === true);
      case 'EXIT':
        return this.#exit(out, DOP.DOP_PAYLOAD_EXIT, DOP.DOP_EXIT, message.from, message.to, message.reason);
      case 'EXIT2':
        if (message.to instanceof Reference || (message.priority === true && this.#altact)) {
          return altact(out, message.from, message.to, message.priority === true, true);
        }
        return this.#exit(out, DOP.DOP_PAYLOAD_EXIT2, DOP.DOP_EXIT2, message.from, message.to, message.reason);
      case 'MONITOR_P':
      case 'DEMONITOR_P':
        head(out, 4, message.op === 'MONITOR_P' ? DOP.DOP_MONITOR_P : DOP.DOP_DEMONITOR_P);
        out.term(message.from);
        pidOrName(out, message.to);
        out.term(message.ref);
        return false;
      case 'MONITOR_P_EXIT':
        if (this.#exitPayload) head(out, 4, DOP.DOP_PAYLOAD_MONITOR_P_EXIT);
        else head(out, 5, DOP.DOP_MONITOR_P_EXIT);
        pidOrName(out, message.from);
        out.term(message.to);
        out.term(message.ref);
        if (!this.#exitPayload) out.term(message.reason);
        return this.#exitPayload;
      case 'GROUP_LEADER':
        head(out, 3, DOP.DOP_GROUP_LEADER);
        out.term(message.leader);
        out.term(message.to);
        return false;
      case 'SPAWN_REQUEST':
        head(out, 6, DOP.DOP_SPAWN_REQUEST);
        out.term(message.ref);
        out.term(message.from);
        out.term(message.groupLeader);
        out.byte(SMALL_TUPLE_EXT);
        out.byte(3);
        name(out, message.module);
        name(out, message.function);
        out.term(message.arity);
        out.term(message.options);
        return true;
      case 'SPAWN_REPLY':
        head(out, 5, DOP.DOP_SPAWN_REPLY);
        out.term(message.ref);
        out.term(message.to);
        small(
          out,
          (message.link ? ERTS_DIST_SPAWN_FLAG.LINK_CREATED : 0) |
            (message.monitor ? ERTS_DIST_SPAWN_FLAG.MONITOR_CREATED : 0),
        );
        pidOrName(out, message.result);
        return false;
    }
  }

  #unlink(out: Encoder, from: Pid, to: Pid, id: number | bigint | undefined): false {
    if (!this.#unlinkId) head(out, 3, DOP.DOP_UNLINK);
    else {
      if (id === undefined)
        throw new ArgumentError('badarg', 'an UNLINK to this peer needs an id: it sends UNLINK_ACK');
      head(out, 4, DOP.DOP_UNLINK_ID);
      out.term(id);
    }
    out.term(from);
    out.term(to);
    return false;
  }

  #send(out: Encoder, from: Pid | undefined, to: Pid, priority: boolean): true {
    if (priority && this.#altact && from !== undefined) return altact(out, from, to, true, false);
    const sender = this.#sender && from !== undefined;
    head(out, 3, sender ? DOP.DOP_SEND_SENDER : DOP.DOP_SEND);
    out.term(sender ? from : nobody);
    out.term(to);
    return true;
  }

  #regSend(out: Encoder, from: Pid, to: string, priority: boolean): true {
    if (priority && this.#altact) return altact(out, from, to, true, false);
    head(out, 4, DOP.DOP_REG_SEND);
    out.term(from);
    out.term(nobody);
    name(out, to);
    return true;
  }

  #aliasSend(out: Encoder, from: Pid, to: Reference, priority: boolean): true {
    if (this.#altact) return altact(out, from, to, priority, false);
    head(out, 3, DOP.DOP_ALIAS_SEND);
    out.term(from);
    out.term(to);
    return true;
  }

  #exit(out: Encoder, modern: number, old: number, from: Pid, to: Pid | string, reason: Term): boolean {
    head(out, this.#exitPayload ? 3 : 4, this.#exitPayload ? modern : old);
    out.term(from);
    pidOrName(out, to);
    if (!this.#exitPayload) out.term(reason);
    return this.#exitPayload;
  }
}

/** The term that follows the control term, for messages that have one. */
export function payloadOf(message: ControlMessage): Term {
  switch (message.op) {
    case 'SEND':
    case 'REG_SEND':
    case 'ALIAS_SEND':
      return message.message;
    case 'EXIT':
    case 'EXIT2':
    case 'MONITOR_P_EXIT':
      return message.reason;
    case 'SPAWN_REQUEST':
      return message.args;
    case 'LINK':
    case 'UNLINK':
    case 'UNLINK_ACK':
    case 'MONITOR_P':
    case 'DEMONITOR_P':
    case 'GROUP_LEADER':
    case 'SPAWN_REPLY':
      return undefined;
  }
}

function altact(out: Encoder, from: Pid, to: Pid | Reference | string, priority: boolean, exit: boolean): true {
  const { PRIO, ALIAS, NAME, EXIT } = ERTS_DOP_ALTACT_SIG_FLG;
  const receiver = to instanceof Reference ? ALIAS : typeof to === 'string' ? NAME : 0;
  head(out, 4, DOP.DOP_ALTACT_SIG_SEND);
  small(out, receiver | (priority ? PRIO : 0) | (exit ? EXIT : 0));
  out.term(from);
  pidOrName(out, to);
  return true;
}

function head(out: Encoder, arity: number, op: number): void {
  out.byte(SMALL_TUPLE_EXT);
  out.byte(arity);
  small(out, op);
}

function small(out: Encoder, value: number): void {
  out.byte(SMALL_INTEGER_EXT);
  out.byte(value);
}

function name(out: Encoder, text: string): void {
  out.term(internAtom(text));
}

function pidOrName(out: Encoder, to: Pid | Reference | string): void {
  if (typeof to === 'string') name(out, to);
  else out.term(to);
}
