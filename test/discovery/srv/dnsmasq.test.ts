// srv() and a real DNS server: what DynamicSrv, Consul and Kubernetes put into DNS, and what is missing there.
import { Resolver } from 'node:dns/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  consul,
  type Discovery,
  firstOf,
  kubernetes,
  type NodeName,
  type SrvOptions,
  srv,
  staticNodes,
} from '../../../src/discovery/index.js';
import { ConnectionError } from '../../../src/errors.js';
import { type DnsServer, startDnsServer } from '../../support/dns-server.js';
import { freePort } from '../../support/free-port.js';

const many = Array.from(
  { length: 200 },
  (_, i) => `srv-host=many.cluster.test,host-number-${i}.cluster.test,4370,${i}`,
);
const zone = [
  // What a DynamicSrv cluster has: the node's own name answers A and SRV.
  'srv-host=node-0.cluster.test,node-0.cluster.test,4370,0,10',
  'host-record=node-0.cluster.test,127.0.0.1,::1',
  // Several targets: n2 is better than backup, and backup has two addresses of each family.
  'srv-host=several.cluster.test,backup.cluster.test,4372,5,0',
  'srv-host=several.cluster.test,n2.cluster.test,4371,1,0',
  'host-record=n2.cluster.test,127.0.0.2',
  'host-record=backup.cluster.test,127.0.0.3,::3',
  'host-record=backup.cluster.test,127.0.0.4,::4',
  'cname=alias.cluster.test,n2.cluster.test',
  'srv-host=aliased.cluster.test,alias.cluster.test,4373,0,0',
  'host-record=addressonly.cluster.test,127.0.0.5',
  'srv-host=homeless.cluster.test,nowhere.cluster.test,4374,0,0',
  // DynamicSrv ignores targets and asks for the address of the name itself.
  'srv-host=loose.cluster.test,nowhere.cluster.test,4375,0,0',
  'host-record=loose.cluster.test,127.0.0.6',
  'srv-host=gone.cluster.test',
  'srv-host=blocked.cluster.test,zero.cluster.test,4376,0,0',
  'host-record=zero.cluster.test,0.0.0.0',
  'srv-host=disguised.cluster.test,127.0.0.1,4377,0,0',
  ...many,
  // Services whose targets do not say their addresses: one that can be searched, and one that is too large.
  ...Array.from({ length: 100 }, (_, i) => [
    `srv-host=crowd.service.consul,crowd-${i}.node.dc1.consul,${4400 + i},1,1`,
    `host-record=crowd-${i}.node.dc1.consul,10.1.0.${i}`,
  ]).flat(),
  ...Array.from({ length: 600 }, (_, i) => `srv-host=throng.service.consul,throng-${i}.node.dc1.consul,4370,1,1`),
  'host-record=host-number-0.cluster.test,127.0.0.7',
  // Consul: tag lookups and RFC 2782's form; targets are addresses in hexadecimal digits, or nodes.
  'srv-host=node-0.rabbit.service.consul,7f000008.addr.dc1.consul,25672,1,1',
  'srv-host=node-0.rabbit.service.dc2.dc.consul,7f000009.addr.dc2.consul,25673,1,1',
  'srv-host=_rabbit._node-0.service.consul,00000000000000000000000000000001.addr.dc1.consul,25674,1,1',
  'srv-host=rabbit.service.consul,host-a.node.dc1.consul,25675,1,1',
  'srv-host=rabbit.service.consul,7f00000a.addr.dc1.consul,25676,1,1',
  'host-record=host-a.node.dc1.consul,127.0.0.11',
  // Kubernetes: a StatefulSet behind a headless service, and pods that have no name but their address.
  'srv-host=_dist._tcp.web.default.svc.cluster.local,web-0.web.default.svc.cluster.local,9100,0,50',
  'srv-host=_dist._tcp.web.default.svc.cluster.local,web-1.web.default.svc.cluster.local,9101,0,50',
  'srv-host=_dist._tcp.web.default.svc.cluster.local,127-0-0-14.web.default.svc.cluster.local,9102,0,50',
  'srv-host=web.default.svc.cluster.local,web-1.web.default.svc.cluster.local,9103,0,50',
  'host-record=web-0.web.default.svc.cluster.local,127.0.0.12',
  'host-record=web-1.web.default.svc.cluster.local,127.0.0.13',
  'host-record=127-0-0-14.web.default.svc.cluster.local,127.0.0.14',
];

