// Handshake, framing and first messages against a real BEAM, over a bare socket: what the machines of dist/ say is
// what OTP understands, before any node is built on them.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ANNOUNCED_FLAGS, DFLAG } from '../../src/dist/flags.js';
import { HandshakeError } from '../../src/errors.js';
import { atom } from '../../src/term/atom.js';
import { type Pid, pid, Reference, reference } from '../../src/term/identifiers.js';
import type { ImproperList } from '../../src/term/list.js';
import type { Term } from '../../src/term/term.js';
import { Tuple, type TupleOf, tuple } from '../../src/term/tuple.js';
import { type Erlang, startErlang } from '../support/erlang.js';
import { identity, listen, reach } from './bare-peer.js';

let erlang: Erlang;

beforeAll(async () => {
  erlang = await startErlang();
});
afterAll(() => erlang.stop());

const passThrough = 0xd075f5fbcn;
const fragments = 0x800000n;
const atomCache = 0x2000n;
/** What OTP 25 to 27 announce, hidden: what newer ones have more is not for all releases. */
const otp25 = 0xd07df7fbcn;
/** Without aliases, identifiers of 64 bits and UNLINK_ID. */
const otp23 = 0x101df7fbcn;
const known = (): bigint => (Number(erlang.release) < 25 ? otp23 : otp25);

