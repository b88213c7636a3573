// The client side of a gen call (OTP: gen:call, protocol section 6.2): monitor with an alias, request, reply or DOWN.
// The reply comes to the alias, which is gone once the call is over: a late reply never reaches the mailbox.
import { atom } from '../term/atom.js';
import { Pid, Reference } from '../term/identifiers.js';
import { ImproperList } from '../term/list.js';
import type { Term } from '../term/term.js';
import { Tuple, tuple } from '../term/tuple.js';
import { checkOptional } from './arguments.js';
import { exitError, NOCONNECTION } from './exit-reason.js';
import type { LocalNode } from './local-node.js';
import { startMonitor, stopMonitor } from './monitors.js';
import type { ProcessState } from './process-state.js';
import type { RegisteredName } from './signal.js';
import { Wait, type WaitOptions } from './wait.js';

export interface CallOptions extends WaitOptions {
  /** Milliseconds; 5,000 unless given, as in OTP. `Infinity` waits for ever. */
  readonly timeout?: number;
}

const GEN_CALL = atom('$gen_call');
const ALIAS = atom('alias');
const NODEDOWN = atom('nodedown');
const CALLING_SELF = atom('calling_self');

/** @internal See Process.call. */
export function call(
  self: ProcessState,
  local: LocalNode,
  to: Pid | RegisteredName | Reference,
  request: Term,
  options: CallOptions = {},
): Promise<Term> {
  const answer = new Promise<Term>((resolve, reject) => {
    new Call(self, local, to, resolve, reject).start(request, options);
  });
  // A call that nobody waits for must not take the program down.
  answer.catch(() => {});
  return answer;
}

class Call {
  readonly #self: ProcessState;
  readonly #local: LocalNode;
  readonly #to: Pid | RegisteredName | Reference;
  readonly #ref: Reference;
  readonly #resolve: (answer: Term) => void;
  readonly #reject: (error: unknown) => void;
  #wait: Wait | undefined = undefined;

  constructor(
    self: ProcessState,
    local: LocalNode,
    to: Pid | RegisteredName | Reference,
    resolve: (answer: Term) => void,
    reject: (error: unknown) => void,
  ) {
    this.#self = self;
    this.#local = local;
    this.#to = to;
    this.#ref = local.makeReference();
    this.#resolve = resolve;
    this.#reject = reject;
  }

  start(request: Term, given: CallOptions): void {
    const self = this.#self;
    const local = this.#local;
    const to = this.#to;
    const ref = this.#ref;
    checkOptional(given, 'call()');
    const { timeout = 5000, signal } = given;
    if (isSelf(self, local, to)) throw exitError(CALLING_SELF, this.#doing());
    const options = signal === undefined ? { timeout } : { timeout, signal };
    this.#wait = new Wait(
      self,
      options,
      () => this.#doing(),
      (error) => this.#fail(error),
    );
    local.aliases.add({
      ref,
      process: self,
      mode: 'reply_demonitor',
      onMessage: (message) => this.#onMessage(message),
    });
    try {
      if (!(to instanceof Reference))
        startMonitor(self, local, { ref, target: to, onDown: (reason) => this.#onDown(reason) });
      // The monitor may have fired already: then there is nobody to ask.
      if (local.aliases.get(ref) === undefined) return;
      const from = tuple(self.pid, new ImproperList([ALIAS], ref));
      local.route({ kind: 'message', from: self.pid, to, message: tuple(GEN_CALL, from, request) });
    } catch (error) {
      this.#fail(error);
    }
  }

  #onMessage(message: Term): void {
    if (replyReference(message)?.equals(this.#ref) !== true) return;
    this.#settle();
    this.#resolve((message as Tuple).elements[1]);
  }

  #onDown(reason: Term): void {
    if (reason !== NOCONNECTION) this.#fail(exitError(reason, this.#doing()));
    else this.#fail(exitError(tuple(NODEDOWN, atom(this.#to.node)), this.#doing(), this.#local.lostBecause));
  }

  #fail(error: unknown): void {
    this.#settle();
    this.#reject(error);
  }

  #settle(): void {
    this.#wait?.stop();
    this.#local.aliases.remove(this.#self, this.#ref);
    stopMonitor(this.#self, this.#local, this.#ref);
  }

  #doing(): string {
    return `call to ${describe(this.#to)}`;
  }
}

/** OTP refuses it at once instead of waiting for an answer that cannot come. */
function isSelf(self: ProcessState, local: LocalNode, to: Pid | RegisteredName | Reference): boolean {
  if (to instanceof Pid) return to.equals(self.pid);
  return !(to instanceof Reference) && to.node === local.node && local.names.whereis(to.name) === self;
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
