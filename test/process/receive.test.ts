// Mailboxes and receive: order, selection, several waiters, timeouts, aborts, and that nothing is left behind.
import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ArgumentError, ExitError } from '../../src/errors.js';
import type { StandardSchema } from '../../src/process/matcher.js';
import type { Process } from '../../src/process/process.js';
import { atom } from '../../src/term/atom.js';
import type { Term } from '../../src/term/term.js';
import { Cluster } from './cluster.js';

let me: Process;

beforeEach(() => {
  me = new Cluster().node('a@h').spawn(undefined);
});

const isNumber = (term: Term): term is number => typeof term === 'number';
const isText = (term: Term): term is string => typeof term === 'string';

/** A schema of our own: numbers, doubled. */
const doubled: StandardSchema<number> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value) => (typeof value === 'number' ? { value: value * 2 } : { issues: [{ message: 'no number' }] }),
  },
};

function put(...messages: readonly Term[]): void {
  for (const message of messages) me.mailbox.put(message);
}

describe('messages that are there', () => {
  test('come in order', async () => {
    put(1, 2, 3);
    expect([await me.receive(), await me.receive(), await me.receive()]).toEqual([1, 2, 3]);
    expect(me.messageQueueLength).toBe(0);
  });

  test('selective receive leaves the others, in order', async () => {
    put('a', 1, 'b', 2, 'c');
    expect(await me.receive(isNumber)).toBe(1);
    expect(await me.receive(isNumber)).toBe(2);
    expect(me.messageQueueLength).toBe(3);
    expect([await me.receive(), await me.receive(), await me.receive()]).toEqual(['a', 'b', 'c']);
  });

  test('undefined, null, NaN and false are messages like any other', async () => {
    put(undefined, null, false, Number.NaN);
    expect(await me.receive(() => true)).toBeUndefined();
    expect(await me.receive()).toBeNull();
    expect(await me.receive((term) => term === false)).toBe(false);
    expect(await me.receive()).toBeNaN();
  });

  test('a schema gives its output and leaves what it refuses', async () => {
    put('a', 21);
    expect(await me.receive(doubled)).toBe(42);
    expect(await me.receive()).toBe('a');
  });

  test('a schema that is a function, too, is used as a schema', async () => {
    const callable = Object.assign(() => ({ truthy: 'always' }), doubled) as unknown as StandardSchema<number>;
    put('a', 4);
    expect(await me.receive(callable)).toBe(8);
  });

  test('a schema that validates later is refused, and its failure ends nothing', async () => {
    const later: StandardSchema<number> = {
      '~standard': { version: 1, vendor: 'test', validate: () => Promise.reject(new TypeError('later')) },
    };
    put(1);
    await expect(me.receive(later)).rejects.toThrow(ArgumentError);
    await expect(me.receive(later, { timeout: 0 })).rejects.toThrow('synchronously');
    expect(await me.receive()).toBe(1);
  });

  test('a matcher that throws fails its receive and keeps the message', async () => {
    put(1);
    const bad = () => {
      throw new RangeError('no');
    };
    await expect(me.receive(bad)).rejects.toThrow(RangeError);
    expect(await me.receive()).toBe(1);
  });

  test('a matcher that receives itself', async () => {
    put(1, 2, 3);
    let inner: Promise<Term> | undefined;
    const outer = me.receive((term) => {
      inner ??= me.receive();
      return term === 1 || term === 3;
    });
    expect(await inner).toBe(1);
    expect(await outer).toBe(3);
    expect(await me.receive()).toBe(2);
  });

  test('a matcher that receives what it is offered does not get it twice, whatever it is', async () => {
    for (const message of [undefined, 7, atom('x')]) {
      for (const each of [message, 1, 2]) me.send(me.pid, each);
      const inner: Promise<Term>[] = [];
      const outer = await me.receive(() => inner.push(inner.length === 0 ? me.receive() : Promise.resolve(0)) > 0);
      expect([await inner[0], outer, await me.receive()]).toEqual([message, 1, 2]);
    }
  });

  test('many messages, taken from the front and from the middle', async () => {
    const many = 10_000;
    for (let i = 0; i < many; i++) put(i, `${i}`);
    for (let i = 0; i < 3000; i++) expect(await me.receive(isNumber)).toBe(i);
    for (let i = 0; i < 3000; i++) expect(await me.receive()).toBe(`${i}`);
    expect(me.messageQueueLength).toBe(14_000);
    expect(await me.receive()).toBe(3000);
  });
});

