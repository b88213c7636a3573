// Terms as Erlang text on one line: what io_lib:format("~0tp", [Term]) prints on a BEAM started by plain `erl`.
// Iterative, and the text can be bounded, because log lines must be.
import { Atom, escapeText, quoteAtom } from './atom.js';
import { BitString } from './bitstring.js';
import { Float } from './float.js';
import { FormatBuffer, formatBits, formatFloat, formatList, type Printable, type TextStyle } from './format-text.js';
import { ExternalFun, InternalFun } from './fun.js';
import { Pid, Port, Reference } from './identifiers.js';
import {
  ATOM,
  atomText,
  BITSTRING,
  FUN,
  kindOf,
  LIST,
  MAP,
  NIL,
  NUMBER,
  PID,
  PORT,
  RECORD,
  REFERENCE,
  TUPLE,
} from './kind.js';
import { ImproperList } from './list.js';
import { entriesOf, type MapTerm } from './map-order.js';
import { NativeRecord } from './record.js';
import type { Term } from './term.js';
import { TupleOf } from './tuple.js';

export interface FormatOptions {
  /** `true` (default) is `~tp`: characters beyond Latin-1 stand for themselves. `false` is `~p`: `'\x{3BB}'`. */
  readonly unicode?: boolean;
  /**
   * Which lists and binaries count as text, OTP's `+pc`. Default `latin1`, as in a BEAM started by plain `erl`; with
   * `unicode`, `[955]` is `"λ"`. Means nothing without `unicode: true`.
   */
  readonly printable?: Printable;
  /** The depth of `~P`: what is deeper, or later in a list, is `...`. Default: everything. */
  readonly depth?: number;
  /** At most so many UTF-16 units; the last three are `...` when something is left out. Default: everything. */
  readonly limit?: number;
  /**
   * `true` prints identifiers with their node, `#Pid<e@127.0.0.1.85.0>`; `false` (default) as that node itself prints
   * them, `<0.85.0>`.
   */
  readonly nodes?: boolean;
}

/**
 * A term as Erlang prints it. Maps print their entries in the order in which they stand.
 *
 * @throws ArgumentError `badarg` when it meets something that is no term; LimitError `term_too_large` for a text
 *   longer than JavaScript's longest string.
 */
export function format(term: Term, options: FormatOptions = {}): string {
  const depth = Math.floor(options.depth ?? Number.POSITIVE_INFINITY);
  if (depth <= 0) return '...';
  const style: Style = {
    isUnicode: options.unicode !== false,
    printable: options.unicode === false ? 'latin1' : (options.printable ?? 'latin1'),
    withNodes: options.nodes === true,
  };
  const out = new FormatBuffer(options.limit);
  let frame = begin(term, depth, style, out, undefined);
  while (frame !== undefined && !out.isFull) {
    const { at, items, kind } = frame;
    if (at === items.length) {
      out.add(frame.close);
      frame = frame.below;
      continue;
    }
    if (frame.depth === 1 && (kind !== MAP || at % 2 === 0)) {
      out.add(at === 0 ? '...' : kind === LIST ? '|...' : ',...');
      frame.at = items.length;
      continue;
    }
    out.add(separator(frame, style));
    const itemDepth = kind === MAP ? frame.pairDepth : frame.depth - 1;
    if (kind !== MAP || at % 2 === 1) frame.depth--;
    frame.at = at + 1;
    frame = begin(items[at], itemDepth, style, out, frame);
  }
  return out.finish();
}

interface Style extends TextStyle {
  readonly withNodes: boolean;
}

/** A compound term that is being printed. */
interface Frame {
  readonly kind: typeof TUPLE | typeof LIST | typeof MAP | typeof RECORD;
  /** A map's are key, value, key, value …; an improper list's end with its tail. */
  readonly items: readonly Term[];
  readonly close: string;
  readonly isImproper: boolean;
  readonly fields: readonly Atom[];
  readonly pairDepth: number;
  readonly below: Frame | undefined;
  depth: number;
  at: number;
}

function frameOf(kind: Frame['kind'], items: readonly Term[], close: string, depth: number, below: Frame | undefined) {
  return { kind, items, close, isImproper: false, fields: NO_FIELDS, pairDepth: depth - 1, below, depth, at: 0 };
}

const NO_FIELDS: readonly Atom[] = [];

function separator({ at, fields, isImproper, items, kind }: Frame, { isUnicode }: Style): string {
  if (kind === MAP && at % 2 === 1) return ' => ';
  if (isImproper && at === items.length - 1) return '|';
  const comma = at === 0 ? '' : ',';
  return kind === RECORD ? `${comma}${quoteAtom((fields[at] as Atom).text, isUnicode)} = ` : comma;
}

