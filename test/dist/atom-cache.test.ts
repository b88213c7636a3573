import { describe, expect, test } from 'vitest';
import { IncomingAtoms, OutgoingAtoms } from '../../src/dist/atom-cache.js';
import { ProtocolError } from '../../src/errors.js';
import { internAtom } from '../../src/term/atom.js';

function written(atoms: OutgoingAtoms): Buffer {
  const out = Buffer.alloc(atoms.size, 0xee);
  expect(atoms.write(out, 0)).toBe(out.length);
  return out;
}

const read = (cache: IncomingAtoms, packet: Buffer) => cache.read(packet, 0, packet.length);

function bytes(hex: string): Buffer {
  return Buffer.from(hex.replaceAll(' ', ''), 'hex');
}

const texts = (atoms: readonly { readonly text: string }[]) => atoms.map(({ text }) => text);

describe('reading (protocol section 9.3, without 131, 68)', () => {
  test('three new references, then two cached ones', () => {
    const cache = new IncomingAtoms();
    const first = bytes('03 98 0f 00 0d 6a7331406c6f63616c686f7374 2c 00 ff 03 726578 AA');
    expect(texts(read(cache, first))).toEqual(['js1@localhost', '', 'rex']);
    expect(cache.end).toBe(first.length - 1);
    expect(texts(read(cache, bytes('02 07 00 ff 00')))).toEqual(['rex', 'js1@localhost']);
    expect(cache.end).toBe(5);
  });

  test('a long atom beside a cached one', () => {
    const cache = new IncomingAtoms();
    read(cache, bytes('01 08 00 01 78'));
    const text = 'é'.repeat(200);
    const header = Buffer.concat([bytes('02 08 01 05 01 90'), Buffer.from(text), bytes('00')]);
    expect(texts(read(cache, header))).toEqual([text, 'x']);
  });

  test('no references', () => {
    const cache = new IncomingAtoms();
    expect(read(cache, bytes('00'))).toEqual([]);
    expect(cache.end).toBe(1);
  });

  test('a new entry replaces what was there', () => {
    const cache = new IncomingAtoms();
    read(cache, bytes('01 08 07 01 61'));
    read(cache, bytes('01 08 07 01 62'));
    expect(texts(read(cache, bytes('01 00 07')))).toEqual(['b']);
  });

  test.each([
    ['nothing', ''],
    ['no flags', '01'],
    ['too few flags', '04 88 88'],
    ['no slot', '01 08'],
    ['no length', '01 08 00'],
    ['half a length', '01 18 00 01'],
    ['half a text', '01 08 00 05 61 62'],
    ['an empty slot', '01 00 05'],
    ['bytes that are not UTF-8', '01 08 00 02 c3 28'],
    ['256 characters', `01 18 00 01 00 ${'61'.repeat(256)}`],
    ['255 references to nothing', `ff ${'00'.repeat(128)} ${'00'.repeat(255)}`],
  ])('refuses %s', (_what, hex) => {
    const run = () => read(new IncomingAtoms(), bytes(hex));
    expect(run).toThrow(ProtocolError);
    expect(run).toThrow(expect.objectContaining({ code: 'bad_header' }));
  });
});

describe('writing', () => {
  test('what a BEAM would read: new entries once, then references', () => {
    const cache = new OutgoingAtoms();
    const [a, b] = [internAtom('js1@localhost'), internAtom('')];
    cache.begin();
    expect([cache.refer(a), cache.refer(b), cache.refer(a)]).toEqual([0, 1, 0]);
    expect(written(cache).toString('hex')).toBe(`028800000d6a7331406c6f63616c686f73740100`);
    cache.begin();
    expect([cache.refer(b), cache.refer(a)]).toEqual([0, 1]);
    expect(written(cache).toString('hex')).toBe('0200000100');
    expect([cache.hits, cache.fills]).toEqual([2, 2]);
    cache.begin();
    expect(written(cache).toString('hex')).toBe('00');
  });

  test('long atoms make all lengths of the packet long', () => {
    const cache = new OutgoingAtoms();
    const long = internAtom('é'.repeat(200));
    cache.begin();
    cache.refer(internAtom('short'));
    cache.refer(long);
    const header = written(cache);
    expect(header.subarray(0, 4).toString('hex')).toBe('02880100');
    expect(texts(read(new IncomingAtoms(), header))).toEqual(['short', long.text]);
  });

  test('an atom of exactly 255 bytes is short, one of 256 is long', () => {
    for (const size of [255, 256]) {
      const text = size === 255 ? 'a'.repeat(255) : `é${'a'.repeat(254)}`;
      const cache = new OutgoingAtoms();
      cache.begin();
      cache.refer(internAtom(text));
      expect(texts(read(new IncomingAtoms(), written(cache)))).toEqual([text]);
    }
  });

  test('a packet has at most 255 references; the rest is spelled out', () => {
    const cache = new OutgoingAtoms();
    cache.begin();
    const atoms = Array.from({ length: 300 }, (_, i) => internAtom(`many_${i}`));
    const indexes = atoms.map((atom) => cache.refer(atom));
    expect(indexes.slice(0, 255)).toEqual(Array.from({ length: 255 }, (_, i) => i));
    expect(new Set(indexes.slice(255))).toEqual(new Set([-1]));
    expect(cache.refer(atoms[7] as never)).toBe(7);
    expect(read(new IncomingAtoms(), written(cache))).toEqual(atoms.slice(0, 255));
  });

  test('a packet that is not sent leaves the cache as the peer knows it', () => {
    const cache = new OutgoingAtoms();
    const peer = new IncomingAtoms();
    const atoms = Array.from({ length: 5000 }, (_, i) => internAtom(`abort_${i}`));
    const send = (from: number, to: number, abort: boolean) => {
      cache.begin();
      const sent = atoms.slice(from, to).filter((atom) => cache.refer(atom) >= 0);
      if (abort) cache.abort();
      else expect(read(peer, written(cache))).toEqual(sent);
    };
    for (let at = 0; at < 4900; at += 100) {
      send(at, at + 100, at % 300 === 0);
      send(at + 50, at + 150, false);
      send(0, 100, at % 200 === 0);
    }
  });

  test('a slot that a packet refers to is not filled anew by the same packet', () => {
    const cache = new OutgoingAtoms();
    const peer = new IncomingAtoms();
    const atoms = Array.from({ length: 2100 }, (_, i) => internAtom(`full_${i}`));
    for (let at = 0; at < 2048; at += 128) {
      cache.begin();
      for (const atom of atoms.slice(at, at + 128)) cache.refer(atom);
      read(peer, written(cache));
    }
    // The oldest slot is next to be filled.
    cache.begin();
    expect([cache.refer(atoms[0] as never), cache.refer(atoms[2050] as never)]).toEqual([0, -1]);
    expect(read(peer, written(cache))).toEqual([atoms[0]]);
    cache.begin();
    expect([cache.refer(atoms[2050] as never), cache.refer(atoms[0] as never)]).toEqual([0, 1]);
    expect(read(peer, written(cache))).toEqual([atoms[2050], atoms[0]]);
  });
});
