// How much a peer with the cookie may ask for, and how much it may hold up (promises 9 to 12).
// HOSTILE_FULL=1 npx vitest run test/hostile/floods.test.ts for the numbers of the promises instead of smaller ones.
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DOP } from '../../src/dist/control.js';
import { ANNOUNCED_FLAGS, DFLAG } from '../../src/dist/flags.js';
import type { NodeOptions } from '../../src/node/options.js';
import { atom, atomCount } from '../../src/term/atom.js';
import { pid, reference } from '../../src/term/identifiers.js';
import type { Term } from '../../src/term/term.js';
import { tuple } from '../../src/term/tuple.js';
import { acceptor } from '../dist/handshake/link.js';
import { encoded, framed, packet } from '../dist/peers.js';
import { u32 } from '../support/bytes.js';
import { guard, signalGroup } from '../support/child.js';
import { type Epmd, startEpmd } from '../support/epmd.js';
import { startTestNode, type TestNode, until } from '../support/ts-node.js';
import { COOKIE, complaints, dialRaw, type Intruder, impersonate, intrude } from './raw-peer.js';

const FULL = process.env['HOSTILE_FULL'] !== undefined;
const size = (full: number, reduced: number): number => (FULL ? full : reduced);
const MiB = 1024 * 1024;
const TIME = FULL ? 300_000 : 30_000;
const PLAIN = ANNOUNCED_FLAGS & ~(DFLAG.DFLAG_DIST_HDR_ATOM_CACHE | DFLAG.DFLAG_FRAGMENTS);
const SELF = atom('');

let epmd: Epmd;
const running: TestNode[] = [];
beforeAll(async () => {
  epmd = await startEpmd();
});
afterAll(async () => {
  await Promise.all(running.map(({ node }) => node.stop()));
  await epmd.stop();
});

async function start(options: NodeOptions = {}): Promise<TestNode> {
  const started = await startTestNode(epmd.port, { cookie: COOKIE, ...options });
  running.push(started);
  return started;
}

/** Writes as fast as the node reads. */
async function write(peer: Intruder, bytes: Buffer): Promise<void> {
  if (peer.socket.write(bytes)) return;
  await new Promise<void>((resolve) => {
    const goOn = (): void => {
      peer.socket.off('drain', goOn).off('close', goOn);
      resolve();
    };
    peer.socket.on('drain', goOn).on('close', goOn);
  });
}

const theirs = (peer: Intruder): Term => pid(peer.name, 5, 0, 7);

/** Memory in use, garbage apart where the runner allows to collect it. */
function memory(): number {
  globalThis.gc?.();
  return process.memoryUsage.rss();
}

function told(what: string, since: number, before: number): void {
  const seconds = ((performance.now() - since) / 1000).toFixed(2);
  console.log(`${what}: ${seconds} s, memory +${((memory() - before) / MiB).toFixed(0)} MiB`);
}

test(
  'a burst of messages is delivered, all of it and in order',
  async () => {
    const count = size(1_000_000, 100_000);
    const victim = await start();
    let next = 0;
    victim.node.spawn(
      async (self) => {
        for await (const message of self) if (message === next) next++;
      },
      { name: 'counter' },
    );
    const before = memory();
    const since = performance.now();
    const peer = await intrude(victim, { flags: PLAIN });
    const to = encoded(tuple(DOP.DOP_REG_SEND, theirs(peer), SELF, atom('counter')));
    const one = framed([112, 131], to, [131, 98], u32(0));
    for (let i = 0; i < count; i += 1000) {
      const some = Buffer.alloc(1000 * one.length, one);
      for (let k = 0; k < 1000; k++) some.writeUInt32BE(i + k, (k + 1) * one.length - 4);
      await write(peer, some);
    }
    await until(() => next === count, 'the last message', TIME);
    told(`${count} messages`, since, before);
    expect(memory() - before).toBeLessThan(200 * MiB);
  },
  TIME,
);

