// Exit reasons: what JavaScript throws, spelled as OTP spells it, and OTP's reasons read for people and programs.
import { ErlnodeError, ExitError, type ExitErrorCode } from '../errors.js';
import { Atom, atom, internAtom } from '../term/atom.js';
import { kindOf } from '../term/kind.js';
import { charlist } from '../term/list.js';
import type { Term } from '../term/term.js';
import { Tuple, tuple } from '../term/tuple.js';
import { reasonShape } from './reason-shape.js';

export const NORMAL: Atom<'normal'> = atom('normal');
export const KILL: Atom<'kill'> = atom('kill');
export const KILLED: Atom<'killed'> = atom('killed');
export const NOPROC: Atom<'noproc'> = atom('noproc');
export const NOCONNECTION: Atom<'noconnection'> = atom('noconnection');
export const SHUTDOWN: Atom<'shutdown'> = atom('shutdown');
const TIMEOUT = atom('timeout');
const JS_ERROR = atom('js_error');
const NOCATCH = atom('nocatch');

/**
 * The exit reason of a process whose function threw `thrown`:
 * an ExitError's own reason; `{{js_error, Name, Message}, Stack}` for any other Error, shaped as OTP's `{Reason, Stack}`
 * so that Erlang's tools print it well (`Name` and `Message` are binaries); `{{nocatch, Value}, []}` for a thrown value
 * that is not an Error, with its text where it has no Erlang form. Never throws, whatever was thrown.
 */
export function reasonOf(thrown: unknown): Term {
  try {
    if (thrown instanceof ExitError) return thrown.reason;
    if (thrown instanceof Error) {
      const what: unknown = thrown instanceof ErlnodeError ? thrown.code : thrown.name;
      const told = tuple(JS_ERROR, textOf(what, 200), textOf(thrown.message, 1000));
      return tuple(told, stackOf(thrown));
    }
    return tuple(tuple(NOCATCH, isTerm(thrown) ? thrown : textOf(thrown, 1000)), []);
  } catch {
    // Getters and proxies can throw, too.
    return tuple(tuple(JS_ERROR, 'Error', 'an error that cannot be read'), []);
  }
}

function isTerm(value: unknown): value is Term {
  try {
    kindOf(value as Term);
    return true;
  } catch {
    return false;
  }
}

/** Text that can be encoded: a lone surrogate has no UTF-8. */
function textOf(value: unknown, limit: number): string {
  return String(value).slice(0, limit).toWellFormed();
}

// Frames of this package are of no use to whoever reads an exit reason.
const OWN = new URL('..', import.meta.url).pathname;
const FRAME = /^\s*at (?:(.*?) \()?(.*?):(\d+):\d+\)?$/;
const MAX_FRAMES = 15;
/** Characters of a line that may be a frame: the pattern takes time by the square of them. */
const MAX_LINE = 1000;

/** The first frames as `[{Module, Function, Arity, [{file, F}, {line, L}]}]`; the arity is not known and given as 0. */
function stackOf(error: Error): Term[] {
  const frames: Term[] = [];
  const stack = String(error.stack ?? '');
  // The message comes first. It may have lines that look like frames: what it says is often what a peer has sent.
  const message = String(error.message);
  const at = stack.indexOf(message);
  const [, ...lines] = stack.slice(at < 0 ? 0 : at + message.length).split('\n', 1 + MAX_FRAMES);
  for (const line of lines) {
    const found = line.length > MAX_LINE ? null : FRAME.exec(line);
    if (found === null) continue;
    const [, name = 'anonymous', file = '', number = '0'] = found;
    const path = file.replace(/^file:\/\//, '');
    if (path.startsWith(OWN) || path.startsWith('node:')) continue;
    const short = path.slice(-120).toWellFormed();
    const where = [tuple(atom('file'), charlist(short)), tuple(atom('line'), Number(number))];
    frames.push(tuple(atom('js'), internAtom(textOf(name, 120)), 0, where));
  }
  return frames;
}

const CODES: ReadonlySet<string> = new Set<ExitErrorCode>([
  'noproc',
  'timeout',
  'nodedown',
  'noconnection',
  'normal',
  'killed',
  'shutdown',
]);

/**
 * The error that a call site sees when the process it waits for ended, or will not answer, because of `reason`. Never
 * throws, whatever the reason is made of: an end that cannot be put into words must be heard of all the same. Its message
 * shows how the reason is built; what is in it, a message perhaps, is in `reason` alone.
 *
 * @param because the error behind a connection that is not there.
 */
export function exitError(reason: Term, doing: string, because?: Error): ExitError {
  const first = reason instanceof Tuple ? reason.elements[0] : reason;
  const word = first instanceof Atom ? first.text : '';
  const code = CODES.has(word) ? (word as ExitErrorCode) : 'exit';
  if (because !== undefined)
    return new ExitError(code, `${doing}: ${because.message} (${code})`, reason, { cause: because });
  return new ExitError(
    code,
    `${doing}: ${EXPLAINED[code] ?? `exit ${isTerm(reason) ? reasonShape(reason) : 'with a reason that is no Erlang term'}`}`,
    reason,
  );
}

const EXPLAINED: Partial<Record<ExitErrorCode, string>> = {
  nodedown: 'the connection to the node was closed (nodedown)',
  noproc: 'there is no such process (noproc)',
  noconnection: 'there is no connection to that node (noconnection)',
  killed: 'the process was killed',
};

/** A wait that took longer than it was allowed to. */
export function timeoutError(doing: string, milliseconds: number): ExitError {
  return new ExitError('timeout', `${doing}: nothing came within ${milliseconds} ms`, TIMEOUT);
}

/** A wait that its AbortSignal ended. */
export function abortedError(doing: string, signal: AbortSignal): ExitError {
  return new ExitError('aborted', `${doing}: aborted`, atom('aborted'), { cause: signal.reason });
}

/**
 * Makes an error without a stack. One is dear (four fifths of the time that a node took to stop a million processes), and
 * of no use where it would show the end of a process and not the code that waits for something.
 */
export function withoutStack<Made extends Error>(make: () => Made): Made {
  const { stackTraceLimit } = Error;
  // It cannot be written where somebody has frozen what is built in.
  if (!Reflect.set(Error, 'stackTraceLimit', 0)) return make();
  try {
    return make();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}
