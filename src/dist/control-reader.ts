// Control terms to control messages, with the checks that a BEAM makes (protocol sections 4.1 and 4.2): every spelling is
// understood whatever was negotiated, trace tokens are passed over, anything malformed ends the connection.
import { ProtocolError } from '../errors.js';
import { Atom } from '../term/atom.js';
import { Pid, Reference } from '../term/identifiers.js';
import type { Term } from '../term/term.js';
import { TupleOf } from '../term/tuple.js';
import { type ControlMessage, DOP, ERTS_DIST_SPAWN_FLAG, ERTS_DOP_ALTACT_SIG_FLG } from './control.js';

/** Between whom the messages go, and how to get at what follows the control term. */
export interface ControlContext {
  readonly self: string;
  readonly peer: string;
  /** Decodes the term behind the control term; called once, for operations that have one. */
  payload(): Term;
}

interface Row {
  readonly name: string;
  /** Elements of the tuple, the operation included. */
  readonly arity: number;
  /** May have more elements than that. */
  readonly open?: true;
  read(t: readonly Term[], context: ControlContext, name: string): ControlMessage;
}

const MAX_UNLINK_ID = 0xffff_ffff_ffff_ffffn;
const MAX_SPAWN_FLAGS = 2 ** 27 - 1;

/** The message that a control term and its payload mean. @throws ProtocolError `bad_control`. */
export function readControl(control: Term, context: ControlContext): ControlMessage {
  if (!(control instanceof TupleOf) || control.length === 0) {
    throw new ProtocolError('bad_control', 'a control message must be a tuple that starts with its operation');
  }
  const elements = control.elements;
  const op = elements[0];
  const row = typeof op === 'number' ? rows.get(op) : undefined;
  if (row === undefined) {
    const which = typeof op === 'number' ? `${op}` : 'that is no small integer';
    throw new ProtocolError('bad_control', `${context.peer} sent an unknown operation ${which}`);
  }
  if (row.open === true ? elements.length < row.arity : elements.length !== row.arity) {
    const wanted = `${row.name} has ${row.arity} elements${row.open === true ? ' or more' : ''}`;
    throw new ProtocolError('bad_control', `${wanted}, ${context.peer} sent ${elements.length}`);
  }
  return row.read(elements, context, row.name);
}

const rows: ReadonlyMap<number, Row> = new Map<number, Row>([
  [
    DOP.DOP_LINK,
    row('LINK', 3, (t, c, name) => ({
      op: 'LINK',
      from: theirs(t[1], c, name),
      to: ours(t[2], c, name),
    })),
  ],
  [
    DOP.DOP_UNLINK,
    row('UNLINK', 3, (t, c, name) => ({
      op: 'UNLINK',
      from: theirs(t[1], c, name),
      to: ours(t[2], c, name),
      id: undefined,
    })),
  ],
  [
    DOP.DOP_UNLINK_ID,
    row('UNLINK_ID', 4, (t, c, name) => ({
      op: 'UNLINK',
      from: theirs(t[2], c, name),
      to: ours(t[3], c, name),
      id: unlinkId(t[1], name),
    })),
  ],
  [
    DOP.DOP_UNLINK_ID_ACK,
    row('UNLINK_ID_ACK', 4, (t, c, name) => ({
      op: 'UNLINK_ACK',
      from: theirs(t[2], c, name),
      to: ours(t[3], c, name),
      id: unlinkId(t[1], name),
    })),
  ],
  [DOP.DOP_SEND, row('SEND', 3, readSend)],
  [DOP.DOP_SEND_TT, row('SEND_TT', 4, readSend)],
  [DOP.DOP_SEND_SENDER, row('SEND_SENDER', 3, readSend)],
  [DOP.DOP_SEND_SENDER_TT, row('SEND_SENDER_TT', 4, readSend)],
  [DOP.DOP_REG_SEND, row('REG_SEND', 4, readRegSend)],
  [DOP.DOP_REG_SEND_TT, row('REG_SEND_TT', 5, readRegSend)],
  [DOP.DOP_ALIAS_SEND, row('ALIAS_SEND', 3, readAliasSend)],
  [DOP.DOP_ALIAS_SEND_TT, row('ALIAS_SEND_TT', 4, readAliasSend)],
  [DOP.DOP_EXIT, row('EXIT', 4, (t, c, name) => exit(t, c, name, t[3]))],
  [DOP.DOP_EXIT_TT, row('EXIT_TT', 5, (t, c, name) => exit(t, c, name, t[4]))],
  [DOP.DOP_PAYLOAD_EXIT, row('PAYLOAD_EXIT', 3, (t, c, name) => exit(t, c, name, c.payload()))],
  [DOP.DOP_PAYLOAD_EXIT_TT, row('PAYLOAD_EXIT_TT', 4, (t, c, name) => exit(t, c, name, c.payload()))],
  [DOP.DOP_EXIT2, row('EXIT2', 4, (t, c, name) => exit2(t, c, name, t[3]))],
  [DOP.DOP_EXIT2_TT, row('EXIT2_TT', 5, (t, c, name) => exit2(t, c, name, t[4]))],
  [DOP.DOP_PAYLOAD_EXIT2, row('PAYLOAD_EXIT2', 3, (t, c, name) => exit2(t, c, name, c.payload()))],
  [DOP.DOP_PAYLOAD_EXIT2_TT, row('PAYLOAD_EXIT2_TT', 4, (t, c, name) => exit2(t, c, name, c.payload()))],
  [DOP.DOP_MONITOR_P, row('MONITOR_P', 4, (t, c, name) => monitor('MONITOR_P', t, c, name))],
  [DOP.DOP_DEMONITOR_P, row('DEMONITOR_P', 4, (t, c, name) => monitor('DEMONITOR_P', t, c, name))],
  [DOP.DOP_MONITOR_P_EXIT, row('MONITOR_P_EXIT', 5, (t, c, name) => monitorExit(t, c, name, t[4]))],
  [
    DOP.DOP_PAYLOAD_MONITOR_P_EXIT,
    row('PAYLOAD_MONITOR_P_EXIT', 4, (t, c, name) => monitorExit(t, c, name, c.payload())),
  ],
  [
    DOP.DOP_GROUP_LEADER,
    row('GROUP_LEADER', 3, (t, _c, name) => ({
      op: 'GROUP_LEADER',
      leader: anyPid(t[1], name, 'the leader'),
      to: anyPid(t[2], name, 'the receiver'),
    })),
  ],
  [DOP.DOP_SPAWN_REQUEST, row('SPAWN_REQUEST', 6, readSpawnRequest)],
  [DOP.DOP_SPAWN_REQUEST_TT, row('SPAWN_REQUEST_TT', 7, readSpawnRequest)],
  [DOP.DOP_SPAWN_REPLY, row('SPAWN_REPLY', 5, readSpawnReply)],
  [DOP.DOP_SPAWN_REPLY_TT, row('SPAWN_REPLY_TT', 6, readSpawnReply)],
  [DOP.DOP_ALTACT_SIG_SEND, { name: 'ALTACT_SIG_SEND', arity: 4, open: true, read: readAltactSig }],
]);

