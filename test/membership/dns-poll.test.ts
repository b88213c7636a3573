import { describe, expect, test } from 'vitest';
import { ArgumentError, ConnectionError } from '../../src/errors.js';
import { type DnsPollOptions, dnsPoll } from '../../src/membership/dns-poll.js';
import type { Strategy } from '../../src/membership/strategy.js';
import { startDnsServer } from '../support/dns-server.js';
import { freePort } from '../support/free-port.js';

type Zone = Record<string, readonly string[] | Error>;
type Services = Record<string, readonly (readonly [target: string, port: number])[] | Error>;

const noSuchName = Object.assign(new TypeError('no such name'), { code: 'ENOTFOUND' });
const down = new ConnectionError('timeout', 'no name server answers');

/** A strategy on a DNS that a test writes; what is not in it is no name. */
function poll(options: DnsPollOptions, hosts: Zone, services: Services = {}) {
  const asked: string[] = [];
  const warnings: string[] = [];
  const of = <Value>(zone: Record<string, readonly Value[] | Error>, name: string): readonly Value[] => {
    asked.push(name);
    const found = zone[name] ?? noSuchName;
    if (found instanceof Error) throw found;
    return found;
  };
  const strategy = dnsPoll({
    resolver: {
      addresses: async (name) => of(hosts, name),
      ports: async (name) => of(services, name).map(([target, port]) => ({ target, port, priority: 0, weight: 1 })),
    },
    ...options,
  });
  return { nodes: () => ask(strategy, warnings), warnings, asked, strategy };
}

async function ask(strategy: Strategy, warnings: string[] = []): Promise<string[]> {
  const signal = new AbortController().signal;
  const nodes = await strategy.nodes({ signal, self: 'app@10.0.0.9', warn: (error) => warnings.push(error.message) });
  return [...nodes].sort();
}

describe('how nodes are named', () => {
  test('as dns_cluster does: A, AAAA, and the addresses of SRV targets, without their ports', async () => {
    const { nodes, warnings } = poll(
      { query: 'app.internal' },
      { 'app.internal': ['10.0.0.1', 'fd00::1'], 'n2.internal': ['10.0.0.2'], 'n3.internal': ['10.0.0.3', 'fd00::3'] },
      {
        'app.internal': [
          ['n2.internal', 4370],
          ['n3.internal.', 4371],
          ['n2.internal', 4372],
        ],
      },
    );
    const all = ['10.0.0.1', '10.0.0.2', '10.0.0.3', 'fd00::1', 'fd00::3'];
    expect(await nodes()).toEqual(all.map((address) => `app@${address}`));
    expect(warnings).toEqual([]);
  });

  test('as libcluster’s DNSPoll does: A and AAAA, with a basename of its own', async () => {
    const options = { query: 'app.internal', basename: 'other', records: ['A', 'AAAA'] } as const;
    const { nodes, asked } = poll(options, { 'app.internal': ['10.0.0.1', 'fd00::1'] });
    expect(await nodes()).toEqual(['other@10.0.0.1', 'other@fd00::1']);
    expect(new Set(asked)).toEqual(new Set(['app.internal']));
  });

  test('as its Kubernetes.DNS does: A of a headless service', async () => {
    const { nodes } = poll(
      { query: 'app.default.svc.cluster.local.', basename: 'app', records: ['A'] },
      { 'app.default.svc.cluster.local': ['10.1.0.1', '10.1.0.2', 'fd00::1'] },
    );
    expect(await nodes()).toEqual(['app@10.1.0.1', 'app@10.1.0.2']);
  });

  test('as its Kubernetes.DNSSRV does: the targets of SRV records', async () => {
    const { nodes, asked } = poll(
      { query: 'app.default.svc.cluster.local', naming: 'host' },
      {},
      {
        'app.default.svc.cluster.local': [
          ['app-0.app.default.svc.cluster.local', 4370],
          ['app-1.app.default.svc.cluster.local.', 4370],
        ],
      },
    );
    expect(await nodes()).toEqual([
      'app@app-0.app.default.svc.cluster.local',
      'app@app-1.app.default.svc.cluster.local',
    ]);
    expect(asked).toHaveLength(1);
  });

  test('as DynamicSrv’s strategy does: the first label of the targets below the service', async () => {
    const { nodes } = poll(
      { query: 'app.service.consul', naming: 'label' },
      {},
      {
        'app.service.consul': [
          ['node-0.app.service.consul', 4370],
          ['NODE-1.App.Service.consul.', 4370],
          ['deep.node-2.app.service.consul', 4370],
          ['node-3-app.service.consul', 4370],
          ['node-4.appXservice.consul', 4370],
          ['0a000001.addr.dc1.consul', 4370],
          ['app.service.consul', 4370],
        ],
      },
    );
    expect(await nodes()).toEqual(['NODE-1@app.service.consul', 'node-0@app.service.consul']);
  });

  test('by a function, as Caravan would have it', async () => {
    const { nodes } = poll(
      {
        query: 'app.service.consul',
        naming: ({ target, port }, { basename, query }) =>
          port === 0 ? undefined : `${basename}-${port}@${target}${query === 'app.service.consul' ? '' : '?'}`,
      },
      {},
      {
        'app.service.consul': [
          ['h1.node.consul', 4371],
          ['h2.node.consul', 0],
        ],
      },
    );
    expect(await nodes()).toEqual(['app-4371@h1.node.consul']);
  });
});

