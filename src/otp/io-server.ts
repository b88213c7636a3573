// The process registered as `user`, the group leader of this node's processes (protocol section 6.9): whoever prints on
// another node on behalf of one of ours asks it. It answers everybody, so that nobody waits for ever; what is printed is
// dropped, for a library has no terminal, and there is never anything to read.
import type { Process } from '../process/process.js';
import type { ProcessFunction } from '../process/spawn-options.js';
import { Atom, atom } from '../term/atom.js';
import { Pid } from '../term/identifiers.js';
import type { Term } from '../term/term.js';
import { Tuple, tuple } from '../term/tuple.js';
import { systemProcess } from './system-process.js';

const IO_REQUEST = atom('io_request');
const IO_REPLY = atom('io_reply');
const OK = atom('ok');
const ERROR = atom('error');
const EOF = atom('eof');
const ENOTSUP = tuple(ERROR, atom('enotsup'));
const UNKNOWN = tuple(ERROR, atom('request'));

/** The answers by the request's first word; `{requests, …}` is served one by one. */
const ANSWERS: ReadonlyMap<string, Term> = new Map<string, Term>([
  ['put_chars', OK],
  ['setopts', OK],
  ['getopts', [tuple(atom('binary'), false), tuple(atom('encoding'), atom('unicode'))]],
  ['get_geometry', ENOTSUP],
  ['get_line', EOF],
  ['get_chars', EOF],
  ['get_until', EOF],
  ['get_password', ENOTSUP],
]);

export const ioServer: ProcessFunction = systemProcess((self: Process, message: Term) => {
  if (!(message instanceof Tuple) || message.elements[0] !== IO_REQUEST || message.length !== 4) return;
  const [, from, replyAs, request] = message.elements;
  if (from instanceof Pid) self.send(from, tuple(IO_REPLY, replyAs, answerOf(request)));
});

function answerOf(request: Term): Term {
  if (!(request instanceof Tuple) || request.elements[0] !== REQUESTS) return answerOfOne(request);
  const [, list] = request.elements;
  if (!Array.isArray(list)) return UNKNOWN;
  let last: Term = OK;
  for (const each of list as readonly Term[]) {
    last = answerOfOne(each);
    if (last instanceof Tuple) break;
  }
  return last;
}

const REQUESTS = atom('requests');

function answerOfOne(request: Term): Term {
  const word = request instanceof Tuple ? request.elements[0] : request;
  return (word instanceof Atom ? ANSWERS.get(word.text) : undefined) ?? UNKNOWN;
}
