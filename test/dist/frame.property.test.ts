import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FrameReader } from '../../src/dist/frame.js';

test('frames come out the same however the stream is cut', () => {
  const frames = fc.array(fc.uint8Array({ maxLength: 9000 }), { maxLength: 8 });
  const cuts = fc.array(fc.nat(20_000), { maxLength: 12 });
  fc.assert(
    fc.property(frames, cuts, fc.constantFrom(2 as const, 4 as const), (contents, places, lengthBytes) => {
      const stream = Buffer.concat(
        contents.flatMap((content) => {
          const head = Buffer.alloc(lengthBytes);
          head.writeUIntBE(content.length, 0, lengthBytes);
          return [head, content];
        }),
      );
      const reader = new FrameReader(lengthBytes, 10_000);
      const found: Buffer[] = [];
      const ends = [...places.filter((at) => at < stream.length).sort((a, b) => a - b), stream.length];
      let from = 0;
      for (const to of ends) {
        reader.push(stream.subarray(from, to));
        from = to;
        for (let next = reader.next(); next !== undefined; next = reader.next()) found.push(next);
      }
      expect(found.map((each) => each.toString('hex'))).toEqual(
        contents.map((each) => Buffer.from(each).toString('hex')),
      );
    }),
  );
});