describe('waiting', () => {
  test('the oldest waiter that wants a message gets it', async () => {
    const [text, first, second] = [me.receive(isText), me.receive(isNumber), me.receive()];
    put(1, 2, 'a', 'b');
    expect([await first, await second, await text]).toEqual([1, 2, 'a']);
    expect(await me.receive()).toBe('b');
  });

  test('a matcher that throws fails its own wait only', async () => {
    const bad = me.receive(() => {
      throw new RangeError('no');
    });
    const good = me.receive();
    put(1);
    await expect(bad).rejects.toThrow(RangeError);
    expect(await good).toBe(1);
  });

  test('a matcher that begins and ends waits while a message is offered', async () => {
    const stop = new AbortController();
    const late: Promise<Term>[] = [];
    const first = me.receive((term) => {
      stop.abort();
      if (late.length === 0) late.push(me.receive());
      return term === 'mine';
    });
    const aborted = me.receive(undefined, { signal: stop.signal });
    put(1);
    await expect(aborted).rejects.toMatchObject({ code: 'aborted' });
    expect(await late[0]).toBe(1);
    put('mine');
    expect(await first).toBe('mine');
    expect(me.messageQueueLength).toBe(0);
  });

  test('a matcher that aborts its own wait gets nothing', async () => {
    const stop = new AbortController();
    const waiting = me.receive(
      () => {
        stop.abort();
        return true;
      },
      { signal: stop.signal },
    );
    put(1);
    await expect(waiting).rejects.toMatchObject({ code: 'aborted' });
    expect(await me.receive()).toBe(1);
  });

  test('leaving from the front, the middle and the end', async () => {
    const stops = [0, 1, 2, 3].map(() => new AbortController());
    const waits = stops.map(({ signal }) => me.receive(undefined, { signal }));
    for (const at of [1, 0, 3]) {
      stops[at]?.abort();
      await expect(waits[at]).rejects.toMatchObject({ code: 'aborted' });
    }
    put('rest', 'more');
    expect(await waits[2]).toBe('rest');
    expect(await me.receive()).toBe('more');
  });
});

describe('ends of a wait', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  test('timeout 0 only looks', async () => {
    await expect(me.receive({ timeout: 0 })).rejects.toMatchObject({ code: 'timeout', reason: atom('timeout') });
    put(1, 'a');
    expect(await me.receive(isText, { timeout: 0 })).toBe('a');
    expect(await me.receive({ timeout: 0 })).toBe(1);
  });

  test('a timeout, after which messages are left for others', async () => {
    await expect(me.receive(isText, { timeout: 5 })).rejects.toThrow(/receive: nothing came within 5 ms/);
    put('a');
    expect(await me.receive()).toBe('a');
  });

  test('timeouts that setTimeout cannot wait for are waited for', async () => {
    vi.useFakeTimers();
    const days = 24 * 60 * 60 * 1000;
    const waiting = me.receive({ timeout: 40 * days });
    const never = me.receive({ timeout: Number.POSITIVE_INFINITY });
    await vi.advanceTimersByTimeAsync(39 * days);
    expect(vi.getTimerCount()).toBe(1);
    await vi.advanceTimersByTimeAsync(2 * days);
    await expect(waiting).rejects.toMatchObject({ code: 'timeout' });
    expect(vi.getTimerCount()).toBe(0);
    put('x');
    expect(await never).toBe('x');
  });

  test.each([-1, Number.NaN, 2 ** 32, Number.NEGATIVE_INFINITY, '5'])('a timeout of %s is refused', async (timeout) => {
    await expect(me.receive({ timeout: timeout as number })).rejects.toThrow(ArgumentError);
  });

  test('an abort, before and during the wait, tells the reason', async () => {
    const stop = new AbortController();
    const waiting = me.receive(isText, { signal: stop.signal });
    stop.abort(new Error('enough'));
    await expect(waiting).rejects.toMatchObject({ code: 'aborted', cause: stop.signal.reason as Error });
    await expect(me.receive({ signal: stop.signal })).rejects.toMatchObject({ code: 'aborted' });
  });

  test('no timer and no listener is left, whichever way it ended', async () => {
    vi.useFakeTimers();
    const stop = new AbortController();
    const options = { timeout: 1000, signal: stop.signal };
    const failing = me.receive(() => {
      throw new RangeError('no');
    }, options);
    const got = me.receive(options);
    put('a');
    await expect(failing).rejects.toThrow(RangeError);
    expect(await got).toBe('a');
    expect([vi.getTimerCount(), getEventListeners(stop.signal, 'abort').length]).toEqual([0, 0]);
    const late = me.receive(options);
    await vi.advanceTimersByTimeAsync(1000);
    await expect(late).rejects.toMatchObject({ code: 'timeout' });
    expect([vi.getTimerCount(), getEventListeners(stop.signal, 'abort').length]).toEqual([0, 0]);
    const dying = me.receive(options);
    me.exit(atom('shutdown'));
    await expect(dying).rejects.toMatchObject({ code: 'shutdown' });
    expect([vi.getTimerCount(), getEventListeners(stop.signal, 'abort').length]).toEqual([0, 0]);
  });

  test('the end of the process ends all waits, and nobody has to look', async () => {
    const waits = [me.receive(), me.receive(isText), me.receive({ timeout: 10_000 })];
    const unseen = me.receive();
    me.exit(atom('enough'));
    for (const wait of waits) await expect(wait).rejects.toMatchObject({ code: 'exit', reason: atom('enough') });
    await expect(me.receive()).rejects.toThrow(ExitError);
    expect(unseen).toBeInstanceOf(Promise);
  });

  test('a zombie that receives for ever does not stop the event loop', async () => {
    const cluster = new Cluster();
    const table = cluster.node('a@h');
    let rounds = 0;
    const zombie = table.spawn(async (self) => {
      while (rounds < 1_000_000) {
        await self.receive().catch(() => {});
        rounds++;
      }
    });
    await Promise.resolve();
    table.terminate(zombie, atom('kill'));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(rounds).toBeLessThan(100);
    rounds = 1_000_000;
  });
});

