import { describe, expect, test } from 'vitest';
import {
  consul,
  type Discovery,
  epmd,
  firstOf,
  type Registrant,
  type Registration,
  srv,
  staticNodes,
} from '../../src/discovery/index.js';
import { ArgumentError, ConnectionError, ProtocolError } from '../../src/errors.js';
import { aRecord, hostileDns, NXDOMAIN, SERVFAIL, soaRecord, srvRecord } from '../support/dns-hostile.js';
import { startErlang } from '../support/erlang.js';
import { fakeEpmd } from './epmd/fake-epmd.js';

const signal = new AbortController().signal;
const self: Registrant = { node: 'a@h', port: 1, hidden: false };

const knowing = (name: string, port: number): Discovery => ({
  name,
  resolve: () => Promise.resolve([{ host: name, port }]),
});
const ignorant: Discovery = { name: 'ignorant', resolve: () => Promise.resolve([]) };
const failing: Discovery = {
  name: 'failing',
  resolve: () => Promise.reject(new ConnectionError('epmd_unreachable', 'no road there')),
};
/** Pays no attention to its signal. */
const hanging: Discovery = { name: 'hanging', resolve: () => new Promise(() => {}) };
const quickly = { discovery: hanging, timeout: 20 };

describe('resolve', () => {
  test('the first that knows decides, whatever those before it did', async () => {
    const chain = firstOf(ignorant, failing, quickly, knowing('third', 3), knowing('fourth', 4));
    expect(await chain.resolve('a@h', { signal })).toEqual([{ host: 'third', port: 3 }]);
  });

  test('nobody knows: nowhere', async () => {
    expect(await firstOf(ignorant, ignorant).resolve('a@h', { signal })).toEqual([]);
  });

  test('nobody knows and somebody failed: what each one said', async () => {
    const answer = firstOf(ignorant, failing, quickly).resolve('a@h', { signal });
    await expect(answer).rejects.toMatchObject({
      code: 'epmd_unreachable',
      message:
        'nobody could say where a@h is: ignorant: unknown; failing: no road there; hanging: no answer within 20 ms',
      cause: { code: 'epmd_unreachable' },
    });
    const bad: Discovery = {
      name: 'bad',
      resolve: () => Promise.reject(new ProtocolError('unexpected_message', 'rubbish')),
    };
    await expect(firstOf(bad).resolve('a@h', { signal })).rejects.toMatchObject({ code: 'noport' });
  });

  test('a source of a user’s that fails in its own words is passed over as well', async () => {
    const fetching: Discovery = { name: 'mine', resolve: () => Promise.reject(new TypeError('fetch failed')) };
    const throwing = { name: 'yours', resolve: () => Promise.reject('no Error') } as Discovery;
    const atOnce = {
      name: 'theirs',
      resolve(): never {
        throw new TypeError('at once');
      },
    } as Discovery;
    const chain = firstOf(fetching, throwing, atOnce, knowing('y', 1));
    expect(await chain.resolve('a@h', { signal })).toEqual([{ host: 'y', port: 1 }]);
    await expect(firstOf(fetching, throwing).resolve('a@h', { signal })).rejects.toMatchObject({
      code: 'noport',
      message: expect.stringMatching(/mine: fetch failed; yours: it threw something that is no Error/),
    });
  });

  test('the caller’s fault is not passed over', async () => {
    const refusing: Discovery = { name: 'x', resolve: () => Promise.reject(new ArgumentError('badarg', 'no name')) };
    await expect(firstOf(refusing, knowing('y', 1)).resolve('a@h', { signal })).rejects.toBeInstanceOf(ArgumentError);
  });

  test('the caller gives up: nobody else is asked', async () => {
    const abort = new AbortController();
    let asked = 0;
    const counting: Discovery = {
      name: 'counting',
      resolve: () => {
        asked++;
        return Promise.resolve([]);
      },
    };
    const answer = expect(firstOf(hanging, counting).resolve('a@h', { signal: abort.signal }));
    abort.abort();
    await answer.rejects.toMatchObject({ code: 'aborted' });
    expect(asked).toBe(0);
  });

  test('a source is told who asks', async () => {
    const asked: unknown[] = [];
    const curious: Discovery = {
      name: 'curious',
      resolve: (node, { self }) => {
        asked.push([node, self]);
        return Promise.resolve([]);
      },
    };
    await firstOf(firstOf(curious)).resolve('a@h', { signal, self: 'me@h' });
    await firstOf(curious).resolve('a@h', { signal });
    expect(asked).toEqual([
      ['a@h', 'me@h'],
      ['a@h', undefined],
    ]);
  });

  test('a source is told when its time is up', async () => {
    let told: AbortSignal | undefined;
    const listening: Discovery = {
      name: 'listening',
      resolve: (_, options) => {
        told = options.signal;
        return new Promise(() => {});
      },
    };
    await expect(firstOf({ discovery: listening, timeout: 10 }).resolve('a@h', { signal })).rejects.toMatchObject({
      code: 'timeout',
    });
    expect(told?.aborted).toBe(true);
  });
});

describe('register', () => {
  const registry = (name: string, log: string[], registration: Partial<Registration> | Error): Discovery => ({
    ...ignorant,
    name,
    register: () => {
      log.push(`${name} opens`);
      if (registration instanceof Error) return Promise.reject(registration);
      return Promise.resolve({
        ...registration,
        close: () => {
          log.push(`${name} closes`);
          return Promise.resolve();
        },
      });
    },
  });

  test('with every source that can; the first creation counts; close closes all', async () => {
    const log: string[] = [];
    const chain = firstOf(
      ignorant,
      registry('a', log, {}),
      registry('b', log, { creation: 7 }),
      registry('c', log, { creation: 8 }),
    );
    const registration = await chain.register?.(self, { signal });
    expect(registration?.creation).toBe(7);
    await registration?.close();
    expect(log).toEqual(['a opens', 'b opens', 'c opens', 'a closes', 'b closes', 'c closes']);
  });

  test('or with none', async () => {
    const log: string[] = [];
    const refused = new ConnectionError('duplicate_name', 'taken');
    const chain = firstOf(registry('a', log, {}), registry('b', log, refused), registry('c', log, {}));
    await expect(chain.register?.(self, { signal })).rejects.toBe(refused);
    expect(log).toEqual(['a opens', 'b opens', 'a closes']);
  });
});

