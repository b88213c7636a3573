// "Where does this node listen?" Discovery answers and never connects. The members mirror OTP's callbacks for an
// alternative discovery module (protocol section 1.8); what an implementation omits gets OTP's default.
import type { Endpoint } from '../transport/transport.js';

/** `alive@host`. */
export type NodeName = `${string}@${string}`;

/** A node that was made findable, until it is closed. */
export interface Registration {
  /** The creation the registry gave; absent when the node picks a random one (OTP: -1). */
  readonly creation?: number;
  /** Makes the node unfindable again and frees everything. */
  close(): Promise<void>;
}

/** What a node tells the registry about itself. */
export interface Registrant {
  readonly node: NodeName;
  readonly port: number;
  readonly hidden: boolean;
}

export interface Discovery {
  /** For log lines and error messages: `epmd`. */
  readonly name: string;
  /**
   * OTP: `address_please` and `port_please`. The places to try, best first; none when the node is not known.
   *
   * @throws ConnectionError `unknown_host`, `epmd_unreachable`, `timeout`, `aborted`; ProtocolError for a bad answer.
   */
  resolve(node: NodeName, options: { readonly signal: AbortSignal }): Promise<readonly Endpoint[]>;
  /** OTP: `register_node`. @throws ConnectionError `duplicate_name`, `epmd_unreachable`. */
  register?(self: Registrant, options: { readonly signal: AbortSignal }): Promise<Registration>;
  /** OTP: `listen_port_please`. The port this node must listen on; `undefined` leaves it to the options. */
  listenPort?(node: NodeName): number | undefined;
  /** OTP: `names`. The nodes known on a host. */
  names?(
    host: string,
    options?: { readonly signal?: AbortSignal },
  ): Promise<readonly { readonly name: string; readonly port: number }[]>;
}
