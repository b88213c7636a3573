import fc from 'fast-check';
import { expect, test } from 'vitest';
import { memory } from '../../src/transport/memory.js';
import type { ByteStream } from '../../src/transport/transport.js';

const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('write' as const),
      bytes: fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 4 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('pause' as const, 'resume' as const, 'wait' as const) }) },
);

test('whatever is written, paused and cut: the same bytes arrive, in order, before the one close', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 30 }),
      fc.array(fc.nat(50), { minLength: 1 }),
      async (steps, sizes) => {
        let cut = 0;
        const network = memory({ chunkSize: () => sizes[cut++ % sizes.length] as number });
        let accept: (stream: ByteStream) => void = () => {};
        const accepted = new Promise<ByteStream>((resolve) => {
          accept = resolve;
        });
        const listener = await network.listen({ host: 'h', port: 0, onConnection: accept, onError() {} });
        const writer = await network.connect(listener, { signal: new AbortController().signal });
        const reader = await accepted;
        const arrived: Buffer[] = [];
        const closes: unknown[] = [];
        let paused = false;
        const bothClosed = [writer, reader].map(
          (stream) =>
            new Promise<void>((resolve) => {
              stream.start({
                onData: (chunk) => {
                  expect(paused).toBe(false);
                  arrived.push(chunk);
                },
                onDrain: () => expect(writer.bufferedBytes).toBe(0),
                onClose: (error) => {
                  closes.push(error);
                  resolve();
                },
              });
            }),
        );
        const written: Uint8Array[] = [];
        for (const { kind, ...rest } of steps) {
          if (kind === 'wait') await new Promise((resolve) => setImmediate(resolve));
          else if (kind === 'write') {
            const { bytes } = rest as { bytes: Uint8Array[] };
            written.push(...bytes);
            writer.write(bytes);
          } else {
            paused = kind === 'pause';
            reader[kind]();
          }
        }
        writer.end();
        paused = false;
        reader.resume();
        await Promise.all(bothClosed);
        expect(Buffer.concat(arrived).equals(Buffer.concat(written))).toBe(true);
        expect(closes).toEqual([undefined, undefined]);
      },
    ),
  );
});