describe('what DNS cannot say', () => {
  test('nothing at all is an answer', async () => {
    expect(await poll({ query: 'app.test' }, { 'app.test': [] }, { 'app.test': [] }).nodes().catch(String)).toContain(
      'no name',
    );
    const server = await startDnsServer(['txt-record=app.test,"it is there"']);
    try {
      expect(await ask(dnsPoll({ query: 'app.test', servers: [server.address] }))).toEqual([]);
    } finally {
      await server.stop();
    }
  });

  test('a name that is not there is none: most likely it should be', async () => {
    await expect(poll({ query: 'app.test' }, {}).nodes()).rejects.toMatchObject({ code: 'unknown_host' });
  });

  test('all of it: an error', async () => {
    const { nodes } = poll({ query: 'app.test' }, { 'app.test': down }, { 'app.test': down });
    await expect(nodes()).rejects.toBe(down);
  });

  test('a part of it is as it was, and told', async () => {
    const hosts: Zone = { 'app.test': ['10.0.0.1'], 'n2.test': ['10.0.0.2'], 'n3.test': ['10.0.0.3'] };
    const services: Services = {
      'app.test': [
        ['n2.test', 1],
        ['n3.test', 1],
      ],
    };
    const { nodes, warnings } = poll({ query: 'app.test', records: ['A', 'SRV'] }, hosts, services);
    const all = ['app@10.0.0.1', 'app@10.0.0.2', 'app@10.0.0.3'];
    expect(await nodes()).toEqual(all);
    hosts['n2.test'] = down;
    expect(await nodes()).toEqual(all);
    expect(warnings).toEqual([down.message]);
    services['app.test'] = down;
    hosts['app.test'] = ['10.0.0.4'];
    expect(await nodes()).toEqual([...all.slice(1), 'app@10.0.0.4']);
    services['app.test'] = [['n3.test', 1]];
    expect(await nodes()).toEqual(['app@10.0.0.3', 'app@10.0.0.4']);
    // What is not asked for any more is forgotten.
    services['app.test'] = [
      ['n2.test', 1],
      ['n3.test', 1],
    ];
    expect(await nodes()).toEqual(['app@10.0.0.3', 'app@10.0.0.4']);
  });

  test('servers that deny the name for the types they do not have', async () => {
    const { nodes, warnings } = poll({ query: 'app.test' }, { 'app.test': ['10.0.0.1'] });
    expect(await nodes()).toEqual(['app@10.0.0.1']);
    expect(warnings).toEqual([]);
  });

  test('targets that are no host names are left out, and told', async () => {
    const bad = ['10.0.0.1', '::1', '0x7f.1', '2130706433', 'a..b', `${'x'.repeat(64)}.test`];
    for (const naming of ['address', 'host'] as const) {
      const { nodes, warnings } = poll(
        { query: 'app.test', naming, records: ['SRV'] },
        { 'ok.test': ['10.0.0.2'] },
        { 'app.test': ['ok.test', '.', ...bad].map((target) => [target, 1]) },
      );
      expect(await nodes()).toEqual([naming === 'host' ? 'app@ok.test' : 'app@10.0.0.2']);
      expect(warnings).toHaveLength(bad.length);
    }
  });

  test('10,000 records are an error', async () => {
    const many = Array.from({ length: 10_000 }, (_, i) => [`n${i}.test`, 1] as const);
    const { nodes, asked } = poll({ query: 'app.test', records: ['SRV'] }, {}, { 'app.test': many });
    await expect(nodes()).rejects.toMatchObject({ code: 'too_many_nodes', asked: 10_000 });
    expect(asked).toHaveLength(1);
  });

  test('an abort ends it', async () => {
    const port = await freePort();
    const strategy = dnsPoll({ query: 'app.test', servers: [`127.0.0.1:${port}`] });
    const abort = new AbortController();
    const answer = strategy.nodes({ signal: abort.signal, self: 'a@h', warn() {} });
    abort.abort();
    await expect(answer).rejects.toMatchObject({ code: 'aborted' });
  });
});

test('a real name server', async () => {
  const server = await startDnsServer([
    'host-record=app.cluster.test,127.0.0.1',
    'host-record=app.cluster.test,127.0.0.2,::1',
    'host-record=n-3.app.cluster.test,127.0.0.3',
    'srv-host=app.cluster.test,n-3.app.cluster.test,4370',
    'srv-host=app.cluster.test,elsewhere.test,4370',
  ]);
  const options = { query: 'app.cluster.test', servers: [server.address] };
  try {
    const warnings: string[] = [];
    expect(await ask(dnsPoll(options), warnings)).toEqual([
      'app@127.0.0.1',
      'app@127.0.0.2',
      'app@127.0.0.3',
      'app@::1',
    ]);
    expect(warnings).toEqual([]);
    expect(await ask(dnsPoll({ ...options, records: ['A'] }))).toEqual(['app@127.0.0.1', 'app@127.0.0.2']);
    expect(await ask(dnsPoll({ ...options, naming: 'label' }))).toEqual(['n-3@app.cluster.test']);
    expect(await ask(dnsPoll({ ...options, naming: 'host', basename: 'b' }))).toEqual([
      'b@elsewhere.test',
      'b@n-3.app.cluster.test',
    ]);
    await expect(ask(dnsPoll({ ...options, query: 'none.test' }))).rejects.toMatchObject({ code: 'unknown_host' });
  } finally {
    await server.stop();
  }
  await expect(ask(dnsPoll({ ...options, timeout: 300 }))).rejects.toBeInstanceOf(ConnectionError);
});

test.each([
  [{ query: '' }],
  [{ query: 7 }],
  [{ query: 'a..b' }],
  [{ query: 'app.test', records: [] }],
  [{ query: 'app.test', records: ['TXT'] }],
  [{ query: 'app.test', timeout: 0 }],
  [{ query: 'app.test', servers: ['nowhere'] }],
])('options that are none: %j', (options) => {
  expect(() => dnsPoll(options as DnsPollOptions)).toThrow(ArgumentError);
});
