// The simplest strategy: a list. libcluster's Epmd strategy.
import { ArgumentError } from '../errors.js';
import { nameFault, shown } from './node-names.js';
import type { Strategy } from './strategy.js';

/**
 * These nodes, and always these.
 *
 * @throws ArgumentError `badarg` for a name that is no node name.
 */
export function hosts(nodes: readonly string[]): Strategy {
  if (typeof nodes !== 'object' || (nodes as unknown) === null)
    throw new ArgumentError('badarg', `expected hosts to be given a list of node names, got ${shown(nodes)}`);
  for (const node of nodes)
    if (nameFault(node) === 'not_a_node_name')
      throw new ArgumentError('badarg', `expected hosts to be given node names like 'name@host', got ${shown(node)}`);
  const all = Object.freeze([...nodes]);
  return { name: 'hosts', nodes: () => Promise.resolve(all) };
}
