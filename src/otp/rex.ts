// The process registered as `rex` (protocol section 6.5): what is left of OTP's rpc server, asked by rpc:block_call,
// rpc:cast of OTP 23, erl_call and other C nodes. It runs what the application exposed, and nothing else.
import { ExitError } from '../errors.js';
import { reasonOf } from '../process/exit-reason.js';
import type { Process } from '../process/process.js';
import type { ProcessFunction } from '../process/spawn-options.js';
import type { FindFunction } from '../process/spawn-request.js';
import { Atom, atom, internAtom } from '../term/atom.js';
import { Pid, Reference } from '../term/identifiers.js';
import type { Term } from '../term/term.js';
import { Tuple, tuple } from '../term/tuple.js';
import { readGenMessage, reply } from './gen.js';
import { badrpc, outcomeOf, readOutcome, rpcResult, unsendable } from './outcome.js';
import { systemProcess } from './system-process.js';

const FEATURES_REQUEST = atom('features_request');
const FEATURES_REPLY = atom('features_reply');
const CALL = atom('call');
const BLOCK_CALL = atom('block_call');
const CAST = atom('cast');
const SEND = atom('send');
const SBCAST = atom('sbcast');
const NONEXISTING_NAME = atom('nonexisting_name');
const REX = atom('rex');
const DOWN = atom('DOWN');

/** `{Word, Module, Function, Args, GroupLeader}`. */
interface Run {
  readonly module: Term;
  readonly name: Term;
  readonly args: Term;
  /** Absent for `user` and for callers that want to see the output: there is no such process here. */
  readonly groupLeader: Pid | undefined;
}

type Answer = (result: Term) => void;

/** A call that runs. */
interface Running {
  readonly result: Reference;
  readonly answer: Answer;
  /** Runs once, whether the answer could be sent or not. */
  readonly onEnd: () => void;
}

export function rex(find: FindFunction): ProcessFunction {
  // The calls that run, by the key of the monitor of the process that runs them.
  const running = new Map<string, Running>();
  /** What waits for the block_call that runs now. */
  const blocked: (() => void)[] = [];
  let blocking = false;

  const start = (self: Process, run: Run, answer: Answer, onEnd = (): void => {}): void => {
    const { pid, ref: result } = self.spawnMonitor(async (child) => {
      const outcome = await outcomeOf(find, child, result, run.module, run.name, run.args);
      throw new ExitError('exit', 'an rpc ends with its answer', outcome);
    });
    if (run.groupLeader !== undefined) self.setGroupLeader(run.groupLeader, pid);
    running.set(result.key, { result, answer, onEnd });
  };
  /** One at a time. The others go on being served meanwhile, unlike on a BEAM, where one of these stops rex. */
  const startBlocking = (self: Process, run: Run, answer: Answer): void => {
    if (blocking) {
      blocked.push(() => startBlocking(self, run, answer));
      return;
    }
    blocking = true;
    start(self, run, answer, () => {
      blocking = false;
      blocked.shift()?.();
    });
  };
  const ended = (ref: Reference, reason: Term): void => {
    const call = running.get(ref.key);
    if (call === undefined) return;
    running.delete(ref.key);
    call.onEnd();
    const outcome = readOutcome(reason, call.result);
    try {
      call.answer(outcome === undefined ? badrpc(reason) : rpcResult(outcome));
    } catch (error) {
      // The value holds something that has no Erlang form. It was to be the second element of a reply, as it is or in
      // {badrpc, {'EXIT', Value}}.
      const instead = unsendable(reason, error as Error, outcome?.kind === 'exit' ? '[1][1][1]' : '[1]');
      const told = instead === undefined ? undefined : readOutcome(instead, call.result);
      call.answer(told === undefined ? badrpc(reasonOf(error)) : rpcResult(told));
    }
  };

  return systemProcess((self, message) => {
    const request = readGenMessage(message);
    if (request.kind === 'call') {
      const answer: Answer = (result) => reply(self, request.from, result);
      const call = readRun(request.request, CALL);
      if (call !== undefined) start(self, call, answer);
      const blockCall = readRun(request.request, BLOCK_CALL);
      if (blockCall !== undefined) startBlocking(self, blockCall, answer);
    } else if (request.kind === 'cast') {
      const cast = readRun(request.request, CAST);
      if (cast !== undefined) start(self, cast, () => {});
    } else if (message instanceof Tuple && message.elements[0] === DOWN && message.length === 5) {
      const [, ref, , , reason] = message.elements;
      if (ref instanceof Reference) ended(ref, reason);
    } else if (message instanceof Tuple && message.length === 2 && message.elements[0] instanceof Pid) {
      fromForeignNode(self, message.elements[0], message.elements[1]);
    }
  });

  /** What erl_call and other C nodes send, and what nodes tell each other of their features. */
  function fromForeignNode(self: Process, from: Pid, request: Term): void {
    if (request === FEATURES_REQUEST) {
      self.send(from, tuple(FEATURES_REPLY, internAtom(self.node), [atom('erpc')]));
      return;
    }
    const call = readRun(request, CALL);
    if (call !== undefined) start(self, call, (result) => self.send(from, tuple(REX, result)));
    else if (request instanceof Tuple && request.length === 3 && request.elements[1] instanceof Atom) {
      const [word, name, message] = request.elements as readonly [Term, Atom, Term];
      if (word === SBCAST) passOn(self, from, name, message, tuple(REX, internAtom(self.node), internAtom(self.node)));
      if (word === SEND) passOn(self, from, name, tuple(from, message), undefined);
    }
  }
}

function passOn(self: Process, from: Pid, name: Atom, message: Term, answer: Term): void {
  try {
    self.send(name, message);
  } catch {
    self.send(from, tuple(REX, internAtom(self.node), tuple(NONEXISTING_NAME, name)));
    return;
  }
  if (answer !== undefined) self.send(from, answer);
}

function readRun(request: Term, word: Atom): Run | undefined {
  if (!(request instanceof Tuple) || request.length !== 5 || request.elements[0] !== word) return undefined;
  const [, module, name, args, leader] = request.elements;
  return { module, name, args, groupLeader: leader instanceof Pid ? leader : undefined };
}
