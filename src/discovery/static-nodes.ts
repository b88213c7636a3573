// Discovery without a registry: one port for every node, a table of nodes, or both. Protocol section 1.7.
// The rules are those of `-erl_epmd_port` and of the two modules of epmdless; nobody is asked and nothing can fail.

import { checkIsOptions, type OptionNames } from '../arguments.js';
import { ArgumentError, ConnectionError, type TableFileError } from '../errors.js';
import type { Endpoint } from '../transport/transport.js';
import type { Discovery, NamesOptions, NodeName } from './discovery.js';
import { helped } from './helper-names.js';
import { splitNodeName } from './node-name.js';
import { type Table, TableFile } from './static-file.js';
import { checkedPort, endpointOf, type StaticPlace } from './static-table.js';

/** What became of the file after it was read for the first time. */
export type TableFileEvent =
  | { readonly type: 'loaded'; readonly file: string; readonly nodes: number }
  /** The table stays as it was. */
  | { readonly type: 'failed'; readonly file: string; readonly error: TableFileError };

/** The two methods of a logger that are called here; a pino logger has them. */
export interface TableLogger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface StaticNodesOptions {
  /**
   * The port of every node that is not in the table, and the one this node listens on (unless the table has another
   * for it): OTP's `-erl_epmd_port` and `erl_epmd_node_listen_port`. Default: `ERL_DIST_PORT`, else none; 0 is none.
   * As with epmdless, `EPMDLESS_REMSH_PORT` comes before `ERL_DIST_PORT` where others are looked for.
   */
  readonly port?: number;
  /** The table to begin with. */
  readonly nodes?: Readonly<Record<NodeName, StaticPlace>>;
  /** A JSON file with a table of the same shape, read at once, and again when it changes. */
  readonly file?: string;
  /** Milliseconds between two looks at the file. Default: 1,000. */
  readonly fileInterval?: number;
  /** Told when the file was read again, or could not be. */
  readonly onFile?: (event: TableFileEvent) => void;
  /** Gets a line for each such event. */
  readonly logger?: TableLogger;
  /** Default: `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

const OPTIONS: OptionNames<StaticNodesOptions> = {
  port: true,
  nodes: true,
  file: true,
  fileInterval: true,
  onFile: true,
  logger: true,
  env: true,
};

/** A discovery whose table can change while nodes use it. */
export interface StaticNodes extends Discovery {
  /** Puts a node in the table, or moves it; what the file says of it does not count any more. @throws ArgumentError `badarg`. */
  add(node: NodeName, place: StaticPlace): void;
  /** Whether it was in the table. A node of the file is back when the file changes and still has it. */
  remove(node: NodeName): boolean;
  /** A copy of the table, in the order the nodes were added. */
  list(): ReadonlyMap<NodeName, Endpoint>;
  names(host: string, options?: NamesOptions): Promise<readonly { readonly name: string; readonly port: number }[]>;
  listenPort(node: NodeName): number | undefined;
  /** Watches the file no longer; the table stays. Without it, too, the process can end. */
  close(): void;
}

/**
 * @throws ArgumentError `badarg` for a port or a node name that is none; TableFileError for a file that cannot be read
 * or is no table.
 */
export function staticNodes(options: StaticNodesOptions = {}): StaticNodes {
  // A table in the place of the options is the likeliest mistake.
  const node = Object.keys(Object(options) as object).find((key) => key.includes('@'));
  if (node !== undefined)
    throw new ArgumentError(
      'badarg',
      `staticNodes takes its table as nodes: { ${JSON.stringify(node)}: { host, port } }`,
    );
  checkIsOptions('staticNodes', options, OPTIONS);
  const environment = options.env ?? process.env;
  const ownPort = portOf(options.port, environment, 'ERL_DIST_PORT');
  const otherPort = portOf(options.port, environment, 'EPMDLESS_REMSH_PORT') ?? ownPort;
  const table = new Map<NodeName, Endpoint>();
  /** Which entries are there because the file has them. */
  const ofFile = new Set<NodeName>();

  const add = (node: NodeName, place: StaticPlace) => {
    table.set(node, endpointOf(node, place));
    ofFile.delete(node);
  };
  const replace = (read: Table) => {
    for (const node of ofFile) if (!read.has(node)) table.delete(node);
    for (const [node, place] of read) {
      if (table.has(node) && !ofFile.has(node)) continue;
      table.set(node, place);
      ofFile.add(node);
    }
    for (const node of ofFile) if (!read.has(node)) ofFile.delete(node);
  };
  for (const [node, place] of Object.entries(options.nodes ?? {})) add(node as NodeName, place);
  const file = watched(options, replace);

  return {
    name: 'static',
    add,
    remove(node) {
      ofFile.delete(node);
      return table.delete(node);
    },
    list: () => new Map(table),
    resolve(node, { signal }) {
      return settled(() => {
        const { alive, host } = splitNodeName(node);
        goOn(signal);
        const place = table.get(node);
        if (place !== undefined) return [place];
        // A helper of a release is on the host of its release, whose port is taken: it listens for nobody.
        return otherPort === undefined || helped(alive) !== undefined
          ? []
          : [{ host, port: otherPort, nodeHost: host }];
      });
    },
    listenPort: (node) => table.get(node)?.port ?? (helped(splitNodeName(node).alive) === undefined ? ownPort : 0),
    names(host, { signal } = {}) {
      return settled(() => {
        goOn(signal);
        const all = Array.from(table, ([node, { port }]) => ({ ...splitNodeName(node), port }));
        return all.flatMap((one) => (one.host === host ? [{ name: one.alive, port: one.port }] : []));
      });
    },
    close: () => file?.close(),
  };
}

function watched(
  { file: path, fileInterval = 1000, onFile, logger }: StaticNodesOptions,
  onTable: (table: Table) => void,
): TableFile | undefined {
  if (path === undefined) return undefined;
  if (!(fileInterval >= 1 && fileInterval <= 0x7fff_ffff))
    throw new ArgumentError('badarg', `expected fileInterval in milliseconds, got ${fileInterval}`);
  const file = new TableFile(path, {
    interval: fileInterval,
    onTable(table) {
      onTable(table);
      logger?.info({ file: path, nodes: table.size }, 'table of nodes read again');
      onFile?.({ type: 'loaded', file: path, nodes: table.size });
    },
    onFault(error) {
      const { line, field, message: reason } = error;
      logger?.warn({ file: path, line, field, reason }, 'table of nodes not read, the old one stays');
      onFile?.({ type: 'failed', file: path, error });
    },
  });
  onTable(file.open());
  return file;
}

function portOf(option: number | undefined, environment: NonNullable<StaticNodesOptions['env']>, variable: string) {
  const text = environment[variable] ?? '';
  const port = option ?? (/^\d*$/.test(text) ? Number(text) : Number.NaN);
  return port === 0 ? undefined : checkedPort(port, option === undefined ? variable : 'port');
}

function goOn(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true)
    throw new ConnectionError('aborted', 'static: the caller gave up', { cause: signal.reason });
}

/** A throw becomes a rejection, as an interface of promises promises. */
async function settled<T>(body: () => T): Promise<T> {
  return body();
}
