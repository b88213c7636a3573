import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeQuestion, type Question, readAnswer, readMessage } from '../../../src/discovery/srv/message.js';
import { ProtocolError } from '../../../src/errors.js';
import { aRecord, message, NXDOMAIN, srvRecord } from '../../support/dns-hostile.js';

const name = 'n1.cluster.test';
const questions: readonly Question[] = [
  { name, type: 'SRV' },
  { name, type: 'A' },
  { name, type: 'AAAA' },
];
const id = 0x1234;

/** What whoever asks gets to see of any bytes. */
function outcome(bytes: Uint8Array, question: Question): unknown {
  try {
    const read = readMessage(bytes, id, question);
    return typeof read === 'string' ? read : readAnswer(read, question);
  } catch (error) {
    // Nothing but this may be thrown, whatever the codec does.
    expect(error).toBeInstanceOf(ProtocolError);
    return 'malformed';
  }
}

const seeds = questions.flatMap((question) => [
  message({ id, ...question }, { answers: [srvRecord(name, name), aRecord(name, '10.0.0.1'), aRecord(name, '::1')] }),
  message(
    { id, ...question },
    { answers: [{ type: 'CNAME', name, ttl: 1, data: 'b.test' }, srvRecord('b.test', name)] },
  ),
  message(
    { id, ...question },
    {
      rcode: NXDOMAIN,
      authorities: [
        {
          type: 'SOA',
          name: 'test',
          ttl: 9,
          data: { mname: 'a', rname: 'b', serial: 1, refresh: 1, retry: 1, expire: 1, minimum: 5 },
        },
      ],
    },
  ),
]);

describe('whatever a server sends', () => {
  test('random bytes are an answer, none, or a ProtocolError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), fc.constantFrom(...questions), (bytes, question) => {
        // The id is right: others are not even looked at.
        if (bytes.length > 2) bytes.set([id >> 8, id & 0xff, (bytes[2] ?? 0) | 0x80]);
        outcome(bytes, question);
      }),
    );
  });

  test('so are damaged messages', () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(
        fc.constantFrom(...seeds),
        fc.constantFrom(...questions),
        damage,
        fc.nat(),
        (seed, question, changes, cut) => {
          const bytes = Buffer.from(seed.subarray(0, cut % 3 === 0 ? 2 + (cut % seed.length) : seed.length));
          for (const [at, value] of changes) bytes[2 + (at % Math.max(1, bytes.length - 2))] = value;
          outcome(bytes, question);
        },
      ),
    );
  });
});

describe('what a message says', () => {
  const [srv, a] = questions as [Question, Question];
  const says = (question: Question, reply: Parameters<typeof message>[1]) =>
    outcome(message({ id, ...question }, reply), question);

  test('records, and the shortest TTL on the way to them', () => {
    const alias = { type: 'CNAME', name, ttl: 5, data: 'b.test' };
    expect(says(a, { answers: [alias, aRecord('b.test', '10.0.0.1', 60), aRecord('b.test', '10.0.0.2', 50)] })).toEqual(
      {
        records: ['10.0.0.1', '10.0.0.2'],
        exists: true,
        ttl: 5,
      },
    );
    expect(says(srv, { answers: [srvRecord(name, 'T.test', 9, { priority: 1, weight: 2 })] })).toEqual({
      records: [{ priority: 1, weight: 2, port: 9, target: 'T.test' }],
      exists: true,
      ttl: 30,
    });
  });

  test('a TTL with the highest bit set is 0', () => {
    expect(says(a, { answers: [aRecord(name, '10.0.0.1', 0x8000_0000)] })).toMatchObject({ ttl: 0 });
  });

  test('no such name, and for how long', () => {
    const soa = (ttl: number, minimum: number) => ({
      type: 'SOA',
      name: 'test',
      ttl,
      data: { mname: 'a', rname: 'b', serial: 1, refresh: 1, retry: 1, expire: 1, minimum },
    });
    expect(says(a, { rcode: NXDOMAIN, authorities: [soa(9, 5)] })).toEqual({ records: [], exists: false, ttl: 5 });
    expect(says(a, { authorities: [soa(4, 5)] })).toEqual({ records: [], exists: true, ttl: 4 });
    expect(says(a, { rcode: NXDOMAIN })).toEqual({ records: [], exists: false, ttl: 0 });
  });

  test('where to ask on', () => {
    expect(says(a, { answers: [{ type: 'CNAME', name, ttl: 5, data: 'B.test' }] })).toEqual({
      askAt: 'b.test',
      ttl: 5,
    });
  });

  test('a question is one datagram of a header, the question and EDNS', () => {
    expect(encodeQuestion(srv, id, false).toString('hex')).toBe(
      '123401000001000000000000026e3107636c757374657204746573740000210001',
    );
    expect(encodeQuestion(srv, id, true).toString('hex')).toBe(
      '123401000001000000000001026e3107636c757374657204746573740000210001' + '00002904d0000000000000',
    );
  });
});
