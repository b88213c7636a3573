// Plain objects as MAP_EXT. Objects whose keys are those of a known shape go to the writer generated for it, others are
// written key by key. Invariant: only the keys that an object really has are written, and each of them once.
import { type Atom, internAtom } from '../term/atom.js';
import type { Term } from '../term/term.js';
import { writeString } from './binaries.js';
import { SLACK } from './sink.js';
import * as tags from './tags.js';
import type { Writer } from './write-leaf.js';
import { type Shape, shapesOf, takeNote, type WriteTerm } from './write-shapes.js';
import { writeInt32 } from './write-short.js';

// V8 treats a constant of this module as one, an imported one as a variable.
const MAP_EXT = tags.MAP_EXT;
const GIVE_UP = -1;

type PlainObject = { readonly [key: string]: Term };

/** Every this many objects of no known shape, one is looked at more closely: learning must not cost what it saves. */
const LOOK_EVERY = 7;
let unseen = 0;

/** Writes `object` at `pos`, where there is slack; answers the next position, or -1 when it cannot. */
export function writeObject(writer: Writer, object: PlainObject, pos: number, depth: number, write: WriteTerm): number {
  const root = shapesOf(writer);
  if (root === undefined) return writeEntries(writer, object, pos, depth, write);
  let shape: Shape = root;
  for (const key in object) {
    let follower: Shape | undefined = shape.next;
    if (follower.key !== key) {
      follower = shape.follow(key);
      if (follower === undefined) return writeUnknown(writer, object, pos, depth, write);
    }
    shape = follower;
  }
  return shape.write === undefined
    ? writeUnknown(writer, object, pos, depth, write)
    : shape.write(writer, object, pos, depth + 1);
}

function writeUnknown(writer: Writer, object: PlainObject, pos: number, depth: number, write: WriteTerm): number {
  if (++unseen >= LOOK_EVERY) {
    unseen = 0;
    takeNote(writer, object, write);
  }
  return writeEntries(writer, object, pos, depth, write);
}

/** Writes an object key by key. */
function writeEntries(writer: Writer, object: PlainObject, pos: number, depth: number, write: WriteTerm): number {
  const { sink, keys, plainKeys } = writer;
  // The memory may move under a value, so the place of the count is remembered relative to the output's start.
  const mapAt = pos - sink.start;
  pos += 5;
  let count = 0;
  let node = keys.root;
  for (const key in object) {
    if (pos > sink.soft) pos = sink.grow(pos, SLACK);
    let next: typeof node | undefined = node.next;
    if (next.key !== key) next = keys.follow(node, key);
    if (next !== undefined && plainKeys) {
      node = next;
      const { view } = sink;
      view.setInt32(pos, next.word0);
      view.setInt32(pos + 4, next.word1);
      view.setInt32(pos + 8, next.word2);
      if (next.size > 12) {
        view.setInt32(pos + 12, next.word3);
        const { words } = next;
        for (let i = 4, at = pos + 16; i < words.length; i++, at += 4) view.setInt32(at, words[i] as number);
      }
      pos += next.size;
    } else {
      if (next !== undefined) node = next;
      pos = writeKey(writer, next?.atom, key, pos);
      if (pos < 0) return GIVE_UP;
      if (pos > sink.soft) pos = sink.grow(pos, SLACK);
    }
    count++;
    // The key took a part of the slack, and there is room for a number in what is left.
    const value = object[key];
    if (typeof value === 'number' && (value | 0) === value) pos = writeInt32(sink.view, value, pos);
    else {
      pos = write(writer, value, pos, depth + 1);
      if (pos < 0) return GIVE_UP;
    }
  }
  const { view } = sink;
  view.setUint8(sink.start + mapAt, MAP_EXT);
  view.setUint32(sink.start + mapAt + 1, count);
  return pos;
}

/** A key that is not kept, or goes through an atom cache. */
function writeKey(writer: Writer, known: Atom | undefined, key: string, pos: number): number {
  if (writer.stringKeys) return writeString(writer.sink, key, pos);
  if (known !== undefined) return writer.atom(known, pos);
  // Too long for an atom: what says so, and where, is the other way to write.
  return key.length <= 255 && key.isWellFormed() ? writer.atom(internAtom(key), pos) : GIVE_UP;
}
