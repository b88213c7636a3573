// One term that has no terms in it, by its tag: every tag that is no container, and every tag that is refused.
import type { Term } from '../term/term.js';
import { atomTerm, readAtomAfter } from './atoms.js';
import { readBinary, readBitString } from './binaries.js';
import { floatTerm, readFloat, readFloatText } from './floats.js';
import { readExternalFun } from './funs.js';
import { readPid, readPort, readReference } from './identifiers.js';
import { readBig } from './integers.js';
import type { Source } from './source.js';
import * as tags from './tags.js';

/** The term whose `tag` was just read. */
export function readLeaf(source: Source, tag: number): Term {
  switch (tag) {
    case tags.SMALL_INTEGER_EXT:
      return source.u8('SMALL_INTEGER_EXT');
    case tags.INTEGER_EXT:
      return source.view.getInt32(source.skip(4, 'INTEGER_EXT'));
    case tags.SMALL_ATOM_UTF8_EXT:
    case tags.ATOM_UTF8_EXT:
    case tags.SMALL_ATOM_EXT:
    case tags.ATOM_EXT:
    case tags.ATOM_CACHE_REF: {
      const atom = readAtomAfter(source, tag);
      return atom === undefined ? undefined : atomTerm(atom);
    }
    case tags.BINARY_EXT:
      return readBinary(source);
    case tags.NIL_EXT:
      return [];
    case tags.NEW_FLOAT_EXT:
      return floatTerm(source, readFloat(source));
    case tags.STRING_EXT:
      return readBytes(source, []);
    case tags.SMALL_BIG_EXT:
    case tags.LARGE_BIG_EXT:
      return readBig(source, tag);
    case tags.NEW_PID_EXT:
    case tags.PID_EXT:
      return readPid(source, tag);
    case tags.NEWER_REFERENCE_EXT:
    case tags.NEW_REFERENCE_EXT:
    case tags.REFERENCE_EXT:
      return readReference(source, tag);
    case tags.V4_PORT_EXT:
    case tags.NEW_PORT_EXT:
    case tags.PORT_EXT:
      return readPort(source, tag);
    case tags.EXPORT_EXT:
      return readExternalFun(source);
    case tags.BIT_BINARY_EXT:
      return readBitString(source);
    case tags.FLOAT_EXT:
      return floatTerm(source, readFloatText(source));
    default:
      throw source.error('bad_tag', `expected a term, got tag ${tags.tagName(tag)}${why(tag)}`, source.pos - 1);
  }
}

/** After the tag STRING_EXT, which is a list of bytes: appends them. */
export function readBytes(source: Source, list: Term[]): Term[] {
  const size = source.u16('the length of STRING_EXT');
  // Each byte becomes an element eight times as large, so strings count as the lists that they are.
  source.promise(size, 'STRING_EXT');
  const at = source.skip(size, 'STRING_EXT');
  const bytes = source.bytes;
  for (let i = at; i < at + size; i++) list.push(bytes[i]);
  return list;
}

function why(tag: number): string {
  switch (tag) {
    case tags.COMPRESSED:
      return ': only a whole stand-alone term may be compressed';
    case tags.FUN_EXT:
      return ': funs of OTP releases before R8 are not supported by any OTP since 23';
    case tags.LOCAL_EXT:
      return ': only the runtime that made it can read it';
    case tags.VERSION_MAGIC:
      return ': a version byte stands only before a whole term';
    default:
      return '';
  }
}
