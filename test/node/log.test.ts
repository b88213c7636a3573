import fc from 'fast-check';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ConnectionError } from '../../src/errors.js';
import { createLog, type Log, type LoggerOption, printable, type StructuralLogger } from '../../src/node/log.js';

type Line = Record<string, unknown> & { msg: string };

/** A real pino, and its lines. */
function pinoLog(level = 'debug'): { log: Log; lines: Line[] } {
  const lines: Line[] = [];
  const logger = pino(
    { level, base: null, timestamp: false },
    { write: (line) => lines.push(JSON.parse(line) as Line) },
  );
  return { log: createLog(logger, 'ts@h'), lines };
}

describe('printable', () => {
  test.each<[string | Uint8Array, string]>([
    ['plain text, ~ and [all]', 'plain text, ~ and [all]'],
    ['\u{1b}[31m\r\n\0', '\\x1b[31m\\x0d\\x0a\\x00'],
    ['back\\slash', 'back\\\\slash'],
    ['ä\u{2028}😀', '\\xe4\\u{2028}\\u{1f600}'],
    ['\u{d800}', '\\u{d800}'],
    [Uint8Array.of(0, 65, 255, 92), '\\x00A\\xff\\\\'],
    [new Uint8Array(new ArrayBuffer(8), 2, 1), '\\x00'],
  ])('%j', (source, shown) => {
    expect(printable(source)).toBe(shown);
  });

  test('cuts, and says how much it left out', () => {
    expect(printable('x'.repeat(200))).toBe('x'.repeat(200));
    expect(printable('x'.repeat(201))).toBe(`${'x'.repeat(200)}… (1 more)`);
    expect(printable(new Uint8Array(1_000_000), 2)).toBe('\\x00\\x00… (999998 more)');
    expect(printable('ab😀', 3)).toBe('ab… (2 more)');
  });

  test('gives visible ASCII for anything', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.uint8Array()), (source) => {
        expect(printable(source)).toMatch(/^[ -~]*(… \(\d+ more\))?$/);
      }),
    );
  });
});

describe('createLog', () => {
  test('without a logger errors are warnings of the process, ten a second at most, and the rest is dropped', () => {
    vi.useFakeTimers();
    const emit = vi.spyOn(process, 'emitWarning').mockReturnValue();
    const log = createLog(undefined, 'ts@h');
    for (const each of [log, log.child({ peer: 'e@h' }), log.limited('127.0.0.1')]) {
      each.debug({}, 'no');
      each.info({}, 'no');
      each.warn({}, 'no');
    }
    expect(emit).not.toHaveBeenCalled();
    log.error(
      { pid: '<0.1.0>', error: 'TypeError: a\nb', cookie: 'secret', stack: ['at a', 'at b'] },
      'process crashed',
    );
    expect(emit.mock.calls).toEqual([
      [
        'ts@h: process crashed: {"pid":"<0.1.0>","error":"TypeError: a\\\\x0ab","cookie":"[redacted]"}',
        { type: 'ErlnodeWarning', detail: '    at a\n    at b' },
      ],
    ]);
    for (let i = 0; i < 20; i++) log.error({}, 'process crashed');
    expect(emit).toHaveBeenCalledTimes(10);
    vi.advanceTimersByTime(1000);
    expect(emit).toHaveBeenCalledTimes(11);
    expect(emit.mock.lastCall?.[0]).toContain('"suppressed":11');
  });

  test('puts node, peer and fields into a line of pino', () => {
    const { log, lines } = pinoLog();
    log.child({ peer: 'e@h' }).info({ bytes: 7, big: 7n, none: undefined }, 'connected');
    expect(lines).toEqual([{ level: 30, node: 'ts@h', peer: 'e@h', bytes: 7, big: '7', msg: 'connected' }]);
  });

  test('keeps the levels', () => {
    const { log, lines } = pinoLog();
    log.debug({}, 'd');
    log.info({}, 'i');
    log.warn({}, 'w');
    log.error({}, 'e');
    expect(lines.map(({ level, msg }) => `${String(level)}${msg}`)).toEqual(['20d', '30i', '40w', '50e']);
  });

  test('takes a logger that is not pino', () => {
    const heard: unknown[][] = [];
    const method = (...args: unknown[]) => void heard.push(args);
    const own: StructuralLogger = { debug: method, info: method, warn: method, error: method };
    const all: LoggerOption[] = [own, console, pino({ level: 'silent' })];
    createLog(all[0], 'ts@h').warn({ a: 1 }, 'hello');
    expect(heard).toEqual([[{ node: 'ts@h', a: 1 }, 'hello']]);
  });

  test('does not prepare a line that the level drops', () => {
    const { log, lines } = pinoLog('warn');
    const trap = Object.defineProperty({}, 'field', { enumerable: true, get: () => expect.unreachable() });
    log.debug(trap, 'unheard');
    log.warn({}, 'heard');
    expect(lines).toHaveLength(1);
  });

  test('a logger that throws does no harm', () => {
    const bad = () => {
      throw new TypeError('disk full');
    };
    createLog({ debug: bad, info: bad, warn: bad, error: bad }, 'ts@h').error({}, 'lost');
  });

  test('redacts cookies and keys at any depth', () => {
    const { log, lines } = pinoLog();
    log.info(
      {
        cookie: 'S3CR3T',
        options: { ourCookie: () => 'S3CR3T', tls: { key: 'S3CR3T', passphrase: 'S3CR3T', port: 1 } },
      },
      'started',
    );
    expect(JSON.stringify(lines)).not.toContain('S3CR3T');
    expect(lines[0]).toMatchObject({ cookie: '[redacted]', options: { tls: { key: '[redacted]', port: 1 } } });
  });

  test('shows of an error its class, code, message and causes, and no other property', () => {
    const { log, lines } = pinoLog();
    const cause = Object.assign(new TypeError('inner\u{1b}'), { code: 'EINNER', options: 'S3CR3T' });
    log.warn({ error: new ConnectionError('noconnection', 'outer', { cause }) }, 'lost');
    expect(lines[0]?.['error']).toEqual({
      type: 'ConnectionError',
      code: 'noconnection',
      message: 'outer',
      cause: { type: 'TypeError', code: 'EINNER', message: 'inner\\x1b' },
    });
  });

  test('stays small and visible whatever the fields are', () => {
    const { log, lines } = pinoLog();
    const deep: Record<string, unknown> = {};
    let inner = deep;
    for (let i = 0; i < 100; i++) {
      const next = {};
      inner['next'] = next;
      inner = next;
    }
    inner['cycle'] = deep;
    log.info(
      {
        deep,
        bytes: new Uint8Array(100_000),
        text: 'x'.repeat(100_000),
        list: new Array(100_000).fill(1),
        wide: Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`k${i}`, i])),
        fn: () => 1,
        bidi: '\u{202e}',
        reason: 'z'.repeat(300),
      },
      'y\n'.repeat(10_000),
    );
    const text = JSON.stringify(lines);
    expect(text.length).toBeLessThan(8000);
    expect(lines[0]).toMatchObject({ bidi: '\\u{202e}', fn: '[function]' });
    expect(lines[0]?.['text']).toBe(`${'x'.repeat(200)}…`);
    expect(lines[0]?.['reason']).toBe('z'.repeat(300));
    expect(lines[0]?.msg).toMatch(/^y\\x0ay/);
  });
});

