// erlnode/etf: terms ⇄ bytes in Erlang's External Term Format, for use without a node.

export { annotate } from './annotate.js';
export { type DecodeOptions, decode, decodeFirst } from './decode.js';
export { type EncodeOptions, encode, encodeInto, encodeParts } from './encode.js';
export type { CodecLimits } from './limits.js';
