// Gossip, as libcluster's strategy of that name sends and hears it: with a BEAM that does as it does, over loopback.
import { createCipheriv, createHash, randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import dns from 'node:dns';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { ArgumentError } from '../../src/errors.js';
import { cluster, type GossipOptions, gossip } from '../../src/index.js';
import { decodeHeartbeat, encodeHeartbeat } from '../../src/membership/gossip-message.js';
import { strategyConformance } from '../../src/testing/index.js';
import { type Erlang, startErlang } from '../support/erlang.js';
import { freePort } from '../support/free-port.js';
import { gossiper } from '../support/gossiper.js';
import { startTestNode, until } from '../support/ts-node.js';

const group = '233.252.1.32';
const asking = { signal: new AbortController().signal, self: 'ts@here', warn() {} };

let erlang: Erlang;
beforeAll(async () => {
  erlang = await startErlang();
});
afterAll(() => erlang?.stop());

/** A gossip that stays on this machine, on a port that nobody else uses. */
async function here(options: GossipOptions = {}): Promise<GossipOptions> {
  return { port: await freePort(), multicastInterface: '127.0.0.1', listenFor: 500, ...options };
}

describe.each([
  ['without a secret', undefined],
  ['with a secret', 'between us'],
])('a BEAM that gossips, %s', (_, secret) => {
  test('is connected to, and hears us', async () => {
    await using e = await startErlang();
    const options = await here(secret === undefined ? {} : { secret });
    const ts = await startTestNode(e.epmdPort, { cookie: e.cookie });
    try {
      await e.eval(gossiper(options.port, secret));
      const members = cluster(ts.node, gossip(options), { interval: 50 });
      await until(() => ts.node.nodes('connected').includes(e.name), 'the connection that we make, or they');
      await expect.poll(() => members.members, { timeout: 10_000 }).toEqual([e.name]);
      await members.stop();
      // We name nobody any more, and are heard all the same.
      ts.node.disconnect(e.name);
      await until(async () => (await e.eval('nodes(hidden).')) === '[]', 'the end of the connection');
      await gossip(options).nodes({ ...asking, self: ts.name });
      await until(async () => (await e.eval('nodes(hidden).')) === `['${ts.name}']`, 'the connection that they make');
    } finally {
      await ts.node.stop();
    }
  });
});

describe('the strategy', () => {
  test('names whom it hears, without those of another secret, and each other', async () => {
    const options = await here();
    const hear = (self: string, secret?: string) =>
      gossip({ ...options, ...(secret === undefined ? {} : { secret }) }).nodes({ ...asking, self });
    expect(await Promise.all([hear('a@h'), hear('b@h'), hear('c@h', 's'), hear('d@h', 's'), hear('e@h', 't')])).toEqual(
      [['b@h'], ['a@h'], ['d@h'], ['c@h'], []],
    );
  });

  test('by broadcast', async () => {
    const { port } = await here();
    const options = { port: port as number, broadcastOnly: true, multicastAddress: '127.255.255.255', listenFor: 500 };
    const both = ['a@h', 'b@h'].map((self) => gossip(options).nodes({ ...asking, self }));
    expect(await Promise.all(both)).toEqual([['b@h'], ['a@h']]);
  });

  test('remembers who is silent for a while, and forgets him then', async () => {
    const options = await here({ listenFor: 100, forgetAfter: 1000 });
    const strategy = gossip(options);
    await Promise.all([gossip(options).nodes({ ...asking, self: 'a@h' }), strategy.nodes(asking)]);
    expect(await strategy.nodes(asking)).toEqual(['a@h']);
    await expect.poll(() => strategy.nodes(asking), { timeout: 10_000 }).toEqual([]);
  });

  test('whoever hears not even himself does not know', async () => {
    // Heartbeats that go to one address, and are expected at another.
    const deaf = gossip(await here({ broadcastOnly: true, multicastAddress: '127.0.0.2', address: '127.0.0.1' }));
    await expect(deaf.nodes(asking)).rejects.toMatchObject({ code: 'noconnection', message: /own heartbeat/ });
    const nowhere = gossip(await here({ multicastInterface: '192.0.2.1' }));
    await expect(nowhere.nodes(asking)).rejects.toMatchObject({ code: 'noconnection' });
  });

  test("a heartbeat that fails when the answer has been given is nobody's error", async () => {
    // As where a name server that is gone lets every question wait.
    let failed = 0;
    const lookup = vi.spyOn(dns, 'lookup').mockImplementation(((host: string, ...rest: readonly unknown[]) => {
      const told = rest.at(-1) as (error: Error | null, address?: string, family?: number) => void;
      if (host === '127.0.0.1') told(null, host, 4);
      else setTimeout(() => told(Object.assign(new Error('no such name'), { code: 'ENOTFOUND' })), 200);
      failed += host === '127.0.0.1' ? 0 : 1;
    }) as never);
    const uncaught: unknown[] = [];
    const onUncaught = (error: unknown): void => void uncaught.push(error);
    process.on('uncaughtException', onUncaught);
    try {
      const options = await here({
        broadcastOnly: true,
        multicastAddress: 'late.test',
        address: '127.0.0.1',
        listenFor: 50,
      });
      await expect(gossip(options).nodes(asking)).rejects.toMatchObject({ code: 'noconnection' });
      await new Promise((resolve) => setTimeout(resolve, 400));
    } finally {
      lookup.mockRestore();
      process.off('uncaughtException', onUncaught);
    }
    expect(failed).toBeGreaterThan(0);
    expect(uncaught).toEqual([]);
  });

  test('options that are none', () => {
    const wrong: readonly object[] = [
      { port: 0 },
      { port: 70_000 },
      { listenFor: 0 },
      { multicastTtl: 256 },
      { secret: 1 },
    ];
    for (const options of wrong) expect(() => gossip(options)).toThrow(ArgumentError);
  });

  const world = async () => {
    const options = await here({ listenFor: 150 });
    const others = new Set(['a@h', 'b@h']);
    let stopped = false;
    const beats = createSocket({ type: 'udp4', reuseAddr: true });
    await new Promise<void>((resolve) => beats.bind(() => resolve()));
    beats.setMulticastInterface('127.0.0.1');
    const timer = setInterval(() => {
      for (const node of others) beats.send(encodeHeartbeat(node, undefined), options.port, group);
    }, 20);
    return {
      strategy: gossip(options),
      self: 'ts@h',
      members: ['a@h', 'b@h'],
      async join() {
        others.add('c@h');
        return 'c@h';
      },
      async close() {
        clearInterval(timer);
        if (!stopped) beats.close();
        stopped = true;
      },
    };
  };
  const leftOut = { leave: 'silence is forgotten after a minute', fail: 'see above: an interface that is not there' };
  for (const { name, run } of strategyConformance(world, leftOut)) test(name, run);
});

describe('heartbeats', () => {
  test('are those of a BEAM, both ways', async () => {
    for (const node of ['e@127.0.0.1', `${'x'.repeat(200)}@${'y'.repeat(50)}`]) {
      const bytes = encodeHeartbeat(node, undefined);
      const said = await erlang.eval(`(fun(<<"heartbeat::", Term/binary>>, Expected) ->
          Expected = binary_to_term(Term),
          binary_to_list(base64:encode(<<"heartbeat::", (term_to_binary(Expected))/binary>>))
        end)(<<${[...bytes].join()}>>, #{node => list_to_atom("${node}")}).`);
      const theirs = Buffer.from(JSON.parse(said) as string, 'base64');
      expect(decodeHeartbeat(theirs, undefined)).toBe(node);
    }
  });

  test('of another secret, of none, and of one where none is, are not heard', () => {
    const node = 'e@h';
    expect(decodeHeartbeat(encodeHeartbeat(node, 's'), 's')).toBe(node);
    expect(decodeHeartbeat(encodeHeartbeat(node, 's'), undefined)).toBeUndefined();
    expect(decodeHeartbeat(encodeHeartbeat(node, undefined), 's')).toBeUndefined();
    for (let i = 0; i < 300; i++) expect(decodeHeartbeat(encodeHeartbeat(node, `t${i}`), 's')).toBeUndefined();
  });

  test('that are anything else are none: any bytes, any change, any beginning', () => {
    const good = encodeHeartbeat('e@h', undefined);
    for (let size = 0; size < good.length; size++)
      expect(decodeHeartbeat(good.subarray(0, size), undefined)).toBeUndefined();
    expect(decodeHeartbeat(Buffer.concat([good, Buffer.of(0)]), undefined)).toBeUndefined();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.boolean(), (bytes, sealed) => {
        const key = createHash('sha256').update('s').digest();
        const iv = randomBytes(16);
        const cipher = createCipheriv('aes-256-cbc', key, iv);
        const plain = Buffer.concat([Buffer.from('heartbeat::'), bytes]);
        const datagram = sealed ? Buffer.concat([iv, cipher.update(plain), cipher.final()]) : Buffer.from(bytes);
        expect(decodeHeartbeat(datagram, sealed ? 's' : undefined)).toBeUndefined();
        expect(decodeHeartbeat(Buffer.from(bytes), 's')).toBeUndefined();
      }),
    );
  });
});
