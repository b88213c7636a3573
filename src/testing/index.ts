// The door `erlnode/testing`: what every plug-in of a kind promises, as cases for any test runner.
// Nothing of the package imports it.
export { type MemoryOptions, memory } from '../transport/memory.js';
export type { ConformanceCase } from './conformance.js';
export { type DiscoveryLeftOut, type DiscoveryWorld, discoveryConformance } from './discovery.js';
export { type StrategyLeftOut, type StrategyWorld, strategyConformance } from './strategy.js';
export { type TransportWorld, transportConformance } from './transport.js';
