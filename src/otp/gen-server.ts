// A generic server (OTP: gen_server, protocol sections 6.2 and 6.3): one request after the other, state in a closure.
// Callers in Erlang and Elixir cannot tell it from one of theirs: calls, casts, sys messages, stop.
import { ExitError } from '../errors.js';
import { exitError, NORMAL, reasonOf } from '../process/exit-reason.js';
import type { Process } from '../process/process.js';
import type { ProcessFunction } from '../process/process-table.js';
import { Atom, atom } from '../term/atom.js';
import type { Term } from '../term/term.js';
import { Tuple, tuple } from '../term/tuple.js';
import { type From, readGenMessage, reply } from './gen.js';

/** Returned by `handleCall` when the answer comes later, by {@link reply}. */
export const NO_REPLY: unique symbol = Symbol('noreply');

/** The callbacks of a server; a `this` is not needed. All may be async: the next message waits for them. */
export interface GenServer {
  /** Runs before the first message. */
  init?(self: Process): unknown;
  /** What it returns is the reply. A throw ends the server, and the caller sees the reason, as in OTP. */
  handleCall?(request: Term, from: From, self: Process): Term | typeof NO_REPLY | Promise<Term | typeof NO_REPLY>;
  handleCast?(request: Term, self: Process): unknown;
  /** Every other message: DOWN, EXIT of those that `trapExit` caught, and plain sends. */
  handleInfo?(message: Term, self: Process): unknown;
  /** Runs when the server ends by a callback's throw, by `sys:terminate` or by its own exit. */
  terminate?(reason: Term, self: Process): unknown;
  /** What `sys:get_state/1` shows. */
  state?(): Term;
}

/**
 * The function of a generic server, for `node.spawn`:
 *
 * ```ts
 * node.spawn(genServer({ handleCall: (request) => request }), { name: 'echo_server' });
 * ```
 *
 * A request that no callback takes ends the server with `{function_clause, …}`-like `{bad_call, Request}` or
 * `{bad_cast, Request}`, as OTP's default callbacks do; other messages are dropped.
 */
export function genServer(server: GenServer): ProcessFunction {
  return async (self) => {
    try {
      await server.init?.(self);
      for await (const message of self) await serve(server, self, message);
    } catch (thrown) {
      if (!self.exited) await server.terminate?.(reasonOf(thrown), self);
      throw thrown;
    }
  };
}

async function serve(server: GenServer, self: Process, message: Term): Promise<void> {
  const request = readGenMessage(message);
  switch (request.kind) {
    case 'call': {
      if (server.handleCall === undefined) throw unhandled('bad_call', request.request);
      const answer = await server.handleCall(request.request, request.from, self);
      if (answer !== NO_REPLY) reply(self, request.from, answer as Term);
      return;
    }
    case 'cast':
      if (server.handleCast === undefined) throw unhandled('bad_cast', request.request);
      await server.handleCast(request.request, self);
      return;
    case 'system':
      await serveSystem(server, self, request.from, request.request);
      return;
    case 'info':
      await server.handleInfo?.(request.message, self);
  }
}

const OK = atom('ok');
const ERROR = atom('error');
const GET_STATE = atom('get_state');
const GET_STATUS = atom('get_status');
const SUSPEND = atom('suspend');
const RESUME = atom('resume');
const TERMINATE = atom('terminate');
const DEBUG = atom('debug');
const MODULE = atom('module');

async function serveSystem(server: GenServer, self: Process, from: From, request: Term): Promise<void> {
  // OTP 27's sys:get_state/1 takes nothing else; that of OTP 25 wants the bare state and shows this as it is.
  if (request === GET_STATE) reply(self, from, tuple(OK, server.state?.() as Term));
  else if (request === GET_STATUS) reply(self, from, status(server, self, 'running'));
  else if (request === SUSPEND) {
    reply(self, from, OK);
    await suspended(server, self);
  } else if (request === RESUME) reply(self, from, OK);
  else if (request instanceof Tuple && request.elements[0] === TERMINATE && request.length === 2) {
    reply(self, from, OK);
    const reason = request.elements[1];
    await server.terminate?.(reason, self);
    self.exit(reason);
  } else if (request instanceof Tuple && request.elements[0] === DEBUG) reply(self, from, OK);
  else reply(self, from, tuple(ERROR, tuple(atom('unknown_system_msg'), request)));
}

/** While suspended, only system messages are served; the others wait in the mailbox. */
async function suspended(server: GenServer, self: Process): Promise<void> {
  for (;;) {
    const message = await self.receive((term) => readGenMessage(term).kind === 'system');
    const system = readGenMessage(message);
    if (system.kind !== 'system') continue;
    if (system.request === GET_STATUS) reply(self, system.from, status(server, self, 'suspended'));
    else if (system.request === SUSPEND) reply(self, system.from, OK);
    else await serveSystem(server, self, system.from, system.request);
    if (system.request === RESUME) return;
  }
}

function status(server: GenServer, self: Process, mode: 'running' | 'suspended'): Term {
  const misc = [tuple(atom('data'), [tuple('State', server.state?.())])];
  return tuple(atom('status'), self.pid, tuple(MODULE, atom('gen_server')), [[], atom(mode), self.pid, [], misc]);
}

function unhandled(word: 'bad_call' | 'bad_cast', request: Term): ExitError {
  return exitError(tuple(atom(word), request), 'generic server');
}

/** For callbacks that end their server in good order: `throw stop()`. */
export function stop(reason: Term = NORMAL): ExitError {
  return new ExitError(reason instanceof Atom && reason === NORMAL ? 'normal' : 'exit', 'the server stopped', reason);
}
