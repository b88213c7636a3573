import { describe, expect, test } from 'vitest';
import { consul, type NodeName, type SrvOptions, srv } from '../../../src/discovery/index.js';
import { addrTarget, dashedTarget } from '../../../src/discovery/srv/mappings.js';
import { parseServer, serversOf } from '../../../src/discovery/srv/servers.js';
import { hostileDns } from '../../support/dns-hostile.js';

const signal = new AbortController().signal;

describe('options that are none', () => {
  test.each<[string, SrvOptions]>([
    ['no server', { servers: [] }],
    ['a name instead of a server', { servers: ['dns.example'] }],
    ['a port that is none', { servers: ['127.0.0.1:0'] }],
    ['a port that is too large', { servers: ['[::1]:65536'] }],
    ['no family', { families: [] }],
    ['another family', { families: [5 as 4] }],
    ['no time', { timeout: 0 }],
    ['half a retry', { retries: 0.5 }],
    ['no patience', { firstTimeout: -1 }],
    ['a placeholder that is none', { mapping: '{node}.example' }],
    ['a brace left open', { mapping: { service: '{name.example' } }],
    ['a template that makes no name', { mapping: { service: '{name}', target: 'a..b' } }],
    ['no template', { mapping: {} as { service: string } }],
    ['a port of this node that is none', { port: 70_000 }],
    ['ERL_DIST_PORT that is none', { env: { ERL_DIST_PORT: 'x' } }],
  ])('%s', (_, options) => {
    expect(() => srv({ env: {}, ...options })).toThrow(expect.objectContaining({ code: 'badarg' }));
  });
});

describe('name servers', () => {
  test.each([
    ['127.0.0.1', '127.0.0.1', 53],
    ['127.0.0.1:8600', '127.0.0.1', 8600],
    ['::1', '::1', 53],
    ['[::1]', '::1', 53],
    ['[::1]:8600', '::1', 8600],
  ])('%s', (text, address, port) => {
    expect(parseServer(text)).toEqual({ address, port });
  });

  test('are the system’s unless told otherwise', () => {
    for (const { address, port } of serversOf(undefined)()) expect(`${address} ${port}`).toMatch(/^[\d.a-f:%\w]+ \d+$/);
  });
});

describe('listening', () => {
  const listenPort = (node: NodeName, options: SrvOptions) => srv({ env: {}, ...options }).listenPort?.(node);

  test('at ERL_DIST_PORT, as DynamicSrv', () => {
    expect(listenPort('a@h', { env: { ERL_DIST_PORT: '4370' } })).toBe(4370);
    expect(listenPort('a@h', { port: 4371, env: { ERL_DIST_PORT: '4370' } })).toBe(4371);
    expect(listenPort('a@h', {})).toBeUndefined();
  });

  test('helpers of a release listen at any port', () => {
    const env = { ERL_DIST_PORT: '4370' };
    for (const helper of ['rpc-1a2b-a@h', 'rem-00ff-a@h', 'rpc-32767-a@h'])
      expect(listenPort(helper as NodeName, { env })).toBe(0);
    for (const node of ['rpc-gateway-1@h', 'remote@h', 'rpc@h'])
      expect(listenPort(node as NodeName, { env })).toBe(4370);
  });
});

describe('helpers of a release', () => {
  test('are nowhere: they listen for nobody, and nobody is asked', async () => {
    await using dns = await hostileDns(() => {});
    const discovery = srv({ servers: [dns.address], env: {} });
    expect(await discovery.resolve('rem-1a2b-node-0@cluster.test', { signal })).toEqual([]);
    expect(dns.asked).toEqual([]);
  });

  const self = 'rpc-1a2b-node-0@cluster.test';

  test('find the node they were started for on this machine, and nobody is asked', async () => {
    await using dns = await hostileDns(() => {});
    const env = { ERL_DIST_PORT: '4370' };
    const discovery = srv({ servers: [dns.address], env });
    const found = await discovery.resolve('node-0@cluster.test', { signal, self });
    expect(found).toEqual([{ host: '127.0.0.1', port: 4370, nodeHost: 'cluster.test' }]);
    expect(dns.asked).toEqual([]);
  });

  test('find others where they are', async () => {
    await using dns = await hostileDns((query) => query.reply({ rcode: 3 }));
    const env = { ERL_DIST_PORT: '4370' };
    const discovery = srv({ servers: [dns.address], env });
    for (const node of ['node-1@cluster.test', 'node-0@clusterxtest'] as const)
      expect(await discovery.resolve(node, { signal, self })).toEqual([]);
    expect(dns.asked).toContain('SRV node-1.cluster.test');
    expect(dns.asked).toContain('SRV node-0.clusterxtest');
  });
});

describe('addresses in names', () => {
  test.each([
    ['7f000001.addr.dc1.consul', '127.0.0.1'],
    ['7F000001.ADDR.dc1.consul.', '127.0.0.1'],
    ['20010db8000000000000000000000001.addr.dc1.consul', '2001:db8::1'],
    ['7f0001.addr.dc1.consul', undefined],
    ['7f000001.node.dc1.consul', undefined],
  ])('Consul: %s', (target, address) => {
    expect(addrTarget(target)).toBe(address);
  });

  test.each([
    ['10-1-2-3.web.default.svc.cluster.local', '10.1.2.3'],
    ['2001-db8--1.web.default.svc.cluster.local', '2001:db8::1'],
    ['10-1-2-300.web', undefined],
    ['web-0.web', undefined],
  ])('Kubernetes: %s', (target, address) => {
    expect(dashedTarget(target)).toBe(address);
  });
});

test('mappings of Consul are data', () => {
  expect(consul({ service: 's', tag: 't', datacenter: 'dc1', domain: 'example' })).toEqual({
    service: 't.s.service.dc1.dc.example',
    addrTargets: true,
  });
  expect(consul({ service: 's', tag: 't', rfc2782: true }).service).toBe('_s._t.service.consul');
  expect(consul({ service: 's' })).toEqual({ service: 's.service.consul', target: '{host}', addrTargets: true });
});