test(
  'monitors and links are set, and forgotten with their node',
  async () => {
    const count = size(100_000, 20_000);
    const victim = await start();
    const me = victim.node.spawnMailbox({ name: 'watched' });
    me.trapExit = true;
    const before = memory();
    const since = performance.now();
    const peer = await intrude(victim, { flags: PLAIN });
    for (let i = 0; i < count; i += 1000) {
      const some = Array.from({ length: 1000 }, (_, k) => [
        packet(tuple(DOP.DOP_MONITOR_P, theirs(peer), atom('watched'), reference(peer.name, 7, [i + k, 1, 2]))),
        packet(tuple(DOP.DOP_LINK, pid(peer.name, i + k, 0, 7), me.pid)),
      ]);
      await write(peer, Buffer.concat(some.flat()));
    }
    await until(() => victim.node.info(peer.name)?.messagesIn === 2 * count, 'all to be set', TIME);
    told(`${count} monitors and ${count} links set`, since, before);
    const down = performance.now();
    peer.socket.destroy();
    await until(() => me.messageQueueLength === count, 'all to have fired', TIME);
    told(`${count} of each forgotten`, down, before);
    // Every link has fired; the monitors were the peer's, and there is nobody to tell.
    expect(me.messageQueueLength).toBe(count);
    victim.node.spawnMailbox().exit(me.pid, atom('kill'));
    await until(() => me.exited, 'the end');
  },
  TIME,
);

test(
  'atoms and node names that nobody has seen before',
  async () => {
    const atoms = size(1_100_000, 50_000);
    const names = size(200_000, 10_000);
    const victim = await start();
    victim.node.spawn(
      async (self) => {
        for await (const message of self) expect(message).toBeDefined();
      },
      { name: 'sink' },
    );
    const before = memory();
    const since = performance.now();
    const peer = await intrude(victim, { flags: PLAIN });
    const to = encoded(tuple(DOP.DOP_REG_SEND, theirs(peer), SELF, atom('sink')));
    // By hand: whoever sends them from this process must not intern them, too.
    const send = async (count: number, make: (i: number) => Buffer): Promise<void> => {
      for (let i = 0; i < count; i += 100) {
        const list = Array.from({ length: 100 }, (_, k) => make(i + k));
        await write(peer, framed([112, 131], to, [131, 108, 0, 0, 0, 100], ...list, [106]));
      }
    };
    const atomBytes = (text: string): Buffer => Buffer.concat([Buffer.from([119, text.length]), Buffer.from(text)]);
    const pidTail = Buffer.from([0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 4]);
    await send(atoms, (i) => atomBytes(`never_seen_before_${i}`));
    await send(names, (i) => Buffer.concat([Buffer.from([88]), atomBytes(`n${i}@nowhere.invalid`), pidTail]));
    const messages = (atoms + names) / 100;
    await until(() => victim.node.info(peer.name)?.messagesIn === messages, 'all', TIME);
    told(`${atoms} atoms and ${names} node names (${atomCount()} interned now)`, since, before);
    expect(memory() - before).toBeLessThan(500 * MiB);
    expect(await (await start()).node.ping(victim.name)).toBe('pong');
  },
  TIME,
);

