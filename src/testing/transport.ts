// What every Transport promises. An implementation's own test says how to make one, and where nothing is.
import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { ConnectionError } from '../errors.js';
import type { ByteStream, Endpoint, Listener, Transport } from '../transport/transport.js';
import { type ConformanceCase, never, soon } from './conformance.js';
import { Recorder } from './recorder.js';

export interface TransportWorld {
  /** A transport, and where it may listen. Called once per case. */
  create(): { readonly transport: Transport; readonly host: string };
  /** An endpoint where nothing listens, if the transport has such a thing. */
  refused?(): Promise<Endpoint>;
  /** An endpoint whose host does not exist, if the transport has hosts. */
  readonly unknownHost?: Endpoint;
  /** Two ports of this transport that are free now, and adjacent; for transports that have ports. */
  freePorts?(): Promise<{ readonly min: number; readonly max: number }>;
}

interface Pair {
  readonly listener: Listener;
  /** The end that connected. */
  readonly a: ByteStream;
  /** The end that was accepted. */
  readonly b: ByteStream;
}

/** A few turns of the event loop, in which what was held back would have come. */
async function turns(): Promise<void> {
  for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setTimeout(resolve, 20));
}

function refusal(code: string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof ConnectionError, `not a ConnectionError: ${String(error)}`);
    assert.equal(error.code, code, error.message);
    return true;
  };
}

/**
 * The cases for one transport, none of which takes ports of the machine but those that it asks for.
 *
 * @param world what the transport is given to work with; what is absent there is not asked for.
 */
