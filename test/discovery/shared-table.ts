import type { Discovery, NodeName } from '../../src/discovery/index.js';
import { ConnectionError } from '../../src/index.js';

/** Nodes that share this table find each other: several nodes in one process, say. */
export function sharedTable(table: Map<NodeName, { port: number }>): Discovery {
  const goOn = (signal: AbortSignal) => {
    if (signal.aborted) throw new ConnectionError('aborted', 'the caller gave up', { cause: signal.reason });
  };
  return {
    name: 'shared table',
    async resolve(node, { signal }) {
      goOn(signal);
      const [, host = ''] = node.split('@');
      const entry = table.get(node);
      return entry === undefined ? [] : [{ host, port: entry.port }];
    },
    async register({ node, port }, { signal }) {
      goOn(signal);
      if (table.has(node)) throw new ConnectionError('duplicate_name', `${node} is registered already`);
      const entry = { port };
      table.set(node, entry);
      return {
        async close() {
          if (table.get(node) === entry) table.delete(node);
        },
      };
    },
  };
}
