// The table of nodes and where they listen, as an object and as the text of a JSON file. docs/DISCOVERY.md, "Static".
// A text is taken whole or not at all, and what is wrong with it is told by line and field.
import { ArgumentError, TableFileError } from '../errors.js';
import type { Endpoint } from '../transport/transport.js';
import type { NodeName } from './discovery.js';
import { splitNodeName } from './node-name.js';

/** Where a node of the table listens: a port on the host of its name, or on another host. */
export type StaticPlace = number | { readonly host?: string; readonly port: number };

/** @throws ArgumentError `badarg` for a node name, a host or a port that is none. */
export function endpointOf(node: string, place: StaticPlace): Endpoint {
  const { host: nodeHost } = splitNodeName(node);
  const { host = nodeHost, port } = typeof place === 'number' ? { port: place } : place;
  if (typeof host !== 'string' || host === '')
    throw new ArgumentError('badarg', `expected a host for ${node}, got ${show(host)}`);
  return { host, port: checkedPort(port, `the port of ${node}`), nodeHost };
}

/** @throws ArgumentError `badarg`. */
export function checkedPort(port: number, what: string): number {
  if (Number.isInteger(port) && port >= 1 && port <= 0xffff) return port;
  throw new ArgumentError('badarg', `expected ${what} to be a number from 1 to 65535, got ${show(port)}`);
}

/**
 * Reads `{ "a@host": 9101, "b@host": { "host": "10.0.0.2", "port": 9102 } }`.
 *
 * @param file for the error.
 * @throws TableFileError for anything else, a field that has no meaning, and a node that is there twice.
 */
export function parseTable(text: string, file: string): Map<NodeName, Endpoint> {
  const reader = new Reader(text, file);
  const table = new Map<NodeName, Endpoint>();
  reader.object('a table, { "name@host": port, … }', (node, at) => {
    if (table.has(node as NodeName)) reader.fail(at, node, 'is in the table twice');
    const place = readPlace(reader, node);
    try {
      table.set(node as NodeName, endpointOf(node, place));
    } catch (error) {
      // The place has been checked where it stands: what is left is the name.
      reader.fail(at, node, (error as Error).message);
    }
  });
  reader.end();
  return table;
}

function readPlace(reader: Reader, node: string): StaticPlace {
  if (!reader.ahead('{')) return reader.port(node);
  const place: { host?: string; port?: number } = {};
  const start = reader.object('a place', (field, at) => {
    const path = `${node}.${field}`;
    if (Object.hasOwn(place, field)) reader.fail(at, path, 'is there twice');
    if (field === 'port') place.port = reader.port(path);
    else if (field === 'host') place.host = reader.host(path);
    else reader.fail(at, path, 'has no meaning: expected "host" and "port"');
  });
  const { port } = place;
  if (port === undefined) return reader.fail(start, `${node}.port`, 'is missing');
  return place.host === undefined ? port : { host: place.host, port };
}

interface Token {
  readonly kind: 'mark' | 'string' | 'number' | 'other' | 'end';
  readonly text: string;
  readonly at: number;
}

/** JSON, as much of it as a table has, with places: the built-in parser knows no lines and takes keys twice. */
class Reader {
  readonly #text: string;
  readonly #file: string;
  readonly #pattern =
    /[ \t\r\n]*(?:(?<mark>[{}[\]:,])|(?<string>"[^"\\]*(?:\\[\s\S][^"\\]*)*")|(?<number>-?\d[\d.eE+-]*)|(?<other>[^ \t\r\n{}[\]:,"]+|")|$)/y;
  #next: Token;

  constructor(text: string, file: string) {
    // Some editors of Windows put a mark before the first character.
    this.#text = text.startsWith('\u{feff}') ? ` ${text.slice(1)}` : text;
    this.#file = file;
    this.#next = this.#scan();
  }

  /** Whether this mark comes next. */
  ahead(mark: string): boolean {
    return this.#next.kind === 'mark' && this.#next.text === mark;
  }

  /** Calls `onField` at each value; returns where the object begins. */
  object(what: string, onField: (name: string, at: number) => void): number {
    const start = this.#next.at;
    this.#mark('{', `expected ${what}`);
    if (this.ahead('}')) this.#take();
    else
      for (;;) {
        const { at } = this.#next;
        const name = this.#string(undefined, 'expected a name in quotes');
        this.#mark(':', 'expected a colon after it', name);
        onField(name, at);
        const { text } = this.#next;
        if (!this.ahead('}')) this.#mark(',', 'expected a comma or } after it', name);
        else this.#take();
        if (text === '}') break;
      }
    return start;
  }

  port(field: string): number {
    const { kind, text, at } = this.#next;
    const port = kind === 'number' && /^[1-9]\d*$/.test(text) ? Number(text) : 0;
    if (port < 1 || port > 0xffff)
      return this.fail(at, field, `expected a port, a number from 1 to 65535, got ${this.#shown()}`);
    this.#take();
    return port;
  }

  host(field: string): string {
    const { at } = this.#next;
    const host = this.#string(field, 'expected a host name or an address in quotes');
    return host === '' ? this.fail(at, field, 'expected a host name or an address, got an empty text') : host;
  }

  end(): void {
    if (this.#next.kind !== 'end')
      this.fail(this.#next.at, undefined, `expected the end after the table, got ${this.#shown()}`);
  }

  fail(at: number, field: string | undefined, fault: string): never {
    const line = lineOf(this.#text, at);
    const where = field === undefined ? '' : `${show(field)}: `;
    const message = `${this.#file}, line ${line}: ${where}${fault.slice(0, 300)}`;
    throw new TableFileError(message, { file: this.#file, line, field: field?.slice(0, 300) });
  }

  #mark(mark: string, expected: string, field?: string): void {
    if (!this.ahead(mark)) this.fail(this.#next.at, field, `${expected}, got ${this.#shown()}`);
    this.#take();
  }

  #string(field: string | undefined, expected: string): string {
    const { kind, text, at } = this.#next;
    if (kind !== 'string') return this.fail(at, field, `${expected}, got ${this.#shown()}`);
    let value: string;
    try {
      value = JSON.parse(text) as string;
    } catch {
      return this.fail(at, field, `${expected}, got one that JSON does not allow: ${show(text)}`);
    }
    this.#take();
    return value;
  }

  #take(): void {
    this.#next = this.#scan();
  }

  #scan(): Token {
    const { groups = {} } = this.#pattern.exec(this.#text) ?? {};
    for (const kind of ['mark', 'string', 'number', 'other'] as const) {
      const text = groups[kind];
      if (text !== undefined) return { kind, text, at: this.#pattern.lastIndex - text.length };
    }
    return { kind: 'end', text: '', at: this.#text.length };
  }

  #shown(): string {
    const { kind, text } = this.#next;
    if (kind === 'end') return 'the end of the file';
    return text === '"' ? 'a text without its closing quote' : show(text);
  }
}

/** Counted from 1. */
export function lineOf(text: string, at: number): number {
  let line = 1;
  for (let end = text.indexOf('\n'); end >= 0 && end < at; end = text.indexOf('\n', end + 1)) line++;
  return line;
}

function show(value: unknown): string {
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length <= 100 ? text : `${text.slice(0, 100)}…`;
}