describe.each([
  ['pass-through packets', passThrough],
  ['fragments', passThrough | fragments],
  ['an atom cache', passThrough | atomCache],
  ['atom cache and fragments', passThrough | atomCache | fragments],
])('with %s', (_what, flags) => {
  test('we are let in, and the ping of net_adm works both ways', async () => {
    const self = identity(flags);
    const beam = await reach(erlang, self);
    expect(beam.established).toMatchObject({ peer: erlang.name, flags: flags & known() });
    const me = pid(self.node, 1, 0, self.creation);
    const ref = reference(self.node, self.creation, [1, 2, 3]);
    // net_adm:ping is this gen call to net_kernel.
    const request = tuple(atom('is_auth'), atom(self.node));
    const message = tuple(atom('$gen_call'), tuple(me, ref), request);
    beam.send({ op: 'REG_SEND', from: me, to: 'net_kernel', message });
    expect(await beam.next()).toMatchObject({ op: 'SEND', to: me, message: tuple(ref, atom('yes')) });

    const pong = erlang.eval(`net_adm:ping('${self.node}')`);
    const monitor = await beam.next();
    if (monitor.op !== 'MONITOR_P') throw new Error(`expected a monitor, got ${monitor.op}`);
    const call = await beam.next();
    if (call.op !== 'REG_SEND') throw new Error(`expected a call, got ${call.op}`);
    expect([monitor.to, call.to]).toEqual(['net_kernel', 'net_kernel']);
    // {'$gen_call', {From, [alias | Ref]}, {is_auth, Node}}; just Ref where there are no aliases.
    const [caller, tag] = (call.message as TupleOf).at(1) as Tuple<[Pid, Reference | ImproperList]>;
    const answer = tuple(tag, atom('yes'));
    if (tag instanceof Reference) beam.send({ op: 'SEND', from: me, to: caller, message: answer });
    else beam.send({ op: 'ALIAS_SEND', from: me, to: tag.tail as Reference, message: answer });
    expect(await pong).toBe('pong');
    expect(await beam.next()).toMatchObject({ op: 'DEMONITOR_P', ref: monitor.ref });
    expect(await erlang.eval(`lists:member('${self.node}', nodes(hidden))`)).toBe('true');
    expect(await erlang.eval(`lists:member('${self.node}', nodes())`)).toBe('false');
    beam.close();
  });

  test('messages, links and monitors arrive and come back', async () => {
    const self = identity(flags);
    const beam = await reach(erlang, self);
    const me = pid(self.node, 7, 0, self.creation);
    await erlang.eval(`
      catch unregister(echo),
      register(echo, spawn(fun Loop() -> receive {P, stop} -> exit({stopped, P}); {P, M} -> P ! M, Loop() end end))`);
    const big = Buffer.alloc(300_000, 42);
    for (const message of [atom('first'), 'text', [1, 2.5, [3]], tuple(me, new Map([[1, 2]])), big, atom('first')]) {
      beam.send({ op: 'REG_SEND', from: me, to: 'echo', message: tuple(me, message) });
      const back = await beam.next();
      if (back.op !== 'SEND') throw new Error(`expected a message, got ${back.op}`);
      expect(back.to).toEqual(me);
      // Vitest's own comparison of big buffers is slow.
      if (message === big) expect(big.equals(back.message as Buffer)).toBe(true);
      else expect(back.message).toEqual(typeof message === 'string' ? Buffer.from(message) : message);
    }
    const monitored = reference(self.node, self.creation, [9, 9, 9]);
    beam.send({ op: 'MONITOR_P', from: me, to: 'echo', ref: monitored });
    beam.send({ op: 'REG_SEND', from: me, to: 'echo', message: tuple(me, atom('stop')) });
    expect(await beam.next()).toMatchObject({
      op: 'MONITOR_P_EXIT',
      from: 'echo',
      to: me,
      ref: monitored,
      reason: tuple(atom('stopped'), me),
    });
    beam.close();
  });

  test('more atoms than a cache has slots come back as they went', async () => {
    const self = identity(flags);
    const beam = await reach(erlang, self);
    const me = pid(self.node, 9, 0, self.creation);
    await erlang.eval(`catch unregister(echo), register(echo, spawn(fun L() -> receive {P, M} -> P ! M, L() end end))`);
    const unique = self.node.split('@')[0];
    const texts = Array.from({ length: 2500 }, (_, i) =>
      i % 100 === 0 ? `${'ä'.repeat(200)}${unique}${i}` : `${unique}_${i}`,
    );
    for (let round = 0; round < 2; round++) {
      for (let at = 0; at < texts.length; at += 300) {
        const atoms = texts.slice(at, at + 300).map((each) => atom(each));
        beam.send({ op: 'REG_SEND', from: me, to: 'echo', message: tuple(me, atoms) });
        // A message that nobody gets fills the caches all the same.
        beam.send({ op: 'REG_SEND', from: me, to: 'nosuch', message: atom(`${unique}_lost_${at}`) });
        beam.send({ op: 'REG_SEND', from: me, to: 'echo', message: tuple(me, atom(`${unique}_lost_${at}`)) });
        const [many, one] = [await beam.next(), await beam.next()];
        expect(many).toMatchObject({ op: 'SEND', to: me });
        expect(many.op === 'SEND' && many.message).toEqual(atoms);
        expect(one).toMatchObject({ message: atom(`${unique}_lost_${at}`) });
      }
    }
    const { atomCacheHits, atomCacheFills } = beam.connection.statistics;
    if ((flags & atomCache) === 0n) expect([atomCacheHits, atomCacheFills]).toEqual([0, 0]);
    else expect(atomCacheHits).toBeGreaterThan(10);
    beam.close();
  });

  test('large messages of several senders go both ways, and small ones between them', async () => {
    const self = identity(flags);
    const beam = await reach(erlang, self);
    const senders = [11, 12, 13].map((id) => pid(self.node, id, 0, self.creation));
    await erlang.eval(`catch unregister(echo), register(echo, spawn(fun L() ->
      receive {P, M} -> spawn(fun() -> P ! M end), L() end end))`);
    const large = senders.map((_, i) => Buffer.alloc(1_000_000 + i, `${i}x`));
    for (const [i, from] of senders.entries()) {
      beam.send({ op: 'REG_SEND', from, to: 'echo', message: tuple(from, tuple(atom('large'), large[i])) }, 100_000);
      beam.send({ op: 'REG_SEND', from, to: 'echo', message: tuple(from, atom('behind')) }, 1);
    }
    const other = pid(self.node, 14, 0, self.creation);
    beam.send({ op: 'REG_SEND', from: other, to: 'echo', message: tuple(other, atom('small')) }, 1);
    const overtaken = beam.connection.outputBytes;
    if ((flags & fragments) !== 0n) expect(overtaken).toBeGreaterThan(2_000_000);
    const first = await beam.next();
    if ((flags & fragments) !== 0n) expect(first).toMatchObject({ to: other, message: atom('small') });
    for (let i = 0; beam.connection.outputBytes > 0; i++) beam.flush(70_000 + i);
    const got = [first];
    while (got.length < 7) got.push(await beam.next());
    for (const [i, to] of senders.entries()) {
      const mine = got.flatMap((each) => (each.op === 'SEND' && each.to.equals(to) ? [each.message] : []));
      expect(mine).toHaveLength(2);
      expect(mine).toContain(atom('behind'));
      const [, back] = mine.find((each) => each instanceof Tuple) as Tuple<[Term, Buffer]>;
      expect(large[i]?.equals(back)).toBe(true);
    }
    beam.close();
  });
});

