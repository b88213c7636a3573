import { describe, expect, test } from 'vitest';
import { type NodeName, type SrvOptions, srv } from '../../../src/discovery/index.js';
import { AnswerCache } from '../../../src/discovery/srv/cache.js';
import type { Answer } from '../../../src/discovery/srv/records.js';
import {
  aRecord,
  hostileDns,
  NXDOMAIN,
  type Query,
  SERVFAIL,
  soaRecord,
  srvRecord,
} from '../../support/dns-hostile.js';

const never = new AbortController().signal;
const here = (ttl: number): Answer<string> => ({ records: ['x'], exists: true, ttl });
const nothing = (ttl: number): Answer<string> => ({ records: [], exists: false, ttl });

describe('the cache', () => {
  /** A cache with a clock that a test sets, and a count of what was really asked. */
  function world(options: ConstructorParameters<typeof AnswerCache>[0] = {}) {
    const clock = { now: 1000, asked: 0 };
    const cache = new AnswerCache(options, () => clock.now);
    const ask = (key: string, answer: Answer<string>) =>
      cache.answer(key, never, () => {
        clock.asked++;
        return Promise.resolve(answer);
      });
    return { clock, cache, ask };
  }

  test('keeps an answer for its TTL and no second longer', async () => {
    const { clock, ask } = world();
    await ask('a', here(7));
    clock.now += 6.9;
    expect(await ask('a', here(7))).toEqual(here(7));
    expect(clock.asked).toBe(1);
    clock.now += 0.1;
    await ask('a', here(7));
    expect(clock.asked).toBe(2);
  });

  test('keeps nothing with TTL 0', async () => {
    const { clock, cache, ask } = world();
    await ask('a', here(0));
    await ask('a', here(0));
    expect(clock.asked).toBe(2);
    expect(cache.size).toBe(0);
  });

  test('believes nobody for ever', async () => {
    const { clock, ask } = world({ maxTtl: 60, maxNegativeTtl: 3 });
    await ask('here', here(0x7fff_ffff));
    await ask('nothing', nothing(0x7fff_ffff));
    clock.now += 3;
    await ask('here', here(1));
    expect(clock.asked).toBe(2);
    await ask('nothing', nothing(1));
    expect(clock.asked).toBe(3);
    clock.now += 57;
    await ask('here', here(1));
    expect(clock.asked).toBe(4);
  });

  test('forgets what was unused for the longest time when it is full', async () => {
    const { clock, cache, ask } = world({ entries: 2 });
    for (const key of ['a', 'b', 'a', 'c']) await ask(key, here(100));
    expect(cache.size).toBe(2);
    expect(clock.asked).toBe(3);
    await ask('a', here(100));
    expect(clock.asked).toBe(3);
    await ask('b', here(100));
    expect(clock.asked).toBe(4);
  });

  test('does not keep failures', async () => {
    const { ask, cache } = world();
    const failing = cache.answer('a', never, () => Promise.reject(new RangeError('no')));
    await expect(failing).rejects.toThrow('no');
    expect(await ask('a', here(1))).toEqual(here(1));
  });

  test('asks once for all who ask at the same time, until the last of them gives up', async () => {
    const cache = new AnswerCache({}, () => 0);
    const [one, two] = [new AbortController(), new AbortController()];
    let asking: AbortSignal | undefined;
    const ask = (signal: AbortSignal) => {
      asking = signal;
      return new Promise<Answer<string>>((_, reject) =>
        signal.addEventListener('abort', () => reject(signal.reason as Error)),
      );
    };
    const first = cache.answer('a', one.signal, ask);
    const started = asking;
    const second = cache.answer('a', two.signal, ask);
    expect(asking).toBe(started);
    one.abort();
    await expect(first).rejects.toMatchObject({ code: 'aborted' });
    expect(asking?.aborted).toBe(false);
    two.abort();
    await expect(second).rejects.toMatchObject({ code: 'aborted' });
    expect(asking?.aborted).toBe(true);
    // Whoever comes now does not get the end of the others.
    const third = cache.answer('a', never, () => Promise.resolve(here(1)));
    expect(await third).toEqual(here(1));
  });
});

describe('srv() and TTLs', () => {
  const node: NodeName = 'n1@cluster.test';
  const name = 'n1.cluster.test';
  const truth = (query: Query) =>
    query.type === 'SRV'
      ? query.reply({ answers: [srvRecord(name, name)] })
      : query.reply({ answers: [aRecord(name, '127.0.0.1')] });

  async function questions(
    answer: (query: Query) => void,
    times: number,
    cache?: SrvOptions['cache'],
  ): Promise<number> {
    await using dns = await hostileDns(answer);
    const discovery = srv({
      servers: [dns.address],
      env: {},
      families: [4],
      retries: 0,
      timeout: 10_000,
      firstTimeout: 5000,
      ...(cache !== undefined && { cache }),
    });
    for (let i = 0; i < times; i++) await discovery.resolve(node, { signal: never }).catch(() => []);
    return dns.asked.length;
  }

  test('the SRV record and the address are asked for once', async () => {
    expect(await questions(truth, 5)).toBe(2);
  });

  test('unless nothing is to be kept', async () => {
    expect(await questions(truth, 5, false)).toBe(10);
  });

  test('that there is no such name is kept for as long as the zone says', async () => {
    const gone = (query: Query) => query.reply({ rcode: NXDOMAIN, authorities: [soaRecord('cluster.test', 60)] });
    expect(await questions(gone, 5)).toBe(2);
    const notForLong = (query: Query) => query.reply({ rcode: NXDOMAIN, authorities: [soaRecord('cluster.test', 0)] });
    expect(await questions(notForLong, 5)).toBe(10);
    const nobodySays = (query: Query) => query.reply({ rcode: NXDOMAIN });
    expect(await questions(nobodySays, 5)).toBe(10);
  });

  test('a failure is not kept', async () => {
    expect(await questions((query) => query.reply({ rcode: SERVFAIL }), 5)).toBe(10);
  });

  test('fifty who ask at once are two questions', async () => {
    await using dns = await hostileDns(truth);
    const discovery = srv({
      servers: [dns.address],
      env: {},
      families: [4],
      timeout: 10_000,
      firstTimeout: 5000,
      cache: false,
    });
    const signals = Array.from({ length: 50 }, () => new AbortController().signal);
    const answers = await Promise.all(signals.map((signal) => discovery.resolve(node, { signal })));
    for (const answer of answers) expect(answer).toEqual([{ host: '127.0.0.1', port: 4370, nodeHost: 'cluster.test' }]);
    expect(dns.asked).toHaveLength(2);
  });
});