test('names are put together, the first source’s word counts, a failure among them is passed over', async () => {
  const listing = (name: string, names: { name: string; port: number }[]): Discovery => ({
    ...ignorant,
    name,
    names: () => Promise.resolve(names),
  });
  const failed: Discovery = { ...failing, names: () => Promise.reject(new ConnectionError('epmd_unreachable', 'no')) };
  const chain = firstOf(
    listing('a', [{ name: 'x', port: 1 }]),
    ignorant,
    failed,
    listing('b', [
      { name: 'x', port: 2 },
      { name: 'y', port: 3 },
    ]),
  );
  expect(await chain.names?.('h')).toEqual([
    { name: 'x', port: 1 },
    { name: 'y', port: 3 },
  ]);
  await expect(firstOf(failed).names?.('h')).rejects.toMatchObject({ code: 'epmd_unreachable' });
});

describe('what sources keep, they keep in a chain, too', () => {
  test('an answer of DNS, also that nobody is there, is asked for once; a table is looked at each time', async () => {
    await using dns = await hostileDns((query) => {
      if (!query.name.startsWith('known')) query.reply({ rcode: NXDOMAIN, authorities: [soaRecord('cluster.test')] });
      else if (query.type === 'SRV') query.reply({ answers: [srvRecord(query.name, query.name)] });
      else query.reply({ answers: query.type === 'A' ? [aRecord(query.name, '127.0.0.1')] : [] });
    });
    const table = staticNodes({ env: {} });
    const chain = firstOf(firstOf(srv({ servers: [dns.address], env: {} })), { discovery: table, timeout: 1000 });
    for (let time = 0; time < 3; time++) {
      expect(await chain.resolve('known@cluster.test', { signal })).toMatchObject([{ host: '127.0.0.1', port: 4370 }]);
      expect(await chain.resolve('new@cluster.test', { signal })).toEqual([]);
    }
    for (const name of ['known', 'new'])
      expect(dns.asked.filter((asked) => asked === `SRV ${name}.cluster.test`)).toHaveLength(1);
    table.add('new@cluster.test', 9100);
    expect(await chain.resolve('new@cluster.test', { signal })).toMatchObject([{ port: 9100 }]);
    table.remove('new@cluster.test');
    expect(await chain.resolve('new@cluster.test', { signal })).toEqual([]);
  });

  test('a failure is not kept: the next question goes to the same source again', async () => {
    let up = false;
    await using dns = await hostileDns((query) => {
      if (!up) query.reply({ rcode: SERVFAIL });
      else query.reply({ answers: query.type === 'SRV' ? [srvRecord(query.name, '7f000001.addr.dc1.consul')] : [] });
    });
    const options = { servers: [dns.address], env: {}, retries: 0, mapping: consul({ service: 'app' }) };
    const chain = firstOf(srv(options), staticNodes({ env: {} }));
    await expect(chain.resolve('app@127.0.0.1', { signal })).rejects.toMatchObject({
      code: 'dns_failure',
      message: expect.stringMatching(/^nobody could say .*: srv: .*SERVFAIL.*; static: unknown$/) as string,
    });
    up = true;
    expect(await chain.resolve('app@127.0.0.1', { signal })).toMatchObject([{ host: '127.0.0.1', port: 4370 }]);
  });
});

test('names are those of the table and of a real EPMD, whose own failure costs its timeout and no more', async () => {
  await using erlang = await startErlang();
  const [alive = ''] = erlang.name.split('@');
  const table = staticNodes({ env: {}, nodes: { 'x@127.0.0.1': 9100 } });
  const chain = firstOf(table, { discovery: firstOf(epmd({ port: erlang.epmdPort, env: {} })), timeout: 5000 });
  const listed = await chain.names?.('127.0.0.1');
  expect(listed?.map(({ name }) => name)).toEqual(expect.arrayContaining(['x', alive]));
  // Takes connections and never answers.
  await using silent = await fakeEpmd(() => {});
  const delayed = firstOf({ discovery: epmd({ port: silent.port, env: {} }), timeout: 50 }, table);
  expect(await delayed.names?.('127.0.0.1')).toEqual([{ name: 'x', port: 9100 }]);
});

test('listenPort is the first one’s that has a wish', () => {
  const wishing = (port: number | undefined): Discovery => ({ ...ignorant, listenPort: () => port });
  expect(firstOf(ignorant, wishing(undefined), wishing(5), wishing(6)).listenPort?.('a@h')).toBe(5);
  expect(firstOf(wishing(undefined)).listenPort?.('a@h')).toBeUndefined();
});

test('it has the members its sources have, and a name that shows them', () => {
  const chain = firstOf(ignorant, { discovery: failing, timeout: 5 });
  expect(chain.name).toBe('firstOf(ignorant, failing)');
  expect(chain.register).toBeUndefined();
  expect(chain.names).toBeUndefined();
  expect(chain.listenPort).toBeUndefined();
  expect(() => firstOf()).toThrow(ArgumentError);
  expect(() => firstOf({ discovery: ignorant, timeout: 0 })).toThrow(ArgumentError);
});
