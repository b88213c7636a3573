// The table of tags, and the one place that repeats it for speed.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import * as tags from '../../src/etf/tags.js';

const table = tags as unknown as Readonly<Record<string, unknown>>;

describe('tags', () => {
  test('are named once each', () => {
    for (const [tag, name] of tags.TAG_NAMES) if (table[name] !== undefined) expect(table[name]).toBe(tag);
    expect(new Set(tags.TAG_NAMES.values()).size).toBe(tags.TAG_NAMES.size);
    expect(tags.tagName(108)).toBe('108 (LIST_EXT)');
    expect(tags.tagName(1)).toBe('1');
  });

  test('written as numbers are what the comment beside them says', () => {
    const source = readFileSync(new URL('../../src/etf/read-fast.ts', import.meta.url), 'utf8');
    const cases = [...source.matchAll(/case (\d+):(.*)/g)].filter(([line]) => !/^case [23]: \{$/.test(line));
    expect(cases.length).toBeGreaterThan(12);
    for (const [line, number, rest] of cases) {
      const name = /\/\/ (\w+)$/.exec(rest ?? '')?.[1] ?? line;
      expect(table[name], line).toBe(Number(number));
    }
  });
});
