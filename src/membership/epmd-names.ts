// Every node that EPMD knows on some hosts. libcluster's LocalEpmd.
import type { Discovery } from '../discovery/discovery.js';
import { epmd } from '../discovery/epmd/client.js';
import { ArgumentError } from '../errors.js';
import { Recalled, type Strategy } from './strategy.js';

export interface EpmdNamesOptions {
  /** The hosts to ask, as in node names; a function is asked for them each time. Default: the one of the node's own name. */
  readonly hosts?: readonly string[] | (() => readonly string[] | Promise<readonly string[]>);
  /** Who is asked: anything that has `names`. Default: `epmd()`. */
  readonly discovery?: Discovery;
}

/** @throws ArgumentError `badarg` for a discovery that cannot list names. */
export function epmdNames({ hosts, discovery = epmd() }: EpmdNamesOptions = {}): Strategy {
  const names = discovery.names?.bind(discovery);
  if (names === undefined)
    throw new ArgumentError('badarg', `expected a discovery that can list names, got ${discovery.name}, which cannot`);
  const recalled = new Recalled<string>();
  return {
    name: `names of ${discovery.name}`,
    async nodes(options) {
      const asked = (typeof hosts === 'function' ? await hosts() : hosts) ?? [
        options.self.slice(options.self.indexOf('@') + 1),
      ];
      const ask = async (host: string): Promise<string[]> => {
        const found = await names(host, { signal: options.signal });
        return found.map(({ name }) => `${name}@${host}`);
      };
      return recalled.all([...new Set(asked)], ask, options);
    },
  };
}