test('a wrong cookie is noticed and explained', async () => {
  const refused = reach(erlang, identity(ANNOUNCED_FLAGS), 'not_the_cookie');
  await expect(refused).rejects.toBeInstanceOf(HandshakeError);
  await expect(refused).rejects.toMatchObject({ code: 'bad_cookie', step: 'challenge_ack' });
});

test('a BEAM does not let us in without its mandatory flags', async () => {
  // Without UTF-8 atoms, which even OTP 23 insists on.
  await expect(reach(erlang, identity(0x1040184n))).rejects.toMatchObject({ code: 'not_allowed', step: 'status' });
});

test('a BEAM gives us a name when we ask for one, and takes us for hidden', async () => {
  const flags = ANNOUNCED_FLAGS | DFLAG.DFLAG_NAME_ME | DFLAG.DFLAG_PUBLISHED;
  const beam = await reach(erlang, { node: '127.0.0.1', creation: 0, flags });
  const { named } = beam.established;
  expect(named?.node).toMatch(/^[A-Z0-9]+@127\.0\.0\.1$/);
  expect(named?.creation).toBeGreaterThan(3);
  expect(beam.established.flags & (DFLAG.DFLAG_NAME_ME | DFLAG.DFLAG_PUBLISHED)).toBe(0n);
  expect(await erlang.eval(`lists:member('${named?.node}', nodes(hidden))`)).toBe('true');
  const me = pid(named?.node ?? '', 1, 0, named?.creation ?? 0);
  await erlang.eval(`catch unregister(echo), register(echo, spawn(fun() -> receive {P, M} -> P ! M end end))`);
  beam.send({ op: 'REG_SEND', from: me, to: 'echo', message: tuple(me, atom('named')) });
  expect(await beam.next()).toMatchObject({ op: 'SEND', to: me, message: atom('named') });
  beam.close();
});

test('a BEAM connects to us; a wrong cookie keeps it out', async () => {
  const self = identity(ANNOUNCED_FLAGS);
  const cookies = ['not_the_cookie', erlang.cookie];
  const { outcomes, close } = await listen(erlang.epmdPort, self, () => {
    const cookie = cookies[outcomes.length] ?? '';
    return { cookie: () => cookie };
  });
  try {
    expect(await erlang.eval(`net_kernel:connect_node('${self.node}')`)).toBe('false');
    expect(await outcomes[0]).toMatchObject({ code: 'bad_cookie', step: 'challenge_reply' });
    expect(await erlang.eval(`net_kernel:connect_node('${self.node}')`)).toBe('true');
    const established = await outcomes[1];
    if (established instanceof HandshakeError) throw established;
    expect(established?.peer).toBe(erlang.name);
    expect((established?.flags ?? 0n) & otp25).toBe(known());
    expect(await erlang.eval(`net_kernel:disconnect('${self.node}')`)).toBe('true');
  } finally {
    close();
  }
});

test('a BEAM that asks for a name goes by the one that we give it', async () => {
  const nameless = await startErlang({ name: 'undefined', epmdPort: erlang.epmdPort });
  const self = identity(ANNOUNCED_FLAGS);
  const given = { node: 'Given1@127.0.0.1', creation: 4711 };
  const { outcomes, close } = await listen(erlang.epmdPort, self, () => ({
    cookie: (peer) => (peer === given.node ? nameless.cookie : ''),
    giveName: (host) => (host === '127.0.0.1' ? given : undefined),
  }));
  try {
    expect(await nameless.eval('node()')).toBe('nonode@nohost');
    expect(await nameless.eval(`net_kernel:connect_node('${self.node}')`)).toBe('true');
    expect(await outcomes[0]).toMatchObject({ peer: given.node, peerCreation: given.creation });
    expect(await nameless.eval('{node(), erlang:system_info(creation)}')).toBe(`{'${given.node}',${given.creation}}`);
    expect(await nameless.eval('{nodes(), nodes(hidden)}')).toBe(`{[],['${self.node}']}`);
  } finally {
    close();
    await nameless.stop();
  }
});