let dns: DnsServer;
const signal = new AbortController().signal;

beforeAll(async () => {
  dns = await startDnsServer(zone);
});
afterAll(() => dns.stop());

function discovery(options: SrvOptions = {}): Discovery {
  return srv({ servers: [dns.address], env: {}, timeout: 10_000, firstTimeout: 3000, ...options });
}

/** `host:port`, in order. */
async function places(node: NodeName, options?: SrvOptions): Promise<string[]> {
  const found = await discovery(options).resolve(node, { signal });
  for (const { nodeHost } of found) expect(node.endsWith(`@${nodeHost}`)).toBe(true);
  return found.map(({ host, port }) => `${host} ${port}`);
}

describe('the rule of DynamicSrv', () => {
  test('name@host is name.host: the port from SRV, addresses of both families', async () => {
    expect(await places('node-0@cluster.test')).toEqual(['127.0.0.1 4370', '::1 4370']);
  });

  test('the families one wants, in the order one wants', async () => {
    expect(await places('node-0@cluster.test', { families: [6, 4] })).toEqual(['::1 4370', '127.0.0.1 4370']);
    expect(await places('node-0@cluster.test', { families: [6] })).toEqual(['::1 4370']);
  });

  test('every target is a place to try: by priority, families in turn', async () => {
    const [first, ...rest] = await places('several@cluster.test');
    expect(first).toBe('127.0.0.2 4371');
    expect(rest.map((place) => place.replace(/[34] /, '_ '))).toEqual([
      '127.0.0._ 4372',
      '::_ 4372',
      '127.0.0._ 4372',
      '::_ 4372',
    ]);
  });

  test('a target may be an alias', async () => {
    expect(await places('aliased@cluster.test')).toEqual(['127.0.0.2 4373']);
  });

  test('a node that is not in DNS is nowhere', async () => {
    expect(await places('nobody@cluster.test')).toEqual([]);
    expect(await places('nobody@127.0.0.1')).toEqual([]);
  });

  test('an address without SRV says no port, and that is an error that says so', async () => {
    await expect(places('addressonly@cluster.test')).rejects.toMatchObject({
      code: 'noport',
      message: expect.stringMatching(/addressonly\.cluster\.test is in DNS and has no SRV record/) as string,
    });
  });

  test('a target without an address is an error that names it', async () => {
    await expect(places('homeless@cluster.test')).rejects.toMatchObject({
      code: 'unknown_host',
      message: expect.stringContaining('nowhere.cluster.test') as string,
    });
  });

  test('the address of the name itself stands in, as that is what DynamicSrv goes to', async () => {
    expect(await places('loose@cluster.test')).toEqual(['127.0.0.6 4375']);
  });

  test('a service that is decidedly not available is nowhere', async () => {
    expect(await places('gone@cluster.test')).toEqual([]);
  });

  test('an address that nobody can connect to is none', async () => {
    await expect(places('blocked@cluster.test')).rejects.toMatchObject({ code: 'unknown_host' });
  });

  test('an IP address in the place of a name is refused, and the next source asked', async () => {
    await expect(places('disguised@cluster.test')).rejects.toMatchObject({
      name: 'ProtocolError',
      code: 'unexpected_message',
    });
    const table = staticNodes({ env: {}, nodes: { 'disguised@cluster.test': 9 } });
    const chain = firstOf(discovery(), table);
    expect(await chain.resolve('disguised@cluster.test', { signal })).toMatchObject([{ port: 9 }]);
  });

  test('an answer that does not fit into a datagram comes over TCP', async () => {
    // Only the best eight are resolved, and of those one has an address.
    expect(await places('many@cluster.test')).toEqual(['127.0.0.7 4370']);
  });

  test('names that DNS cannot hold are nowhere', async () => {
    for (const name of ['x'.repeat(64), `${'x.'.repeat(120)}x`, 'a..b'])
      expect(await places(`${name}@cluster.test`)).toEqual([]);
  });
});

