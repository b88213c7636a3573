// The same random requests to the real daemon and to our server: the same answers, the same connections left open.
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { nameFault } from '../../../src/discovery/epmd/messages.js';
import { type EpmdServer, epmdServer } from '../../../src/discovery/index.js';
import { type Epmd, startEpmd } from '../../support/epmd.js';
import { alive2, framed, openRaw } from './raw.js';

let daemon: Epmd;
let server: EpmdServer;
beforeAll(async () => {
  daemon = await startEpmd();
  server = await epmdServer({ port: 0, env: {} });
});
afterAll(async () => {
  await server.close();
  await daemon.stop();
});

const u16 = fc.integer({ min: 0, max: 0xffff });
const byte = fc.integer({ min: 0, max: 0xff });
/** Few names, so that they meet; control characters are where we are stricter, so there are none. */
const name = fc.oneof(
  fc.constantFrom('a', 'b', 'å', 'two words', '\u{1f600}', 'x'.repeat(255), 'y'.repeat(256), 'z'.repeat(1021)),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }),
);
const bytesOfName = fc.oneof(
  { weight: 4, arbitrary: name.map((text) => Buffer.from(text)) },
  fc.uint8Array({ minLength: 1, maxLength: 6 }).map((bytes) => Buffer.from(bytes)),
);

const body = fc.oneof(
  fc
    .record(
      {
        name: bytesOfName,
        port: u16,
        type: byte,
        protocol: byte,
        high: fc.oneof(fc.integer({ min: 4, max: 7 }), u16),
        low: u16,
        extra: fc.uint8Array({ maxLength: 4 }),
        nameLength: fc.integer({ min: 0, max: 12 }),
        extraLength: fc.integer({ min: 0, max: 6 }),
      },
      { requiredKeys: ['name'] },
    )
    .map(alive2),
  fc.tuple(bytesOfName, fc.constantFrom('', '\0', '\0\0')).map(([text, end]) => Buffer.from(`z${text}${end}`)),
  fc
    .tuple(fc.constantFrom('n', 's', 'q', 'w'), bytesOfName)
    .map(([op, rest]) => Buffer.concat([Buffer.from(op), rest])),
  fc.uint8Array({ minLength: 1, maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
);

/** A second part of the bytes behind the request, or not all of it. */
const request = fc.tuple(body, fc.constantFrom(0, 0, 0, 0, 1, -1)).map(([bytes, more]) => {
  const whole = framed(bytes);
  return more > 0 ? Buffer.concat([whole, Buffer.from([0])]) : whole.subarray(0, whole.length + more);
});

/** Where we are stricter, or must not ask the daemon: KILL ends it, DUMP shows its file descriptors. */
function comparable(bytes: Buffer): boolean {
  const op = bytes[2];
  if (op === 100 || op === 107) return false;
  if (op !== 120 || bytes.length < 14) return true;
  const text = bytes.subarray(13, 13 + bytes.readUInt16BE(11)).toString();
  const fault = nameFault(text);
  return fault === undefined || !/control|empty/.test(fault);
}

interface Conversation {
  /** What became of the request so far, without the numbers that differ between any two daemons. */
  outcome(ms: number): Promise<string>;
  end(): Promise<void>;
}

async function converse(port: number, bytes: Buffer): Promise<Conversation> {
  const exchange = await openRaw(port);
  exchange.send(bytes);
  return {
    async outcome(ms) {
      const state = await exchange.closed(ms);
      const hex = exchange.bytes().toString('hex');
      if (/^7600.{8}$/.test(hex)) return `${state}: 7600 and a creation`;
      if (/^7900000[1-3]$/.test(hex)) return `${state}: 7900 and a creation`;
      return bytes[2] === 110 ? `${state}: ${exchange.bytes().subarray(4)}` : `${state}: ${hex}`;
    },
    end: () => exchange.end(),
  };
}

test('the daemon and our server agree on sequences of requests', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(request.filter(comparable), { minLength: 1, maxLength: 6 }), async (requests) => {
      const open: Conversation[] = [];
      try {
        for (const bytes of requests) {
          const pair = await Promise.all([converse(daemon.port, bytes), converse(server.port, bytes)]);
          open.push(...pair);
          const outcomes = (ms: number) => Promise.all(pair.map((conversation) => conversation.outcome(ms)));
          let [theirs, ours] = await outcomes(20);
          // Different so far: one of them may just be slow.
          if (theirs !== ours) [theirs, ours] = await outcomes(3000);
          expect(ours, bytes.toString('hex')).toBe(theirs);
        }
      } finally {
        for (const exchange of open) await exchange.end();
      }
    }),
    { numRuns: Number(process.env['FC_RUNS'] ?? 25) },
  );
}, 60_000);
