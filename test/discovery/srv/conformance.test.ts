import { describe, test } from 'vitest';
import { firstOf, type SrvOptions, srv, staticNodes } from '../../../src/discovery/index.js';
import { type DiscoveryLeftOut, discoveryConformance } from '../../../src/testing/index.js';
import { startDnsServer } from '../../support/dns-server.js';

const known = { node: 'known@cluster.test', host: '127.0.0.1', port: 4005 } as const;
const zone = ['srv-host=known.cluster.test,known.cluster.test,4005,0,0', 'host-record=known.cluster.test,127.0.0.1'];
const leftOut: DiscoveryLeftOut = {
  register: 'who keeps the zone does that',
  names: 'DNS knows no list of the nodes on a host (OTP: {error, address})',
};

async function setUp(options: SrvOptions = {}) {
  const dns = await startDnsServer(zone);
  const discovery = srv({ servers: [dns.address], env: { ERL_DIST_PORT: '4005' }, ...options });
  return { discovery, known, unknown: 'nobody@cluster.test' as const, close: () => dns.stop() };
}

describe('srv() on a real name server', () => {
  test.each(discoveryConformance(setUp, leftOut))('$name', ({ run }) => run());
});

describe('srv() that keeps no answers', () => {
  test.each(discoveryConformance(() => setUp({ cache: false }), leftOut))('$name', ({ run }) => run());
});

describe('firstOf(srv(), staticNodes())', () => {
  const chained = async () => {
    const world = await setUp();
    return { ...world, discovery: firstOf(world.discovery, staticNodes({ env: {} })) };
  };
  test.each(discoveryConformance(chained, { register: leftOut.register ?? '' }))('$name', ({ run }) => run());
});
