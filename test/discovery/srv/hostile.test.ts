// Name servers that lie, loop, stall, and send what no real one does: a typed error in time, or the true answer.
import { describe, expect, test } from 'vitest';
import { type NodeName, type SrvOptions, srv } from '../../../src/discovery/index.js';
import {
  aRecord,
  type HostileDns,
  hostileDns,
  message,
  NOTIMP,
  NXDOMAIN,
  type Query,
  REFUSED,
  SERVFAIL,
  srvRecord,
} from '../../support/dns-hostile.js';

const node = 'n1@cluster.test';
const name = 'n1.cluster.test';
const never = new AbortController().signal;

/** Long for what answers, shorter where a test waits for the end of it; such tests wait together. */
const patient: SrvOptions = { timeout: 10_000, firstTimeout: 3000 };
const brief: SrvOptions = { timeout: 2000, firstTimeout: 800, retries: 0 };

async function places(dns: HostileDns, options: SrvOptions, of: NodeName = node): Promise<string[]> {
  const discovery = srv({ servers: [dns.address], env: {}, families: [4], ...options });
  return (await discovery.resolve(of, { signal: never })).map(({ host, port }) => `${host} ${port}`);
}

/** The truth about n1, for what a test does not lie about. */
function truth(query: Query): void {
  if (query.name !== name) query.reply({ rcode: NXDOMAIN });
  else if (query.type === 'SRV') query.reply({ answers: [srvRecord(name, name)] });
  else query.reply({ answers: query.type === 'A' ? [aRecord(name, '127.0.0.1')] : [] });
}

const found = ['127.0.0.1 4370'];
const ofSrv = (lie: (query: Query) => void) => (query: Query) => (query.type === 'SRV' ? lie(query) : truth(query));

describe.concurrent('is not believed, and then it is too late', () => {
  test.each<[string, (query: Query) => void, RegExp]>([
    ['says nothing', () => {}, /did not answer within \d+ ms/],
    ['answers with another id', (query) => query.reply({ id: query.id ^ 1, answers: [srvRecord(name, name)] }), /id/],
    [
      'answers for another name',
      (query) => query.reply({ question: { name: 'evil.test', type: 'SRV' }, answers: [srvRecord(name, name)] }),
      /an answer for SRV evil\.test/,
    ],
    [
      'answers another question about the name',
      (query) => query.reply({ question: { name, type: 'A' }, answers: [srvRecord(name, name)] }),
      /an answer for A n1/,
    ],
    ['echoes the question', (query) => query.raw(withBytes(message(query), [[2, 0]])), /a question/],
    ['sends a few bytes', (query) => query.raw(Buffer.from([1, 2, 3])), /shorter than a header/],
    [
      'sends no question back',
      (query) => query.raw(withBytes(message(query).subarray(0, 12), [[5, 0]])),
      /an answer for nothing/,
    ],
  ])('a server that %s', async (_, lie, why) => {
    await using dns = await hostileDns(ofSrv(lie));
    await expect(places(dns, brief)).rejects.toMatchObject({
      name: 'ConnectionError',
      code: 'timeout',
      message: expect.stringMatching(why) as string,
    });
  });

  test('the true answer counts even if a hundred others come before it', async () => {
    await using dns = await hostileDns((query) => {
      if (query.type === 'SRV') for (let i = 1; i <= 100; i++) query.raw(message({ ...query, id: query.id ^ i }));
      truth(query);
    });
    expect(await places(dns, patient)).toEqual(found);
  });
});

