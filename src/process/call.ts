// The client side of a gen call (OTP: gen:call, protocol section 6.2): monitor with an alias, request, reply or DOWN.
// The reply comes to the alias, which is gone once the call is over: a late reply never reaches the mailbox.
import { atom } from '../term/atom.js';
import { Pid, Reference } from '../term/identifiers.js';
import { ImproperList } from '../term/list.js';
import type { Term } from '../term/term.js';
import { Tuple, tuple } from '../term/tuple.js';
import { abortedError, exitError, NOCONNECTION, timeoutError } from './exit-reason.js';
import type { LocalNode } from './local-node.js';
import type { ProcessState } from './process-state.js';
import type { RegisteredName } from './signal.js';

export interface CallOptions {
  /** Milliseconds; 5,000 unless given, as in OTP. `Infinity` waits for ever. */
  readonly timeout?: number;
  readonly signal?: AbortSignal;
}

const GEN_CALL = atom('$gen_call');
const ALIAS = atom('alias');
const NODEDOWN = atom('nodedown');

export function call(
  self: ProcessState,
  table: LocalNode,
  to: Pid | RegisteredName | Reference,
  request: Term,
  { timeout = 5000, signal }: CallOptions = {},
): Promise<Term> {
  const doing = `call to ${describe(to)}`;
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) throw abortedError(doing, signal);
    const ref = table.makeReference();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const settle = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      self.pending.delete(fail);
      table.aliases.remove(ref);
      if (self.relations.monitors.delete(ref.key) && target !== undefined) {
        table.route({ kind: 'demonitor', from: self.pid, to: target, ref });
      }
    };
    const fail = (error: unknown): void => {
      settle();
      reject(error);
    };
    const onAbort = (): void => fail(abortedError(doing, signal as AbortSignal));
    signal?.addEventListener('abort', onAbort, { once: true });
    self.pending.add(fail);
    if (timeout !== Number.POSITIVE_INFINITY) timer = setTimeout(() => fail(timeoutError(doing, timeout)), timeout);

    const target = to instanceof Reference ? undefined : to;
    table.aliases.add({
      ref,
      process: self,
      mode: 'reply_demonitor',
      onMessage(message) {
        if (!(message instanceof Tuple) || message.length !== 2) return;
        settle();
        resolve(message.elements[1]);
      },
    });
    if (target !== undefined) {
      const onDown = (reason: unknown): void => {
        const lost = reason === NOCONNECTION ? tuple(NODEDOWN, atom(target.node)) : (reason as Term);
        fail(exitError(lost, doing));
      };
      self.relations.monitors.set(ref.key, { ref, target, onDown });
      table.related(self, target.node);
      table.route({ kind: 'monitor', from: self.pid, to: target, ref });
      if (!self.relations.monitors.has(ref.key)) return;
    }
    const from = tuple(self.pid, new ImproperList([ALIAS], ref));
    try {
      table.route({ kind: 'message', from: self.pid, to, message: tuple(GEN_CALL, from, request) });
    } catch (error) {
      fail(error);
    }
  });
}

/**
 * The reference of a reply `{[alias | Ref], _}` that was sent to the pid instead of the alias, as peers without
 * aliases do; such a message is never one for the mailbox.
 */
export function replyReference(message: Term): Reference | undefined {
  if (!(message instanceof Tuple) || message.length !== 2) return undefined;
  const tag = message.elements[0];
  if (!(tag instanceof ImproperList) || tag.elements[0] !== ALIAS || tag.elements.length !== 1) return undefined;
  return tag.tail instanceof Reference ? tag.tail : undefined;
}

function describe(to: Pid | RegisteredName | Reference): string {
  if (to instanceof Pid) return `${to} on ${to.node}`;
  return to instanceof Reference ? String(to) : `{${to.name}, ${to.node}}`;
}