describe('for await', () => {
  test('gives every message, and ends when the mailbox ends', async () => {
    put(1, 2);
    const seen: Term[] = [];
    for await (const message of me) {
      seen.push(message);
      if (message === 2) setImmediate(() => put(3));
      if (message === 3) setImmediate(() => me.exit());
    }
    expect(seen).toEqual([1, 2, 3]);
  });

  test('a function does not run past the loop when its process has been ended', async () => {
    const cluster = new Cluster();
    const table = cluster.node('a@h');
    const reached: string[] = [];
    const loop = table.spawn(async (self) => {
      try {
        for await (const message of self) reached.push(String(message));
        reached.push('after');
      } catch (error) {
        reached.push((error as ExitError).code);
        throw error;
      }
    });
    const inBody = table.spawn(async (self) => {
      for await (const _message of self) table.terminate(self, atom('killed'));
      reached.push('after the body');
    });
    loop.mailbox.put('one');
    inBody.mailbox.put('one');
    await new Promise(setImmediate);
    table.terminate(loop, atom('killed'));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(reached).toEqual(['one', 'killed']);
    expect(cluster.crashes).toEqual([]);
  });

  test('return() while a message is awaited: none is lost', async () => {
    const messages = me[Symbol.asyncIterator]();
    const waiting = messages.next();
    expect(await messages.return?.()).toEqual({ done: true, value: undefined });
    expect(await waiting).toEqual({ done: true, value: undefined });
    put(1);
    expect([await messages.next(), await me.receive()]).toEqual([{ done: true, value: undefined }, 1]);
    me.exit();
    expect(await me[Symbol.asyncIterator]().next()).toEqual({ done: true, value: undefined });
  });

  test('return() while several messages are awaited: none is lost', async () => {
    const messages = me[Symbol.asyncIterator]();
    const asked = [messages.next(), messages.next(), messages.next()];
    me.send(me.pid, 1);
    await messages.return?.();
    me.send(me.pid, 2);
    expect((await Promise.all(asked)).map(({ value }) => value as Term)).toEqual([1, undefined, undefined]);
    expect(await me.receive()).toBe(2);
  });

  test('leaving the loop leaves the messages', async () => {
    put(1, 2);
    for await (const message of me) if (message === 1) break;
    expect(await me.receive()).toBe(2);
  });
});
