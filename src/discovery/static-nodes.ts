// Discovery without a registry: one port for every node, a table of nodes, or both. Protocol section 1.7.
// The rules are those of `-erl_epmd_port` and of the two modules of epmdless; nothing is asked and nothing can fail.
import { ArgumentError, ConnectionError } from '../errors.js';
import type { Endpoint } from '../transport/transport.js';
import type { Discovery, NodeName } from './discovery.js';
import { splitNodeName } from './node-name.js';

/** Where a node of the table listens: a port on the host of its name, or on another host. */
export type StaticPlace = number | { readonly host?: string; readonly port: number };

export interface StaticNodesOptions {
  /**
   * The port of every node that is not in the table, and the one this node listens on (unless the table has another
   * for it): OTP's `-erl_epmd_port`. Default: `ERL_DIST_PORT`, else none; 0 is none.
   */
  readonly port?: number;
  /** The table to begin with. */
  readonly nodes?: Readonly<Record<NodeName, StaticPlace>>;
  /** Default: `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** A discovery whose table can change while nodes use it. */
export interface StaticNodes extends Discovery {
  /** Puts a node in the table, or moves it. @throws ArgumentError `badarg`. */
  add(node: NodeName, place: StaticPlace): void;
  /** Whether it was in the table. */
  remove(node: NodeName): boolean;
  /** A copy of the table, in the order the nodes were added. */
  list(): ReadonlyMap<NodeName, Endpoint>;
  names(host: string): Promise<readonly { readonly name: string; readonly port: number }[]>;
  listenPort(node: NodeName): number | undefined;
}

/** @throws ArgumentError `badarg` for a port or a node name that is none. */
export function staticNodes(options: StaticNodesOptions = {}): StaticNodes {
  const environment = options.env ?? process.env;
  const given = options.port ?? Number(environment['ERL_DIST_PORT'] ?? 0);
  const onePort = given === 0 ? undefined : checkedPort(given, options.port === undefined ? 'ERL_DIST_PORT' : 'port');
  const table = new Map<NodeName, Endpoint>();

  const add = (node: NodeName, place: StaticPlace) => {
    const { host: nodeHost } = splitNodeName(node);
    const { host = nodeHost, port } = typeof place === 'number' ? { port: place } : place;
    if (host === '') throw new ArgumentError('badarg', `expected a host for ${node}, got an empty one`);
    table.set(node, { host, port: checkedPort(port, `the port of ${node}`), nodeHost });
  };
  for (const [node, place] of Object.entries(options.nodes ?? {})) add(node as NodeName, place);

  return {
    name: 'static',
    add,
    remove: (node) => table.delete(node),
    list: () => new Map(table),
    resolve(node, { signal }) {
      return settled(() => {
        const { host } = splitNodeName(node);
        if (signal.aborted)
          throw new ConnectionError('aborted', `static: the caller gave up`, { cause: signal.reason });
        const place = table.get(node) ?? (onePort === undefined ? undefined : { host, port: onePort, nodeHost: host });
        return place === undefined ? [] : [place];
      });
    },
    listenPort: (node) => table.get(node)?.port ?? onePort,
    names(host) {
      const here = Array.from(table, ([node, { port }]) => ({ ...splitNodeName(node), port }));
      return Promise.resolve(here.flatMap((one) => (one.host === host ? [{ name: one.alive, port: one.port }] : [])));
    },
  };
}

/** A throw becomes a rejection, as an interface of promises promises. */
async function settled<T>(body: () => T): Promise<T> {
  return body();
}

function checkedPort(port: number, what: string): number {
  if (Number.isInteger(port) && port >= 1 && port <= 0xffff) return port;
  throw new ArgumentError('badarg', `expected ${what} to be a number from 1 to 65535, got ${port}`);
}