describe('is an error that says what came', () => {
  const malformed = 'ProtocolError unexpected_message';
  const failed = 'ConnectionError dns_failure';
  const noHost = 'ConnectionError unknown_host';

  test.each<[string, (query: Query) => void, string, RegExp]>([
    ['a count of records that are not there', (query) => query.raw(counting(query, 10_000)), malformed, /malformed/],
    [
      'a name that points at itself',
      (query) => query.raw(withRecord(query, Buffer.from([0xc0, message(query).length]))),
      malformed,
      /bad pointer/,
    ],
    [
      'labels longer than the message',
      (query) => query.raw(withRecord(query, Buffer.from([63]))),
      malformed,
      /malformed/,
    ],
    ['SERVFAIL', (query) => query.reply({ rcode: SERVFAIL }), failed, /SERVFAIL/],
    ['REFUSED', (query) => query.reply({ rcode: REFUSED }), failed, /REFUSED/],
    [
      'an alias of itself',
      (query) => query.reply({ answers: [alias(name, name)] }),
      malformed,
      /aliases .* run in a circle/,
    ],
    [
      'aliases in a circle',
      (query) => query.reply({ answers: [alias(name, 'b.test'), alias('b.test', name)] }),
      malformed,
      /aliases .* run in a circle/,
    ],
    [
      'aliases from one question to the next, without end',
      (query) => query.reply({ answers: [alias(query.name, `x${query.name}`)] }),
      malformed,
      /aliases \(CNAME\) that do not end/,
    ],
    [
      'an alias for an address',
      (query) => query.reply({ answers: [alias(name, '10.0.0.1')] }),
      malformed,
      /10\.0\.0\.1/,
    ],
    ['a target that is an address', ofTarget('127.0.0.1'), malformed, /address in the place of a name/],
    ['a target that is a number', ofTarget('2130706433'), malformed, /address in the place of a name/],
    ['a target that is a hexadecimal number', ofTarget('0x7f.0x1'), malformed, /address in the place of a name/],
    ['a target that is an address of IPv6', ofTarget('::1'), malformed, /address in the place of a name/],
    ['a target that is nowhere', ofTarget('nowhere.test'), noHost, /nowhere\.test/],
    [
      'records of another name',
      (query) => query.reply({ answers: [srvRecord('x.test', name)] }),
      'ConnectionError noport',
      /no SRV/,
    ],
  ])('%s', async (_, lie, error, why) => {
    await using dns = await hostileDns((query) =>
      query.type !== 'A' || query.name === 'nowhere.test' ? lie(query) : query.reply({ rcode: NXDOMAIN }),
    );
    const outcome = await places(dns, { ...patient, retries: 0 }).catch((thrown: unknown) => thrown);
    const { name: kind, code, message: text } = outcome as { name: string; code: string; message: string };
    expect(`${kind} ${code}`).toBe(error);
    expect(text).toMatch(why);
  });

  test('control characters of the server’s are escaped', async () => {
    await using dns = await hostileDns(
      ofSrv((query) => query.reply({ answers: [srvRecord(name, 'a\nb\u001b[31m.1')] })),
    );
    const error: unknown = await places(dns, patient).catch((thrown: unknown) => thrown);
    expect((error as Error).message).toMatch(/^[\x20-\x7e]+$/);
  });
});

describe.concurrent('over TCP', () => {
  const truncated = (then: (query: Query) => void) => (query: Query) => {
    if (query.type !== 'SRV') truth(query);
    else if (query.overTcp) then(query);
    else query.reply({ truncated: true });
  };

  test('an answer that does not fit', async () => {
    await using dns = await hostileDns(truncated(truth));
    expect(await places(dns, patient)).toEqual(found);
    expect(dns.asked).toContain(`SRV ${name} tcp`);
  });

  test('an answer in single bytes', async () => {
    await using dns = await hostileDns(
      truncated((query) => {
        const whole = message(query, { answers: [srvRecord(name, name)] });
        query.socket?.setNoDelay(true);
        for (const byte of [0, whole.length, ...whole]) query.socket?.write(Buffer.from([byte]));
      }),
    );
    expect(await places(dns, patient)).toEqual(found);
  });

  test('what follows the declared size is not read', async () => {
    await using dns = await hostileDns(
      truncated((query) => {
        truth(query);
        query.socket?.write(Buffer.alloc(1_000_000));
      }),
    );
    expect(await places(dns, patient)).toEqual(found);
  });

  test('as many records as 64 KB hold: a few are tried, the rest costs little', async () => {
    await using dns = await hostileDns(
      truncated((query) => {
        const question = message(query);
        const records = Array.from({ length: 3270 }, (_, i) => compressed(1 + i));
        const counted = withBytes(question, [
          [6, records.length >> 8],
          [7, records.length & 0xff],
        ]);
        query.raw(Buffer.concat([counted, ...records]));
      }),
    );
    const before = process.memoryUsage().heapUsed;
    expect(await places(dns, patient)).toHaveLength(8);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(50_000_000);
  });

  test.each<[string, (query: Query) => void, string]>([
    ['is refused in the middle of it', (query) => query.socket?.destroy(), 'unexpected_message'],
    ['is cut off', (query) => query.socket?.end(Buffer.from([255, 255, 1, 2, 3])), 'unexpected_message'],
    ['is for another question', (query) => query.raw(message({ ...query, id: query.id ^ 1 })), 'unexpected_message'],
    ['never comes', () => {}, 'timeout'],
    ['stops in the middle', (query) => query.socket?.write(Buffer.from([255, 255, 0])), 'timeout'],
  ])('an answer that %s', async (_, lie, code) => {
    await using dns = await hostileDns(truncated(lie));
    await expect(places(dns, brief)).rejects.toMatchObject({ code });
  });
});

