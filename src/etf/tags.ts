// Every tag byte of the External Term Format, spelt as the specification spells it (protocol section 5.1).
// Tags that only a BEAM's own memory gives a meaning to are listed so that they can be refused by name.

/** First byte of every stand-alone term. */
export const VERSION_MAGIC = 131;

export const RECORD_EXT = 67;
export const NEW_FLOAT_EXT = 70;
export const BIT_BINARY_EXT = 77;
export const COMPRESSED = 80;
export const ATOM_CACHE_REF = 82;
export const NEW_PID_EXT = 88;
export const NEW_PORT_EXT = 89;
export const NEWER_REFERENCE_EXT = 90;
export const SMALL_INTEGER_EXT = 97;
export const INTEGER_EXT = 98;
export const FLOAT_EXT = 99;
export const ATOM_EXT = 100;
export const REFERENCE_EXT = 101;
export const PORT_EXT = 102;
export const PID_EXT = 103;
export const SMALL_TUPLE_EXT = 104;
export const LARGE_TUPLE_EXT = 105;
export const NIL_EXT = 106;
export const STRING_EXT = 107;
export const LIST_EXT = 108;
export const BINARY_EXT = 109;
export const SMALL_BIG_EXT = 110;
export const LARGE_BIG_EXT = 111;
export const NEW_FUN_EXT = 112;
export const EXPORT_EXT = 113;
export const NEW_REFERENCE_EXT = 114;
export const SMALL_ATOM_EXT = 115;
export const MAP_EXT = 116;
export const FUN_EXT = 117;
export const ATOM_UTF8_EXT = 118;
export const SMALL_ATOM_UTF8_EXT = 119;
export const V4_PORT_EXT = 120;
export const LOCAL_EXT = 121;

/** Tag byte to name, for error messages and annotated bytes. */
export const TAG_NAMES: ReadonlyMap<number, string> = new Map([
  [RECORD_EXT, 'RECORD_EXT'],
  [NEW_FLOAT_EXT, 'NEW_FLOAT_EXT'],
  [73, 'ATOM_INTERNAL_REF2'],
  [75, 'ATOM_INTERNAL_REF3'],
  [BIT_BINARY_EXT, 'BIT_BINARY_EXT'],
  [COMPRESSED, 'COMPRESSED'],
  [ATOM_CACHE_REF, 'ATOM_CACHE_REF'],
  [NEW_PID_EXT, 'NEW_PID_EXT'],
  [NEW_PORT_EXT, 'NEW_PORT_EXT'],
  [NEWER_REFERENCE_EXT, 'NEWER_REFERENCE_EXT'],
  [SMALL_INTEGER_EXT, 'SMALL_INTEGER_EXT'],
  [INTEGER_EXT, 'INTEGER_EXT'],
  [FLOAT_EXT, 'FLOAT_EXT'],
  [ATOM_EXT, 'ATOM_EXT'],
  [REFERENCE_EXT, 'REFERENCE_EXT'],
  [PORT_EXT, 'PORT_EXT'],
  [PID_EXT, 'PID_EXT'],
  [SMALL_TUPLE_EXT, 'SMALL_TUPLE_EXT'],
  [LARGE_TUPLE_EXT, 'LARGE_TUPLE_EXT'],
  [NIL_EXT, 'NIL_EXT'],
  [STRING_EXT, 'STRING_EXT'],
  [LIST_EXT, 'LIST_EXT'],
  [BINARY_EXT, 'BINARY_EXT'],
  [SMALL_BIG_EXT, 'SMALL_BIG_EXT'],
  [LARGE_BIG_EXT, 'LARGE_BIG_EXT'],
  [NEW_FUN_EXT, 'NEW_FUN_EXT'],
  [EXPORT_EXT, 'EXPORT_EXT'],
  [NEW_REFERENCE_EXT, 'NEW_REFERENCE_EXT'],
  [SMALL_ATOM_EXT, 'SMALL_ATOM_EXT'],
  [MAP_EXT, 'MAP_EXT'],
  [FUN_EXT, 'FUN_EXT'],
  [ATOM_UTF8_EXT, 'ATOM_UTF8_EXT'],
  [SMALL_ATOM_UTF8_EXT, 'SMALL_ATOM_UTF8_EXT'],
  [V4_PORT_EXT, 'V4_PORT_EXT'],
  [LOCAL_EXT, 'LOCAL_EXT'],
]);

/** A tag as error messages name it: `108 (LIST_EXT)`. */
export function tagName(tag: number): string {
  const name = TAG_NAMES.get(tag);
  return name === undefined ? `${tag}` : `${tag} (${name})`;
}
