import { expect, test } from 'vitest';
import { BusyWait, Exchange } from '../../src/node/busy-wait.js';

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Milliseconds between what a peer says, and the bytes it was sent before each. */
function says(times: readonly (readonly [gap: number, sent: number])[], microseconds = 1000): boolean {
  const busyWait = new BusyWait(microseconds);
  const exchange = new Exchange(busyWait);
  let now = performance.now();
  let sentBytes = 0;
  exchange.heard(now, sentBytes);
  for (const [gap, sent] of times) {
    now += gap;
    sentBytes += sent;
    exchange.heard(now, sentBytes);
  }
  return busyWait.waiting;
}

const quick = [0.1, 20] as const;

test.each([
  ['a peer that answers at once, again and again', [quick, quick, quick, quick], true],
  ['one that has done so only now and then', [quick, quick, quick, [2, 20], quick, quick, quick], false],
  ['one that answers slowly', Array(20).fill([2, 20]), false],
  ['one that talks without being asked', Array(20).fill([0.1, 0]), false],
] as const)('%s', (_what, times, awake) => {
  expect(says(times)).toBe(awake);
});

test('not at all, when told so', () => {
  expect(says(Array(20).fill(quick), 0)).toBe(false);
});

test('the loop goes on turning, and to sleep when nothing has come', async () => {
  const busyWait = new BusyWait(200);
  busyWait.start(performance.now());
  let turns = 0;
  // However slow this machine is, the wait ends by itself.
  while (busyWait.waiting) {
    await turn();
    turns++;
  }
  expect(turns).toBeGreaterThan(0);
  busyWait.start(performance.now() - 1);
  expect(busyWait.waiting).toBe(true);
  await turn();
  expect(busyWait.waiting).toBe(false);
});
