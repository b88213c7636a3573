// What `sys` may ask of any OTP process (protocol section 6.3): its state, to wait, to go on, to end.
import { exitError, reasonOf } from '../process/exit-reason.js';
import type { Process } from '../process/process.js';
import { atom } from '../term/atom.js';
import { charlist } from '../term/list.js';
import type { Term } from '../term/term.js';
import { Tuple, tuple } from '../term/tuple.js';
import { type From, readGenMessage, reply } from './gen.js';

const OK = atom('ok');
const ERROR = atom('error');
const GET_STATE = atom('get_state');
const GET_STATUS = atom('get_status');
const SUSPEND = atom('suspend');
const RESUME = atom('resume');
const TERMINATE = atom('terminate');
const DEBUG = atom('debug');
const GET = atom('get');
const EXIT = atom('EXIT');
const ERLANG = atom('erlang');

export type Mode = 'running' | 'suspended';

/**
 * Answers one system message.
 *
 * @param state what `sys:get_state/1` shows.
 * @returns the mode the process is in from now on.
 * @throws ExitError when the process was told to end.
 */
export async function serveSystem(
  self: Process,
  from: From,
  request: Term,
  mode: Mode,
  state: (() => Term) | undefined,
): Promise<Mode> {
  const [word, argument] = request instanceof Tuple && request.length === 2 ? request.elements : [request, undefined];
  switch (word) {
    case GET_STATE:
      reply(self, from, await stateFor(self, from, stateOf(state)));
      return mode;
    case GET_STATUS: {
      const { shown, failure } = stateOf(state);
      reply(self, from, statusOf(self, mode, failure ?? shown));
      return mode;
    }
    case SUSPEND:
      reply(self, from, OK);
      return 'suspended';
    case RESUME:
      reply(self, from, OK);
      return 'running';
    case DEBUG:
      reply(self, from, debugged(argument));
      return mode;
    case TERMINATE:
      if (!(request instanceof Tuple)) break;
      reply(self, from, OK);
      throw exitError(argument, 'told to end');
    default:
  }
  reply(self, from, tuple(ERROR, tuple(atom('unknown_system_msg'), request)));
  return mode;
}

/** Serves nothing but system messages until told to go on; the others wait in the mailbox. */
export async function suspended(self: Process, state: (() => Term) | undefined): Promise<void> {
  for (let mode: Mode = 'suspended'; mode === 'suspended'; ) {
    const message = await self.receive((term) => readGenMessage(term).kind === 'system' || isParentExit(self, term));
    const request = readGenMessage(message);
    if (request.kind === 'system') mode = await serveSystem(self, request.from, request.request, mode, state);
    else throw exitError((message as Tuple).elements[2], 'the parent has ended');
  }
}

/** `{'EXIT', Parent, Reason}`: an OTP process ends with its parent even if it traps exits. */
export function isParentExit(self: Process, message: Term): message is Tuple & Term {
  if (!(message instanceof Tuple) || message.elements[0] !== EXIT || message.length !== 3) return false;
  return self.parent?.equals(message.elements[1]) === true;
}

interface State {
  readonly shown?: Term;
  /** `{error, {callback_failed, …}}`, which sys:get_state/1 raises. */
  readonly failure?: Term;
}

function stateOf(state: (() => Term) | undefined): State {
  try {
    return { shown: state?.() };
  } catch (thrown) {
    const where = tuple(atom('js'), atom('state'));
    return { failure: tuple(ERROR, tuple(atom('callback_failed'), where, tuple(ERROR, reasonOf(thrown)))) };
  }
}

/**
 * What `sys:get_state/1` of that release takes: `{ok, State}`, up to OTP 25 the bare state. Neither takes the other's,
 * and nothing in the request or the flags tells them apart, so its node is asked.
 */
async function stateFor(self: Process, { pid }: From, { shown, failure }: State): Promise<Term> {
  if (failure !== undefined) return failure;
  const isOld = pid.node !== self.pid.node && (await releaseOf(self, pid.node)) < 26;
  return isOld ? shown : tuple(OK, shown);
}

/** The OTP release of a node; the newest if it does not say so soon. */
async function releaseOf(self: Process, node: string): Promise<number> {
  const question = tuple(atom('call'), ERLANG, atom('system_info'), [atom('otp_release')], atom('user'));
  try {
    const answer = await self.call({ name: 'rex', node }, question, { timeout: 1000 });
    const release = Array.isArray(answer)
      ? Number(String.fromCharCode(...(answer as number[]).slice(0, 3)))
      : Number.NaN;
    return Number.isNaN(release) ? Number.POSITIVE_INFINITY : release;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** In the shape that sys:get_status and observer read. */
function statusOf(self: Process, mode: Mode, state: Term): Term {
  const misc = [tuple(atom('data'), [tuple(charlist('State'), state)])];
  const told = [[], atom(mode), self.parent ?? self.pid, [], misc];
  return tuple(atom('status'), self.pid, tuple(atom('module'), atom('gen_server')), told);
}

/** Nothing is traced here; those who ask for what was traced hear that it is nothing. */
function debugged(what: Term): Term {
  const [word, how] = what instanceof Tuple ? what.elements : [];
  if (how !== GET) return OK;
  return tuple(OK, word === atom('statistics') ? atom('no_statistics') : []);
}
