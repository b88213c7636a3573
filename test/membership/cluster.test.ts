import { afterEach, describe, expect, test } from 'vitest';
import { ArgumentError, ConnectionError } from '../../src/errors.js';
import { type Cluster, type ClusterOptions, cluster } from '../../src/membership/cluster.js';
import { dnsPoll } from '../../src/membership/dns-poll.js';
import type { ClusterEvent } from '../../src/membership/events.js';
import { hosts } from '../../src/membership/hosts.js';
import type { Strategy } from '../../src/membership/strategy.js';
import { keepLines, type LogLine } from '../support/ts-node.js';
import { FakeClock, FakeNode, settle } from './fake-node.js';

interface World {
  readonly node: FakeNode;
  readonly clock: FakeClock;
  readonly events: ClusterEvent[];
  readonly lines: LogLine[];
  readonly members: Cluster;
  /** What the strategy says from now on. */
  says(answer: readonly unknown[] | Error): void;
}

const running: Cluster[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((each) => each.stop()));
});

/** Half of every span, so that jitter adds nothing to half of the back-off and takes nothing from the interval. */
async function world(
  first: readonly unknown[] | Error,
  { prepare, ...options }: ClusterOptions & { readonly prepare?: (node: FakeNode) => void } = {},
): Promise<World> {
  const node = new FakeNode();
  const clock = new FakeClock();
  const events: ClusterEvent[] = [];
  const lines: LogLine[] = [];
  let said = first;
  prepare?.(node);
  const strategy: Strategy = {
    name: 'said',
    nodes: async () => {
      if (said instanceof Error) throw said;
      return said as string[];
    },
  };
  const members = cluster(node, strategy, {
    clock,
    random: () => 0.5,
    onEvent: (event) => events.push(event),
    logger: keepLines(lines),
    ...options,
  });
  running.push(members);
  await settle();
  return { node, clock, events, lines, members, says: (answer) => (said = answer) };
}

const types = (events: readonly ClusterEvent[]) => events.map(({ type }) => type);
const refused = new ConnectionError('econnrefused', 'nobody there');

test.each<[string, () => unknown, RegExp]>([
  ['no node', () => cluster(undefined as never, hosts([])), /given a node, got undefined/],
  ['no strategy', () => cluster(new FakeNode(), undefined as never), /strategy, .*got undefined/],
  ['a list for a strategy', () => cluster(new FakeNode(), ['a@h'] as never), /strategy, .*got an object/],
  ['a name for options', () => cluster(new FakeNode(), hosts([]), 'x' as never), /options .*got "x"/],
  ['a misspelt option', () => cluster(new FakeNode(), hosts([]), { intervall: 5 } as never), /no option "intervall"/],
  ['hosts of nothing', () => hosts(undefined as never), /list of node names, got undefined/],
  ['dnsPoll of nothing', () => dnsPoll(undefined as never), /options .*got undefined/],
])('%s: told at once, not by a rejection that nobody can catch', (_what, make, message) => {
  expect(make).toThrow(ArgumentError);
  expect(make).toThrow(message);
});

describe('whom it connects to', () => {
  test('everyone who is named, but itself, tools, what is no name, and who is connected already', async () => {
    const { node, members, events } = await world(
      ['a@h', 'ts@here', 'b@h', 'a@h', 'rpc-1a2b-app@h', 'rem-32767-app@h', 'rabbitmqcli-12-rabbit@h', 'app_maint_@h'],
      { prepare: (fresh) => fresh.up.add('b@h') },
    );
    expect(node.dialled).toEqual(['a@h']);
    expect(members.members).toEqual(['a@h', 'b@h']);
    expect(types(events.filter(({ type }) => type !== 'ignored'))).toEqual([
      'joined',
      'joined',
      'connected',
      'connected',
    ]);
    expect(events.filter(({ type }) => type === 'ignored')).toEqual(
      ['rpc-1a2b-app@h', 'rem-32767-app@h', 'rabbitmqcli-12-rabbit@h', 'app_maint_@h'].map((name) => ({
        type: 'ignored',
        name: `"${name}"`,
        why: 'tool',
      })),
    );
  });

  test('nobody whose name is none, told once, escaped, and not endlessly', async () => {
    const bad = ['alone', '@h', 'a@', 'a@b@c', 'a b@h', 'a@h\n', 'ä@h', `${'x'.repeat(300)}@h`, '\u{1b}[2J@h', 7, null];
    const { node, clock, events, lines } = await world([...bad, 'a@h', ...bad]);
    expect(node.dialled).toEqual(['a@h']);
    const ignored = () => events.filter(({ type }) => type === 'ignored');
    expect(ignored()).toHaveLength(10);
    expect(lines.map(({ name }) => name).join(' ')).toMatch(/^(?!.*x{201})[ -~…]*$/);
    await clock.turn(20_000);
    expect(ignored()).toHaveLength(10);
  });

  test('whoever `only` lets pass', async () => {
    const { node } = await world(['a@h', 'other@h'], { only: (name) => name.startsWith('a') });
    expect(node.dialled).toEqual(['a@h']);
  });

  test('a few at once', async () => {
    const names = Array.from({ length: 10 }, (_, i) => `n${i}@h`);
    const { node } = await world(names, { maxAttempts: 3, prepare: (fresh) => (fresh.answer = undefined) });
    expect(node.dialled).toEqual(['n0@h', 'n1@h', 'n2@h']);
    node.open.get('n1@h')?.resolve();
    await settle();
    expect(node.dialled).toEqual(['n0@h', 'n1@h', 'n2@h', 'n3@h']);
    node.answer = () => refused;
    for (const { reject } of [...node.open.values()]) reject(refused);
    await settle();
    expect(node.dialled).toEqual(names);
  });
});

