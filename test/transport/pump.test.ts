import { describe, expect, test } from 'vitest';
import { memory } from '../../src/transport/memory.js';
import { Pump, type PumpOptions } from '../../src/transport/pump.js';
import { tcp } from '../../src/transport/tcp.js';
import type { ByteStream, Transport } from '../../src/transport/transport.js';

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** A stream that takes nothing until it is told to. */
class StuckStream implements ByteStream {
  readonly remote = 'stuck';
  writes: number[] = [];
  bufferedBytes = 0;
  start(): void {}
  write(chunks: readonly Uint8Array[]): void {
    const size = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    this.writes.push(size);
    this.bufferedBytes += size;
  }
  pause(): void {}
  resume(): void {}
  end(): void {}
  destroy(): void {}
  ref(): void {}
  unref(): void {}
}

class Machine {
  #output: Uint8Array[] = [];
  outputBytes = 0;
  say(bytes: number): void {
    this.#output.push(new Uint8Array(bytes));
    this.outputBytes += bytes;
  }
  takeOutput(atMost: number): readonly Uint8Array[] {
    const taken: Uint8Array[] = [];
    for (let room = atMost; room > 0 && this.#output.length > 0; ) {
      const chunk = this.#output.shift() as Uint8Array;
      taken.push(chunk);
      room -= chunk.length;
      this.outputBytes -= chunk.length;
    }
    return taken;
  }
}

function setUp(options: Partial<PumpOptions> = {}) {
  const stream = new StuckStream();
  const machine = new Machine();
  const told: string[] = [];
  const pump = new Pump(stream, machine, {
    busyMark: 1000,
    hardCap: 10_000,
    onBusy: (busy) => told.push(busy ? 'busy' : 'free'),
    onOverflow: (queued) => told.push(`overflow ${queued}`),
    ...options,
  });
  const say = (bytes: number) => {
    machine.say(bytes);
    pump.schedule();
  };
  return { stream, machine, told, pump, say };
}

describe('one write', () => {
  test('for all that was said in one turn, not before its end', async () => {
    const { stream, pump, say } = setUp();
    for (let i = 0; i < 10; i++) say(5);
    // Micro-tasks and ticks belong to the turn.
    await Promise.resolve().then(() => say(5));
    await new Promise<void>((resolve) => process.nextTick(resolve));
    say(5);
    expect(stream.writes).toEqual([]);
    expect(pump.queuedBytes).toBe(60);
    await turn();
    expect(stream.writes).toEqual([60]);
    expect(pump.queuedBytes).toBe(60);
    expect(pump.sentBytes).toBe(60);
    say(1);
    await turn();
    expect(stream.writes).toEqual([60, 1]);
  });

  test('at once when asked, and none for nothing', async () => {
    const { stream, pump, say } = setUp();
    say(5);
    pump.flush();
    expect(stream.writes).toEqual([5]);
    pump.flush();
    await turn();
    expect(stream.writes).toEqual([5]);
  });

  test('a turn that never ends is written piece by piece', () => {
    const { stream, pump, say } = setUp({ hardCap: 10_000_000 });
    for (let i = 0; i < 1000; i++) say(1000);
    expect(stream.writes.length).toBeGreaterThan(2);
    expect(Math.max(...stream.writes)).toBeLessThan(70_000);
    // The rest waits in the machine, where it can be overtaken.
    expect(stream.bufferedBytes).toBeLessThan(700_000);
    expect(pump.queuedBytes).toBe(1_000_000);
    for (let i = 0; i < 20; i++) {
      stream.bufferedBytes = 0;
      pump.flush();
    }
    expect(pump.queuedBytes).toBe(0);
    expect(pump.sentBytes).toBe(1_000_000);
  });
});

test('what is about to end is written whole', () => {
  const { stream, machine, pump } = setUp({ hardCap: 10_000_000 });
  for (let i = 0; i < 100; i++) machine.say(10_000);
  pump.flush();
  expect(pump.queuedBytes).toBe(1_000_000);
  expect(stream.bufferedBytes).toBeLessThan(600_000);
  pump.finish();
  expect(stream.bufferedBytes).toBe(1_000_000);
});