export function transportConformance(world: TransportWorld): readonly ConformanceCase[] {
  const cases: ConformanceCase[] = [];

  const withListener = (
    name: string,
    body: (transport: Transport, listener: Listener, accepted: () => Promise<ByteStream>) => Promise<void>,
  ) =>
    cases.push({
      name,
      run: async () => {
        const { transport, host } = world.create();
        const arrived: ByteStream[] = [];
        const waiting: ((stream: ByteStream) => void)[] = [];
        const listener = await transport.listen({
          host,
          port: 0,
          onConnection: (stream) => {
            const next = waiting.shift();
            if (next === undefined) arrived.push(stream);
            else next(stream);
          },
          onError: (error) => assert.fail(error),
        });
        const accepted = () => {
          const stream = arrived.shift();
          if (stream !== undefined) return Promise.resolve(stream);
          return soon(new Promise<ByteStream>((resolve) => waiting.push(resolve)), 'a connection');
        };
        try {
          await body(transport, listener, accepted);
        } finally {
          await listener.close();
          for (const stream of arrived) stream.destroy();
        }
      },
    });

  const withPair = (name: string, body: (pair: Pair) => Promise<void>) =>
    withListener(name, async (transport, listener, accepted) => {
      const a = await soon(transport.connect(listener, { signal: never() }), 'connect');
      const b = await accepted();
      try {
        await body({ listener, a, b });
      } finally {
        a.destroy();
        b.destroy();
      }
    });

  withPair('carries bytes both ways, in order, whatever the pieces', async ({ a, b }) => {
    const [left, right] = [new Recorder(a).start(), new Recorder(b).start()];
    const whole = Buffer.from(Array.from({ length: 200_000 }, (_, i) => (i * 7) & 255));
    for (let at = 0; at < whole.length; at += 30_000)
      a.write([
        whole.subarray(at, at + 10_000),
        whole.subarray(at + 10_000, at + 10_000),
        whole.subarray(at + 10_000, at + 30_000),
      ]);
    b.write([Buffer.from('back')]);
    await right.until('all bytes', () => right.received === whole.length);
    await left.until('the answer', () => left.received === 4);
    assert.ok(right.bytes.equals(whole));
    assert.equal(left.bytes.toString(), 'back');
  });

  withPair('tells nothing from inside a call of its owner', async ({ a, b }) => {
    const left = new Recorder(a).start();
    b.write([Buffer.from('x')]);
    a.write([Buffer.from('y')]);
    a.destroy();
    assert.deepEqual(left.events, []);
    await left.untilClosed();
  });

  withPair('holds data back until start', async ({ a, b }) => {
    a.write([Buffer.from('early')]);
    await turns();
    const right = new Recorder(b).start();
    assert.deepEqual(right.events, []);
    await right.until('the early bytes', () => right.received === 5);
    assert.equal(right.bytes.toString(), 'early');
  });

  withPair('holds data and the close back until start, and keeps their order', async ({ a, b }) => {
    a.write([Buffer.from('last words')]);
    a.end();
    await turns();
    const right = new Recorder(b).start();
    assert.deepEqual(right.events, []);
    await right.untilClosed();
    assert.equal(right.bytes.toString(), 'last words');
    assert.equal(right.closed?.error, undefined);
    assert.equal(right.events.at(-1), 'close');
  });

  withPair('tells a close that was ours before start, too', async ({ a }) => {
    a.destroy();
    await turns();
    const left = new Recorder(a).start();
    assert.deepEqual(left.events, []);
    await left.untilClosed();
  });

  withPair('end sends what is queued, then closes both ends in good order', async ({ a, b }) => {
    const [left, right] = [new Recorder(a).start(), new Recorder(b).start()];
    const big = Buffer.alloc(3_000_000, 1);
    a.write([big]);
    a.end();
    a.write([Buffer.from('too late')]);
    await right.untilClosed();
    await left.untilClosed();
    assert.equal(right.received, big.length);
    assert.equal(right.closed?.error, undefined);
    assert.equal(left.closed?.error, undefined);
  });

  withPair('an end that was accepted may end as well', async ({ a, b }) => {
    const [left, right] = [new Recorder(a).start(), new Recorder(b).start()];
    b.write([Buffer.from('no')]);
    b.end();
    await left.untilClosed();
    await right.untilClosed();
    assert.equal(left.bytes.toString(), 'no');
    assert.equal(left.closed?.error, undefined);
  });

  withPair('takes no half-open connection: what the other end left behind is not waited for', async ({ a, b }) => {
    const [left, right] = [new Recorder(a).start(), new Recorder(b)];
    // b reads nothing, so a has bytes queued that will never go out.
    a.write([Buffer.alloc(32_000_000)]);
    await turns();
    assert.ok(a.bufferedBytes > 0);
    b.destroy();
    right.start();
    await left.untilClosed();
    await right.untilClosed();
  });

  withPair('destroy does not wait for queued bytes, and hands its error to the owner', async ({ a, b }) => {
    const left = new Recorder(a).start();
    a.write([Buffer.alloc(32_000_000)]);
    const why = new ConnectionError('net_tick_timeout', 'for a test');
    a.destroy(why);
    a.destroy(new ConnectionError('aborted', 'too late'));
    await left.untilClosed();
    assert.equal(left.closed?.error, why);
    assert.equal(a.bufferedBytes, 0);
    const right = new Recorder(b).start();
    await right.untilClosed();
    assert.ok(right.received < 32_000_000);
  });

  withPair('tells the close exactly once, and nothing after it', async ({ a, b }) => {
    const [left, right] = [new Recorder(a).start(), new Recorder(b).start()];
    a.write([Buffer.from('x')]);
    b.write([Buffer.from('y')]);
    a.end();
    a.destroy();
    b.destroy();
    await left.untilClosed();
    await right.untilClosed();
    for (const stream of [a, b]) {
      stream.write([Buffer.from('z')]);
      stream.pause();
      stream.resume();
      stream.end();
      stream.destroy();
      stream.ref();
      stream.unref();
    }
    await turns();
    for (const { events } of [left, right]) {
      assert.equal(events.filter((event) => event === 'close').length, 1);
      assert.equal(events.at(-1), 'close');
    }
  });

  withPair('gives no data once the owner has ended it', async ({ a, b }) => {
    const left = new Recorder(a).start();
    a.end();
    b.write([Buffer.from('unwanted')]);
    new Recorder(b).start();
    await left.untilClosed();
    assert.equal(left.received, 0);
  });

  withPair('counts what the other end does not take, and says when it has gone', async ({ a, b }) => {
    const [left, right] = [new Recorder(a).start(), new Recorder(b).start()];
    assert.equal(a.bufferedBytes, 0);
    b.pause();
    const size = 64_000_000;
    a.write([Buffer.alloc(size / 2), Buffer.alloc(size / 2)]);
    await turns();
    assert.ok(a.bufferedBytes > 0, 'everything was swallowed');
    assert.equal(left.drains, 0);
    b.resume();
    await left.until('the drain', () => left.drains > 0);
    assert.equal(a.bufferedBytes, 0);
    await right.until('all bytes', () => right.received === size);
    await turns();
    assert.equal(left.drains, 1);
  });

  withPair('pauses and resumes, also before start', async ({ a, b }) => {
    b.pause();
    const right = new Recorder(b).start();
    a.write([Buffer.from('one')]);
    await turns();
    assert.deepEqual(right.events, []);
    b.resume();
    await right.until('the bytes', () => right.received === 3);
    b.pause();
    a.write([Buffer.from('two')]);
    await turns();
    assert.equal(right.received, 3);
    b.resume();
    await right.until('more bytes', () => right.received === 6);
  });

  withPair('never writes into a chunk it has handed over', async ({ a, b }) => {
    const right = new Recorder(b).start();
    for (let round = 1; round <= 20; round++) {
      a.write([Buffer.alloc(5000, round)]);
      await right.until('the round', () => right.received === round * 5000);
    }
    let at = 0;
    for (const chunk of right.chunks)
      for (const byte of chunk) {
        assert.equal(byte, Math.floor(at / 5000) + 1);
        at++;
      }
  });

  withPair('names the other end', async ({ a, b }) => {
    for (const { remote } of [a, b]) assert.match(remote, /\S/);
  });

  withListener('many connections stand beside each other', async (transport, listener, accepted) => {
    const ends = await Promise.all(Array.from({ length: 20 }, () => transport.connect(listener, { signal: never() })));
    const echoes: Recorder[] = [];
    for (const _ of ends) {
      const stream = await accepted();
      const echo = new Recorder(stream);
      stream.start({
        onData: (chunk) => stream.write([chunk]),
        onDrain() {},
        onClose() {},
      });
      echoes.push(echo);
    }
    const recorders = ends.map((stream) => new Recorder(stream).start());
    recorders.forEach(({ stream }, i) => {
      stream.write([Buffer.from(`connection ${i}`)]);
    });
    for (const [i, recorder] of recorders.entries()) {
      const want = `connection ${i}`;
      await recorder.until(want, () => recorder.received >= want.length);
      assert.equal(recorder.bytes.toString(), want);
      recorder.stream.destroy();
      await recorder.untilClosed();
    }
  });

  withListener(
    'a closed listener accepts nobody, and lets the accepted live',
    async (transport, listener, accepted) => {
      const a = await transport.connect(listener, { signal: never() });
      const b = await accepted();
      const right = new Recorder(b).start();
      await soon(listener.close(), 'the listener to close');
      await assert.rejects(transport.connect(listener, { signal: never() }), ConnectionError);
      a.write([Buffer.from('still here')]);
      await right.until('the bytes', () => right.received === 10);
      a.destroy();
      await right.untilClosed();
      await listener.close();
    },
  );

  withListener('gives up a connection attempt that is aborted', async (transport, listener, accepted) => {
    await assert.rejects(transport.connect(listener, { signal: AbortSignal.abort() }), refusal('aborted'));
    const controller = new AbortController();
    const attempt = transport.connect(listener, { signal: controller.signal });
    controller.abort();
    await assert.rejects(attempt, refusal('aborted'));
    // An abort after the fact changes nothing.
    const later = new AbortController();
    const a = await transport.connect(listener, { signal: later.signal });
    later.abort();
    const left = new Recorder(a).start();
    await turns();
    assert.equal(left.closed, undefined);
    a.destroy();
    await left.untilClosed();
    // The listener serves on; whether it saw the aborted attempts is the network's business.
    (await accepted()).destroy();
  });

  withListener('calls an attempt that ran out of time a timeout', async (transport, listener) => {
    const signal = AbortSignal.abort(new DOMException('too late', 'TimeoutError'));
    await assert.rejects(transport.connect(listener, { signal }), refusal('timeout'));
    const why = new ConnectionError('node_stopped', 'a reason of our own is passed on');
    await assert.rejects(transport.connect(listener, { signal: AbortSignal.abort(why) }), why);
  });

  const { refused, unknownHost, freePorts } = world;
  if (refused !== undefined)
    cases.push({
      name: 'says econnrefused where nothing listens',
      run: async () => {
        const { transport } = world.create();
        await assert.rejects(transport.connect(await refused(), { signal: never() }), refusal('econnrefused'));
      },
    });

  if (unknownHost !== undefined)
    cases.push({
      name: 'says unknown_host for a host that does not exist',
      run: async () => {
        const { transport } = world.create();
        await assert.rejects(transport.connect(unknownHost, { signal: never() }), refusal('unknown_host'));
      },
    });

  if (freePorts !== undefined)
    cases.push({
      name: 'listens on a fixed port, on the first free one of a range, and says when there is none',
      run: async () => {
        const { transport, host } = world.create();
        const range = await freePorts();
        const listen = (port: number | { min: number; max: number }) =>
          transport.listen({ host, port, onConnection: (stream) => stream.destroy(), onError() {} });
        const first = await listen(range.min);
        try {
          assert.equal(first.port, range.min);
          await assert.rejects(listen(range.min), (error) => {
            refusal('address_in_use')(error);
            assert.match((error as Error).message, /another port/);
            return true;
          });
          const second = await listen(range);
          assert.equal(second.port, range.max);
          await assert.rejects(listen(range), refusal('address_in_use'));
          await second.close();
        } finally {
          await first.close();
        }
        const again = await listen(range.min);
        assert.equal(again.port, range.min);
        await again.close();
      },
    });

  return cases;
}