/** Prints a whole term that has no others inside, or the beginning of one that has. */
function begin(
  term: Term,
  depth: number,
  style: Style,
  out: FormatBuffer,
  frame: Frame | undefined,
): Frame | undefined {
  switch (kindOf(term)) {
    case ATOM:
      out.add(quoteAtom(atomText(term), style.isUnicode));
      break;
    case NUMBER:
      out.add(formatNumber(term as number | bigint | Float));
      break;
    case BITSTRING:
      formatBits(term as string | Uint8Array | BitString, depth, style, out);
      break;
    case NIL:
      out.add('[]');
      break;
    case PID:
      out.add(style.withNodes ? pidWithNode(term as Pid) : String(term));
      break;
    case PORT:
      out.add(style.withNodes ? portWithNode(term as Port) : String(term));
      break;
    case REFERENCE:
      out.add(style.withNodes ? referenceWithNode(term as Reference) : String(term));
      break;
    case FUN:
      out.add(formatFun(term as ExternalFun | InternalFun, style));
      break;
    case TUPLE:
      return opened(out, '{', frameOf(TUPLE, (term as TupleOf).elements, '}', depth, frame));
    case LIST:
      if (term instanceof ImproperList) {
        const items = [...term.elements, term.tail];
        return opened(out, '[', { ...frameOf(LIST, items, ']', depth, frame), isImproper: true });
      }
      if (depth !== 1 && formatList(term as readonly Term[], style, out)) break;
      return opened(out, '[', frameOf(LIST, term as readonly Term[], ']', depth, frame));
    case MAP: {
      const { keys, values } = entriesOf(term as MapTerm);
      const items = keys.flatMap((key, i) => [key, values[i]]);
      return opened(out, '#{', frameOf(MAP, items, '}', keys.length === 0 ? Infinity : depth, frame));
    }
    case RECORD: {
      const { module, recordName, fields, values } = term as NativeRecord;
      const name = `#${quoteAtom(module.text, style.isUnicode)}:${quoteAtom(recordName.text, style.isUnicode)}{`;
      return opened(out, name, { ...frameOf(RECORD, values, '}', depth, frame), fields });
    }
  }
  return frame;
}

function opened(out: FormatBuffer, open: string, frame: Frame): Frame {
  out.add(open);
  return frame;
}

function formatNumber(value: number | bigint | Float): string {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'number') return formatFloat(value.value);
  if (!Number.isInteger(value)) return formatFloat(value);
  return Number.isSafeInteger(value) ? (value + 0).toString() : BigInt(value).toString();
}

function formatFun(fun: ExternalFun | InternalFun, { isUnicode }: Style): string {
  return fun instanceof ExternalFun
    ? `fun ${quoteAtom(fun.module.text, isUnicode)}:${quoteAtom(fun.function.text, isUnicode)}/${fun.arity}`
    : `#Fun<${bare(fun.module.text)}.${fun.index}.${fun.oldUniq}>`;
}

/** Names inside `#…<…>` have no quotes; but no peer gets a line break into a log by its name. */
function bare(name: string): string {
  return escapeText(name, "'").replaceAll("\\'", "'").replaceAll('\\\\', '\\');
}

function pidWithNode({ id, node, serial }: Pid): string {
  return `#Pid<${bare(node)}.${id}.${serial}>`;
}

function portWithNode({ id, node }: Port): string {
  return `#Port<${bare(node)}.${id}>`;
}

function referenceWithNode({ node, words }: Reference): string {
  return `#Ref<${bare(node)}.${words.toReversed().join('.')}>`;
}

// console.log and String() print terms as Erlang text. Installed from here, because the classes must not import this
// module. Identifiers and atoms have a toString of their own: `String(atom('ok'))` is the text `ok`.
const INSPECT = Symbol.for('nodejs.util.inspect.custom');

/** `console.log` is for people: all of Unicode, identifiers with their nodes, and no longer than a string would be. */
function inspectTerm(this: Term, _depth: number, options?: { readonly maxStringLength?: number | null }): string {
  return format(this, { printable: 'unicode', nodes: true, limit: options?.maxStringLength ?? Infinity });
}

function termToString(this: Term): string {
  return format(this);
}

function install(prototype: object, name: PropertyKey, value: unknown): void {
  Object.defineProperty(prototype, name, { value, writable: true, configurable: true, enumerable: false });
}

const withoutToString = [TupleOf, ImproperList, BitString, ExternalFun, InternalFun, NativeRecord, Float];
for (const { prototype } of [...withoutToString, Atom, Pid, Port, Reference]) install(prototype, INSPECT, inspectTerm);
for (const { prototype } of withoutToString) install(prototype, 'toString', termToString);