describe('coming back', () => {
  test('after a back-off that doubles, between half and all of it', async () => {
    const { node, clock, events } = await world(['a@h'], {
      prepare: (fresh) => (fresh.answer = () => refused),
      backOff: { min: 1000, max: 8000 },
    });
    const waits = () => events.flatMap((event) => (event.type === 'failed' ? [event.retryIn] : []));
    expect(events[1]).toEqual({ type: 'failed', node: 'a@h', retryIn: 750, error: refused });
    await clock.turn(749);
    expect(node.dialled).toHaveLength(1);
    await clock.turn(1);
    expect(node.dialled).toHaveLength(2);
    await clock.turn(30_000);
    expect(waits().slice(0, 6)).toEqual([750, 1500, 3000, 6000, 6000, 6000]);
    node.answer = () => 'up';
    await clock.turn(6000);
    expect(node.up).toContain('a@h');
  });

  test.each([
    [0, 500],
    [0.999999, 1000],
  ])('jitter of %d', async (random, retryIn) => {
    const { events } = await world(['a@h'], {
      prepare: (fresh) => (fresh.answer = () => refused),
      backOff: { min: 1000, max: 8000 },
      random: () => random,
    });
    expect(events[1]).toMatchObject({ type: 'failed', retryIn });
  });

  test('soon when the connection was good, and ever later for one that comes and goes', async () => {
    const { node, clock, events } = await world(['a@h'], { backOff: { min: 1000, max: 8000 } });
    const waits = () => events.flatMap((event) => (event.type === 'disconnected' ? [event.retryIn] : []));
    for (let round = 0; round < 3; round++) {
      node.goes('a@h', refused);
      await clock.turn(6000);
    }
    expect(waits()).toEqual([750, 1500, 3000]);
    expect(events.filter(({ type }) => type === 'disconnected')[0]).toMatchObject({ error: refused });
    await clock.turn(8000);
    node.goes('a@h');
    await settle();
    expect(waits()).toEqual([750, 1500, 3000, 750]);
    await clock.turn(750);
    expect(node.up).toContain('a@h');
  });

  test('is for the other side to do, too', async () => {
    const { node, clock, events } = await world(['a@h'], { prepare: (fresh) => (fresh.answer = () => refused) });
    node.comes('a@h');
    await settle();
    expect(types(events)).toEqual(['joined', 'failed', 'connected']);
    await clock.turn(60_000);
    expect(node.dialled).toHaveLength(1);
  });

  test('whatever the events said: a connection that was missed is noticed with the next answer', async () => {
    const { node, clock, events } = await world(['a@h']);
    node.up.delete('a@h');
    await clock.turn(5000);
    expect(types(events)).toEqual(['joined', 'connected', 'disconnected']);
    await clock.turn(5000);
    expect(node.up).toContain('a@h');
  });

  test('of a connection that is gone before anybody looked', async () => {
    const { node, clock, events } = await world(['a@h'], { prepare: (fresh) => (fresh.answer = undefined) });
    const { comes } = node;
    node.comes = () => {};
    node.open.get('a@h')?.resolve();
    await settle();
    expect(events[1]).toMatchObject({ type: 'failed', error: { code: 'connection_closed' } });
    node.comes = comes;
    node.answer = () => 'up';
    await clock.turn(500);
    expect(node.up).toContain('a@h');
  });
});

