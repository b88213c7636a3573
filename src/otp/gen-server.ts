// A generic server (OTP: gen_server, protocol sections 6.2 and 6.3): one request after the other, state in a closure.
// Callers in Erlang and Elixir cannot tell it from one of theirs: calls, casts, sys messages, stop.
import { ArgumentError, ExitError } from '../errors.js';
import { exitError, NORMAL, reasonOf } from '../process/exit-reason.js';
import type { Process } from '../process/process.js';
import type { ProcessFunction } from '../process/spawn-options.js';
import { atom } from '../term/atom.js';
import type { Term } from '../term/term.js';
import { tuple } from '../term/tuple.js';
import { type From, readGenMessage, reply } from './gen.js';
import { isParentExit, serveSystem, suspended } from './sys.js';

/** Returned by `handleCall` when the answer comes later, by {@link reply}. */
export const NO_REPLY: unique symbol = Symbol('noreply');

/** The callbacks of a server; a `this` is not needed. All may be async: the next message waits for them. */
export interface GenServer {
  /** Runs before the first message. */
  init?(self: Process): unknown;
  /** What it returns is the reply. A throw ends the server, and the caller sees the reason, as in OTP. */
  handleCall?(request: Term, from: From, self: Process): Term | typeof NO_REPLY | Promise<Term | typeof NO_REPLY>;
  /** A request without an answer. A throw ends the server. */
  handleCast?(request: Term, self: Process): unknown;
  /** Every other message: DOWN, EXIT of those that `trapExit` caught, and plain sends. */
  handleInfo?(message: Term, self: Process): unknown;
  /**
   * Runs when the server ends because a callback threw (`throw stop()` included), by `gen_server:stop` or
   * `sys:terminate`, or, if it traps exits, with the process that it was linked to when it was spawned. It does not run
   * when the process is ended from outside or by its own `self.exit()`: there is nothing left to clean up with.
   */
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
 * A request that no callback takes ends the server with `{bad_call, Request}` or `{bad_cast, Request}`; other messages
 * are dropped.
 */
export function genServer(server: GenServer): ProcessFunction {
  if (typeof server !== 'object' || (server as unknown) === null) {
    throw new ArgumentError('badarg', 'genServer() takes an object with handleCall, handleCast …');
  }
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
      if (server.handleCall === undefined) throw exitError(tuple(BAD_CALL, request.request), DOING);
      const answer = await server.handleCall(request.request, request.from, self);
      if (answer !== NO_REPLY) reply(self, request.from, answer);
      return;
    }
    case 'cast':
      if (server.handleCast === undefined) throw exitError(tuple(BAD_CAST, request.request), DOING);
      await server.handleCast(request.request, self);
      return;
    case 'system': {
      const state = server.state?.bind(server);
      if ((await serveSystem(self, request.from, request.request, 'running', state)) === 'suspended')
        await suspended(self, state);
      return;
    }
    case 'info':
      if (isParentExit(self, message)) throw stop(message.elements[2]);
      await server.handleInfo?.(message, self);
  }
}

const DOING = 'generic server';
const BAD_CALL = atom('bad_call');
const BAD_CAST = atom('bad_cast');

/** For callbacks that end their server in good order: `throw stop()`. */
export function stop(reason: Term = NORMAL): ExitError {
  return new ExitError(reason === NORMAL ? 'normal' : 'exit', 'the server stopped', reason);
}
