// erlnode/etf: terms ⇄ bytes in Erlang's External Term Format, for use without a node.
export { type DecodeOptions, decode, decodeFirst } from './decode.js';
export { type EncodeOptions, encode, encodeInto } from './encode.js';
export type { CodecLimits } from './limits.js';
