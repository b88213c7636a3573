import { describe, expect, test } from 'vitest';
import { Ticker } from '../../src/dist/tick.js';

/** A ticker on a virtual clock; `run` checks once per interval. */
function start(tickTime = 60, intensity = 4) {
  const ticker = new Ticker(tickTime, intensity, 1000);
  let now = 1000;
  return {
    ticker,
    get now() {
      return now;
    },
    /** The verdicts of the next checks. */
    run(checks: number, before?: (now: number) => void): string[] {
      return Array.from({ length: checks }, () => {
        now += ticker.interval;
        before?.(now);
        return ticker.check(now, true);
      });
    },
    sleep(milliseconds: number) {
      now += milliseconds;
      return ticker.check(now, true);
    },
  };
}

describe('Ticker', () => {
  test('has intervals of a quarter of the tick time', () => {
    expect([start().ticker.interval, start().ticker.patience]).toEqual([15_000, 60_000]);
    expect(start(8).ticker.interval).toBe(2000);
  });

  test('ticks from the second interval on when nothing is written, and gives up a silent peer', () => {
    expect(start().run(4)).toEqual(['quiet', 'send_tick', 'send_tick', 'dead']);
  });

  test('a peer that only ticks lives for ever', () => {
    const clock = start();
    expect(new Set(clock.run(1000, (now) => clock.ticker.heard(now - 10)))).toEqual(new Set(['quiet', 'send_tick']));
  });

  test('does not tick when both sides write', () => {
    const clock = start();
    const verdicts = clock.run(10, (now) => {
      clock.ticker.wrote();
      clock.ticker.heard(now);
    });
    expect(new Set(verdicts)).toEqual(new Set(['quiet']));
  });

  test('ticks when it writes but hears nothing, as to a hidden node', () => {
    const clock = start();
    expect(clock.run(3, () => clock.ticker.wrote())).toEqual(['quiet', 'send_tick', 'send_tick']);
  });

  test('does not tick while something waits to be sent', () => {
    const ticker = new Ticker(60, 4, 0);
    expect([15_000, 30_000, 45_000, 60_000].map((now) => ticker.check(now, false))).toEqual([
      'quiet',
      'quiet',
      'quiet',
      'dead',
    ]);
  });

  test('a peer is dead between one tick time and 1.25 of it after its last sign of life', () => {
    for (let last = 1; last < 15_000; last += 1000) {
      const ticker = new Ticker(60, 4, 0);
      ticker.heard(last);
      let now = 0;
      do now += 15_000;
      while (ticker.check(now, true) !== 'dead');
      expect(now - last).toBeGreaterThanOrEqual(60_000);
      expect(now - last).toBeLessThanOrEqual(75_000);
    }
  });

  test('after a pause of our own the peer has its time again', () => {
    const clock = start();
    clock.run(3, (now) => clock.ticker.heard(now));
    expect(clock.sleep(600_000)).not.toBe('dead');
    expect(clock.run(2)).not.toContain('dead');
    clock.ticker.heard(clock.now);
    expect(clock.run(3)).not.toContain('dead');
  });

  test('a pause does not bring a dead peer back for long', () => {
    const clock = start();
    clock.run(2);
    expect(clock.sleep(600_000)).not.toBe('dead');
    expect(clock.run(3)).toContain('dead');
  });

  test('a busy event loop, late by an eighth of the tick time each time, kills nobody', () => {
    const clock = start(8);
    for (let i = 0; i < 100; i++) {
      if (i % 2 === 1) clock.ticker.heard(clock.now);
      expect(clock.sleep(3000)).not.toBe('dead');
    }
  });

  test('checks that come more often do not make more ticks', () => {
    const ticker = new Ticker(60, 4, 0);
    let ticks = 0;
    for (let now = 1000; now <= 600_000; now += 1000) {
      ticker.heard(now);
      if (ticker.check(now, true) === 'send_tick') ticks++;
    }
    expect(ticks).toBeGreaterThanOrEqual(38);
    expect(ticks).toBeLessThanOrEqual(51);
  });

  test('a clock that stands still or goes back harms nothing', () => {
    const ticker = new Ticker(1, 4, 1000);
    for (let i = 0; i < 100; i++) expect(ticker.check(1000 - i, true)).toBe('quiet');
  });
});