describe('a peer that never reads', () => {
  test(
    'is closed as too slow, and the others are served meanwhile',
    async () => {
      const limits = FULL ? {} : { queueBytes: 8 * MiB, busyBytes: 256 * 1024 };
      const total = size(400, 48);
      const victim = await start({ limits });
      const good = await start();
      await good.node.connect(victim.name);
      const peer = await intrude(victim);
      peer.socket.pause();
      const before = memory();
      const since = performance.now();
      let most = before;
      let slowest = 0;
      let closedAfter: number | undefined;
      for (let i = 0; i < total; i++) {
        victim.node.send({ name: 'x', node: peer.name }, Buffer.alloc(MiB, i));
        if (closedAfter === undefined && !victim.node.nodes('connected').includes(peer.name)) closedAfter = i + 1;
        if (i % 16 !== 15) continue;
        const asked = performance.now();
        expect(await good.node.ping(victim.name)).toBe('pong');
        slowest = Math.max(slowest, performance.now() - asked);
        most = Math.max(most, process.memoryUsage.rss());
      }
      told(
        `${total} MiB to a peer that never reads, closed after ${closedAfter}; slowest ping ${slowest.toFixed(0)} ms`,
        since,
        before,
      );
      console.log(`most memory: +${((most - before) / MiB).toFixed(0)} MiB`);
      expect(closedAfter).toBeDefined();
      expect(complaints(victim.log)[0]).toMatchObject({
        message: 'nodedown',
        peer: peer.name,
        code: 'send_queue_full',
      });
      expect(most - before).toBeLessThan(256 * MiB);
      expect(victim.node.nodes('connected')).toEqual([good.name]);
    },
    TIME,
  );

  test(
    'and takes every new connection: memory stays bounded all the same',
    async () => {
      const limits = FULL ? {} : { queueBytes: 8 * MiB, busyBytes: 256 * 1024 };
      const total = size(400, 96);
      const victim = await start({ limits });
      const good = await start();
      await good.node.connect(victim.name);
      const name = 'sloth@127.0.0.1';
      const fake = await impersonate(epmd.port, 'sloth', ({ socket }) => {
        const self = { node: name, creation: 7, flags: ANNOUNCED_FLAGS };
        const machine = acceptor({ self, challenge: randomInt(2 ** 32), cookie: () => COOKIE });
        socket.removeAllListeners('data');
        socket.on('data', (chunk) => {
          const step = machine.receive(chunk);
          for (const bytes of step.output) socket.write(bytes);
          if (step.established !== undefined) socket.pause();
        });
      });
      await victim.node.connect(name);
      const before = memory();
      const since = performance.now();
      let most = before;
      for (let i = 0; i < total; i++) {
        victim.node.send({ name: 'x', node: name }, Buffer.alloc(MiB, i));
        most = Math.max(most, process.memoryUsage.rss());
        if (i % 100 === 99) expect(await good.node.ping(victim.name)).toBe('pong');
      }
      expect(await good.node.ping(victim.name)).toBe('pong');
      most = Math.max(most, process.memoryUsage.rss());
      console.log(`most memory: +${((most - before) / MiB).toFixed(0)} MiB`);
      told(`${total} MiB to a peer that never reads and came back ${fake.peers.length - 1} times`, since, before);
      expect(complaints(victim.log)[0]).toMatchObject({ message: 'nodedown', peer: name, code: 'send_queue_full' });
      expect(most - before).toBeLessThan(256 * MiB);
      fake.close();
    },
    TIME,
  );

  test(
    'and only asks: its answers do not pile up for ever',
    async () => {
      const victim = await start({ limits: { queueBytes: MiB } });
      const peer = await intrude(victim, { flags: PLAIN });
      peer.socket.pause();
      // Every monitor of a process that is not there is answered.
      const asks = Buffer.concat(
        Array.from({ length: 1000 }, (_, i) =>
          packet(tuple(DOP.DOP_MONITOR_P, theirs(peer), atom('nobody'), reference(peer.name, 7, [i, 1, 2]))),
        ),
      );
      const closed = (): boolean => complaints(victim.log).length > 0;
      for (let i = 0; i < 1000 && !closed(); i++) {
        if (!peer.socket.write(asks)) await new Promise((resolve) => setTimeout(resolve, 5));
      }
      await until(closed, 'the end of the connection');
      expect(complaints(victim.log)).toMatchObject([{ message: 'nodedown', code: 'send_queue_full' }]);
      expect(await (await start()).node.ping(victim.name)).toBe('pong');
      peer.socket.destroy();
    },
    TIME,
  );
});

describe('ticks', () => {
  test('a peer that only ticks lives, one that says nothing is dead, full send queue or not', async () => {
    const victim = await start({ netTickTime: 1 });
    const ticking = await intrude(victim);
    const silent = await intrude(victim);
    const stuck = await intrude(victim);
    for (const { socket } of [silent, stuck]) socket.pause();
    const beat = setInterval(() => ticking.write([0, 0, 0, 0]), 200);
    const since = performance.now();
    victim.node.send({ name: 'x', node: stuck.name }, Buffer.alloc(16 * MiB));
    await until(() => complaints(victim.log).length === 2, 'both to be dead');
    console.log(`silent peers were dead after ${((performance.now() - since) / 1000).toFixed(2)} s of 1 s`);
    const lines = complaints(victim.log).map(({ message, peer, code }) => ({ message, peer, code }));
    expect(lines).toEqual(
      expect.arrayContaining(
        [silent, stuck].map(({ name }) => ({ message: 'nodedown', peer: name, code: 'net_tick_timeout' })),
      ),
    );
    expect(victim.node.nodes('connected')).toEqual([ticking.name]);
    clearInterval(beat);
    ticking.socket.destroy();
  });
});

