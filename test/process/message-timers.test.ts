// Messages sent later: erlang:send_after and cancel_timer.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ArgumentError } from '../../src/errors.js';
import type { Process } from '../../src/process/process.js';
import type { ProcessTable } from '../../src/process/process-table.js';
import { atom } from '../../src/term/atom.js';
import { pid } from '../../src/term/identifiers.js';
import { Cluster } from './cluster.js';

let table: ProcessTable;
let me: Process;

beforeEach(() => {
  table = new Cluster().node('a@h');
  me = table.spawn(undefined);
});

describe('timers', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  test('sendAfter sends later, looks a name up then, and outlives its process', async () => {
    vi.useFakeTimers();
    const other = table.spawn(undefined);
    me.sendAfter(10, 'later', 1);
    me.sendAfter(5, other.pid, 2);
    me.exit();
    await vi.advanceTimersByTimeAsync(5);
    other.register('later');
    await vi.advanceTimersByTimeAsync(5);
    expect([await other.receive(), await other.receive()]).toEqual([2, 1]);
    expect([table.timers.size, vi.getTimerCount()]).toEqual([0, 0]);
  });

  test('cancelTimer tells what was left', async () => {
    vi.useFakeTimers();
    const timer = me.sendAfter(1000, me.pid, 1);
    await vi.advanceTimersByTimeAsync(400);
    expect([me.cancelTimer(timer), me.cancelTimer(timer)]).toEqual([600, false]);
    await vi.advanceTimersByTimeAsync(1000);
    expect(me.messageQueueLength).toBe(0);
  });

  test('stopping the node leaves none', () => {
    vi.useFakeTimers();
    me.sendAfter(1000, me.pid, 1);
    table.stop(atom('shutdown'));
    expect([vi.getTimerCount(), table.size]).toEqual([0, 0]);
  });

  test('bad times and foreign processes are refused', () => {
    for (const bad of [-1, Number.POSITIVE_INFINITY, Number.NaN, 2 ** 32, '1' as never]) {
      expect(() => me.sendAfter(bad, me.pid, 1)).toThrow(ArgumentError);
    }
    expect(() => me.sendAfter(1, pid('b@h', 1, 0, 4), 1)).toThrow(ArgumentError);
    expect(() => me.sendAfter(1, me.alias() as never, 1)).toThrow(ArgumentError);
    expect(table.timers.size).toBe(0);
  });
});
