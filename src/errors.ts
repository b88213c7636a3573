// Every error class and every code; docs/ERRORS.md explains each. The class says whose fault it was; the code is Erlang's word where
// there is one. Messages say what was expected, what came and where; cookies and message contents never enter them.
import type { Term } from './term/term.js';

/** What every error of this package carries. `code` is stable and meant for programs; `message` is meant for people. */
export abstract class ErlnodeError<Code extends string = string> extends Error {
  readonly code: Code;

  constructor(code: Code, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.name = new.target.name;
  }
}

export type ArgumentErrorCode = 'badarg' | 'not_encodable' | 'already_registered' | 'system_limit' | 'bad_cookie_file';

/** The caller's fault, thrown at once and before anything happened. */
export class ArgumentError extends ErlnodeError<ArgumentErrorCode> {}

/** A file that somebody wrote and that does not say what it should; the first fault of it. */
export class TableFileError extends ErlnodeError<'bad_table_file'> {
  readonly file: string;
  /** Counted from 1; absent when the file could not be read at all. */
  readonly line: number | undefined;
  /** Which entry is wrong, `name@host` or `name@host.port`; absent when it is none of them. */
  readonly field: string | undefined;

  constructor(
    message: string,
    place: { readonly file: string; readonly line?: number | undefined; readonly field?: string | undefined },
    options?: ErrorOptions,
  ) {
    super('bad_table_file', message, options);
    this.file = place.file;
    this.line = place.line;
    this.field = place.field;
  }
}

export type DecodeErrorCode =
  | 'bad_version'
  | 'bad_tag'
  | 'bad_atom'
  | 'bad_utf8'
  | 'bad_float'
  | 'bad_bitstring'
  | 'bad_identifier'
  | 'bad_fun'
  | 'bad_record'
  | 'bad_compressed'
  | 'duplicate_key'
  | 'truncated'
  | 'trailing_bytes'
  | 'unknown_atom';

/** Bytes that are not what they claim to be. `offset` counts from the first byte handed to the decoder. */
export class DecodeError extends ErlnodeError<DecodeErrorCode> {
  readonly offset: number;

  constructor(code: DecodeErrorCode, message: string, offset: number, options?: ErrorOptions) {
    super(code, `${message} (at byte ${offset})`, options);
    this.offset = offset;
  }
}

export type LimitErrorCode =
  | 'frame_too_large'
  | 'message_too_large'
  | 'too_deep'
  | 'inflated_too_large'
  | 'integer_too_large'
  | 'term_too_large'
  | 'too_many_fragments'
  | 'fragment_timeout'
  | 'send_queue_full'
  | 'mailbox_full'
  | 'too_many_events'
  | 'too_many_nodes';

/** Well-formed, but over one of our limits: `asked` for more than `limit` (see docs/LIMITS.md). */
export class LimitError extends ErlnodeError<LimitErrorCode> {
  readonly limit: number;
  readonly asked: number;

  constructor(code: LimitErrorCode, message: string, limit: number, asked: number) {
    super(code, `${message}: ${asked} is over the limit of ${limit}`);
    this.limit = limit;
    this.asked = asked;
  }
}

export type ProtocolErrorCode = 'unexpected_message' | 'bad_frame' | 'bad_header' | 'bad_control' | 'bad_payload';

/** An authenticated peer (or an EPMD) that speaks out of turn. Ends that connection and nothing else. */
export class ProtocolError extends ErlnodeError<ProtocolErrorCode> {}

export type HandshakeErrorCode =
  | 'unexpected_message'
  | 'nok'
  | 'not_allowed'
  | 'alive'
  | 'bad_cookie'
  | 'bad_name'
  | 'wrong_node'
  | 'missing_flags'
  | 'hostname_check_failed'
  | 'unexpected_tls'
  | 'setup_timeout'
  | 'too_many_unauthenticated'
  | 'closed'
  | 'aborted';

/** The handshake with one peer ended before the connection was up. `step` is what was awaited when it ended. */
export class HandshakeError extends ErlnodeError<HandshakeErrorCode> {
  readonly step: string;

  constructor(code: HandshakeErrorCode, message: string, step: string, options?: ErrorOptions) {
    super(code, message, options);
    this.step = step;
  }
}

/** What two ends of TLS find wrong with each other; OTP's words where it has one (docs/TLS.md). */
export type CarrierErrorCode =
  | 'not_tls'
  | 'unknown_ca'
  | 'selfsigned_peer'
  | 'certificate_expired'
  | 'certificate_revoked'
  | 'certificate_required'
  | 'bad_certificate'
  | 'hostname_check_failed'
  | 'protocol_version'
  | 'handshake_failure';

export type ConnectionErrorCode =
  | CarrierErrorCode
  | 'noconnection'
  | 'net_tick_timeout'
  | 'connection_closed'
  | 'noport'
  | 'unknown_host'
  | 'econnrefused'
  | 'epmd_unreachable'
  | 'dns_failure'
  | 'duplicate_name'
  | 'address_in_use'
  | 'eaddrnotavail'
  | 'eacces'
  | 'timeout'
  | 'aborted'
  | 'disconnected'
  | 'node_stopped';

/** The world: hosts, ports, cables, and peers that went away. */
export class ConnectionError extends ErlnodeError<ConnectionErrorCode> {}

export type ExitErrorCode =
  | 'noproc'
  | 'timeout'
  | 'nodedown'
  | 'noconnection'
  | 'badrpc'
  | 'normal'
  | 'killed'
  | 'shutdown'
  | 'exit'
  | 'aborted';

/**
 * What a call site sees when the other process is gone, or never answered: OTP's exit of the same call. The message shows how
 * the reason is built, `{badmatch,{login,_}}`; messages end in logs, and a reason may hold what a process was sent.
 */
export class ExitError extends ErlnodeError<ExitErrorCode> {
  /** All of it. */
  readonly reason: Term;

  constructor(code: ExitErrorCode, message: string, reason: Term, options?: ErrorOptions) {
    super(code, message, options);
    this.reason = reason;
  }
}
