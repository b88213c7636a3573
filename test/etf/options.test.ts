// Options that the codec does not know: an error, not the default.
import { describe, expect, test } from 'vitest';
import { ArgumentError } from '../../src/errors.js';
import { decode, encode } from '../../src/etf/index.js';

const wrong = (value: unknown): never => value as never;
const refused = expect.objectContaining({ constructor: ArgumentError, code: 'badarg' });

function thrownBy(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    return error;
  }
}

describe('encode', () => {
  test.each([
    5,
    null,
    'x',
    { minorVersion: 3 },
    { minorVersion: '2' },
    { deterministic: 1 },
    { keys: 'text' },
    { compressed: 10 },
    { compressed: 'yes' },
    { limits: 5 },
    { limits: { size: 5 } },
  ])('%j', (options) => {
    expect(thrownBy(() => encode({ a: 1 }, wrong(options)))).toEqual(refused);
  });
});

describe('decode', () => {
  const bytes = encode([1.5, 'x', { a: 1 }]);
  test.each([
    5,
    null,
    'x',
    { floats: 'float' },
    { binaries: 'utf8' },
    { maps: 'objects' },
    { safe: 'yes' },
    { allowTrailing: 1 },
    { copyBinaries: 1 },
    { limits: 5 },
    { limits: { depth: '5' } },
    { limits: { depth: -1 } },
    { limits: { deep: 5 } },
  ])('%j', (options) => {
    expect(thrownBy(() => decode(bytes, wrong(options)))).toEqual(refused);
  });

  test('what is undefined is not given', () => {
    const options = { floats: undefined, binaries: undefined, maps: undefined, safe: undefined, limits: undefined };
    expect(decode(bytes, wrong(options))).toEqual(decode(bytes));
  });
});
