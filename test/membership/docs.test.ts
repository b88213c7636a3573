// Every line that docs/DISCOVERY.md tells a user to write for tables and membership is one that works.
import { readFileSync } from 'node:fs';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { cluster, dnsPoll, epmdNames, hosts, type Strategy } from '../../src/index.js';
import { FakeClock, FakeNode, settle } from './fake-node.js';

const docs = readFileSync(new URL('../../docs/DISCOVERY.md', import.meta.url), 'utf8');
const [, membership = ''] = docs.split('\n## Membership\n');
const lines = Array.from(
  membership.matchAll(/^\| [^`\n][^|\n]*\| (`+)((?:hosts|dnsPoll|epmdNames)\(.*)\1 \|$/gm),
  ([, , line = '']) => line.trim(),
);

const records = {
  addresses: () => Promise.resolve(['10.0.0.1']),
  ports: (name: string) => Promise.resolve([{ target: `n.${name}`, port: 4371, priority: 0, weight: 0 }]),
};
const names = (host: string) => Promise.resolve([{ name: `on-${host}`, port: 1 }]);
const doors = {
  hosts,
  dnsPoll: (options: Parameters<typeof dnsPoll>[0]) => dnsPoll({ ...options, resolver: records }),
  epmdNames: (options: object) =>
    epmdNames({ ...options, discovery: { name: 'x', resolve: () => Promise.resolve([]), names } }),
};

const expected: Readonly<Record<string, readonly string[]>> = {
  "hosts(['a@host', 'b@host'])": ['a@host', 'b@host'],
  'epmdNames()': ['on-here@here'],
  "epmdNames({ hosts: ['host1', 'host2'] })": ['on-host1@host1', 'on-host2@host2'],
  "dnsPoll({ query: 'app.internal' })": ['ts@10.0.0.1'],
  "dnsPoll({ query: 'app.internal', basename: 'app', records: ['A', 'AAAA'] })": ['app@10.0.0.1'],
  "dnsPoll({ query: 'app.default.svc.cluster.local', basename: 'app', records: ['A'] })": ['app@10.0.0.1'],
  "dnsPoll({ query: 'app.default.svc.cluster.local', basename: 'app', naming: 'host' })": [
    'app@n.app.default.svc.cluster.local',
  ],
  "dnsPoll({ query: 'app.service.consul', naming: 'label' })": ['n@app.service.consul'],
  "dnsPoll({ query: 'app.service.consul', naming: ({ target, port }) => `app-${port}@${target}` })": [
    'app-4371@n.app.service.consul',
  ],
  "dnsPoll({ query: 'web', basename: 'app', records: ['A'] })": ['app@10.0.0.1'],
};

describe('what to write for a cluster', () => {
  test('is known here, line by line', () => expect(lines).toEqual(Object.keys(expected)));

  test.each(Object.entries(expected))('%s', async (line, members) => {
    const strategy = runInNewContext(line, doors) as Strategy;
    const node = new FakeNode();
    await using joined = cluster(node, strategy, { clock: new FakeClock() });
    await joined.refresh();
    await settle();
    expect([...joined.members].sort()).toEqual(members);
    expect([...node.up].sort()).toEqual(members);
  });
});

test('the strategy of one’s own', async () => {
  const [, source = ''] = /^const registry = (\{[\s\S]*?^\});$/m.exec(membership) ?? [];
  const fetch = () => Promise.resolve({ json: () => Promise.resolve(['a@h']) });
  const strategy = runInNewContext(`(${source})`, { fetch }) as Strategy;
  await using joined = cluster(new FakeNode(), strategy, { clock: new FakeClock() });
  await joined.refresh();
  expect(joined.members).toEqual(['a@h']);
});