function row(name: string, arity: number, read: Row['read']): Row {
  return { name, arity, read };
}

function readSend(t: readonly Term[], c: ControlContext, name: string): ControlMessage {
  // A BEAM does not look at the sender, and op 2 has '' in its place.
  const from = t[1] instanceof Pid ? t[1] : undefined;
  return { op: 'SEND', from, to: anyPid(t[2], name, 'the receiver'), message: c.payload() };
}

function readRegSend(t: readonly Term[], c: ControlContext, name: string): ControlMessage {
  return {
    op: 'REG_SEND',
    from: anyPid(t[1], name, 'the sender'),
    to: atomText(t[3], name, 'the receiver'),
    message: c.payload(),
  };
}

function readAliasSend(t: readonly Term[], c: ControlContext, name: string): ControlMessage {
  return {
    op: 'ALIAS_SEND',
    from: anyPid(t[1], name, 'the sender'),
    to: anyReference(t[2], name, 'the receiver'),
    message: c.payload(),
  };
}

function exit(t: readonly Term[], c: ControlContext, name: string, reason: Term): ControlMessage {
  return { op: 'EXIT', from: theirs(t[1], c, name), to: ours(t[2], c, name), reason };
}

function exit2(t: readonly Term[], c: ControlContext, name: string, reason: Term): ControlMessage {
  return { op: 'EXIT2', from: theirs(t[1], c, name), to: ours(t[2], c, name), reason };
}

function monitor(op: 'MONITOR_P' | 'DEMONITOR_P', t: readonly Term[], c: ControlContext, name: string): ControlMessage {
  return {
    op,
    from: theirs(t[1], c, name),
    to: t[2] instanceof Pid ? ours(t[2], c, name) : atomText(t[2], name, 'the monitored process'),
    ref: anyReference(t[3], name, 'the monitor'),
  };
}

function monitorExit(t: readonly Term[], c: ControlContext, name: string, reason: Term): ControlMessage {
  return {
    op: 'MONITOR_P_EXIT',
    from: t[1] instanceof Pid ? notOurs(t[1], c, name) : atomText(t[1], name, 'the monitored process'),
    to: ours(t[2], c, name),
    ref: anyReference(t[3], name, 'the monitor'),
    reason,
  };
}

function readSpawnRequest(t: readonly Term[], c: ControlContext, name: string): ControlMessage {
  const mfa = t[4];
  if (!(mfa instanceof TupleOf) || mfa.length !== 3) throw bad(name, 'what to call is not {Module, Function, Arity}');
  const [module, fun, arity] = mfa.elements;
  if (typeof arity !== 'number' || !Number.isInteger(arity)) throw bad(name, 'the arity is not a small integer');
  const ref = anyReference(t[1], name, 'the request');
  if (ref.node !== c.peer) throw bad(name, 'the request is not a reference of the peer');
  return {
    op: 'SPAWN_REQUEST',
    ref,
    from: theirs(t[2], c, name),
    groupLeader: anyPid(t[3], name, 'the group leader'),
    module: atomText(module, name, 'the module'),
    function: atomText(fun, name, 'the function'),
    arity,
    options: t[5],
    args: c.payload(),
  };
}