describe('limited', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test('ten lines a second for a source, then how many were left out', () => {
    const { log, lines } = pinoLog();
    const hostile = log.limited('192.0.2.1');
    for (let i = 0; i < 1000; i++) hostile.warn({ i }, 'garbage');
    expect(lines).toHaveLength(10);
    vi.advanceTimersByTime(1000);
    expect(lines).toHaveLength(11);
    expect(lines[10]).toMatchObject({
      source: '192.0.2.1',
      suppressed: 990,
      msg: '990 lines suppressed',
      node: 'ts@h',
    });
    for (let i = 0; i < 1000; i++) hostile.warn({ i }, 'garbage');
    expect(lines).toHaveLength(20);
    vi.advanceTimersByTime(5000);
    expect(lines).toHaveLength(21);
    expect(vi.getTimerCount()).toBe(0);
    hostile.warn({}, 'again');
    expect(lines).toHaveLength(22);
  });

  test('one source does not silence another, nor the node itself; children share the count', () => {
    const { log, lines } = pinoLog();
    const [one, other] = [log.limited('a'), log.limited('b')];
    for (let i = 0; i < 20; i++) one.child({ i }).info({}, 'a');
    other.info({}, 'b');
    log.child({ peer: 'x' }).limited('a').info({}, 'a');
    log.info({}, 'own');
    expect(lines.map(({ msg }) => msg).join('')).toBe(`${'a'.repeat(10)}bown`);
  });

  test('a hundred thousand sources cost bounded memory and bounded lines', () => {
    const { log, lines } = pinoLog();
    for (let i = 0; i < 100_000; i++) log.limited(`source ${i}`).warn({}, 'garbage');
    expect(lines).toHaveLength(1000 + 10);
    vi.advanceTimersByTime(1000);
    expect(lines.at(-1)).toMatchObject({ source: 'other sources', suppressed: 98_990 });
    vi.advanceTimersByTime(2000);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('lines that the level drops do not count', () => {
    const { log, lines } = pinoLog('info');
    const hostile = log.limited('a');
    for (let i = 0; i < 100; i++) hostile.debug({}, 'unheard');
    hostile.info({}, 'heard');
    expect(lines).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(1);
  });
});
