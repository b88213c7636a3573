// Funs: EXPORT_EXT and NEW_FUN_EXT up to the free variables, which are terms like any others (protocol section 5.3).
// Every field is kept, so that a fun sent back is the same fun.
import { ExternalFun, InternalFun } from '../term/fun.js';
import { Pid } from '../term/identifiers.js';
import type { Term } from '../term/term.js';
import { readAtom } from './atoms.js';
import { isWord, pidFlaw, readCreator, type WriteAtom, writePid } from './identifiers.js';
import { readBig, writeInteger } from './integers.js';
import type { Refusal } from './refusal.js';
import type { Sink } from './sink.js';
import type { Source } from './source.js';
import {
  EXPORT_EXT,
  INTEGER_EXT,
  LARGE_BIG_EXT,
  NEW_FUN_EXT,
  SMALL_BIG_EXT,
  SMALL_INTEGER_EXT,
  tagName,
} from './tags.js';

/** Arity and number of free variables are bytes to OTP, whatever the format has room for. */
const MAX_ARITY = 255;
const UNIQ_SIZE = 16;

export function writeExternalFun(sink: Sink, fun: ExternalFun, pos: number, writeAtom: WriteAtom): number {
  pos = sink.room(pos, 1);
  sink.view.setUint8(pos, EXPORT_EXT);
  pos = writeAtom(fun.function, writeAtom(fun.module, pos + 1));
  return writeInteger(sink, fun.arity, pos);
}

/** After the tag EXPORT_EXT. */
export function readExternalFun(source: Source): ExternalFun {
  const start = source.pos - 1;
  const module = readAtom(source, 'the module of an external fun');
  const name = readAtom(source, 'the function of an external fun');
  const arity = readSmall(source, 'the arity of an external fun');
  if (arity < 0 || arity > MAX_ARITY) {
    throw source.error('bad_fun', `expected an arity of 0 to ${MAX_ARITY} in EXPORT_EXT, got ${arity}`, start);
  }
  return new ExternalFun(module, name, arity);
}

/** What keeps a closure from being one; decoded ones have none. */
export function funFlaw({ arity, free, index, oldIndex, oldUniq, pid, uniq }: InternalFun): Refusal | undefined {
  if (free.length > MAX_ARITY) return `a fun of ${free.length} free variables (at most ${MAX_ARITY})`;
  if (!(uniq instanceof Uint8Array && uniq.length === UNIQ_SIZE)) return `a fun whose uniq is not ${UNIQ_SIZE} bytes`;
  if (!isArity(arity)) return `a fun of arity ${String(arity)} (0 to ${MAX_ARITY})`;
  if (!isWord(index)) return 'a fun whose index is not an integer of 32 bits';
  if (!(Number.isSafeInteger(oldIndex) && Number.isSafeInteger(oldUniq)))
    return 'a fun whose old index or uniq is no integer';
  return pid instanceof Pid ? pidFlaw(pid) : 'a fun whose creator is no pid';
}

export function isArity(arity: number): boolean {
  return (arity & 255) === arity;
}

/** Writes all but the free variables; the size is filled in by {@link closeInternalFun}. */
export function openInternalFun(sink: Sink, fun: InternalFun, pos: number, writeAtom: WriteAtom): number {
  pos = sink.room(pos, 30);
  sink.view.setUint8(pos, NEW_FUN_EXT);
  sink.view.setUint8(pos + 5, fun.arity);
  sink.buffer.set(fun.uniq, pos + 6);
  sink.view.setUint32(pos + 22, fun.index);
  sink.view.setUint32(pos + 26, fun.free.length);
  pos = writeAtom(fun.module, pos + 30);
  pos = writeInteger(sink, fun.oldIndex, pos);
  pos = writeInteger(sink, fun.oldUniq, pos);
  return writePid(sink, fun.pid, pos, writeAtom);
}

/** `opened` is where the tag stands, counted from the start of the output. */
export function closeInternalFun(sink: Sink, opened: number, pos: number): void {
  const at = sink.start + opened + 1;
  sink.view.setUint32(at, pos - at);
}

/** A closure whose free variables are still to come. */
export interface FunHead extends Omit<InternalFun, 'free'> {
  readonly freeCount: number;
}

/** After the tag NEW_FUN_EXT. Its size is passed over, as OTP does: old releases wrote it wrongly. */
export function readFunHead(source: Source): FunHead {
  const start = source.pos - 1;
  source.u32('the size of NEW_FUN_EXT');
  const arity = source.u8('the arity of a fun');
  const at = source.skip(UNIQ_SIZE, 'the uniq of a fun');
  const uniq = new Uint8Array(UNIQ_SIZE);
  uniq.set(source.bytes.subarray(at, at + UNIQ_SIZE));
  const index = source.u32('the index of a fun');
  const freeCount = source.u32('the number of free variables of a fun');
  if (freeCount > MAX_ARITY) {
    throw source.error(
      'bad_fun',
      `expected at most ${MAX_ARITY} free variables in NEW_FUN_EXT, got ${freeCount}`,
      start,
    );
  }
  source.promise(freeCount, 'NEW_FUN_EXT');
  const module = readAtom(source, 'the module of a fun');
  const oldIndex = readSmall(source, 'the old index of a fun');
  const oldUniq = readSmall(source, 'the old uniq of a fun');
  return { arity, uniq, index, module, oldIndex, oldUniq, pid: readCreator(source), freeCount };
}

export function makeFun(head: FunHead, free: readonly Term[]): InternalFun {
  const { arity, uniq, index, module, oldIndex, oldUniq, pid } = head;
  return new InternalFun({ arity, uniq, index, module, oldIndex, oldUniq, pid, free });
}

/** An integer where the format has one inside a fun, in any spelling of an integer. */
function readSmall(source: Source, what: string): number {
  const at = source.pos;
  const tag = source.u8(what);
  if (tag === SMALL_INTEGER_EXT) return source.u8(what);
  if (tag === INTEGER_EXT) return source.view.getInt32(source.skip(4, what));
  const value = tag === SMALL_BIG_EXT || tag === LARGE_BIG_EXT ? readBig(source, tag) : undefined;
  if (typeof value === 'number') return value;
  throw source.error('bad_fun', `expected a small integer for ${what}, got tag ${tagName(tag)}`, at);
}
