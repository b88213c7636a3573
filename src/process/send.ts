// What a process sends: messages now, later (OTP: erlang:send_after/3) and as a gen cast, and exit signals.
import { ArgumentError } from '../errors.js';
import { Atom, atom } from '../term/atom.js';
import { type Pid, Reference } from '../term/identifiers.js';
import type { Term } from '../term/term.js';
import { tuple } from '../term/tuple.js';
import { checkIsPid, checkOptional } from './arguments.js';
import { addressOf, type Destination } from './destination.js';
import type { LocalNode } from './local-node.js';
import type { ProcessState } from './process-state.js';

export interface SendOptions {
  /**
   * OTP 28: `[priority]`. Goes before ordinary messages if it is sent to an alias that was made with `priority`; any
   * other is an ordinary message.
   */
  readonly priority?: boolean;
}

const GEN_CAST = atom('$gen_cast');

/** @internal See Process.send. */
export function send(
  self: ProcessState,
  local: LocalNode,
  to: Destination,
  message: Term,
  options: SendOptions | undefined,
): void {
  if (options !== undefined) checkOptional(options, 'send()');
  const address = addressOf(to, local.node);
  if (typeof to === 'string' || to instanceof Atom) {
    if (local.names.whereis(String(to)) === undefined) {
      throw new ArgumentError('badarg', `no process is registered as ${JSON.stringify(String(to))} on ${local.node}`);
    }
  }
  if (options?.priority === true) {
    local.route({ kind: 'message', from: self.pid, to: address, message, priority: true });
  } else local.route({ kind: 'message', from: self.pid, to: address, message });
}

/** @internal See Process.sendAfter. */
export function sendAfter(
  self: ProcessState,
  local: LocalNode,
  milliseconds: number,
  to: Pid | string | Atom,
  message: Term,
): Reference {
  const address = addressOf(to, local.node);
  if (address instanceof Reference || address.node !== local.node) {
    throw new ArgumentError('badarg', 'sendAfter() sends to processes of its own node only, as in OTP');
  }
  const from = self.pid;
  const ref = local.makeReference();
  local.timers.start(ref, milliseconds, () => local.route({ kind: 'message', from, to: address, message }));
  return ref;
}

/** @internal See Process.cast. */
export function cast(self: ProcessState, local: LocalNode, to: Destination, request: Term): void {
  const address = addressOf(to, local.node);
  local.route({ kind: 'message', from: self.pid, to: address, message: tuple(GEN_CAST, request) });
}

export interface ExitOptions {
  /**
   * OTP 28: `[priority]`. The `EXIT` message of a process that traps exits goes before ordinary ones if the signal is sent
   * to an alias that was made with `priority`; any other is an ordinary exit signal.
   */
  readonly priority?: boolean;
}

/** @internal See Process.exit. */
export function exitSignal(
  self: ProcessState,
  local: LocalNode,
  to: Term,
  reason: Term,
  options: ExitOptions | undefined,
): void {
  if (!(to instanceof Reference)) checkIsPid(to, 'exit(pid, reason)');
  checkOptional(options, 'exit(pid, reason)');
  const signal = { kind: 'exit', from: self.pid, to: to as Pid | Reference, reason } as const;
  local.route(options?.priority === true ? { ...signal, priority: true } : signal);
}
