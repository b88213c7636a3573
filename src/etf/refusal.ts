// Why a value cannot be encoded, and where in the term it stands: the errors of the encoder.
// Of what a program wrote, only names and short keys get into an error, escaped.
import { ArgumentError, LimitError } from '../errors.js';
import { Atom, quoteAtom } from '../term/atom.js';
import type { Term } from '../term/term.js';

/** What is no term, as the words after "cannot encode"; a string so that who knows the way to it can add where. */
export type Refusal = string;

/** A container whose values are being written. */
export interface Step {
  readonly kind: 'tuple' | 'list' | 'improper list' | 'map' | 'object' | 'fun' | 'record';
  readonly values: readonly Term[];
  /** The index after that of the value being written. */
  readonly next: number;
}

/** Steps of a path that an error shows, and characters of a key or a name. */
const SHOWN = 20;
const SHOWN_TEXT = 60;

/** The error for a value that no Erlang term corresponds to; the path leads from the root to it. */
export function refuse(stack: readonly Step[], what: Refusal, options?: ErrorOptions): ArgumentError {
  const steps = stack.length <= 2 * SHOWN ? stack.map(spell) : [...stack.slice(0, SHOWN).map(spell), '…'];
  const path = steps.join('');
  const where = path === '' ? '' : `, at ${path.replace(/^\./, '')}`;
  return new ArgumentError('not_encodable', `cannot encode ${what}${where}`, options);
}

/** What was thrown while a term was written, as an error of ours: getters and proxies may throw anything. */
export function explain(stack: readonly Step[], thrown: unknown): unknown {
  if (thrown instanceof LimitError) return thrown;
  if (thrown instanceof ArgumentError) {
    return thrown.code === 'badarg' ? refuse(stack, `what is no term (${thrown.message})`) : thrown;
  }
  // Neither a full stack nor a full memory is the term's fault.
  if (thrown instanceof RangeError && /call stack|allocation failed/.test(thrown.message)) return thrown;
  return refuse(stack, 'a value that throws when it is read', { cause: thrown });
}

/** An instance of a class, by its name if it has one. */
export function describeInstance(value: object): Refusal {
  let name: unknown;
  try {
    name = (Object.getPrototypeOf(value) as { constructor?: { name?: unknown } } | null)?.constructor?.name;
  } catch {
    name = undefined;
  }
  return typeof name === 'string' && name !== '' ? `an instance of ${cut(name)}` : 'an object of some class';
}

/** How JavaScript would reach what a container is writing. */
function spell({ kind, next, values }: Step): string {
  const index = next - 1;
  switch (kind) {
    case 'object': {
      const key = String(values[index - (index % 2)]);
      return /^[A-Za-z_$][\w$]*$/.test(key) && key.length <= SHOWN_TEXT ? `.${key}` : `[${quote(key)}]`;
    }
    case 'map': {
      if (index % 2 === 0) return `(key ${index / 2})`;
      const key = values[index - 1];
      if (typeof key === 'string') return `.get(${quote(key)})`;
      if (typeof key === 'number') return `.get(${key})`;
      return key instanceof Atom ? `.get(${quoteAtom(cut(key.text))})` : `(value ${(index - 1) / 2})`;
    }
    case 'improper list':
      return index === values.length - 1 ? '.tail' : `[${index}]`;
    case 'fun':
      return `.free[${index}]`;
    case 'record':
      return `.values[${index}]`;
    default:
      return `[${index}]`;
  }
}

function quote(text: string): string {
  return JSON.stringify(text.length <= SHOWN_TEXT ? text : `${text.slice(0, SHOWN_TEXT)}…`);
}

/** For a name that stands without quotes. */
function cut(text: string): string {
  return (text.length <= SHOWN_TEXT ? text : `${text.slice(0, SHOWN_TEXT)}…`).replace(/\p{C}/gu, '?');
}
