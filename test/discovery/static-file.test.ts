import { mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { type StaticNodes, staticNodes, type TableFileEvent } from '../../src/discovery/index.js';
import { ArgumentError, TableFileError } from '../../src/errors.js';
import { keepLines, type LogLine, until } from '../support/ts-node.js';

const folder = mkdtempSync(join(tmpdir(), 'erlnode-table-'));
const opened: StaticNodes[] = [];
let file: string;
let events: TableFileEvent[];
let lines: LogLine[];
let count = 0;

afterAll(() => {
  for (const nodes of opened) nodes.close();
  rmSync(folder, { recursive: true, force: true });
});

beforeEach(() => {
  file = join(folder, `nodes-${count++}.json`);
  events = [];
  lines = [];
});

function open(table: object, options: Parameters<typeof staticNodes>[0] = {}): StaticNodes {
  writeFileSync(file, JSON.stringify(table));
  const nodes = staticNodes({
    file,
    fileInterval: 5,
    env: {},
    onFile: (event) => events.push(event),
    logger: keepLines(lines),
    ...options,
  });
  opened.push(nodes);
  return nodes;
}

const ports = (nodes: StaticNodes) => Object.fromEntries(Array.from(nodes.list(), ([node, { port }]) => [node, port]));
const happened = (what: number) => until(() => events.length >= what, `event ${what} about the file`);
const failure = (index: number) => {
  const event = events[index];
  return event?.type === 'failed' ? event.error : undefined;
};

describe('a table in a file', () => {
  test('is read at once, and again when it changes', async () => {
    const nodes = open({ 'a@h': 1, 'b@h': { host: '10.0.0.2', port: 2 } });
    expect(nodes.list().get('b@h')).toEqual({ host: '10.0.0.2', port: 2, nodeHost: 'h' });
    expect(nodes.listenPort('a@h')).toBe(1);
    writeFileSync(file, '{"b@h": 3, "c@h": 4}');
    await happened(1);
    expect(ports(nodes)).toEqual({ 'b@h': 3, 'c@h': 4 });
    expect(events).toEqual([{ type: 'loaded', file, nodes: 2 }]);
    expect(lines).toMatchObject([{ level: 'info', file, nodes: 2, message: 'table of nodes read again' }]);
  });

  test('is read again when another file takes its place, by a rename or by a link', async () => {
    const nodes = open({ 'a@h': 1 });
    writeFileSync(`${file}.new`, '{"a@h": 2}');
    renameSync(`${file}.new`, file);
    await happened(1);
    expect(ports(nodes)).toEqual({ 'a@h': 2 });
    // As a ConfigMap is mounted.
    writeFileSync(`${file}.data`, '{"a@h": 3}');
    symlinkSync(`${file}.data`, `${file}.link`);
    renameSync(`${file}.link`, file);
    await happened(2);
    expect(ports(nodes)).toEqual({ 'a@h': 3 });
  });

  test('leaves alone what was added here', async () => {
    const nodes = open({ 'a@h': 1, 'b@h': 1 }, { nodes: { 'b@h': 5, 'own@h': 6 } });
    nodes.add('a@h', 7);
    expect(ports(nodes)).toEqual({ 'b@h': 5, 'own@h': 6, 'a@h': 7 });
    expect(nodes.remove('own@h')).toBe(true);
    writeFileSync(file, '{"c@h": 8, "b@h": 9}');
    await happened(1);
    expect(ports(nodes)).toEqual({ 'b@h': 5, 'a@h': 7, 'c@h': 8 });
    // A node that was removed here is back when the file is new and still has it.
    expect(nodes.remove('c@h')).toBe(true);
    expect(nodes.list().has('c@h')).toBe(false);
    writeFileSync(file, '{"c@h": 8}');
    await happened(2);
    expect(ports(nodes)).toEqual({ 'b@h': 5, 'a@h': 7, 'c@h': 8 });
  });

  test('is left alone after close', async () => {
    const nodes = open({ 'a@h': 1 });
    const other = staticNodes({ file, fileInterval: 5, env: {}, onFile: (event) => events.push(event) });
    opened.push(other);
    nodes.close();
    writeFileSync(file, '{"a@h": 2}');
    await happened(1);
    expect(ports(other)).toEqual({ 'a@h': 2 });
    expect(ports(nodes)).toEqual({ 'a@h': 1 });
    expect(lines).toEqual([]);
  });
});

describe('a file that goes bad', () => {
  test('leaves the old table, says once where, and is taken again when it is good', async () => {
    const nodes = open({ 'a@h': 1 });
    writeFileSync(file, '{\n  "b@h": 2,\n  "a@h": { "port": "9100" }\n}');
    await happened(1);
    expect(failure(0)).toBeInstanceOf(TableFileError);
    expect(failure(0)).toMatchObject({ code: 'bad_table_file', file, line: 3, field: 'a@h.port' });
    expect(lines).toMatchObject([{ level: 'warn', file, line: 3, field: 'a@h.port' }]);
    expect(ports(nodes)).toEqual({ 'a@h': 1 });
    expect(await nodes.resolve('b@h', { signal: new AbortController().signal })).toEqual([]);
    writeFileSync(file, '{"a@h": 1}');
    await happened(2);
    expect(events[1]).toEqual({ type: 'loaded', file, nodes: 1 });
    expect(events).toHaveLength(2);
  });

  test('by being cut off, filled with other bytes, too large, deleted, or a folder', async () => {
    const nodes = open({ 'a@h': 1 });
    writeFileSync(file, '{"a@h": 1,');
    await happened(1);
    expect(failure(0)).toMatchObject({ line: 1 });
    writeFileSync(file, Buffer.from('{\n"a\xff@h": 1}', 'latin1'));
    await happened(2);
    expect(failure(1)).toMatchObject({ line: 2, message: expect.stringContaining('not UTF-8') });
    writeFileSync(file, Buffer.alloc(2 ** 20 + 1, ' '));
    await happened(3);
    expect(failure(2)).toMatchObject({ line: undefined, message: expect.stringContaining('1048577 bytes') });
    rmSync(file);
    await happened(4);
    expect(failure(3)).toMatchObject({ line: undefined, message: expect.stringContaining('ENOENT') });
    symlinkSync(folder, file);
    await happened(5);
    expect(failure(4)).toMatchObject({ line: undefined, message: expect.stringContaining('not a file') });
    expect(ports(nodes)).toEqual({ 'a@h': 1 });
    rmSync(file);
    writeFileSync(file, '{"a@h": 2}');
    await until(() => ports(nodes)['a@h'] === 2, 'the good table');
  });

  test('before it was ever good is an error of staticNodes', () => {
    expect(() => open([])).toThrow(TableFileError);
    expect(() => staticNodes({ file: join(folder, 'none.json'), env: {} })).toThrow(/cannot read the table of nodes/);
    expect(() => staticNodes({ file: folder, env: {} })).toThrow(/not a file/);
    expect(() => staticNodes({ file: '/dev/zero', env: {} })).toThrow(/not a file/);
    for (const fileInterval of [0, -1, Number.NaN, 2 ** 31])
      expect(() => open({}, { fileInterval })).toThrow(ArgumentError);
  });
});
