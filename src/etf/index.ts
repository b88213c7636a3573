// erlnode/etf: terms ⇄ bytes in Erlang's External Term Format, for use without a node.

export { annotate } from './annotate.js';
export { decode, decodeFirst } from './decode.js';
export { encode, encodeInto, encodeParts } from './encode.js';
export type { CodecLimits } from './limits.js';
export type { DecodeOptions, EncodeOptions } from './options.js';