describe('the answer', () => {
  test('is asked for again and again; who is new is connected', async () => {
    const { node, clock, says, members } = await world(['a@h']);
    says(['b@h', 'a@h']);
    await clock.turn(4999);
    expect(node.dialled).toEqual(['a@h']);
    await clock.turn(1);
    expect(node.dialled).toEqual(['a@h', 'b@h']);
    says(['a@h', 'b@h', 'c@h']);
    await members.refresh();
    await settle();
    expect(node.dialled).toEqual(['a@h', 'b@h', 'c@h']);
    expect(members.members).toEqual(['a@h', 'b@h', 'c@h']);
  });

  test.each([0, 0.999_999])('not at the same time everywhere: jitter of %d', async (random) => {
    const { node, clock, says } = await world(['a@h'], { random: () => random });
    says(['b@h']);
    await clock.turn(random === 0 ? 4499 : 5499);
    expect(node.dialled).toEqual(['a@h']);
    await clock.turn(1);
    expect(node.dialled).toEqual(['a@h', 'b@h']);
  });

  test('without somebody: who is healthy is left alone, and not dialled again', async () => {
    const { node, clock, says, events, members } = await world(['a@h', 'b@h']);
    says(['b@h']);
    await clock.turn(5000);
    expect(node.disconnected).toEqual([]);
    expect(members.members).toEqual(['b@h']);
    expect(events.at(-1)).toEqual({ type: 'left', node: 'a@h', disconnected: false });
    node.goes('a@h');
    await clock.turn(60_000);
    expect(node.dialled).toEqual(['a@h', 'b@h']);
    says(['a@h', 'b@h']);
    await clock.turn(5000);
    expect(node.dialled).toEqual(['a@h', 'b@h', 'a@h']);
  });

  test('without somebody, with disconnectGone: who was named and is no more is disconnected, nobody else', async () => {
    const { node, clock, says, events } = await world(['a@h', 'b@h'], {
      disconnectGone: true,
      prepare: (fresh) => fresh.up.add('never-named@h'),
    });
    says([]);
    await clock.turn(5000);
    expect(node.disconnected).toEqual(['a@h', 'b@h']);
    expect(events.at(-1)).toEqual({ type: 'left', node: 'b@h', disconnected: true });
    await clock.turn(60_000);
    expect(node.dialled).toEqual(['a@h', 'b@h']);
    expect([...node.up]).toEqual(['never-named@h']);
  });

  test('without somebody who is being dialled: who comes up all the same goes again, if that was asked for', async () => {
    for (const disconnectGone of [true, false]) {
      const { node, clock, says } = await world(['a@h'], {
        disconnectGone,
        prepare: (fresh) => (fresh.answer = undefined),
      });
      says([]);
      await clock.turn(5000);
      node.open.get('a@h')?.resolve();
      await settle();
      expect(node.disconnected).toEqual(disconnectGone ? ['a@h'] : []);
    }
  });

  test.each([
    ['an error of ours', new ConnectionError('timeout', 'no name server answers'), 'no name server answers'],
    ['any other error', new TypeError('oops'), 'strategy said: oops'],
    ['too many nodes', Array.from({ length: 1001 }, (_, i) => `n${i}@h`), '1001 is over the limit of 1000'],
    ['no list', 'a@h' as unknown as string[], 'expected a list of node names'],
  ])('that fails changes nothing: %s', async (_, failure, message) => {
    const { node, clock, says, events, lines, members } = await world(['a@h'], { disconnectGone: true });
    says(failure);
    await clock.turn(60_000);
    expect(node.disconnected).toEqual([]);
    expect(members.members).toEqual(['a@h']);
    // Told once, not each time.
    const failures = events.filter(({ type }) => type === 'answer_failed');
    expect(failures).toHaveLength(1);
    expect(failures[0]).toMatchObject({ error: { message: expect.stringContaining(message) } });
    expect(lines.filter(({ level }) => level === 'warn')).toHaveLength(1);
    // Connections are looked after all the same.
    node.goes('a@h');
    await clock.turn(500);
    expect(node.dialled).toEqual(['a@h', 'a@h']);
    says(['a@h', 'b@h']);
    await clock.turn(6000);
    expect(node.up).toContain('b@h');
  });

  test('that never comes is given up, with its signal; what comes late is not taken', async () => {
    const signals: AbortSignal[] = [];
    const answers: ((nodes: string[]) => void)[] = [];
    const node = new FakeNode();
    const clock = new FakeClock();
    const events: ClusterEvent[] = [];
    const strategy: Strategy = {
      nodes: ({ signal, warn }) => {
        signals.push(signal);
        signal.addEventListener('abort', () => warn(new ConnectionError('aborted', 'late')));
        return new Promise((resolve) => answers.push(resolve));
      },
    };
    const members = cluster(node, strategy, {
      clock,
      timeout: 1000,
      random: () => 0.5,
      onEvent: (event) => events.push(event),
    });
    running.push(members);
    await clock.turn(1000);
    expect(signals[0]?.aborted).toBe(true);
    expect(events).toMatchObject([
      { type: 'answer_failed', error: { code: 'timeout', message: 'no answer within 1000 ms' } },
    ]);
    answers[0]?.(['late@h']);
    await clock.turn(5000);
    answers[1]?.(['a@h']);
    await settle();
    expect(members.members).toEqual(['a@h']);
  });

  test('one question at a time', async () => {
    let asked = 0;
    const strategy: Strategy = {
      nodes: () => new Promise((resolve) => setImmediate(() => resolve([`n${asked++}@h`]))),
    };
    const members = cluster(new FakeNode(), strategy, { clock: new FakeClock() });
    running.push(members);
    await Promise.all([members.refresh(), members.refresh()]);
    expect(asked).toBe(1);
  });

  test('with a warning: told once as long as it is the same', async () => {
    const events: ClusterEvent[] = [];
    const clock = new FakeClock();
    const strategy: Strategy = {
      nodes: async ({ warn, self }) => {
        expect(self).toBe('ts@here');
        warn(new ConnectionError('timeout', 'one of two'));
        return ['a@h'];
      },
    };
    running.push(cluster(new FakeNode(), strategy, { clock, onEvent: (event) => events.push(event) }));
    await clock.turn(30_000);
    expect(types(events)).toEqual(['warning', 'joined', 'connected']);
  });
});

