// OTP 29's native records (RECORD_EXT). Kept whole, so that one sent back is the same record.
import type { Atom } from './atom.js';
import type { Term } from './term.js';

/** A native record: `values[i]` belongs to `fields[i]`. Field names are distinct. */
export class NativeRecord {
  readonly module: Atom;
  readonly recordName: Atom;
  readonly exported: boolean;
  readonly fields: readonly Atom[];
  readonly values: readonly Term[];

  /** @internal */
  constructor(module: Atom, recordName: Atom, exported: boolean, fields: readonly Atom[], values: readonly Term[]) {
    this.module = module;
    this.recordName = recordName;
    this.exported = exported;
    this.fields = fields;
    this.values = values;
  }

  /** The value of the field called `name`; `undefined` when there is no such field. */
  get(name: string): Term {
    return this.values[this.fields.findIndex((field) => field.text === name)];
  }
}
