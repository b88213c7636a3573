// The server's side of one EPMD connection: bytes in, one reaction out. Protocol section 1.4, row by row.
// Pure: it owns no socket and no clock, and it never keeps more than one request's bytes.
import { ProtocolError } from '../../errors.js';
import {
  decodeRequest,
  type EpmdRequest,
  encodeAlive2Response,
  encodeDumpResponse,
  encodePort2Response,
  REFUSED_CREATION,
} from './messages.js';
import type { Registry } from './registry.js';

/** What the socket's owner has to do next. */
export type Reaction =
  /** The request is incomplete. */
  | { readonly next: 'wait' }
  /** Sends the reply, if any, and closes. */
  | { readonly next: 'close'; readonly reply?: Buffer; readonly why?: string }
  /** Sends the reply; the connection stands for a registered name from now on. */
  | { readonly next: 'registered'; readonly reply: Buffer }
  /** Sends the refusal; the connection stays as long as an idle one may. */
  | { readonly next: 'refused'; readonly reply: Buffer; readonly why: string }
  /** Sends the reply, then the whole server ends. */
  | { readonly next: 'kill'; readonly reply: Buffer };

/** What the sessions of one server share. */
export interface SessionHost<Owner> {
  readonly registry: Registry<Owner>;
  readonly port: number;
  readonly relaxed: boolean;
  /** The answer to NAMES_REQ; the host may keep it until the names change. */
  names(): Buffer;
  /** Ends the connection of a registration that STOP_REQ undid. */
  drop(owner: Owner): void;
}

const NOTHING = Buffer.alloc(0);

export class Session<Owner> {
  readonly #host: SessionHost<Owner>;
  readonly #self: () => Owner;
  readonly #local: boolean;
  #state: 'ExpectRequest' | 'ExpectClose' = 'ExpectRequest';
  #bytes: Buffer = NOTHING;

  /** `self` is what a registration made here belongs to; `local`: the peer is on this machine, and may register, kill, stop and dump. */
  constructor(host: SessionHost<Owner>, self: () => Owner, local: boolean) {
    this.#host = host;
    this.#self = self;
    this.#local = local;
  }

  receive(chunk: Buffer): Reaction {
    if (this.#state === 'ExpectClose') return this.#unexpected();
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    try {
      const request = decodeRequest(this.#bytes);
      if (request === undefined) return { next: 'wait' };
      this.#bytes = NOTHING;
      this.#state = 'ExpectClose';
      return this.#answer(request);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#bytes = NOTHING;
      this.#state = 'ExpectClose';
      return { next: 'close', why: error.message };
    }
  }

  /** The connection is gone. */
  closed(): void {
    this.#host.registry.unregister(this.#self());
  }

  #unexpected(): Reaction {
    this.#host.registry.unregister(this.#self());
    return { next: 'close', why: 'bytes after the request' };
  }

  #answer(request: EpmdRequest): Reaction {
    const { registry, port, relaxed } = this.#host;
    if (!this.#local && request.op !== 'PORT_PLEASE2_REQ' && request.op !== 'NAMES_REQ')
      return { next: 'close', why: `${request.op} from another machine` };
    switch (request.op) {
      case 'PORT_PLEASE2_REQ':
        return { next: 'close', reply: encodePort2Response(registry.find(request.name)) };
      case 'NAMES_REQ':
        return { next: 'close', reply: this.#host.names() };
      case 'ALIVE2_REQ refused':
        return refuse(request.highestVersion, request.why);
      case 'ALIVE2_REQ': {
        const { node } = request;
        const registered = registry.register(node, this.#self());
        if ('refused' in registered) return refuse(node.highestVersion, registered.refused);
        const reply = encodeAlive2Response(node.highestVersion, { result: 0, creation: registered.creation });
        return { next: 'registered', reply };
      }
      case 'DUMP_REQ':
        return { next: 'close', reply: encodeDumpResponse(port, registry.active(), registry.unused()) };
      case 'KILL_REQ':
        if (registry.size > 0 && !relaxed) return { next: 'close', reply: Buffer.from('NO') };
        return { next: 'kill', reply: Buffer.from('OK') };
      case 'STOP_REQ': {
        if (!relaxed) return { next: 'close', why: 'STOP_REQ without relaxed command check' };
        const owner = registry.ownerOf(request.name);
        if (owner === undefined) return { next: 'close', reply: Buffer.from('NOEXISTSTOPPED') };
        registry.unregister(owner);
        this.#host.drop(owner);
        return { next: 'close', reply: Buffer.from('STOPPED') };
      }
    }
  }
}

function refuse(highestVersion: number, why: string): Reaction {
  return {
    next: 'refused',
    reply: encodeAlive2Response(highestVersion, { result: 1, creation: REFUSED_CREATION }),
    why,
  };
}