describe('mappings', () => {
  const rabbit = { service: 'rabbit' };

  test('Consul: a tag is the name of the node; hexadecimal targets are addresses', async () => {
    const mapping = consul({ ...rabbit, tag: '{name}' });
    expect(await places('node-0@10.0.0.1', { mapping })).toEqual(['127.0.0.8 25672']);
    expect(await places('node-1@10.0.0.1', { mapping })).toEqual([]);
  });

  test('Consul: another datacenter', async () => {
    const mapping = consul({ ...rabbit, tag: '{name}', datacenter: 'dc2' });
    expect(await places('node-0@anywhere', { mapping })).toEqual(['127.0.0.9 25673']);
  });

  test('Consul: _service._tag, and IPv6', async () => {
    const mapping = consul({ ...rabbit, tag: '{name}', rfc2782: true });
    expect(await places('node-0@anywhere', { mapping })).toEqual(['::1 25674']);
  });

  test('Consul: without a tag the host tells which instance it is, by name or by address', async () => {
    const mapping = consul(rabbit);
    expect(await places('rabbit@host-a.node.dc1.consul', { mapping })).toEqual(['127.0.0.11 25675']);
    expect(await places('rabbit@127.0.0.11', { mapping })).toEqual(['127.0.0.11 25675']);
    expect(await places('rabbit@127.0.0.10', { mapping })).toEqual(['127.0.0.10 25676']);
    expect(await places('rabbit@127.0.0.99', { mapping })).toEqual([]);
    expect(await places('rabbit@elsewhere.example', { mapping })).toEqual([]);
  });

  test('a service of many instances is searched for an address, up to a limit that the error names', async () => {
    const crowd = consul({ service: 'crowd' });
    for (const i of [0, 31, 32, 99])
      expect(await places(`app@10.1.0.${i}`, { mapping: crowd })).toEqual([`10.1.0.${i} ${4400 + i}`]);
    expect(await places('app@10.1.0.100', { mapping: crowd })).toEqual([]);
    // Whoever is asked for by name needs no search.
    expect(await places('app@crowd-77.node.dc1.consul', { mapping: crowd })).toEqual(['10.1.0.77 4477']);
    await expect(places('app@10.1.0.1', { mapping: consul({ service: 'throng' }) })).rejects.toMatchObject({
      code: 'noport',
      message: expect.stringMatching(/none of the first 512 targets .* there are 600: find nodes by name/) as string,
    });
  });

  test('Kubernetes: the pods of a StatefulSet, by their full host name', async () => {
    const mapping = kubernetes({ port: 'dist' });
    expect(await places('app@web-0.web.default.svc.cluster.local', { mapping })).toEqual(['127.0.0.12 9100']);
    expect(await places('app@web-1.web.default.svc.cluster.local', { mapping })).toEqual(['127.0.0.13 9101']);
    expect(await places('app@web-7.web.default.svc.cluster.local', { mapping })).toEqual([]);
    expect(await places('app@web-1', { mapping })).toEqual([]);
  });

  test('Kubernetes: CoreDNS answers at the bare name of the service, too', async () => {
    const mapping = kubernetes();
    expect(await places('app@web-1.web.default.svc.cluster.local', { mapping })).toEqual(['127.0.0.13 9103']);
  });

  test('Kubernetes: pods that are called after their address', async () => {
    const mapping = kubernetes({ port: 'dist', service: 'web' });
    expect(await places('app@127.0.0.14', { mapping })).toEqual(['127.0.0.14 9102']);
    expect(await places('app@127.0.0.13', { mapping })).toEqual(['127.0.0.13 9101']);
    expect(await places('app@127.0.0.15', { mapping })).toEqual([]);
  });

  test('a template', async () => {
    expect(await places('x@node-0.cluster.test', { mapping: '{label}.{domain}' })).toEqual([
      '127.0.0.1 4370',
      '::1 4370',
    ]);
  });

  test('a function', async () => {
    const mapping = ({ name }: { name: string }) => (name === 'x' ? 'node-0.cluster.test' : undefined);
    expect(await places('x@a', { mapping, families: [4] })).toEqual(['127.0.0.1 4370']);
    expect(await places('y@a', { mapping })).toEqual([]);
  });
});

