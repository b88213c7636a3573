// .hosts.erlang, as OTP itself reads it, and what is made of one that is wrong.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { Discovery } from '../../src/discovery/index.js';
import { TableFileError } from '../../src/errors.js';
import { erlangHosts } from '../../src/index.js';
import { parseHosts } from '../../src/membership/erlang-hosts.js';
import { startErlang } from '../support/erlang.js';

const folder = mkdtempSync(join(tmpdir(), 'erlnode-hosts-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = join(folder, '.hosts.erlang');

const good: readonly [string, readonly string[]][] = [
  ["'super.example.org'.\n'renat.example.org'.\n", ['super.example.org', 'renat.example.org']],
  ["% who is there\n'10.0.0.1'. % the first\nlocalhost.\nhost_2 .\n\n", ['10.0.0.1', 'localhost', 'host_2']],
  ["a. b. 'c'.%\n", ['a', 'b', 'c']],
  ["'2001:db8::1'.", ['2001:db8::1']],
  ['', []],
  ['% nobody\n', []],
];
const bad: readonly [string, number][] = [
  ["'a.example'\n", 1],
  ["'a.example'.\nsuper.example.org.\n", 2],
  ["'a'.\n\n% x\n'b.\n", 4],
  ['["a"].', 1],
  ['Host.', 1],
  ["'a'.'b'.", 1],
];

describe('what OTP reads there', () => {
  test('is what we read', async () => {
    await using erlang = await startErlang({ name: false });
    await erlang.eval(`ok = file:set_cwd(${JSON.stringify(folder)}).`);
    for (const [text, hosts] of good) {
      writeFileSync(file, text);
      expect(parseHosts(file, text)).toEqual(hosts);
      const told = await erlang.eval('[atom_to_list(Host) || Host <- net_adm:host_file()].');
      expect(JSON.parse(told)).toEqual(hosts);
    }
  });

  test.each(bad)('%j is wrong, in line %i', (text, line) => {
    expect(() => parseHosts(file, text)).toThrow(expect.objectContaining({ code: 'bad_table_file', line, file }));
  });

  test('a file of a megabyte and more is none', () => {
    expect(() => parseHosts(file, ' '.repeat(1024 * 1024 + 1))).toThrow(TableFileError);
    // Nor does a long line take long.
    expect(() => parseHosts(file, `${'a '.repeat(500_000)}`)).toThrow(/line 1/);
  });
});

describe('the strategy', () => {
  const asking = { signal: new AbortController().signal, self: 'ts@here', warn() {} };
  const discovery: Discovery = {
    name: 'own',
    resolve: () => Promise.resolve([]),
    names: (host) => Promise.resolve([{ name: `on-${host[0]}`, port: 1 }]),
  };

  test('names whoever EPMD knows there, and reads the file again each time', async () => {
    const strategy = erlangHosts({ file, discovery });
    writeFileSync(file, 'a.\n');
    expect(await strategy.nodes(asking)).toEqual(['on-a@a']);
    writeFileSync(file, "a.\n'b.example'.\n");
    expect(await strategy.nodes(asking)).toEqual(['on-a@a', 'on-b@b.example']);
    writeFileSync(file, 'a.\nb');
    await expect(strategy.nodes(asking)).rejects.toMatchObject({ code: 'bad_table_file', line: 2 });
    rmSync(file);
    await expect(strategy.nodes(asking)).rejects.toThrow(/cannot be read \(ENOENT\)/);
  });
});
