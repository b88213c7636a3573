// Remote procedure calls as OTP does them since 23 (protocol section 6.6): a process is spawned on the other node, its
// exit reason is the answer. Served for what the application exposed, and asked of others.
import { ExitError } from '../errors.js';
import { abortedError, exitError, NOCONNECTION, reasonOf, timeoutError } from '../process/exit-reason.js';
import type { LocalNode } from '../process/local-node.js';
import type { Process } from '../process/process.js';
import {
  abandonSpawn,
  type ExposedFunction,
  type FindFunction,
  requestSpawn,
  undef,
} from '../process/spawn-request.js';
import { Atom, atom, internAtom } from '../term/atom.js';
import type { Reference } from '../term/identifiers.js';
import type { Term } from '../term/term.js';
import { Tuple, tuple } from '../term/tuple.js';

const RETURN = atom('return');
const ERROR = atom('error');
const EXIT = atom('exit');
const THROW = atom('throw');
const BADRPC = atom('badrpc');

/** `erpc:execute_call/4`: runs an exposed function and exits with its outcome. */
export function executeCall(find: FindFunction): ExposedFunction {
  return async (self, [ref, module, name, args]) => {
    throw new ExitError(
      'exit',
      'erpc:execute_call ends with its answer',
      await outcome(find, self, ref, module, name, args),
    );
  };
}

/** `erpc:execute_cast/3`: runs an exposed function; nobody hears of the outcome. */
export function executeCast(find: FindFunction): ExposedFunction {
  return async (self, [module, name, args]) => {
    if (!(module instanceof Atom) || !(name instanceof Atom) || !Array.isArray(args)) return;
    await find(module.text, name.text, args.length)?.(self, args as readonly Term[]);
  };
}

async function outcome(
  find: FindFunction,
  self: Process,
  ref: Term,
  module: Term,
  name: Term,
  args: Term,
): Promise<Term> {
  if (!(module instanceof Atom) || !(name instanceof Atom) || !Array.isArray(args)) {
    return tuple(ref, ERROR, atom('badarg'), []);
  }
  const list = args as readonly Term[];
  const run = find(module.text, name.text, list.length);
  if (run === undefined) {
    const [, stack] = undef(module.text, name.text, list) as Tuple;
    return tuple(ref, ERROR, atom('undef'), stack);
  }
  try {
    return tuple(ref, RETURN, (await run(self, list)) as Term);
  } catch (thrown) {
    if (thrown instanceof ExitError) return tuple(ref, EXIT, thrown.reason);
    const reason = reasonOf(thrown);
    const [what, stack] = reason as Tuple;
    if (!(thrown instanceof Error)) return tuple(ref, THROW, (what as Tuple).elements[1]);
    return tuple(ref, ERROR, what, stack);
  }
}

/** What an erpc or rpc asks for. */
export interface RemoteCall {
  readonly node: string;
  readonly module: string;
  readonly function: string;
  readonly args: readonly Term[];
}

export interface RpcOptions {
  /** Milliseconds; without it, as long as it takes (OTP: infinity). */
  readonly timeout?: number;
  readonly signal?: AbortSignal;
}

/**
 * OTP: `erpc:call/5`.
 *
 * @throws ExitError with OTP's reason: `{exception, Reason, Stack}` for an error there, `{exception, Reason}` for an
 * exit, `{throw, Term}`; codes `noconnection` and `timeout` for `{erpc, _}` of the same name.
 */
export async function erpc(self: Process, local: LocalNode, what: RemoteCall, options: RpcOptions = {}): Promise<Term> {
  const reason = await executed(self, local, what, options);
  const [, kind, value, stack] = reason.elements;
  if (kind === RETURN) return value;
  const doing = `erpc ${what.module}:${what.function}/${what.args.length} on ${what.node}`;
  if (kind === ERROR) throw exitError(tuple(atom('exception'), value, stack), doing);
  throw exitError(kind === THROW ? tuple(THROW, value) : tuple(atom('exception'), value), doing);
}

/**
 * OTP: `rpc:call/5`, but failures throw where OTP returns `{badrpc, Reason}`: an ExitError `badrpc` with that reason.
 * A value thrown there is returned, as OTP does.
 */
export async function rpc(self: Process, local: LocalNode, what: RemoteCall, options: RpcOptions = {}): Promise<Term> {
  const doing = `rpc ${what.module}:${what.function}/${what.args.length} on ${what.node}`;
  let reason: Tuple;
  try {
    reason = await executed(self, local, what, options);
  } catch (error) {
    if (!(error instanceof ExitError) || error.code === 'aborted') throw error;
    const word = error.code === 'noconnection' ? atom('nodedown') : error.reason;
    throw new ExitError('badrpc', `${doing}: ${error.message}`, tuple(BADRPC, word), { cause: error });
  }
  const [, kind, value, stack] = reason.elements;
  if (kind === RETURN || kind === THROW) return value;
  const told = tuple(atom('EXIT'), kind === ERROR ? tuple(value, stack) : value);
  const { message } = exitError(told, doing);
  throw new ExitError('badrpc', message, tuple(BADRPC, told));
}

/** Runs `erpc:execute_call/4` on the other node and gives `{ResRef, Kind, …}`. */
function executed(self: Process, local: LocalNode, what: RemoteCall, { timeout, signal }: RpcOptions): Promise<Tuple> {
  const doing = `call of ${what.module}:${what.function}/${what.args.length} on ${what.node}`;
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) throw abortedError(doing, signal);
    const result = local.makeReference();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const settle = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      self.pending.delete(fail);
    };
    const fail = (error: unknown): void => {
      settle();
      reject(error);
    };
    const giveUp = (error: ExitError): void => {
      fail(error);
      abandonSpawn(self, local, ref);
    };
    const onAbort = (): void => giveUp(abortedError(doing, signal as AbortSignal));
    self.pending.add(fail);
    signal?.addEventListener('abort', onAbort, { once: true });
    if (timeout !== undefined && timeout !== Number.POSITIVE_INFINITY) {
      timer = setTimeout(() => giveUp(timeoutError(doing, timeout)), timeout);
    }
    const args = [result, internAtom(what.module), internAtom(what.function), what.args];
    const ref = requestSpawn(
      self,
      local,
      { node: what.node, module: 'erpc', function: 'execute_call', args },
      { monitor: true },
      {
        onFailed: fail,
        onDown(reason) {
          settle();
          if (isOutcome(reason, result)) resolve(reason);
          else reject(exitError(reason === NOCONNECTION ? reason : tuple(atom('signal'), reason), doing));
        },
      },
    );
  });
}

function isOutcome(reason: Term, result: Reference): reason is Tuple & Term {
  return reason instanceof Tuple && reason.length >= 3 && result.equals(reason.elements[0]);
}
