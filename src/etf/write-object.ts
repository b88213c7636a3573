// Plain objects as MAP_EXT. Objects whose keys are those of a known shape go to the writer generated for it, others are
// written key by key. Invariant: an object's keys are looked at once, and only those that it really has are written.
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
  const { sink, keys, plainKeys } = writer;
  // The memory may move under a value, so the place of the count is remembered relative to the output's start.
  const mapAt = pos - sink.start;
  pos += 5;
  let count = 0;
  let node = keys.root;
  const root = shapesOf(writer);
  let shape: Shape | undefined = root;
  for (const key in object) {
    if (shape !== undefined) {
      // As long as this may be a known shape, its keys are only counted.
      let follower: Shape | undefined = shape.next;
      if (follower.key !== key) follower = shape.follow(key);
      if (follower !== undefined) {
        shape = follower;
        continue;
      }
      for (const before of shape.keys) {
        pos = writeEntry(writer, object, before, pos, depth, write);
        if (pos < 0) return GIVE_UP;
      }
      count = shape.keys.length;
      shape = undefined;
    }
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
  if (shape !== undefined) {
    if (shape.write !== undefined) return shape.write(writer, object, sink.start + mapAt, depth + 1);
    for (const key of shape.keys) {
      pos = writeEntry(writer, object, key, pos, depth, write);
      if (pos < 0) return GIVE_UP;
    }
    count = shape.keys.length;
  }
  if (root !== undefined && ++unseen >= LOOK_EVERY) {
    unseen = 0;
    takeNote(writer, object, write);
  }
  const { view } = sink;
  view.setUint8(sink.start + mapAt, MAP_EXT);
  view.setUint32(sink.start + mapAt + 1, count);
  return pos;
}

/** An entry that was passed over while it looked like one of a known shape. */
function writeEntry(
  writer: Writer,
  object: PlainObject,
  key: string,
  pos: number,
  depth: number,
  write: WriteTerm,
): number {
  const { sink } = writer;
  if (pos > sink.soft) pos = sink.grow(pos, SLACK);
  pos = writeKey(writer, undefined, key, pos);
  return pos < 0 ? GIVE_UP : write(writer, object[key], pos, depth + 1);
}

/** A key that is not kept, or goes through an atom cache. */
function writeKey(writer: Writer, known: Atom | undefined, key: string, pos: number): number {
  if (writer.stringKeys) return writeString(writer.sink, key, pos);
  if (known !== undefined) return writer.atom(known, pos);
  // Too long for an atom: what says so, and where, is the other way to write.
  return key.length <= 255 && key.isWellFormed() ? writer.atom(internAtom(key), pos) : GIVE_UP;
}
