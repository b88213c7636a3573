// annotate(): every byte of a term is shown once and in order, and broken bytes never throw.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { annotate, encode } from '../../src/etf/index.js';
import { bytes, canonical } from '../fixtures/etf.js';

test('says what each piece is', () => {
  expect(annotate(bytes("83 68 02 77 02 'ok' 6c 00000001 62 ffffffff 58 77 01 'n' 00000001 00000002 00000003"))).toBe(
    [
      '    0: 83                         version',
      '    1: 68 02                      SMALL_TUPLE_EXT arity 2',
      '    3: 77 02 6f 6b                  SMALL_ATOM_UTF8_EXT length 2 "ok"',
      '    7: 6c 00 00 00 01               LIST_EXT length 1',
      '   12: 62 ff ff ff ff                 INTEGER_EXT -1',
      '   17: 58                             NEW_PID_EXT',
      '   18: 77 01 6e                         SMALL_ATOM_UTF8_EXT length 1 "n"',
      '   21: 00 00 00 01 00 00 00 02 00 00 00 03       id 1, serial 2, creation 3',
    ].join('\n'),
  );
});

test.each(canonical)('%s: every byte once', (_name, hex) => {
  const whole = bytes(hex);
  const starts = annotate(whole)
    .split('\n')
    .map((line) => Number(line.slice(0, 5)));
  expect(starts[0]).toBe(0);
  expect(starts).toEqual(starts.toSorted((a, b) => a - b));
  expect(annotate(whole)).not.toMatch(/end here|after the term|no term/);
});

test('compressed terms are shown as what they inflate to', () => {
  const packed = encode('a'.repeat(200), { compressed: true });
  expect(annotate(packed)).toBe(
    [
      `    0: 83 50                      version, COMPRESSED ${packed.length - 6} bytes, inflated 205:`,
      `    0: 6d 00 00 00 c8 61 61 61 61 61 61 61 61 61 61 61 … BINARY_EXT length 200 "${'a'.repeat(40)}…"`,
    ].join('\n'),
  );
  expect(annotate(packed.subarray(0, 20))).toContain(
    'COMPRESSED, but a compressed term that is no zlib stream (at byte 1)',
  );
  expect(annotate(bytes('83 50 ffffffff 78'))).toContain('is over the limit of 67108864');
  expect(annotate(bytes('83 50 00'))).toContain('expected 4 bytes');
});

test('bytes that are no term', () => {
  expect(annotate(bytes('83 01'))).toContain('unknown tag 1: no term begins like this');
  expect(annotate(bytes('83 68 02 61 01'))).toContain('(the bytes end here; 1 more terms were promised)');
  expect(annotate(bytes('83 6d 00000009 61'))).toContain('(the bytes end here)');
  expect(annotate(bytes('83 6a 01 02'))).toContain('2 bytes after the term');
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (input) => {
      expect(annotate(input).length).toBeLessThan(10_000);
    }),
  );
});
