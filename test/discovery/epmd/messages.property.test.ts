import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decodeAlive2Response,
  decodeNamesResponse,
  decodePort2Response,
  decodeRequest,
  type EpmdRequest,
  encodeAlive2Response,
  encodeNamesResponse,
  encodePort2Response,
  encodeRequest,
  type NodeInfo,
  nameFault,
} from '../../../src/discovery/epmd/messages.js';
import { LimitError, ProtocolError } from '../../../src/errors.js';

const goodName = fc
  .string({ unit: 'binary', minLength: 1, maxLength: 254 })
  .filter((name) => nameFault(name) === undefined);
const u16 = fc.integer({ min: 0, max: 0xffff });
const u8 = fc.integer({ min: 0, max: 0xff });

const node: fc.Arbitrary<NodeInfo> = fc.record({
  name: goodName,
  port: u16,
  type: u8,
  protocol: u8,
  highestVersion: u16,
  lowestVersion: u16,
  extra: fc.uint8Array({ maxLength: 1020 }).map((bytes) => Buffer.from(bytes)),
});

const request: fc.Arbitrary<Exclude<EpmdRequest, { op: 'ALIVE2_REQ refused' }>> = fc.oneof(
  node.map((fields) => ({ op: 'ALIVE2_REQ' as const, node: fields })),
  goodName.map((name) => ({ op: 'PORT_PLEASE2_REQ' as const, name })),
  goodName.map((name) => ({ op: 'STOP_REQ' as const, name })),
  fc.constantFrom('NAMES_REQ' as const, 'DUMP_REQ' as const, 'KILL_REQ' as const).map((op) => ({ op })),
);

/** Every proper prefix is incomplete, as it comes byte by byte; the whole is `value`. */
function growsTo<T>(bytes: Buffer, decode: (bytes: Buffer) => T | undefined, value: T): void {
  for (let cut = 0; cut < bytes.length; cut++)
    if (decode(bytes.subarray(0, cut)) !== undefined) expect(decode(bytes.subarray(0, cut)), `${cut}`).toBeUndefined();
  expect(decode(bytes)).toEqual(value);
}

/** A value, "more", or one of the two errors; nothing else, whatever comes. */
function holds(decode: () => unknown): void {
  try {
    decode();
  } catch (error) {
    if (!(error instanceof ProtocolError) && !(error instanceof LimitError)) throw error;
  }
}

describe('what is encoded is decoded', () => {
  test('requests', () => {
    fc.assert(fc.property(request, (value) => growsTo(encodeRequest(value), decodeRequest, value)));
  });

  test('answers to ALIVE2', () => {
    fc.assert(
      fc.property(u8, fc.integer({ min: 0, max: 0xffff_ffff }), (result, creation) => {
        const wide = encodeAlive2Response(6, { result, creation });
        growsTo(wide, decodeAlive2Response, { result, creation });
        // As for OTP: exactly its size, or it is none.
        expect(() => decodeAlive2Response(Buffer.concat([wide, Buffer.from([1])]))).toThrow(ProtocolError);
        const narrow = { result, creation: creation & 0xffff };
        growsTo(encodeAlive2Response(5, narrow), decodeAlive2Response, narrow);
      }),
    );
  });

  test('answers to PORT2, and what follows them is not looked at', () => {
    fc.assert(
      fc.property(node, fc.uint8Array({ maxLength: 5 }), (value, behind) => {
        const bytes = encodePort2Response(value);
        growsTo(bytes, decodePort2Response, value);
        expect(decodePort2Response(Buffer.concat([bytes, behind]))).toEqual(value);
      }),
    );
    growsTo(encodePort2Response(undefined), decodePort2Response, 'unknown');
  });

  test('answers to NAMES', () => {
    fc.assert(
      fc.property(u16, fc.array(fc.record({ name: goodName, port: u16 })), (port, names) => {
        expect(decodeNamesResponse(encodeNamesResponse(port, names))).toEqual(names);
      }),
    );
    // U+2028 and U+2029 end lines for JavaScript's regular expressions and for nobody else.
    const names = [{ name: 'a\u2028b', port: 1 }];
    expect(decodeNamesResponse(encodeNamesResponse(1, names))).toEqual(names);
  });
});

test('bytes that are anything: a value, more, or a typed error', () => {
  const first = fc.constantFrom(0, 107, 110, 115, 118, 119, 120, 121, 122, 255);
  fc.assert(
    fc.property(first, fc.uint8Array({ maxLength: 80 }), (op, rest) => {
      const bytes = Buffer.from([op, ...rest]);
      const head = Buffer.alloc(2);
      head.writeUInt16BE(bytes.length);
      holds(() => decodeRequest(Buffer.concat([head, bytes])));
      holds(() => decodeRequest(bytes));
      holds(() => decodeAlive2Response(bytes));
      holds(() => decodePort2Response(bytes));
      holds(() => decodePort2Response(Buffer.concat([Buffer.from([119, 0]), bytes])));
      holds(() => decodeNamesResponse(bytes));
    }),
  );
});

test('names that EPMD cannot hold', () => {
  expect(nameFault('ok name')).toBeUndefined();
  expect(nameFault('a'.repeat(255))).toBeUndefined();
  for (const name of ['', 'a'.repeat(256), '\u{1f600}'.repeat(256), 'a\nb', 'a\0', '\u007f', '\u009b'])
    expect(nameFault(name), JSON.stringify(name)).toBeTypeOf('string');
});

describe('a limit is checked when its length is read', () => {
  test('in an answer to PORT2', () => {
    const head = Buffer.from('7700 1234 4d 00 0006 0005'.replaceAll(' ', ''), 'hex');
    expect(() => decodePort2Response(Buffer.concat([head, Buffer.from([0xff, 0xff])]))).toThrow(ProtocolError);
    expect(() => decodePort2Response(Buffer.concat([head, Buffer.from([0, 1, 97, 0xff, 0xff])]))).toThrow(
      ProtocolError,
    );
  });

  test('in an answer to NAMES', () => {
    expect(() => decodeNamesResponse(Buffer.alloc(2 * 1024 * 1024 + 1))).toThrow(LimitError);
  });
});