describe('a server that is only slow, old or moody', () => {
  test('is asked again when it says nothing', async () => {
    await using dns = await hostileDns((query) => (query.count < 3 ? undefined : truth(query)));
    expect(await places(dns, { ...patient, firstTimeout: 50, retries: 6 })).toEqual(found);
  });

  test('is asked again when it failed', async () => {
    let failures = 2;
    await using dns = await hostileDns(
      ofSrv((query) => (failures-- > 0 ? query.reply({ rcode: SERVFAIL }) : truth(query))),
    );
    expect(await places(dns, patient)).toEqual(found);
  });

  test('is not waited for where another one answers', async () => {
    await using slow = await hostileDns(() => {});
    await using quick = await hostileDns(truth);
    expect(
      await places(quick, { ...patient, firstTimeout: 50, retries: 6, servers: [slow.address, quick.address] }),
    ).toEqual(found);
  });

  test('gets a question without EDNS if it does not know it', async () => {
    await using dns = await hostileDns((query) =>
      query.payload === undefined ? truth(query) : query.reply({ rcode: NOTIMP }),
    );
    expect(await places(dns, patient)).toEqual(found);
  });

  test('is told the size of datagrams that get through', async () => {
    const payloads = new Set<number | undefined>();
    await using dns = await hostileDns((query) => {
      payloads.add(query.payload);
      truth(query);
    });
    await places(dns, patient);
    expect([...payloads]).toEqual([1232]);
  });

  test('says everything in capitals', async () => {
    const shout = (text: string) => text.toUpperCase();
    await using dns = await hostileDns((query) => {
      const question = { name: shout(query.name), type: query.type };
      if (query.type === 'SRV') query.reply({ question, answers: [srvRecord(shout(name), shout(name))] });
      else query.reply({ question, answers: [aRecord(shout(name), '127.0.0.1')] });
    });
    expect(await places(dns, patient)).toEqual(found);
  });

  test('keeps addresses of one family to itself: the other is enough', async () => {
    await using dns = await hostileDns((query) => (query.type === 'AAAA' ? undefined : truth(query)));
    expect(await places(dns, { ...patient, families: [6, 4] })).toEqual(found);
  });

  test('leads on with an alias, and is asked there', async () => {
    await using dns = await hostileDns((query) => {
      if (query.type === 'SRV' && query.name === name) query.reply({ answers: [alias(name, 'real.test')] });
      else if (query.type === 'SRV') query.reply({ answers: [srvRecord('real.test', name)] });
      else truth(query);
    });
    expect(await places(dns, patient)).toEqual(found);
  });
});

test('when the caller gives up, nothing is asked any more', async () => {
  await using dns = await hostileDns(() => {});
  const abort = new AbortController();
  const asking = srv({ servers: [dns.address], env: {} }).resolve(node, { signal: abort.signal });
  while (dns.asked.length < 3) await new Promise((resolve) => setTimeout(resolve, 5));
  abort.abort();
  await expect(asking).rejects.toMatchObject({ code: 'aborted' });
});

function ofTarget(target: string): (query: Query) => void {
  return (query) => query.reply(query.type === 'SRV' ? { answers: [srvRecord(name, target)] } : { rcode: NXDOMAIN });
}

function alias(from: string, to: string): object {
  return { type: 'CNAME', name: from, ttl: 30, data: to };
}

function withBytes(bytes: Buffer, changes: readonly (readonly [number, number])[]): Buffer {
  const changed = Buffer.from(bytes);
  for (const [at, value] of changes) changed[at] = value;
  return changed;
}

/** A message that says it has so many answers, and has none. */
function counting(query: Query, answers: number): Buffer {
  return withBytes(message(query), [
    [6, answers >> 8],
    [7, answers & 0xff],
  ]);
}

/** A message with one answer of these bytes. */
function withRecord(query: Query, record: Buffer): Buffer {
  return Buffer.concat([counting(query, 1), record]);
}

/** An SRV record of 20 bytes: its name and its target are those of the question, and it has another port. */
function compressed(port: number): Buffer {
  const record = Buffer.from([0xc0, 12, 0, 33, 0, 1, 0, 0, 0, 30, 0, 8, 0, 0, 0, 0, 0, 0, 0xc0, 12]);
  record.writeUInt16BE(port, 16);
  return record;
}
