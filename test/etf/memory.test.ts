// What decoding leaves behind: nothing for atoms nobody holds, and binaries keep no more alive than is stated.
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { VIEW_RATIO } from '../../src/etf/binaries.js';
import { decode, encode } from '../../src/etf/index.js';
import { atomCount } from '../../src/term/atom.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

test('atoms that nobody holds are collected', async () => {
  for (let i = 0; i < 100_000; i++)
    decode(Buffer.concat([Buffer.of(131, 119, 14), Buffer.from(`gone_${i}`.padEnd(14, '_'))]));
  const all = atomCount();
  expect(all).toBeGreaterThan(20_000);
  for (let tries = 0; tries < 100 && atomCount() > 20_000; tries++) {
    collect();
    await sleep(10);
  }
  expect(atomCount()).toBeLessThan(20_000);
});

test('a binary keeps at most a stated multiple of itself alive', () => {
  for (const size of [0, 1, 63, 64, 65, 1000, 5000, 20_000, 100_000]) {
    for (const others of [0, 10, 5000, 1_000_000]) {
      const frame = encode([Buffer.alloc(size, 1), Buffer.alloc(others, 2)]);
      for (const copyBinaries of [false, true]) {
        const [binary] = decode(frame, { copyBinaries }) as [Buffer, Buffer];
        expect(binary).toEqual(Buffer.alloc(size, 1));
        // Small copies share Node's pool.
        expect(binary.buffer.byteLength).toBeLessThanOrEqual(Math.max(VIEW_RATIO * size, Buffer.poolSize));
        if (copyBinaries) expect(binary.buffer).not.toBe(frame.buffer);
      }
    }
  }
});

test('a decoder lets go of large memory', async () => {
  let frame: Buffer | undefined = encode(Buffer.alloc(16 * 1024 * 1024));
  const gone = new WeakRef(frame.buffer);
  const size = (decode(frame) as Buffer).length;
  expect(size).toBe(16 * 1024 * 1024);
  frame = undefined;
  for (let tries = 0; tries < 100 && gone.deref() !== undefined; tries++) {
    await sleep(10);
    collect();
  }
  expect(gone.deref()).toBeUndefined();
});
