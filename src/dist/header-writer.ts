// Packets with a distribution header, to be sent (protocol sections 3.4 and 3.5). Large messages are cut into fragments,
// so that what others have to say overtakes them; what their own sender says next waits until they are through.
// Invariant: packets that carry cache entries leave in the order in which they were encoded.
import { type Encoder, NOTHING } from '../etf/encode.js';
import { VERSION_MAGIC } from '../etf/tags.js';
import { Pid } from '../term/identifiers.js';
import { OutgoingAtoms } from './atom-cache.js';
import { Body, type Waiting } from './body.js';
import type { ControlMessage } from './control.js';
import { type ControlWriter, payloadOf } from './control-writer.js';
import { DIST_FRAG_CONT, DIST_FRAG_HEADER, DIST_HEADER, FRAGMENT_HEAD, type HeaderFormat } from './header-reader.js';
import { Output } from './output.js';
import type { PacketWriter } from './packet.js';
import { Run } from './run.js';

/** Bytes of control term and payload in one fragment; a BEAM's own measure. */
export const FRAGMENT_BYTES = 65_536;

const LENGTH_BYTES = 4;
/** Messages below this size wait as packets in a run. */
const SMALL = 4 * 1024;

/** What one sender has in the works: a message that is partly out, and those that wait behind it. */
interface Lane {
  sequence: number;
  body: Waiting;
  /** The end of the chain that begins with the body. */
  last: Waiting;
}

/**
 * Messages as packets with a header: atoms by number, and large ones in fragments, between which those of other processes
 * go out. The messages of one process keep their order.
 */
export class HeaderWriter implements PacketWriter {
  readonly #encoder: Encoder;
  readonly #control: ControlWriter;
  readonly #format: HeaderFormat;
  /** Messages of up to so many bytes are not cut. */
  readonly #wholeBytes: number;
  readonly #cache = new OutgoingAtoms();
  readonly #output = new Output();
  /** By sender; the first one's turn is next. */
  readonly #lanes = new Map<string, Lane>();
  #laneBytes = 0;
  #lastSequence = 0;

  constructor(encoder: Encoder, control: ControlWriter, format: HeaderFormat) {
    this.#encoder = encoder;
    this.#control = control;
    this.#format = format;
    this.#wholeBytes = format.fragments ? FRAGMENT_BYTES : Number.POSITIVE_INFINITY;
  }

  get bytes(): number {
    return this.#output.bytes + this.#laneBytes;
  }

  get cacheHits(): number {
    return this.#cache.hits;
  }

  get cacheFills(): number {
    return this.#cache.fills;
  }

  write(message: ControlMessage): void {
    const lane = this.#laneOf(message);
    // What has to wait is overtaken by other packets, so it must neither fill the cache nor rely on it.
    const body = this.#encode(message, lane === undefined && this.#format.atomCache);
    if (lane !== undefined) this.#wait(lane, body);
    else this.#begin(message, body);
  }

  tick(): void {
    const { memory, offset } = this.#output.reserve(LENGTH_BYTES);
    memory.writeUInt32BE(0, offset);
  }