test(
  'four flooding peers do not keep a fifth one from being answered',
  async () => {
    const victim = await start();
    let received = 0;
    victim.node.spawn(
      async (self) => {
        for await (const message of self) if (message instanceof Uint8Array) received++;
      },
      { name: 'sink' },
    );
    const good = await start();
    await good.node.connect(victim.name);
    const program = fileURLToPath(new URL('flood.mjs', import.meta.url));
    const floods = [1, 2, 3, 4].map((i) => {
      const env = { ...process.env, ERL_EPMD_PORT: String(epmd.port), COOKIE };
      const child = spawn(process.execPath, [program, `flood_${i}@127.0.0.1`, victim.name, 'sink'], {
        env,
        stdio: ['ignore', 'ignore', 'inherit'],
        detached: true,
      });
      void guard(child);
      return child;
    });
    try {
      await until(() => victim.node.nodes('connected').length === 5 && received > 10_000, 'the floods', TIME);
      const times: number[] = [];
      const before = received;
      const began = performance.now();
      for (let i = 0; i < size(1000, 100); i++) {
        const since = performance.now();
        expect(await good.node.ping(victim.name)).toBe('pong');
        times.push(performance.now() - since);
      }
      const rate = ((received - before) / (performance.now() - began)) * 1000;
      times.sort((a, b) => a - b);
      const [p50, p99] = [0.5, 0.99].map((part) => times[Math.floor(times.length * part)]?.toFixed(1));
      console.log(`a ping beside four peers that send ${Math.round(rate)} messages/s: p50 ${p50} ms, p99 ${p99} ms`);
      expect(victim.node.nodes('connected')).toHaveLength(5);
    } finally {
      for (const child of floods) signalGroup(child, 'SIGKILL');
    }
    await until(() => victim.node.nodes('connected').length === 1, 'the floods to be gone');
  },
  TIME,
);

test(
  'connections that come and go leave nothing behind',
  async () => {
    interface Cost {
      readonly rss: number;
      readonly used: number;
      readonly descriptors: number;
      readonly connected: readonly string[];
    }
    const name = 'visited@127.0.0.1';
    const program = fileURLToPath(new URL('victim.mjs', import.meta.url));
    const child = spawn(process.execPath, ['--expose-gc', program, name], {
      env: { ...process.env, ERL_EPMD_PORT: String(epmd.port), COOKIE },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      detached: true,
    });
    void guard(child);
    try {
      const [{ port }] = (await once(child, 'message')) as [{ port: number }];
      const victim = { name, node: { port } };
      const cost = async (): Promise<Cost> => {
        child.send('how are you');
        return ((await once(child, 'message')) as [Cost])[0];
      };
      const rounds = async (connects: number, resets: number): Promise<void> => {
        for (let i = 0; i < connects; i++) {
          const peer = await intrude(victim, { name: `come_${i % 10}@127.0.0.1` });
          if (i % 2 === 0) peer.socket.resetAndDestroy();
          else peer.socket.destroy();
        }
        for (let i = 0; i < resets; i++) (await dialRaw(port)).socket.resetAndDestroy();
      };
      /** When the last ones are gone, too. */
      const settled = async (): Promise<Cost> => {
        await until(async () => (await cost()).connected.length === 0, 'all to be gone');
        return cost();
      };
      // Code is compiled, buffers and heap reach the size that they keep.
      for (let i = 0; i < size(2, 1); i++) await rounds(size(1000, 150), size(3000, 300));
      const before = await settled();
      const since = performance.now();
      await rounds(size(1000, 150), size(3000, 300));
      const after = await settled();
      const [rss, used] = [after.rss - before.rss, after.used - before.used].map((more) => (more / MiB).toFixed(1));
      console.log(
        `${size(1000, 150)} connections and ${size(3000, 300)} resets: ${((performance.now() - since) / 1000).toFixed(2)} s, ` +
          `${after.descriptors - before.descriptors} descriptors, memory +${rss} MiB, of which used +${used} MiB`,
      );
      expect(after.descriptors).toBeLessThanOrEqual(before.descriptors);
      expect(after.used - before.used).toBeLessThan(20 * MiB);
      expect(after.rss - before.rss).toBeLessThan(20 * MiB);
      expect(await (await start()).node.ping(name)).toBe('pong');
    } finally {
      signalGroup(child, 'SIGKILL');
    }
  },
  TIME,
);
