// "Where does this node listen?" Discovery answers and never connects. The members mirror OTP's callbacks for an
// alternative discovery module (protocol section 1.8); what an implementation omits gets OTP's default.
import type { ErlnodeError } from '../errors.js';
import type { Endpoint } from '../transport/transport.js';

/** `alive@host`. */
export type NodeName = `${string}@${string}`;

/** A node that was made findable, until it is closed. */
export interface Registration {
  /**
   * The creation the registry gave (an unsigned 32-bit number; an old EPMD gives 1..3); absent when the node picks a
   * random one (OTP: -1). It stays the node's creation even if the registration is lost and made again.
   */
  readonly creation?: number;
  /**
   * Makes the node unfindable again and frees everything: when it settles, no timer and no socket of the registration
   * is left. Never rejects; a second call waits for the first.
   */
  close(): Promise<void>;
}

/** What a node tells the registry about itself. */
export interface Registrant {
  readonly node: NodeName;
  /** Where the node listens, 1..65535. */
  readonly port: number;
  readonly hidden: boolean;
}

/** What became of a registration after it was made. `lost` is told again when the reason it stays lost changes. */
export type RegistrationStatus =
  | { readonly state: 'lost'; readonly error: ErlnodeError }
  | { readonly state: 'registered' };

export interface ResolveOptions {
  readonly signal: AbortSignal;
  /** The node that asks (OTP: `node()`); absent where it has no name yet, or where no node asks. */
  readonly self?: NodeName;
}

export interface RegisterOptions {
  /** Ends the attempt; a registration that was made lives on. */
  readonly signal: AbortSignal;
  /** Told about losses and recoveries after `register` has returned, for the node's log. Must not throw. */
  readonly onStatus?: (status: RegistrationStatus) => void;
}

export interface NamesOptions {
  readonly signal?: AbortSignal;
}

export interface Discovery {
  /** For log lines and error messages: `epmd`. */
  readonly name: string;
  /**
   * OTP: `address_please` and `port_please`. The places to try, best first; none when the node is not known.
   *
   * @throws ConnectionError `unknown_host`, `epmd_unreachable`, `timeout`, `aborted`; ProtocolError for a bad answer;
   * ArgumentError `badarg` for a name without exactly one `@`.
   */
  resolve(node: NodeName, options: ResolveOptions): Promise<readonly Endpoint[]>;
  /**
   * OTP: `register_node`. Omitted: others find the node by means of their own, and it picks a random creation.
   *
   * @throws ConnectionError `duplicate_name`, `epmd_unreachable`, `timeout`, `aborted`; ProtocolError for a bad answer.
   */
  register?(self: Registrant, options: RegisterOptions): Promise<Registration>;
  /** OTP: `listen_port_please`. The port this node must listen on; `undefined` leaves it to the options. */
  listenPort?(node: NodeName): number | undefined;
  /** OTP: `names`. The nodes known on a host, by the part of their name before the `@`. @throws as `resolve`. */
  names?(host: string, options?: NamesOptions): Promise<readonly { readonly name: string; readonly port: number }[]>;
}
