import { describe, expect, test } from 'vitest';
import { parseTable } from '../../src/discovery/static-table.js';
import { TableFileError } from '../../src/errors.js';

function fault(text: string): { line: number | undefined; field: string | undefined; message: string } {
  try {
    parseTable(text, 'nodes.json');
  } catch (error) {
    if (!(error instanceof TableFileError)) throw error;
    expect(error.code).toBe('bad_table_file');
    expect(error.file).toBe('nodes.json');
    expect(error.message).toMatch(new RegExp(`^nodes\\.json, line ${error.line}: `));
    return { line: error.line, field: error.field, message: error.message };
  }
  throw new RangeError('it was read');
}

describe('a table', () => {
  test('in both forms of a place', () => {
    const text = '{\r\n "a@h": 9101,\n\t"b@h": { "host": "10.0.0.2", "port": 9102 }, "c@h": {"port": 1}\n}\n';
    expect([...parseTable(text, 'f')]).toEqual([
      ['a@h', { host: 'h', port: 9101, nodeHost: 'h' }],
      ['b@h', { host: '10.0.0.2', port: 9102, nodeHost: 'h' }],
      ['c@h', { host: 'h', port: 1, nodeHost: 'h' }],
    ]);
  });

  test.each(['{}', ' { } ', '\u{feff}{}'])('without nodes: %j', (text) => {
    expect(parseTable(text, 'f').size).toBe(0);
  });

  test('with escapes in its names', () => {
    expect([...parseTable('{"\\u0061@h": 1}', 'f').keys()]).toEqual(['a@h']);
  });

  test('of 20,000 nodes', () => {
    const all = Array.from({ length: 20_000 }, (_, i) => [`n${i}@h`, 1 + i]);
    expect(parseTable(JSON.stringify(Object.fromEntries(all)), 'f').size).toBe(20_000);
  });
});

describe('what is none is told by line and field', () => {
  test.each([
    ['', 1, undefined, 'expected a table, { "name@host": port, … }, got the end of the file'],
    ['[]', 1, undefined, 'expected a table'],
    ['\n\n9100', 3, undefined, 'expected a table'],
    ['{\n "a@h" 1}', 2, 'a@h', 'expected a colon after it, got "1"'],
    ['{\n "a@h": 1\n "b@h": 2}', 3, 'a@h', 'expected a comma or } after it'],
    ['{\n "a@h": 1,\n}', 3, undefined, 'expected a name in quotes, got "}"'],
    ['{\n a@h: 1}', 2, undefined, 'expected a name in quotes, got "a@h"'],
    ['{\n "a@h": 1', 2, 'a@h', 'got the end of the file'],
    ['{\n "a@h', 2, undefined, 'a text without its closing quote'],
    ['{} {}', 1, undefined, 'expected the end after the table, got "{"'],
    ['{\n "a@h": "9100"}', 2, 'a@h', 'expected a port, a number from 1 to 65535, got'],
    ['{\n "a@h": 0}', 2, 'a@h', 'got "0"'],
    ['{\n "a@h": 65536}', 2, 'a@h', 'got "65536"'],
    ['{\n "a@h": 1.5}', 2, 'a@h', 'got "1.5"'],
    ['{\n "a@h": 0910}', 2, 'a@h', 'got "0910"'],
    ['{\n "a@h": -1}', 2, 'a@h', 'got "-1"'],
    ['{\n "a@h": null}', 2, 'a@h', 'got "null"'],
    ['{\n "a@h": [1]}', 2, 'a@h', 'got "["'],
    ['{\n "a@h": {\n  "port": true }}', 3, 'a@h.port', 'got "true"'],
    ['{\n "a@h": {\n  "host": "x" }}', 2, 'a@h.port', 'is missing'],
    ['{\n "a@h": {\n  "host": 10, "port": 1 }}', 3, 'a@h.host', 'expected a host name or an address in quotes'],
    ['{\n "a@h": {\n  "host": "", "port": 1 }}', 3, 'a@h.host', 'got an empty text'],
    ['{\n "a@h": {\n  "prot": 1 }}', 3, 'a@h.prot', 'has no meaning: expected "host" and "port"'],
    ['{\n "a@h": {\n  "port": 1,\n "port": 2 }}', 4, 'a@h.port', 'is there twice'],
    ['{\n "a@h": 1,\n "a@h": 2 }', 3, 'a@h', 'is in the table twice'],
    ['{\n "a@h": 1,\n\n "alone": 2 }', 4, 'alone', "expected a node name like 'name@host'"],
    ['{\n "a@b@c": 2 }', 2, 'a@b@c', "expected a node name like 'name@host'"],
    ['{\n "a@\n": 2 }', 2, undefined, 'that JSON does not allow'],
    ['{\n "\\x": 2 }', 2, undefined, 'that JSON does not allow'],
  ])('%j', (text, line, field, message) => {
    expect(fault(text)).toEqual({ line, field, message: expect.stringContaining(message) });
  });

  test('without repeating what is long, or control characters', () => {
    const { message } = fault(`{"\\u001b[2J${'x'.repeat(10_000)}": 1}`);
    expect(message.length).toBeLessThan(600);
    expect(message).not.toContain('\u{1b}');
  });

  test('quickly, whatever comes', () => {
    for (const text of [
      '"'.repeat(100_001),
      '\\'.repeat(100_000),
      `{"${'\\"'.repeat(100_000)}`,
      '{"a":{'.repeat(50_000),
    ])
      fault(text);
  });
});
