// Model: whatever is referred to, in whatever packets, sent or given up, the peer reads the atoms that were meant.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ATOM_CACHE_SIZE, IncomingAtoms, MAX_REFERENCES, OutgoingAtoms } from '../../src/dist/atom-cache.js';
import { ProtocolError } from '../../src/errors.js';
import { internAtom } from '../../src/term/atom.js';

// More atoms than slots, some of them long, so that slots are refilled all the time.
const pool = Array.from({ length: ATOM_CACHE_SIZE + 500 }, (_, i) =>
  internAtom(i % 50 === 0 ? `${'ä'.repeat(130)}${i}` : `atom_${i}`),
);

const packet = fc.record({
  // A run of atoms, and some from anywhere.
  start: fc.nat(pool.length - 1),
  length: fc.nat(400),
  more: fc.array(fc.nat(pool.length - 1), { maxLength: 30 }),
  abort: fc.boolean(),
});

test('both ends of a cache agree', () => {
  fc.assert(
    fc.property(fc.array(packet, { minLength: 1, maxLength: 40 }), (packets) => {
      const ours = new OutgoingAtoms();
      const theirs = new IncomingAtoms();
      for (const { start, length, more, abort } of packets) {
        const referred = [
          ...Array.from({ length }, (_, i) => pool[(start + i) % pool.length]),
          ...more.map((index) => pool[index]),
        ].filter((atom) => atom !== undefined);
        ours.begin();
        const indexes = referred.map((atom) => ours.refer(atom));
        if (abort) {
          ours.abort();
          continue;
        }
        const header = Buffer.alloc(ours.size + 1);
        expect(ours.write(header, 0)).toBe(header.length - 1);
        const read = theirs.read(header, 0, header.length);
        expect(theirs.end).toBe(header.length - 1);
        expect(read.length).toBeLessThanOrEqual(MAX_REFERENCES);
        // toBe: atoms are interned.
        for (const [i, index] of indexes.entries()) if (index >= 0) expect(read[index]).toBe(referred[i]);
        // A packet with few atoms has them all in its header.
        if (new Set(referred).size <= MAX_REFERENCES) expect(indexes).not.toContain(-1);
      }
    }),
  );
});

test('garbage for a header is refused or read, within bounds', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (garbage) => {
      const cache = new IncomingAtoms();
      try {
        expect(cache.read(Buffer.from(garbage), 0, garbage.length).length).toBe(garbage[0]);
        expect(cache.end).toBeLessThanOrEqual(garbage.length);
      } catch (error) {
        expect(error).toBeInstanceOf(ProtocolError);
      }
    }),
  );
});
