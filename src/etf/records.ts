// Native records of OTP 29: RECORD_EXT up to the values, which are terms like any others (protocol section 5.1).
import { ArgumentError } from '../errors.js';
import type { Atom } from '../term/atom.js';
import { NativeRecord } from '../term/record.js';
import type { Term } from '../term/term.js';
import { readAtom } from './atoms.js';
import type { WriteAtom } from './identifiers.js';
import type { Refusal } from './refusal.js';
import type { Sink } from './sink.js';
import type { Source } from './source.js';
import { RECORD_EXT } from './tags.js';

const EXPORTED = 1;

/** What keeps a record from being one; decoded ones have none. */
export function recordFlaw({ fields, values }: NativeRecord): Refusal | undefined {
  if (fields.length !== values.length) return `a record of ${fields.length} fields and ${values.length} values`;
  return new Set(fields).size === fields.length ? undefined : 'a record with a field name twice';
}

/** Writes all but the values. */
export function openRecord(sink: Sink, record: NativeRecord, pos: number, writeAtom: WriteAtom): number {
  // Such a release takes the whole message for corrupted, and hangs up when somebody reads it.
  if (sink.noRecords) throw new ArgumentError('not_encodable', 'a native record is for OTP 29 and later');
  pos = sink.room(pos, 6);
  sink.view.setUint8(pos, RECORD_EXT);
  sink.view.setUint32(pos + 1, record.fields.length);
  sink.view.setUint8(pos + 5, record.exported ? EXPORTED : 0);
  pos = writeAtom(record.recordName, writeAtom(record.module, pos + 6));
  for (const field of record.fields) pos = writeAtom(field, pos);
  return pos;
}

/** A record whose values are still to come. */
export interface RecordHead {
  readonly module: Atom;
  readonly recordName: Atom;
  readonly exported: boolean;
  readonly fields: readonly Atom[];
}

/** After the tag RECORD_EXT. */
export function readRecordHead(source: Source): RecordHead {
  const start = source.pos - 1;
  const count = source.u32('the size of RECORD_EXT');
  const flags = source.u8('the flags of RECORD_EXT');
  if ((flags & ~EXPORTED) !== 0) throw source.error('bad_record', `RECORD_EXT with unknown flags ${flags}`, start);
  // Field names and values.
  source.promise(2 * count, 'RECORD_EXT');
  const module = readAtom(source, 'the module of a record');
  const recordName = readAtom(source, 'the name of a record');
  const fields: Atom[] = [];
  for (let i = 0; i < count; i++) fields.push(readAtom(source, 'a field name of a record'));
  if (new Set(fields).size !== count) throw source.error('bad_record', 'a record with a field name twice', start);
  return { module, recordName, exported: flags === EXPORTED, fields };
}

export function makeRecord(head: RecordHead, values: readonly Term[]): NativeRecord {
  return new NativeRecord(head.module, head.recordName, head.exported, head.fields, values);
}
