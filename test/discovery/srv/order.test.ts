import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { byPriorityAndWeight, inTurn } from '../../../src/discovery/srv/order.js';
import type { SrvRecord } from '../../../src/discovery/srv/records.js';

const record = (target: string, priority: number, weight: number): SrvRecord => ({ target, priority, weight, port: 1 });
const targets = (records: readonly SrvRecord[]) => records.map(({ target }) => target).join('');

/** Chance that is none, but evenly spread: the same numbers in every run. */
function spread(): () => number {
  let state = 1;
  return () => {
    state = (state * 48_271) % 0x7fff_ffff;
    return state / 0x7fff_ffff;
  };
}

describe('RFC 2782', () => {
  test('lower priorities come first, whatever their weight', () => {
    const records = [record('c', 20, 65_535), record('a', 0, 0), record('b', 10, 1)];
    expect(targets(byPriorityAndWeight(records, spread()))).toBe('abc');
  });

  test('the first of a priority is drawn in proportion to its weight', () => {
    const records = [record('a', 0, 10), record('b', 0, 30), record('c', 0, 60), record('z', 0, 0)];
    const random = spread();
    const firsts = new Map<string, number>();
    for (let i = 0; i < 20_000; i++) {
      const [first] = byPriorityAndWeight(records, random);
      firsts.set(first?.target ?? '', (firsts.get(first?.target ?? '') ?? 0) + 1);
    }
    const share = (target: string) => Math.round((100 * (firsts.get(target) ?? 0)) / 20_000);
    expect(Math.abs(share('a') - 10)).toBeLessThanOrEqual(1);
    expect(Math.abs(share('b') - 30)).toBeLessThanOrEqual(1);
    expect(Math.abs(share('c') - 60)).toBeLessThanOrEqual(1);
    expect(share('z')).toBe(0);
  });

  test('records of weight 0 are drawn evenly among themselves', () => {
    const random = spread();
    const orders = new Set(
      Array.from({ length: 100 }, () => targets(byPriorityAndWeight([record('a', 0, 0), record('b', 0, 0)], random))),
    );
    expect([...orders].sort()).toEqual(['ab', 'ba']);
  });

  test('whatever chance says: every record once, priorities ascending, weight 0 last in each', () => {
    const short = fc.nat({ max: 0xffff });
    const arbitrary = fc.record({
      target: fc.string(),
      priority: fc.nat({ max: 3 }),
      weight: fc.oneof(fc.constant(0), short),
      port: short,
    });
    fc.assert(
      fc.property(
        fc.array(arbitrary),
        fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })),
        (records, chance) => {
          const ordered = byPriorityAndWeight(records, () => chance.next().value as number);
          expect(new Set(ordered)).toEqual(new Set(records));
          expect(ordered).toHaveLength(records.length);
          for (const [i, next] of ordered.slice(1).entries()) {
            const before = ordered[i] as SrvRecord;
            expect(before.priority).toBeLessThanOrEqual(next.priority);
            if (before.priority === next.priority && before.weight === 0) expect(next.weight).toBe(0);
          }
        },
      ),
    );
  });
});

test('lists in turn', () => {
  expect(inTurn([['a', 'b', 'c'], ['x']])).toEqual(['a', 'x', 'b', 'c']);
  expect(inTurn([[], ['x', 'y']])).toEqual(['x', 'y']);
  expect(inTurn([])).toEqual([]);
});