function readSpawnReply(t: readonly Term[], c: ControlContext, name: string): ControlMessage {
  const flags = t[3];
  if (typeof flags !== 'number' || !Number.isInteger(flags) || flags < 0 || flags > MAX_SPAWN_FLAGS) {
    throw bad(name, `the flags are not an integer from 0 to ${MAX_SPAWN_FLAGS}`);
  }
  const ref = anyReference(t[1], name, 'the request');
  if (ref.node !== c.self) throw bad(name, 'the request is not a reference of ours');
  return {
    op: 'SPAWN_REPLY',
    ref,
    to: ours(t[2], c, name),
    link: (flags & ERTS_DIST_SPAWN_FLAG.LINK_CREATED) !== 0,
    monitor: (flags & ERTS_DIST_SPAWN_FLAG.MONITOR_CREATED) !== 0,
    result: t[4] instanceof Pid ? notOurs(t[4], c, name) : atomText(t[4], name, 'the error'),
  };
}

function readAltactSig(t: readonly Term[], c: ControlContext, name: string): ControlMessage {
  const { PRIO, TOKEN, ALIAS, NAME, EXIT } = ERTS_DOP_ALTACT_SIG_FLG;
  const flags = lowByte(t[1], name);
  if ((flags & TOKEN) !== 0 && t.length < 5) throw bad(name, 'the trace token is missing');
  if ((flags & ALIAS) !== 0 && (flags & NAME) !== 0) throw bad(name, 'the receiver is an alias and a name at once');
  const to =
    (flags & ALIAS) !== 0
      ? anyReference(t[3], name, 'the receiver')
      : (flags & NAME) !== 0
        ? atomText(t[3], name, 'the receiver')
        : anyPid(t[3], name, 'the receiver');
  const priority = (flags & PRIO) !== 0 ? { priority: true as const } : {};
  if ((flags & EXIT) !== 0) {
    const from = theirs(t[2], c, name);
    if (to instanceof Pid) ours(to, c, name);
    return { op: 'EXIT2', from, to, reason: c.payload(), ...priority };
  }
  const from = anyPid(t[2], name, 'the sender');
  if (to instanceof Pid) return { op: 'SEND', from, to, message: c.payload(), ...priority };
  if (to instanceof Reference) return { op: 'ALIAS_SEND', from, to, message: c.payload(), ...priority };
  return { op: 'REG_SEND', from, to, message: c.payload(), ...priority };
}

function bad(name: string, what: string): ProtocolError {
  return new ProtocolError('bad_control', `malformed ${name} message: ${what}`);
}

function anyPid(term: Term, name: string, what: string): Pid {
  if (term instanceof Pid) return term;
  throw bad(name, `${what} is not a pid`);
}

/** Nodes are told apart by name only: a pid with an old creation is a process of a previous life. */
function theirs(term: Term, { peer }: ControlContext, name: string): Pid {
  const from = anyPid(term, name, 'the sender');
  if (from.node !== peer) throw bad(name, 'the sender is not a process of the peer');
  return from;
}

function ours(term: Term, { self }: ControlContext, name: string): Pid {
  const to = anyPid(term, name, 'the receiver');
  if (to.node !== self) throw bad(name, 'the receiver is not a process of this node');
  return to;
}

function notOurs(from: Pid, { self }: ControlContext, name: string): Pid {
  if (from.node === self) throw bad(name, 'the process it speaks of is one of this node');
  return from;
}

function anyReference(term: Term, name: string, what: string): Reference {
  if (term instanceof Reference) return term;
  throw bad(name, `${what} is not a reference`);
}

/** The text of an atom; four atoms are JavaScript's own values in a decoded term. */
function atomText(term: Term, name: string, what: string): string {
  if (term instanceof Atom) return term.text;
  if (term === true) return 'true';
  if (term === false) return 'false';
  if (term === undefined) return 'undefined';
  if (term === null) return 'nil';
  throw bad(name, `${what} is not an atom`);
}

function unlinkId(term: Term, name: string): number | bigint {
  if (typeof term === 'number' && Number.isInteger(term) && term > 0) return term;
  if (typeof term === 'bigint' && term > 0n && term <= MAX_UNLINK_ID) return term;
  throw bad(name, 'its id is not an integer from 1 to 2^64-1');
}

function lowByte(term: Term, name: string): number {
  if (typeof term === 'number' && Number.isInteger(term) && term >= 0) return term % 256;
  if (typeof term === 'bigint' && term >= 0n) return Number(term & 0xffn);
  throw bad(name, 'its flags are not a non-negative integer');
}
