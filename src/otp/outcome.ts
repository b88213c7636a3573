// How a call of an exposed function ended, as `erpc:execute_call/4` says it in its exit reason: `{ResRef, return, V}`,
// `{ResRef, throw, T}`, `{ResRef, exit, R}` or `{ResRef, error, R, Stack}` (protocol section 6.6).
import { ArgumentError, ExitError } from '../errors.js';
import { reasonOf } from '../process/exit-reason.js';
import type { Process } from '../process/process.js';
import { type FindFunction, undef } from '../process/spawn-request.js';
import { Atom, atom } from '../term/atom.js';
import { Reference } from '../term/identifiers.js';
import { kindOf } from '../term/kind.js';
import type { Term } from '../term/term.js';
import { Tuple, tuple } from '../term/tuple.js';

const RETURN = atom('return');
const ERROR = atom('error');
const EXIT = atom('exit');
const THROW = atom('throw');
const BADARG = atom('badarg');
const BADRPC = atom('badrpc');
const CAUGHT = atom('EXIT');

/** Runs `module:name(...args)` if it is exposed. Never rejects. */
export async function outcomeOf(
  find: FindFunction,
  self: Process,
  result: Term,
  module: Term,
  name: Term,
  args: Term,
): Promise<Tuple> {
  if (!(module instanceof Atom) || !(name instanceof Atom) || !Array.isArray(args)) {
    return tuple(result, ERROR, BADARG, []);
  }
  const list = args as readonly Term[];
  const run = find(module.text, name.text, list.length);
  if (run === undefined) return tuple(result, ERROR, ...undef(module.text, name.text, list));
  try {
    const value = await run(self, list);
    checkResult(module.text, name.text, list.length, value);
    return tuple(result, RETURN, value);
  } catch (thrown) {
    return failure(result, thrown);
  }
}

function checkResult(module: string, name: string, arity: number, value: unknown): asserts value is Term {
  try {
    kindOf(value as Term);
  } catch (cause) {
    const why = (cause as Error).message;
    throw new ArgumentError('not_encodable', `${module}:${name}/${arity} gave what is no Erlang term: ${why}`, {
      cause,
    });
  }
}

function failure(result: Term, thrown: unknown): Tuple {
  if (thrown instanceof ExitError) return tuple(result, EXIT, thrown.reason);
  const [what, stack] = reasonOf(thrown) as Tuple;
  if (thrown instanceof Error) return tuple(result, ERROR, what, stack);
  return tuple(result, THROW, (what as Tuple).elements[1]);
}

/** An outcome taken apart. `value` is the value, the thrown term, the exit reason or the error. */
export interface Outcome {
  readonly kind: 'return' | 'throw' | 'exit' | 'error';
  readonly value: Term;
  /** Of an error. */
  readonly stack: Term;
}

/** The outcome in the exit reason of a process that was to run `erpc:execute_call`; undefined if it ended otherwise. */
export function readOutcome(reason: Term, result: Reference): Outcome | undefined {
  if (!(reason instanceof Tuple) || reason.length < 3 || !result.equals(reason.elements[0])) return undefined;
  const [, kind, value, stack] = reason.elements;
  if (kind === RETURN) return { kind: 'return', value, stack: [] };
  if (kind === THROW) return { kind: 'throw', value, stack: [] };
  if (kind === EXIT) return { kind: 'exit', value, stack: [] };
  return kind === ERROR ? { kind: 'error', value, stack } : undefined;
}

/** What `rpc:call` returns for an outcome. A thrown term is a value for it. */
export function rpcResult({ kind, value, stack }: Outcome): Term {
  if (kind === 'return' || kind === 'throw') return value;
  return badrpc(kind === 'exit' ? value : tuple(value, stack));
}

/** `{badrpc, {'EXIT', Reason}}`. */
export function badrpc(reason: Term): Tuple {
  return tuple(BADRPC, tuple(CAUGHT, reason));
}

const CALLED: ReadonlyMap<Term, string> = new Map<Term, string>([
  [RETURN, 'the value that was returned'],
  [THROW, 'the value that was thrown'],
  [EXIT, 'the exit reason'],
]);

/**
 * The outcome that stands in for one that cannot be sent: an error that says what is wrong, and where in the value.
 *
 * @param error why not; the path in it is that of the message that was to be sent.
 * @param path of the value in that message.
 * @returns undefined for what is no outcome.
 */
export function unsendable(reason: Term, error: Error, path = '[2]'): Tuple | undefined {
  if (!(reason instanceof Tuple) || reason.length !== 3) return undefined;
  const [result, kind] = reason.elements;
  const what = CALLED.get(kind);
  if (!(result instanceof Reference) || what === undefined) return undefined;
  const why = error.message.replace(`, at ${path}`, ', at value');
  const [told] = reasonOf(new ArgumentError('not_encodable', `${what} has no Erlang form: ${why}`)) as Tuple;
  // The stack of this function says nothing to the caller.
  return tuple(result, ERROR, told, []);
}
