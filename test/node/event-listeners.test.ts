// Listeners for events: in order, each event once, bounded when nobody reads, and gone when they end, whichever way.
import { beforeEach, describe, expect, test } from 'vitest';
import { type EventOptions, Monitors } from '../../src/node/monitor-nodes.js';

let monitors: Monitors<number>;
beforeEach(() => {
  monitors = new Monitors();
});

const listen = (options: EventOptions = {}) => monitors.listen(options, 'monitorNodes()');

async function rest(events: AsyncIterable<number>): Promise<number[]> {
  const read: number[] = [];
  for await (const event of events) read.push(event);
  return read;
}

test('every listener gets every event from then on, whether it waits or not', async () => {
  const early = listen();
  const waiting = [early.next(), early.next()];
  monitors.emit(1);
  const late = listen();
  for (const event of [2, 3]) monitors.emit(event);
  monitors.end();
  expect(await Promise.all(waiting)).toEqual([
    { value: 1, done: false },
    { value: 2, done: false },
  ]);
  expect(await rest(early)).toEqual([3]);
  expect(await rest(late)).toEqual([2, 3]);
  expect(monitors.size).toBe(0);
  // The node has stopped: there is nothing to wait for.
  expect(await rest(listen())).toEqual([]);
});

describe('a listener that is not read', () => {
  test('ends behind the events that it could keep, and says how many those are; once', async () => {
    const events = listen({ maxQueued: 3 });
    for (let i = 1; i <= 4; i++) monitors.emit(i);
    expect(monitors.size).toBe(0);
    for (let i = 1; i <= 3; i++) expect(await events.next()).toEqual({ value: i, done: false });
    await expect(events.next()).rejects.toMatchObject({ code: 'too_many_events', limit: 3, asked: 4 });
    expect(await events.next()).toEqual({ value: undefined, done: true });
  });

  test('keeps ten thousand unless told otherwise', async () => {
    const events = listen();
    for (let i = 0; i < 10_000; i++) monitors.emit(i);
    expect(monitors.size).toBe(1);
    monitors.emit(10_000);
    expect(monitors.size).toBe(0);
    const read: number[] = [];
    await expect(
      (async () => {
        for await (const event of events) read.push(event);
      })(),
    ).rejects.toMatchObject({ code: 'too_many_events', limit: 10_000 });
    expect(read).toHaveLength(10_000);
  });

  test('disturbs no other', async () => {
    listen({ maxQueued: 1 });
    const other = listen();
    for (let i = 0; i < 5; i++) monitors.emit(i);
    monitors.end();
    expect(await rest(other)).toEqual([0, 1, 2, 3, 4]);
  });
});

describe('return()', () => {
  test('ends it for whoever waits, and drops what waits', async () => {
    const events = listen();
    const waiting = [events.next(), events.next()];
    expect(await events.return?.()).toEqual({ value: undefined, done: true });
    for (const each of waiting) expect(await each).toEqual({ value: undefined, done: true });
    expect(monitors.size).toBe(0);
    const full = listen();
    monitors.emit(1);
    for await (const event of full) {
      expect(event).toBe(1);
      monitors.emit(2);
      break;
    }
    expect(monitors.size).toBe(0);
    expect(await full.next()).toEqual({ value: undefined, done: true });
  });

  test('after an overflow nothing is thrown any more', async () => {
    const events = listen({ maxQueued: 1 });
    for (let i = 0; i < 2; i++) monitors.emit(i);
    await events.return?.();
    expect(await events.next()).toEqual({ value: undefined, done: true });
  });
});

describe('a signal', () => {
  test('that is aborted ends it at once, queued events and all', async () => {
    const aborter = new AbortController();
    const events = listen({ signal: aborter.signal });
    monitors.emit(1);
    const reason = new Error('enough');
    aborter.abort(reason);
    expect(monitors.size).toBe(0);
    await expect(events.next()).rejects.toMatchObject({ code: 'aborted', cause: reason });
    expect(await events.next()).toEqual({ value: undefined, done: true });
  });

  test('that was aborted before', async () => {
    await expect(listen({ signal: AbortSignal.abort() }).next()).rejects.toMatchObject({ code: 'aborted' });
    expect(monitors.size).toBe(0);
  });

  test('rejects who waits, and is let go with the listener', async () => {
    const aborter = new AbortController();
    const { signal } = aborter;
    let listeners = 0;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners++;
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners--;
      remove(...args);
    };
    const waiting = listen({ signal }).next();
    const ends = [listen({ signal }), listen({ signal, maxQueued: 1 }), listen({ signal })];
    await ends[0]?.return?.();
    expect(listeners).toBe(3);
    monitors.emit(1);
    monitors.emit(2);
    expect(listeners).toBe(2);
    expect(await waiting).toEqual({ value: 1, done: false });
    monitors.end();
    expect(listeners).toBe(0);
  });
});