describe('a server that is late', () => {
  test('is asked again, and answers in the end', async () => {
    const late = await startDnsServer([
      'srv-host=node-0.cluster.test,node-0.cluster.test,4370,0,0',
      'host-record=node-0.cluster.test,127.0.0.1',
    ]);
    try {
      late.signal('SIGSTOP');
      const asking = places('node-0@cluster.test', { servers: [late.address], firstTimeout: 50, retries: 7 });
      const first = await Promise.race([asking, sleep(200, 'nothing yet')]);
      expect(first).toBe('nothing yet');
      late.signal('SIGCONT');
      expect(await asking).toEqual(['127.0.0.1 4370']);
    } finally {
      await late.stop();
    }
  });

  test('is given up in time, for another one and for the next source', async () => {
    const late = await startDnsServer([]);
    try {
      late.signal('SIGSTOP');
      const both = { servers: [late.address, dns.address], firstTimeout: 50, families: [4] } as const;
      expect(await places('node-0@cluster.test', both)).toEqual(['127.0.0.1 4370']);
      const alone = srv({ servers: [late.address], env: {}, timeout: 300 });
      const chain = firstOf(alone, staticNodes({ env: {}, nodes: { 'node-0@cluster.test': 9100 } }));
      await expect(alone.resolve('node-0@cluster.test', { signal })).rejects.toMatchObject({ code: 'timeout' });
      expect(await chain.resolve('node-0@cluster.test', { signal })).toMatchObject([{ port: 9100 }]);
    } finally {
      late.signal('SIGCONT');
      await late.stop();
    }
  });
});

describe('who is asked', () => {
  test('the next server, when nothing listens at the first', async () => {
    const servers = [`127.0.0.1:${await freePort()}`, dns.address];
    expect(await places('node-0@cluster.test', { servers, families: [4] })).toEqual(['127.0.0.1 4370']);
  });

  test('nobody who listens is an error that says so', async () => {
    const port = await freePort();
    const asking = places('node-0@cluster.test', { servers: [`127.0.0.1:${port}`], timeout: 5000 });
    await expect(asking).rejects.toMatchObject({
      code: 'dns_failure',
      message: expect.stringMatching(`127.0.0.1:${port}: nothing listens there`) as string,
    });
  });

  test('a server that keeps another domain refuses, and the error says that', async () => {
    await expect(places('node-0@example.org', { retries: 0 })).rejects.toMatchObject({
      code: 'dns_failure',
      message: expect.stringContaining('REFUSED') as string,
    });
  });

  test('functions for ports and addresses, Node’s own resolver among them', async () => {
    const resolver = new Resolver();
    resolver.setServers([dns.address]);
    const ports = async (name: string) =>
      (await resolver.resolveSrv(name)).map(({ name: target, priority, weight, port }) => ({
        priority,
        weight,
        port,
        target,
      }));
    expect(await places('node-0@cluster.test', { resolver: { ports } })).toEqual(['127.0.0.1 4370', '::1 4370']);
    expect(await places('nobody@cluster.test', { resolver: { ports } })).toEqual([]);
    const addresses = () => Promise.resolve(['127.0.0.42', { address: '::42', ttl: 5 }]);
    const both = { ports, addresses };
    expect(await places('node-0@cluster.test', { resolver: both })).toEqual(['127.0.0.42 4370', '::42 4370']);
  });

  test.each([
    ['no list', () => Promise.resolve('x' as unknown as []), 'unexpected_message'],
    ['no addresses', () => Promise.resolve(['localhost']), 'unexpected_message'],
    ['an error', () => Promise.reject(new RangeError('out of luck')), 'dns_failure'],
    ['an error of ours', () => Promise.reject(new ConnectionError('eacces', 'no')), 'eacces'],
  ])('a function that gives %s', async (_, addresses, code) => {
    await expect(places('node-0@cluster.test', { resolver: { addresses } })).rejects.toMatchObject({ code });
  });
});
