// What profiles and trials have shown about the payloads whose goals are the hardest: the text that docs/BENCHMARKS.md
// adds where a goal is missed. Without numbers, for those come from the run.

export const WHY: Readonly<Record<string, { readonly encode?: string; readonly decode?: string }>> = {
  a_gencall: {
    encode: 'a small term: what a call costs before its first byte (options, try, the buffer) is a part of it.',
    decode:
      'eleven objects are made, five atoms are looked up, and asking a fresh packet for its memory and offset goes into C++.',
  },
  b_gateway: {
    encode:
      'each text of more than 40 characters is a call into C++ (utf8Write), shorter ones are copied character by character; V8 has no cheaper way to either. A BEAM copies binaries.',
    decode: 'texts are cut from a window of the message; OTP makes binaries that refer to it.',
  },
  c_ints1k: {
    decode: 'one test of the tag, one load and one store per number into an array that V8 fills with holes first.',
  },
  c2_bytes1k: { decode: 'one store per byte into an array that V8 fills with holes first.' },
  d_floats1k: { decode: 'one load, one test and one store per float into an array that V8 fills with holes first.' },
  e_mixed10k: {
    encode: 'a number beyond 32 bits is an object in a mixed list, and a bigint is written through a typed array.',
    decode: 'numbers beyond 32 bits and bigints are objects to be made.',
  },
  f_bin1m: {
    decode: 'what is left is the cost of a call: asking the packet for its memory, and a Buffer made as a view.',
  },
  g_deep1000: {
    encode: 'one call per level; a BEAM does not recurse.',
    decode:
      'one call, one array of two and one look at the tail per level; a BEAM does not recurse, and its lists are cells.',
  },
  h_rows1k: {
    encode: 'the names of an object are enumerated each time, because V8 tells nobody the shape that it knows.',
    decode: 'two texts per row are cut and one number of more than 32 bits is made.',
  },
  i1_ascii64k: { decode: 'the time is that of one copy into a new string; OTP does not copy.' },
  i2_utf8_64k: { decode: 'UTF-8 to UTF-16 and one copy into a new string, both in C++; OTP does not look inside.' },
  j_chat: {
    encode:
      'one text in C++ (utf8Write), three short ones, and the enumeration of the names; @msgpack and OTP take little for so small a message, too.',
    decode: 'one text in C++ (latin1Slice), the look behind the packet, and an object without prototype.',
  },
  k_chat_utf8: {
    encode: 'utf8Write takes several times as long for text that is not ASCII, and lone surrogates must be looked for.',
    decode: 'UTF-8 is decoded here, byte by byte, and the string made in C++.',
  },
};
