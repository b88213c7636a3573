// Translates between signals, which processes exchange, and control messages, which is how the wire spells them
// (protocol section 4). The one place that knows both.
import type { ControlMessage } from '../dist/control.js';
import { destinationNode, type RegisteredName, type Signal } from '../process/signal.js';
import { Pid, Reference } from '../term/identifiers.js';
import type { Term } from '../term/term.js';

/** The control message for a signal to another node. */
export function toControl(signal: Signal): ControlMessage {
  switch (signal.kind) {
    case 'message': {
      const { from, to, message, priority } = signal;
      if (priority === true) return urgent(from as Pid, to, message);
      if (to instanceof Pid) return { op: 'SEND', from, to, message };
      // Only messages from another node may lack a sender, and those are never passed on.
      if (to instanceof Reference) return { op: 'ALIAS_SEND', from: from as Pid, to, message };
      return { op: 'REG_SEND', from: from as Pid, to: to.name, message };
    }
    case 'link':
      return { op: 'LINK', from: signal.from, to: signal.to };
    case 'unlink':
      return { op: 'UNLINK', from: signal.from, to: signal.to, id: signal.id };
    case 'unlinkAck':
      return { op: 'UNLINK_ACK', from: signal.from, to: signal.to, id: signal.id };
    case 'linkExit':
      return { op: 'EXIT', from: signal.from, to: signal.to, reason: signal.reason };
    case 'exit': {
      const { from, to, reason, priority } = signal;
      return { op: 'EXIT2', from, to: spelled(to), reason, ...(priority === true ? { priority } : {}) };
    }
    case 'monitor':
      return { op: 'MONITOR_P', from: signal.from, to: spelled(signal.to), ref: signal.ref };
    case 'demonitor':
      return { op: 'DEMONITOR_P', from: signal.from, to: spelled(signal.to), ref: signal.ref };
    case 'down':
      return {
        op: 'MONITOR_P_EXIT',
        from: spelled(signal.from),
        to: signal.to,
        ref: signal.ref,
        reason: signal.reason,
      };
    case 'groupLeader':
      return { op: 'GROUP_LEADER', leader: signal.from, to: signal.to };
    case 'spawnRequest': {
      const { ref, from, groupLeader, module, function: name, args, options } = signal;
      const arity = Array.isArray(args) ? args.length : 0;
      return { op: 'SPAWN_REQUEST', ref, from, groupLeader, module, function: name, arity, options, args };
    }
    case 'spawnReply': {
      const { ref, to, result, link, monitor } = signal;
      return { op: 'SPAWN_REPLY', ref, to, result, link, monitor };
    }
  }
}

/** The signal in a control message that came from `peer`; names in it are names on `self`. */
export function fromControl(message: ControlMessage, self: string, peer: string): Signal {
  switch (message.op) {
    case 'SEND':
    case 'ALIAS_SEND':
    case 'REG_SEND': {
      const { from } = message;
      const to = named(message.to, self);
      // One shape for all but the rarest: this is the hot path.
      if (message.priority === true) return { kind: 'message', from, to, message: message.message, priority: true };
      return { kind: 'message', from, to, message: message.message };
    }
    case 'LINK':
      return { kind: 'link', from: message.from, to: message.to };
    case 'UNLINK':
      return { kind: 'unlink', from: message.from, to: message.to, id: message.id };
    case 'UNLINK_ACK':
      return { kind: 'unlinkAck', from: message.from, to: message.to, id: message.id };
    case 'EXIT':
      return { kind: 'linkExit', from: message.from, to: message.to, reason: message.reason };
    case 'EXIT2': {
      const { from, to, reason, priority } = message;
      return { kind: 'exit', from, to: named(to, self), reason, ...(priority === true ? { priority } : {}) };
    }
    case 'MONITOR_P':
      return { kind: 'monitor', from: message.from, to: named(message.to, self), ref: message.ref };
    case 'DEMONITOR_P':
      return { kind: 'demonitor', from: message.from, to: named(message.to, self), ref: message.ref };
    case 'MONITOR_P_EXIT': {
      const { from, to, ref, reason } = message;
      return { kind: 'down', from: named(from, peer), to, ref, reason };
    }
    case 'GROUP_LEADER':
      return { kind: 'groupLeader', from: message.leader, to: message.to };
    case 'SPAWN_REQUEST': {
      const { ref, from, groupLeader, module, function: name, args, options } = message;
      return { kind: 'spawnRequest', ref, from, groupLeader, node: self, module, function: name, args, options };
    }
    case 'SPAWN_REPLY': {
      const { ref, to, result, link, monitor } = message;
      return { kind: 'spawnReply', ref, to, node: peer, result, link, monitor };
    }
  }
}

/** Whether a signal is worth a new connection. The others mean nothing to a node that has forgotten us. */
export function connects(signal: Signal): boolean {
  switch (signal.kind) {
    case 'message':
    case 'exit':
      // An alias lives only as long as its connection's node does; a reply must not bring a dead caller's node back.
      return !(signal.to instanceof Reference);
    case 'link':
    case 'monitor':
    case 'groupLeader':
    case 'spawnRequest':
      return true;
    default:
      return false;
  }
}

/** For log lines: what a signal is and where it goes, never what is in it. */
export function describeSignal(signal: Signal): string {
  return `${signal.kind} signal to ${destinationNode(signal)}`;
}

function urgent(from: Pid, to: Pid | Reference | RegisteredName, message: Term): ControlMessage {
  if (to instanceof Pid) return { op: 'SEND', from, to, message, priority: true };
  if (to instanceof Reference) return { op: 'ALIAS_SEND', from, to, message, priority: true };
  return { op: 'REG_SEND', from, to: to.name, message, priority: true };
}

function spelled<To extends Pid | Reference>(to: To | RegisteredName): To | string {
  return to instanceof Pid || to instanceof Reference ? (to as To) : (to as RegisteredName).name;
}

function named<To extends Pid | Reference>(to: To | string, node: string): To | RegisteredName {
  return typeof to === 'string' ? { name: to, node } : to;
}
