// The door `erlnode/discovery`: how nodes are found, and how to write another way of finding them.
export type {
  Discovery,
  NamesOptions,
  NodeName,
  RegisterOptions,
  Registrant,
  Registration,
  RegistrationStatus,
  ResolveOptions,
} from './discovery.js';
export { type EpmdOptions, epmd } from './epmd/client.js';
export type { RegisteredName } from './epmd/messages.js';
export { type EpmdServer, type EpmdServerOptions, epmdServer } from './epmd/server.js';
export { firstOf, type TimedSource } from './first-of.js';
export {
  type StaticNodes,
  type StaticNodesOptions,
  staticNodes,
  type TableFileEvent,
  type TableLogger,
} from './static-nodes.js';
export type { StaticPlace } from './static-table.js';
