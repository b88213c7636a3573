// Peers that are no BEAMs: AtomVM, which insists on more flags than OTP does, knows neither the digest bit nor the header
// with atom cache and fragments, and refuses who asks for a name.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ANNOUNCED_FLAGS, DFLAG, hasFlags, MANDATORY_FLAGS } from '../../src/dist/flags.js';
import { atom } from '../../src/term/atom.js';
import { type Fake, identityOf, type MemoryNode, network } from './network.js';

/** What AtomVM announces, and finds missing in a peer that does not announce it, bit by bit. */
const ATOMVM =
  MANDATORY_FLAGS[26] |
  DFLAG.DFLAG_DIST_MONITOR |
  DFLAG.DFLAG_DIST_MONITOR_NAME |
  DFLAG.DFLAG_UNICODE_IO |
  DFLAG.DFLAG_SMALL_ATOM_TAGS |
  DFLAG.DFLAG_SEND_SENDER |
  DFLAG.DFLAG_BIG_SEQTRACE_LABELS |
  DFLAG.DFLAG_EXIT_PAYLOAD |
  DFLAG.DFLAG_SPAWN |
  DFLAG.DFLAG_ALIAS;

const net = network();
let ours: MemoryNode;

beforeAll(async () => {
  ours = await net.start('a@memory');
});
afterAll(() => ours.node.stop());

test('we announce every flag that AtomVM wants, and not the one that it refuses', () => {
  expect(hasFlags(ANNOUNCED_FLAGS, ATOMVM)).toBe(true);
  expect(hasFlags(ANNOUNCED_FLAGS, DFLAG.DFLAG_NAME_ME)).toBe(false);
});

test('a peer with its flags is connected to, and gets packets without header', async () => {
  let accepted: Promise<Fake> | undefined;
  await net.listen('avm@memory', (stream) => {
    accepted = net.acceptAs('avm@memory', stream, { self: { ...identityOf('avm@memory'), flags: ATOMVM } });
  });
  await ours.node.connect('avm@memory');
  const peer = (await accepted) as Fake;
  expect(peer.established?.flags).toBe(ATOMVM);
  expect(ours.node.info('avm@memory')).toMatchObject({ hidden: true, release: '24' });
  ours.node.send({ name: 'main', node: 'avm@memory' }, atom('hello'));
  await expect.poll(() => Buffer.concat(peer.received).length).toBeGreaterThan(4);
  // The length of the packet, then "pass through" and the version of the control term.
  expect([...Buffer.concat(peer.received).subarray(4, 6)]).toEqual([112, 131]);
});
