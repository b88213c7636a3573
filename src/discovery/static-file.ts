// A table of nodes in a file that is read again when it changes. docs/DISCOVERY.md, "Static".
// Looked at by time and by path, so that files that are replaced, linked or mounted (ConfigMaps) are noticed, too.
import { isUtf8 } from 'node:buffer';
import { readFileSync, type Stats, statSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { TableFileError } from '../errors.js';
import type { Endpoint } from '../transport/transport.js';
import type { NodeName } from './discovery.js';
import { lineOf, parseTable } from './static-table.js';

export type Table = ReadonlyMap<NodeName, Endpoint>;

export interface TableFileOptions {
  /** Milliseconds between two looks at the file. */
  readonly interval: number;
  onTable(table: Table): void;
  /** Once for each fault, not once for each look. */
  onFault(error: TableFileError): void;
}

/** Room for more nodes than a mesh can have. */
const MAX_BYTES = 1024 * 1024;

export class TableFile {
  readonly #path: string;
  readonly #options: TableFileOptions;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;
  /** What the file looked like at the last look, and whether that was the same at the one before. */
  #seen = '';
  #settled = false;
  #bytes: Buffer | undefined;
  #told: string | undefined;

  constructor(path: string, options: TableFileOptions) {
    this.#path = path;
    this.#options = options;
  }

  /** Reads it for the first time and begins to watch it. @throws TableFileError. */
  open(): Table {
    let bytes: Buffer;
    try {
      const stats = statSync(this.#path);
      this.#check(stats);
      this.#seen = appearance(stats);
      bytes = readFileSync(this.#path);
    } catch (error) {
      throw this.#fault(error);
    }
    const table = this.#parse(bytes);
    this.#bytes = bytes;
    this.#schedule();
    return table;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #schedule(): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => void this.#look(), this.#options.interval);
    this.#timer.unref();
  }

  /** Never rejects. */
  async #look(): Promise<void> {
    const outcome = await this.#read();
    if (this.#closed) return;
    if (outcome instanceof TableFileError) {
      // A file that is just being written deserves a second look before anybody is alarmed.
      if (this.#settled && outcome.message !== this.#told) {
        this.#told = outcome.message;
        this.#options.onFault(outcome);
      }
    } else if (outcome !== undefined) {
      this.#told = undefined;
      this.#options.onTable(outcome);
    }
    this.#schedule();
  }

  /** Undefined where nothing is new. */
  async #read(): Promise<Table | TableFileError | undefined> {
    try {
      const stats = await stat(this.#path).catch((error: Error) => {
        this.#settledAt(error.message);
        throw error;
      });
      if (this.#settledAt(appearance(stats))) return undefined;
      this.#check(stats);
      const bytes = await readFile(this.#path);
      if (this.#told === undefined && this.#bytes?.equals(bytes) === true) return undefined;
      const table = this.#parse(bytes);
      this.#bytes = bytes;
      return table;
    } catch (error) {
      return this.#fault(error);
    }
  }

  /** Two writes within one tick of the file system's clock look the same: whatever is new is read twice. */
  #settledAt(seen: string): boolean {
    const before = this.#settled;
    this.#settled = seen === this.#seen;
    this.#seen = seen;
    return before && this.#settled;
  }

  /** A pipe would never end, a device neither. */
  #check(stats: Stats): void {
    if (!stats.isFile()) throw this.#unreadable('it is not a file');
    if (stats.size > MAX_BYTES) throw this.#unreadable(`${stats.size} bytes are more than ${MAX_BYTES}`);
  }

  #parse(bytes: Buffer): Table {
    if (bytes.length > MAX_BYTES) throw this.#unreadable(`${bytes.length} bytes are more than ${MAX_BYTES}`);
    const text = bytes.toString('utf8');
    if (isUtf8(bytes)) return parseTable(text, this.#path);
    const line = lineOf(text, text.indexOf('\u{fffd}'));
    throw new TableFileError(`${this.#path}, line ${line}: not UTF-8`, { file: this.#path, line });
  }

  #fault(error: unknown): TableFileError {
    if (error instanceof TableFileError) return error;
    return this.#unreadable(error instanceof Error ? error.message : 'unknown', error);
  }

  #unreadable(why: string, cause?: unknown): TableFileError {
    const message = `cannot read the table of nodes in ${this.#path}: ${why}`;
    return new TableFileError(message, { file: this.#path }, cause === undefined ? undefined : { cause });
  }
}

function appearance({ ino, size, mtimeMs, ctimeMs }: Stats): string {
  return `${ino} ${size} ${mtimeMs} ${ctimeMs}`;
}