describe('the end', () => {
  test('stop leaves no timer, no attempt and no listener; connections stay', async () => {
    const { node, clock, members, events } = await world(['a@h', 'b@h', 'c@h'], {
      prepare: (fresh) => (fresh.answer = (name) => (name === 'a@h' ? 'up' : refused)),
    });
    node.answer = undefined;
    await clock.turn(400);
    expect([...node.open.keys()]).toEqual(['b@h', 'c@h']);
    await members.stop();
    await settle();
    expect(node.open.size).toBe(0);
    expect(clock.waiting).toBe(0);
    expect(node.listening).toBe(false);
    expect([...node.up]).toEqual(['a@h']);
    const before = events.length;
    await members.refresh();
    await members.stop();
    await clock.turn(60_000);
    expect(events).toHaveLength(before);
    expect(node.dialled).toHaveLength(5);
    expect(members.members).toEqual([]);
  });

  test('stop does not wait for a strategy that does not heed its signal', async () => {
    const clock = new FakeClock();
    const members = cluster(new FakeNode(), { nodes: () => new Promise(() => {}) }, { clock });
    await members.stop();
    expect(clock.waiting).toBe(0);
  });

  test('the node ends, and the membership with it', async () => {
    const { node, clock } = await world(['a@h']);
    node.stop();
    await settle();
    expect(clock.waiting).toBe(0);
  });

  test('the node had ended before', async () => {
    const stopped = new ConnectionError('node_stopped', 'it has been stopped');
    const { clock } = await world(['a@h'], { prepare: (fresh) => (fresh.answer = () => stopped) });
    expect(clock.waiting).toBe(0);
  });

  test('await using', async () => {
    const clock = new FakeClock();
    {
      await using _members = cluster(new FakeNode(), hosts(['a@h']), { clock });
      await settle();
    }
    expect(clock.waiting).toBe(0);
  });
});

test.each([
  ['interval', { interval: 0 }],
  ['timeout', { timeout: Number.NaN }],
  ['backOff.min', { backOff: { min: 0, max: 1 } }],
  ['backOff.max', { backOff: { min: 2, max: 1 } }],
  ['maxNodes', { maxNodes: 0 }],
  ['maxAttempts', { maxAttempts: 0 }],
] as const)('an option that is none: %s', (name, options) => {
  const node = new FakeNode();
  expect(() => cluster(node, hosts([]), options)).toThrow(ArgumentError);
  expect(() => cluster(node, hosts([]), options)).toThrow(new RegExp(name));
});

test('hosts takes node names', async () => {
  expect(() => hosts(['a@h', 'alone'])).toThrow(ArgumentError);
  const strategy = hosts(['a@h']);
  expect(await strategy.nodes({ signal: new AbortController().signal, self: 'ts@h', warn() {} })).toEqual(['a@h']);
});
