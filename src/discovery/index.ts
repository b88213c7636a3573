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
export type { SrvCacheOptions } from './srv/cache.js';
export type { SrvResolver } from './srv/lookups.js';
export {
  type ConsulOptions,
  consul,
  dynamicSrv,
  type KubernetesOptions,
  kubernetes,
  type NodeParts,
  type SrvMapping,
  type SrvMappingFunction,
} from './srv/mappings.js';
export type { SrvRecord } from './srv/records.js';
export { type SrvOptions, srv } from './srv/srv.js';
export {
  type StaticNodes,
  type StaticNodesOptions,
  staticNodes,
  type TableFileEvent,
  type TableLogger,
} from './static-nodes.js';
export type { StaticPlace } from './static-table.js';