  take(atMost: number): Buffer[] {
    while (this.#lanes.size > 0 && this.#output.bytes < atMost) {
      const [key, lane] = this.#lanes.entries().next().value as [string, Lane];
      this.#lanes.delete(key);
      if (this.#advance(lane)) this.#lanes.set(key, lane);
    }
    return this.#output.take();
  }

  /** The lane that the message must wait in. */
  #laneOf(message: ControlMessage): Lane | undefined {
    if (this.#lanes.size === 0) return undefined;
    // The first signal of a new process: nothing of it can be on its way.
    if (message.op === 'SPAWN_REPLY') return undefined;
    const from = message.op === 'GROUP_LEADER' ? undefined : message.from;
    if (from instanceof Pid) return this.#lanes.get(from.key);
    // Nobody knows who sends it, so it may overtake nothing.
    this.#finishLanes();
    return undefined;
  }

  #finishLanes(): void {
    for (const lane of this.#lanes.values()) while (this.#advance(lane));
    this.#lanes.clear();
  }

  #encode(message: ControlMessage, cached: boolean): Body {
    const out = this.#encoder;
    this.#cache.begin();
    out.atomCache = cached ? this.#cache : undefined;
    try {
      out.begin();
      const hasPayload = this.#control.write(out, message);
      if (!hasPayload) return new Body(out.finish(), NOTHING);
      const control = out.length;
      const scattered = out.termWithout(payloadOf(message));
      return new Body(out.finish(), scattered, this.#wholeBytes, control);
    } catch (error) {
      this.#cache.abort();
      throw error;
    }
  }

  #begin(message: ControlMessage, body: Body): void {
    if (body.first === body.size) {
      this.#whole(body, this.#output);
      return;
    }
    const lane: Lane = { sequence: this.#first(body), body, last: body };
    this.#laneBytes += body.size - body.first;
    const from = 'from' in message ? message.from : undefined;
    if (from instanceof Pid) this.#lanes.set(from.key, lane);
    else while (this.#advance(lane));
  }

  #wait(lane: Lane, body: Body): void {
    const { last } = lane;
    const packet = this.#packetBytes(body);
    const next = body.size < SMALL ? Run.after(last, packet) : body;
    if (next !== last) {
      last.behind = next;
      lane.last = next;
    }
    if (next instanceof Run) this.#whole(body, next);
    this.#laneBytes += next === body ? body.size : packet;
  }

  /** One more packet of a lane; false when it has no more. */
  #advance(lane: Lane): boolean {
    if (lane.body.taken < lane.body.size) this.#continuation(lane);
    else {
      const next = lane.body.behind;
      if (next === undefined) return false;
      this.#cache.begin();
      this.#laneBytes -= next.first;
      lane.body = next;
      if (next instanceof Run) next.moveTo(this.#output);
      else if (next.first === next.size) this.#whole(next, this.#output);
      else lane.sequence = this.#first(next);
    }
    return lane.body.taken < lane.body.size || lane.body.behind !== undefined;
  }

  #packetBytes(body: Waiting): number {
    return LENGTH_BYTES + 2 + this.#cache.size + body.size;
  }

  #whole(body: Waiting, output: Output | Run): void {
    const references = this.#cache.size;
    const { memory, offset } = output.reserve(LENGTH_BYTES + 2 + references);
    memory.writeUInt32BE(2 + references + body.size, offset);
    memory[offset + 4] = VERSION_MAGIC;
    memory[offset + 5] = DIST_HEADER;
    this.#cache.write(memory, offset + 6);
    body.moveTo(output, body.size);
  }

  /** The first fragment of a message; gives the message its id. */
  #first(body: Waiting): number {
    // Never 0, and never that of a message that is still on its way: the counter does not get around.
    const sequence = ++this.#lastSequence;
    const references = this.#cache.size;
    const fragments = 1 + Math.ceil((body.size - body.first) / FRAGMENT_BYTES);
    const memory = this.#fragmentHead(DIST_FRAG_HEADER, sequence, fragments, references + body.first, references);
    this.#cache.write(memory.memory, memory.offset);
    body.moveTo(this.#output, body.first);
    return sequence;
  }

  #continuation({ sequence, body }: Lane): void {
    const left = body.size - body.taken;
    const size = Math.min(left, FRAGMENT_BYTES);
    this.#fragmentHead(DIST_FRAG_CONT, sequence, Math.ceil(left / FRAGMENT_BYTES), size, 0);
    body.moveTo(this.#output, size);
    this.#laneBytes -= size;
  }

  /** Writes the head of a fragment with `content` bytes behind it, of which `reserved` are left for the caller to fill. */
  #fragmentHead(kind: number, sequence: number, fragment: number, content: number, reserved: number) {
    const { memory, offset } = this.#output.reserve(LENGTH_BYTES + FRAGMENT_HEAD + reserved);
    memory.writeUInt32BE(FRAGMENT_HEAD + content, offset);
    memory[offset + 4] = VERSION_MAGIC;
    memory[offset + 5] = kind;
    memory.writeBigUInt64BE(BigInt(sequence), offset + 6);
    memory.writeBigUInt64BE(BigInt(fragment), offset + 14);
    return { memory, offset: offset + LENGTH_BYTES + FRAGMENT_HEAD };
  }
}
