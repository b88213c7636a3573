import { describe, expect, test } from 'vitest';
import { FrameReader } from '../../src/dist/frame.js';
import { LimitError } from '../../src/errors.js';

function frame(content: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(Buffer.byteLength(content));
  return Buffer.concat([length, Buffer.from(content)]);
}

function all(reader: FrameReader): string[] {
  const frames: string[] = [];
  for (let next = reader.next(); next !== undefined; next = reader.next()) frames.push(next.toString());
  return frames;
}

describe('FrameReader', () => {
  test('gives whole frames, ticks as empty ones, and what is behind the last', () => {
    const reader = new FrameReader(4, 100);
    reader.push(Buffer.concat([frame('one'), frame(''), frame('two'), Buffer.from([0, 0])]));
    expect([reader.next()?.toString(), reader.next()?.length, reader.next()?.toString()]).toEqual(['one', 0, 'two']);
    expect(reader.rest()).toEqual(Buffer.from([0, 0]));
    expect(reader.next()).toBeUndefined();
    reader.push(Buffer.from([0, 1]));
    expect(reader.next()).toBeUndefined();
    reader.push(Buffer.from('x'));
    expect(reader.next()?.toString()).toBe('x');
  });

  test('reads frames with two bytes of length', () => {
    const reader = new FrameReader(2, 100);
    reader.push(Buffer.from([0, 1, 65, 0, 2, 66]));
    expect(all(reader)).toEqual(['A']);
    reader.push(Buffer.from([67]));
    expect(all(reader)).toEqual(['BC']);
  });

  test('takes a chunk before the one before is read', () => {
    const reader = new FrameReader(4, 100);
    reader.push(frame('one'));
    reader.push(frame('two'));
    expect(all(reader)).toEqual(['one', 'two']);
  });

  test('a frame inside one chunk is not copied', () => {
    const reader = new FrameReader(4, 100);
    const chunk = frame('hello');
    reader.push(chunk);
    expect(reader.next()?.buffer).toBe(chunk.buffer);
  });

  test('refuses a frame over the limit at its header, and takes one that just fits', () => {
    const reader = new FrameReader(4, 5);
    reader.push(frame('12345'));
    expect(all(reader)).toEqual(['12345']);
    for (const lie of [
      [0, 0, 0, 6],
      [255, 255, 255, 255],
    ]) {
      const fresh = new FrameReader(4, 5);
      fresh.push(Buffer.from(lie));
      expect(() => fresh.next()).toThrow(LimitError);
    }
  });

  test('believes a length only as far as bytes have arrived', () => {
    const before = process.memoryUsage().arrayBuffers;
    const readers = Array.from({ length: 100 }, () => {
      const reader = new FrameReader(4, 2 ** 31);
      reader.push(Buffer.from([0x7f, 255, 255, 255, 1, 2, 3]));
      reader.next();
      return reader;
    });
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(readers.length * 100_000);
  });

  test('a big frame in small chunks comes in time that grows with its size', () => {
    const reader = new FrameReader(4, 2 ** 31);
    const size = 8 * 1024 * 1024;
    const head = Buffer.alloc(4);
    head.writeUInt32BE(size);
    reader.push(head);
    const chunk = Buffer.alloc(64, 7);
    let early = 0;
    for (let sent = 0; sent < size; sent += chunk.length) {
      if (reader.next() !== undefined) early++;
      reader.push(chunk);
    }
    expect(early).toBe(0);
    const whole = reader.next();
    expect(whole?.length).toBe(size);
    expect(whole?.equals(Buffer.alloc(size, 7))).toBe(true);
  });
});

describe('a frame that may be scattered', () => {
  const whole = Buffer.from(Array.from({ length: 200_000 }, (_, i) => i % 251));
  const framed = Buffer.concat([Buffer.from([0, 3, 13, 64]), whole]);
  const scattering = () => new FrameReader(4, 1_000_000, () => true);

  /** The frame in however many pieces the reader made of chunks that end at `cuts`. */
  function pieces(reader: FrameReader, cuts: readonly number[]): readonly Buffer[] | undefined {
    let from = 0;
    for (const to of [...cuts, framed.length]) {
      reader.push(framed.subarray(from, to));
      from = to;
      if (reader.advance()) return reader.pieces ?? [reader.bytes.subarray(reader.start, reader.end)];
    }
    return undefined;
  }

  test('is given as it came, uncopied', () => {
    const got = pieces(scattering(), [65_536, 131_072]);
    expect(got).toHaveLength(3);
    expect(Buffer.concat(got ?? []).equals(whole)).toBe(true);
    expect(got?.every(({ buffer }) => buffer === framed.buffer)).toBe(true);
  });

  test.each([
    ['in large chunks and one small one', [65_536, 65_540, 131_072]],
    ['in small chunks', Array.from({ length: 199 }, (_, i) => (i + 1) * 1000)],
    ['with a first and a last piece of one byte', [5, 200_003]],
    ['with an empty chunk in between', [65_536, 65_536, 131_072]],
  ])('%s: the same bytes, and never many pieces', (_name, cuts) => {
    const got = pieces(scattering(), cuts);
    expect(Buffer.concat(got ?? []).equals(whole)).toBe(true);
    expect((got ?? []).length).toBeLessThan(5);
  });

  test('leaves the reader ready for the next one', () => {
    const reader = scattering();
    expect(pieces(reader, [100_000])).toHaveLength(2);
    reader.push(Buffer.from([0, 0, 0, 2, 7, 8]));
    expect(reader.next()).toEqual(Buffer.from([7, 8]));
    expect(reader.next()).toBeUndefined();
  });
});
