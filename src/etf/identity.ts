// Which terms are the same term (`=:=`), however large they are: every compound gets the number of its shape, bottom-up, so
// that hostile maps nested as keys cost linear time and no hash is trusted. Used to find duplicate map keys.
import { Buffer } from 'node:buffer';
import { Atom } from '../term/atom.js';
import { BitString } from '../term/bitstring.js';
import { Float } from '../term/float.js';
import { ExternalFun, InternalFun } from '../term/fun.js';
import { Pid, Port, Reference } from '../term/identifiers.js';
import { ImproperList } from '../term/list.js';
import { NativeRecord } from '../term/record.js';
import type { Term } from '../term/term.js';
import { TupleOf } from '../term/tuple.js';
import type { RawBuffer } from './raw-buffer.js';

interface Shape {
  readonly prefix: string;
  readonly parts: readonly Term[];
  /** A map's parts are keys and values in turn, in any order. */
  readonly unordered?: boolean;
}

interface Open extends Shape {
  readonly of: object;
  readonly ids: number[];
}

/** V8 knows longer strings in a Map by their length alone, so that many of one length would cost a search each. */
const LONGEST = 16_000;

export class Identities {
  readonly #numbers = new Map<string, number>();
  readonly #known = new Map<object, number>();
  readonly #stringKeys: boolean;

  constructor(stringKeys = false) {
    this.#stringKeys = stringKeys;
  }

  /** Two terms have the same number exactly when they are one key to Erlang. */
  of(term: Term): number {
    const stack: Open[] = [];
    let next: Term = term;
    for (;;) {
      let id = this.#leaf(next);
      if (id < 0) {
        const shape = this.#shape(next as object);
        if (shape.parts.length > 0) {
          stack.push({ ...shape, of: next as object, ids: [] });
          next = shape.parts[0];
          continue;
        }
        id = this.#number(shape.prefix);
      }
      for (;;) {
        const top = stack.at(-1);
        if (top === undefined) return id;
        top.ids.push(id);
        if (top.ids.length < top.parts.length) {
          next = top.parts[top.ids.length];
          break;
        }
        stack.pop();
        id = this.#number(top.prefix + (top.unordered === true ? pairs(top.ids) : top.ids.join(',')));
        this.#known.set(top.of, id);
      }
    }
  }

  #number(text: string): number {
    if (text.length > LONGEST) return this.#number(this.#inPieces(text));
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    const fresh = this.#numbers.size;
    this.#numbers.set(text, fresh);
    return fresh;
  }

  /** A long text as the numbers of its pieces; of a very long one, these are a long text again. */
  #inPieces(text: string): string {
    const ids: number[] = [];
    for (let at = 0; at < text.length; at += LONGEST - 1)
      ids.push(this.#number(`<${text.slice(at, at + LONGEST - 1)}`));
    return `>${ids.join(',')}`;
  }

  #bytes(kind: string, bytes: Uint8Array): number {
    if (bytes.length < LONGEST) return this.#number(`${kind}=${latin1(bytes)}`);
    const ids: number[] = [];
    for (let at = 0; at < bytes.length; at += LONGEST - 1) {
      ids.push(this.#number(`<${latin1(bytes.subarray(at, at + LONGEST - 1))}`));
    }
    return this.#number(`${kind}>${ids.join(',')}`);
  }

  /** The number of a term without parts; -1 for a compound that was not met before. */
  #leaf(term: Term): number {
    switch (typeof term) {
      case 'number':
        return this.#number(Number.isInteger(term) ? `i${BigInt(term)}` : `f${term}`);
      case 'bigint':
        return this.#number(`i${term}`);
      case 'string':
        return this.#bytes('b', Buffer.from(term));
      case 'boolean':
      case 'undefined':
        return this.#number(`a${term}`);
      default:
    }
    if (term === null) return this.#number('anil');
    if (term instanceof Atom) return this.#number(`a${term.text}`);
    if (term instanceof Uint8Array) return this.#bytes('b', term);
    if (term instanceof Float) return this.#number(`f${Object.is(term.value, -0) ? '-0' : term.value}`);
    if (term instanceof BitString) return this.#bytes(`B${term.lastBits}`, term.bytes);
    if (term instanceof Pid) return this.#number(`P${term.key}`);
    if (term instanceof Port) return this.#number(`O${term.key}`);
    if (term instanceof Reference) return this.#number(`R${term.creation} ${wordsOf(term)} ${term.node}`);
    if (term instanceof ExternalFun) {
      return this.#number(`E${term.arity} ${term.module.text.length} ${term.module.text}${term.function.text}`);
    }
    return this.#known.get(term) ?? -1;
  }

  #shape(term: object): Shape {
    if (term instanceof TupleOf) return { prefix: 't', parts: term.elements as readonly Term[] };
    if (Array.isArray(term)) return { prefix: 'l', parts: term as readonly Term[] };
    if (term instanceof ImproperList) return { prefix: 'L', parts: [...term.elements, term.tail] };
    if (term instanceof Map) return { prefix: 'm', parts: entriesOf(term as ReadonlyMap<Term, Term>), unordered: true };
    if (term instanceof InternalFun) {
      // What OTP orders closures by, and so tells keys apart by: not the creator, nor the arity.
      const { index, oldUniq, module } = term;
      return { prefix: `F${index} ${oldUniq} ${module.text.length} ${module.text}`, parts: term.free };
    }
    if (term instanceof NativeRecord) {
      const { module, recordName, exported, fields, values } = term;
      return { prefix: `N${exported} ${fields.length} `, parts: [module, recordName, ...fields, ...values] };
    }
    const keys = Object.keys(term);
    const entries = keys.flatMap((key) => [
      this.#stringKeys ? key : new Atom(key),
      (term as { readonly [key: string]: Term })[key],
    ]);
    return { prefix: 'm', parts: entries, unordered: true };
  }
}

/** Words that are missing are 0. */
function wordsOf({ words }: Reference): string {
  let { length } = words;
  while (length > 0 && words[length - 1] === 0) length--;
  return words.slice(0, length).join('.');
}

function entriesOf(map: ReadonlyMap<Term, Term>): Term[] {
  const entries: Term[] = [];
  for (const [key, value] of map) entries.push(key, value);
  return entries;
}

function latin1(bytes: Uint8Array): string {
  return (Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length) as RawBuffer).latin1Slice(0, bytes.length);
}

function pairs(ids: readonly number[]): string {
  const texts: string[] = [];
  for (let i = 0; i < ids.length; i += 2) texts.push(`${ids[i]}:${ids[i + 1]}`);
  return texts.sort().join(',');
}