describe('the marks', () => {
  test('busy from the mark on, free again below half of it', async () => {
    const { stream, told, pump, say } = setUp();
    say(999);
    await turn();
    expect(told).toEqual([]);
    say(1);
    await turn();
    expect(told).toEqual(['busy']);
    stream.bufferedBytes = 500;
    pump.flush();
    expect(pump.busy).toBe(true);
    stream.bufferedBytes = 499;
    pump.flush();
    expect(told).toEqual(['busy', 'free']);
    say(1);
    await turn();
    expect(told).toEqual(['busy', 'free']);
    say(500);
    await turn();
    expect(told).toEqual(['busy', 'free', 'busy']);
  });

  test('the cap is told once, and nothing more is written', async () => {
    const { stream, told, say } = setUp({ busyMark: 1_000_000 });
    say(10);
    await turn();
    say(10_000);
    await turn();
    expect(told).toEqual([]);
    say(1);
    await turn();
    expect(told).toEqual(['overflow 10011']);
    say(1);
    await turn();
    expect(told).toEqual(['overflow 10011']);
    expect(stream.writes).toEqual([10, 10_000]);
  });

  test('one message may be larger than the cap, if nothing waits before it', async () => {
    const { stream, told, pump, say } = setUp({ busyMark: 10_000_000 });
    say(50_000);
    await turn();
    say(9000);
    await turn();
    expect(told).toEqual([]);
    // It has gone; what waits now counts in full.
    stream.bufferedBytes = 0;
    pump.flush();
    say(10);
    await turn();
    say(10_001);
    await turn();
    expect(told).toEqual(['overflow 10011']);
  });
});

async function pair(transport: Transport): Promise<[ByteStream, ByteStream]> {
  let accept: (stream: ByteStream) => void = () => {};
  const accepted = new Promise<ByteStream>((resolve) => {
    accept = resolve;
  });
  const listener = await transport.listen({ host: '127.0.0.1', port: 0, onConnection: accept, onError() {} });
  const ours = await transport.connect(listener, { signal: new AbortController().signal });
  const theirs = await accepted;
  await listener.close();
  return [ours, theirs];
}

describe.each([
  ['tcp', tcp],
  ['memory', memory],
] as const)('on %s', (_, transport) => {
  test('a peer that never reads costs the hard cap, and not what is sent at it', async () => {
    const [ours, theirs] = await pair(transport());
    let closed: () => void = () => {};
    const down = new Promise<void>((resolve) => {
      closed = resolve;
    });
    const machine = new Machine();
    let most = 0;
    let overflowed = 0;
    const mebibyte = 1024 * 1024;
    const pump = new Pump(ours, machine, {
      busyMark: mebibyte,
      hardCap: 64 * mebibyte,
      onBusy() {},
      onOverflow: (queued) => {
        overflowed = queued;
        ours.destroy();
      },
    });
    ours.start({ onData() {}, onDrain: () => pump.flush(), onClose: () => closed() });
    // 400 MB without giving way once: the pump has to notice by itself.
    for (let sent = 0; sent < 400 && overflowed === 0; sent++) {
      machine.say(mebibyte);
      pump.schedule();
      most = Math.max(most, pump.queuedBytes);
    }
    await down;
    expect(overflowed).toBeGreaterThan(64 * mebibyte);
    expect(most).toBeLessThanOrEqual(66 * mebibyte);
    theirs.destroy();
  });

  test('a slow reader gets everything, and the sender waits at the busy mark', async () => {
    const [ours, theirs] = await pair(transport());
    const machine = new Machine();
    const total = 20_000_000;
    let most = 0;
    let free: () => void = () => {};
    const pump = new Pump(ours, machine, {
      busyMark: 1_000_000,
      hardCap: 5_000_000,
      onBusy: (busy) => {
        if (!busy) free();
      },
      onOverflow: () => expect.unreachable(),
    });
    ours.start({ onData() {}, onDrain: () => pump.flush(), onClose() {} });
    let received = 0;
    const all = new Promise<void>((resolve) => {
      theirs.start({
        onData: (chunk) => {
          received += chunk.length;
          theirs.pause();
          setImmediate(() => theirs.resume());
          if (received === total) resolve();
        },
        onDrain() {},
        onClose() {},
      });
    });
    for (let sent = 0; sent < total; sent += 100_000) {
      machine.say(100_000);
      pump.schedule();
      most = Math.max(most, pump.queuedBytes);
      if (pump.busy)
        await new Promise<void>((resolve) => {
          free = resolve;
        });
    }
    await all;
    expect(most).toBeLessThanOrEqual(1_200_000);
    expect(pump.sentBytes).toBe(total);
    ours.destroy();
    theirs.destroy();
  });
});
