// Remote procedure calls as OTP does them since 23 (protocol section 6.6): a process is spawned on the other node, its
// exit reason is the answer. Served for what the application exposed, and asked of others.
import { ExitError } from '../errors.js';
import { exitError, NOCONNECTION } from '../process/exit-reason.js';
import type { LocalNode } from '../process/local-node.js';
import type { Process } from '../process/process.js';
import { abandonSpawn, type RemoteFunction, requestSpawn } from '../process/request-spawn.js';
import { type ExposedFunction, type FindFunction, undef } from '../process/spawn-request.js';
import { Wait } from '../process/wait.js';
import { Atom, atom, internAtom } from '../term/atom.js';
import type { Reference } from '../term/identifiers.js';
import type { Term } from '../term/term.js';
import { Tuple, tuple } from '../term/tuple.js';
import { badrpc, type Outcome, outcomeOf, readOutcome, rpcResult } from './outcome.js';

const EXCEPTION = atom('exception');

/**
 * What may be spawned: what is exposed, and the two functions by which erpc runs that. They are not exposed themselves:
 * one that calls another would nest to the depth that a peer chooses.
 */
export function findWithErpc(find: FindFunction): FindFunction {
  return (module, name, arity) => {
    if (module === 'erpc' && name === 'execute_call' && arity === 4) return executeCall(find);
    if (module === 'erpc' && name === 'execute_cast' && arity === 3) return executeCast(find);
    return find(module, name, arity);
  };
}

/** `erpc:execute_call/4`: runs an exposed function and exits with its outcome. */
export function executeCall(find: FindFunction): ExposedFunction {
  return async (self, [result, module, name, args]) => {
    const outcome = await outcomeOf(find, self, result, module, name, args);
    throw new ExitError('exit', 'erpc:execute_call ends with its answer', outcome);
  };
}

/** `erpc:execute_cast/3`: runs an exposed function; nobody hears of the outcome. */
export function executeCast(find: FindFunction): ExposedFunction {
  return async (self, [module, name, args]) => {
    if (!(module instanceof Atom) || !(name instanceof Atom) || !Array.isArray(args)) return;
    const list = args as readonly Term[];
    const run = find(module.text, name.text, list.length);
    if (run === undefined) throw exitError(undef(module.text, name.text, list), 'erpc:cast');
    await run(self, list);
  };
}

export interface RpcOptions {
  /** Milliseconds; without it, as long as it takes (OTP: infinity). */
  readonly timeout?: number;
  /** Gives up when it is aborted; the function over there runs on. */
  readonly signal?: AbortSignal;
}

/**
 * OTP: `erpc:call/5`.
 *
 * @throws ExitError with OTP's reason: `{exception, Reason, Stack}` for an error there, `{exception, Reason}` for an
 * exit, `{throw, Term}`; codes `noconnection` and `timeout` for `{erpc, _}` of the same name.
 */
export function erpc(self: Process, local: LocalNode, what: RemoteFunction, options: RpcOptions = {}): Promise<Term> {
  return handled(
    execute(self, local, what, options).then(({ kind, value, stack }) => {
      if (kind === 'return') return value;
      const doing = `erpc ${describe(what)}`;
      if (kind === 'throw') throw exitError(tuple(atom('throw'), value), doing);
      throw exitError(kind === 'exit' ? tuple(EXCEPTION, value) : tuple(EXCEPTION, value, stack), doing);
    }),
  );
}

/**
 * OTP: `rpc:call/5`, but failures throw where OTP returns `{badrpc, Reason}`: an ExitError `badrpc` with that reason.
 * A value thrown there is returned, as OTP does.
 */
export function rpc(self: Process, local: LocalNode, what: RemoteFunction, options: RpcOptions = {}): Promise<Term> {
  const doing = `rpc ${describe(what)}`;
  return handled(
    execute(self, local, what, options).then(
      (outcome) => {
        if (outcome.kind === 'return' || outcome.kind === 'throw') return outcome.value;
        const told = rpcResult(outcome) as Tuple;
        throw new ExitError('badrpc', exitError(told.elements[1], doing).message, told);
      },
      (error: unknown) => {
        if (!(error instanceof ExitError) || error.code === 'aborted') throw error;
        throw new ExitError('badrpc', `${doing}: ${error.message}`, badrpcOf(error), { cause: error });
      },
    ),
  );
}

const SIGNAL = atom('signal');

/** `rpc:call` has words of its own for what keeps `erpc:call` from an outcome. */
function badrpcOf({ code, reason }: ExitError): Term {
  if (code === 'noconnection') return tuple(atom('badrpc'), atom('nodedown'));
  if (reason instanceof Tuple && reason.elements[0] === SIGNAL) return badrpc(reason.elements[1]);
  return tuple(atom('badrpc'), reason);
}

/** OTP: `erpc:cast/4`: nobody hears of the outcome. @throws ArgumentError `badarg`, `not_encodable`. */
export function erpcCast(self: Process, local: LocalNode, { node, ...what }: RemoteFunction): void {
  const args = [internAtom(what.module), internAtom(what.function), what.args];
  requestSpawn(self, local, { node, module: 'erpc', function: 'execute_cast', args }, {}, { onFailed() {} });
}

/** Runs `erpc:execute_call/4` on the other node. */
function execute(self: Process, local: LocalNode, what: RemoteFunction, options: RpcOptions): Promise<Outcome> {
  const doing = (): string => `call of ${describe(what)}`;
  return new Promise((resolve, reject) => {
    const result = local.makeReference();
    const args = [result, internAtom(what.module), internAtom(what.function), what.args];
    let ref: Reference | undefined;
    const wait = new Wait(self, options, doing, (error) => {
      // A process that has ended has given up its relations already, and a child that comes late is told why.
      if (ref !== undefined && !self.exited) abandonSpawn(self, local, ref);
      reject(error);
    });
    const spawn = { node: what.node, module: 'erpc', function: 'execute_call', args };
    try {
      ref = requestSpawn(
        self,
        local,
        spawn,
        { monitor: true },
        {
          onFailed(error) {
            wait.stop();
            reject(error);
          },
          onDown(reason) {
            wait.stop();
            const outcome = readOutcome(reason, result);
            if (outcome !== undefined) resolve(outcome);
            else if (reason === NOCONNECTION) reject(exitError(reason, doing(), local.lostBecause));
            else reject(exitError(tuple(SIGNAL, reason), doing()));
          },
        },
      );
    } catch (error) {
      wait.stop();
      throw error;
    }
  });
}

function describe({ module, function: name, args, node }: RemoteFunction): string {
  return `${module}:${name}/${args.length} on ${node}`;
}

/** A call that nobody waits for must not take the program down. */
function handled<Value>(promise: Promise<Value>): Promise<Value> {
  promise.catch(() => {});
  return promise;
}
