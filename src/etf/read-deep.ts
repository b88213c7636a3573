// Reads terms of any depth with a stack of its own: the containers SMALL_TUPLE_EXT, LARGE_TUPLE_EXT, LIST_EXT, MAP_EXT,
// NEW_FUN_EXT and RECORD_EXT (protocol section 5.1). Invariant: nothing is allocated for a count, only for terms that came.
import { LimitError } from '../errors.js';
import { ImproperList } from '../term/list.js';
import type { Term } from '../term/term.js';
import { tupleFrom } from '../term/tuple.js';
import { type FunHead, makeFun, readFunHead } from './funs.js';
import { makeMap } from './maps.js';
import { readBytes, readLeaf } from './read-leaf.js';
import { makeRecord, type RecordHead, readRecordHead } from './records.js';
import type { Source } from './source.js';
import {
  LARGE_TUPLE_EXT,
  LIST_EXT,
  MAP_EXT,
  NEW_FUN_EXT,
  NIL_EXT,
  RECORD_EXT,
  SMALL_TUPLE_EXT,
  STRING_EXT,
} from './tags.js';

interface Container {
  readonly start: number;
  /** What was around it: inside a map key, everything is. */
  readonly inKey: boolean;
  readonly values: Term[];
}
type Frame = Container &
  (
    | { readonly kind: 'tuple' | 'map'; readonly count: number }
    | { kind: 'list' | 'improper list'; count: number }
    | { readonly kind: 'fun'; readonly count: number; readonly head: FunHead }
    | { readonly kind: 'record'; readonly count: number; readonly head: RecordHead }
  );

/** OTP's largest tuple. */
const MAX_TUPLE = 2 ** 24 - 1;

/** The term at the source's position, which lies `depth` levels deep already. */
export function readDeep(source: Source, depth: number): Term {
  return run(source, depth, []);
}

/** The list that begins with `values`, after which the source stands: the tail is not NIL_EXT. */
export function readDeepTail(source: Source, values: Term[], depth: number): Term {
  const frame: Frame = { kind: 'list', count: values.length, start: source.pos, inKey: source.inKey, values };
  readTail(source, frame);
  if (values.length === frame.count) return close(source, frame);
  enter(source, frame);
  return run(source, depth, [frame]);
}

function run(source: Source, depth: number, stack: Frame[]): Term {
  const levels = source.limits.depth - depth;
  for (;;) {
    const start = source.pos;
    const tag = source.u8('a term');
    const frame = open(source, tag, start);
    if (frame === 'tail') continue;
    let value: Term;
    if (frame === undefined) value = readLeaf(source, tag);
    else {
      if (stack.length >= levels) {
        throw new LimitError('too_deep', 'levels of nesting', source.limits.depth, source.limits.depth + 1);
      }
      if (frame.count > 0) {
        stack.push(frame);
        enter(source, frame);
        continue;
      }
      value = close(source, frame);
    }
    for (;;) {
      const top = stack.at(-1);
      if (top === undefined) return value;
      top.values.push(value);
      if (top.values.length === top.count && top.kind === 'list') readTail(source, top);
      if (top.values.length < top.count) {
        enter(source, top);
        break;
      }
      stack.pop();
      value = close(source, top);
    }
  }
}

/** A container's frame; `undefined` for a leaf; `'tail'` for a list of no elements, which is its tail. */
function open(source: Source, tag: number, start: number): Frame | 'tail' | undefined {
  const { inKey } = source;
  switch (tag) {
    case SMALL_TUPLE_EXT: {
      const count = source.u8('the arity of SMALL_TUPLE_EXT');
      source.promise(count, 'SMALL_TUPLE_EXT');
      return { kind: 'tuple', count, start, inKey, values: [] };
    }
    case LARGE_TUPLE_EXT: {
      const count = source.u32('the arity of LARGE_TUPLE_EXT');
      source.promise(count, 'LARGE_TUPLE_EXT');
      if (count > MAX_TUPLE) throw new LimitError('term_too_large', 'elements of a tuple', MAX_TUPLE, count);
      return { kind: 'tuple', count, start, inKey, values: [] };
    }
    case LIST_EXT: {
      const count = source.u32('the length of LIST_EXT');
      if (count === 0) return 'tail';
      source.promise(count + 1, 'LIST_EXT');
      return { kind: 'list', count, start, inKey, values: [] };
    }
    case MAP_EXT: {
      const count = 2 * source.u32('the size of MAP_EXT');
      source.promise(count, 'MAP_EXT');
      return { kind: 'map', count, start, inKey, values: [] };
    }
    case NEW_FUN_EXT: {
      const head = readFunHead(source);
      return { kind: 'fun', count: head.freeCount, head, start, inKey, values: [] };
    }
    case RECORD_EXT: {
      const head = readRecordHead(source);
      return { kind: 'record', count: head.fields.length, head, start, inKey, values: [] };
    }
    default:
      return undefined;
  }
}

/** The tail of a list may be more of the same list, in any number of steps. */
function readTail(source: Source, frame: Frame & { kind: 'list' | 'improper list'; count: number }): void {
  for (;;) {
    const tag = source.u8('the tail of a list');
    if (tag === LIST_EXT) {
      const count = source.u32('the length of LIST_EXT');
      source.promise(count + 1, 'LIST_EXT');
      frame.count += count;
      if (count > 0) return;
    } else if (tag === NIL_EXT) return;
    else if (tag === STRING_EXT) {
      readBytes(source, frame.values);
      frame.count = frame.values.length;
      return;
    } else {
      source.pos--;
      frame.kind = 'improper list';
      frame.count++;
      return;
    }
  }
}

function enter(source: Source, frame: Frame): void {
  source.inKey = frame.inKey || (frame.kind === 'map' && frame.values.length % 2 === 0);
}

function close(source: Source, frame: Frame): Term {
  source.inKey = frame.inKey;
  const { values } = frame;
  switch (frame.kind) {
    case 'tuple':
      return tupleFrom(values);
    case 'list':
      return values;
    case 'improper list': {
      const tail = values.pop();
      return new ImproperList(values, tail);
    }
    case 'map':
      return makeMap(source, values, frame.start);
    case 'fun':
      return makeFun(frame.head, values);
    case 'record':
      return makeRecord(frame.head, values);
  }
}
