// A mailbox beside the simplest thing that behaves like one: a list for messages with priority, and one for the others.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Mailbox } from '../../src/process/mailbox.js';
import { NOTHING } from '../../src/process/matcher.js';
import type { Term } from '../../src/term/term.js';

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ put: fc.nat(9), urgent: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ take: fc.option(fc.nat(9)) }) },
  fc.record({ flush: fc.nat(9) }),
);

test('messages are taken in the order of a list, those with priority first', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const mailbox = new Mailbox();
      let lists: Term[][] = [[], []];
      for (const each of steps) {
        if ('put' in each) {
          if (each.urgent) mailbox.putUrgent(each.put);
          else mailbox.put(each.put);
          lists[each.urgent ? 0 : 1]?.push(each.put);
        } else if ('flush' in each) {
          mailbox.flush((message) => message === each.flush);
          lists = lists.map((list) => list.filter((message) => message !== each.flush));
        } else {
          const wanted = each.take;
          const taken = mailbox.take(wanted === null ? undefined : (message: Term) => message === wanted);
          const from = lists.find((list) => (wanted === null ? list.length > 0 : list.includes(wanted)));
          const at = from === undefined || wanted === null ? 0 : from.indexOf(wanted);
          expect(taken).toBe(from === undefined ? NOTHING : from.splice(at, 1)[0]);
        }
        expect(mailbox.length).toBe(lists.flat().length);
      }
    }),
  );
});

test('a matcher that takes messages itself finds each once', () => {
  for (const inner of ['urgent', 'ordinary'] as const) {
    const mailbox = new Mailbox();
    mailbox.put('ordinary');
    mailbox.put('last');
    mailbox.putUrgent('urgent');
    mailbox.putUrgent('next');
    const taken: unknown[] = [];
    const matcher = (message: Term): boolean => {
      if (taken.length === 0) taken.push(mailbox.take((one: Term) => one === inner));
      return message !== 'next';
    };
    taken.push(mailbox.take(matcher), mailbox.take(undefined), mailbox.take(undefined));
    expect(taken).toHaveLength(4);
    expect(new Set(taken)).toEqual(new Set(['urgent', 'next', 'ordinary', 'last']));
    expect(mailbox.length).toBe(0);
  }
});

test('a matcher that ends the process finds nothing', () => {
  for (const urgent of [true, false]) {
    const mailbox = new Mailbox();
    if (urgent) mailbox.putUrgent(1);
    else mailbox.put(1);
    const matcher = (): boolean => {
      mailbox.close();
      return true;
    };
    expect(mailbox.take(matcher)).toBe(NOTHING);
  }
});

// Each moved all ordinary ones: these took a minute and more.
test('many messages with priority go before many others', () => {
  const mailbox = new Mailbox();
  const count = 1_000_000;
  for (let i = 0; i < count; i++) mailbox.put('ordinary');
  for (let i = 0; i < count; i++) mailbox.putUrgent(i);
  expect(mailbox.length).toBe(2 * count);
  let inOrder = true;
  for (let i = 0; i < count; i++) inOrder &&= mailbox.take(undefined) === i;
  expect(inOrder).toBe(true);
  expect(mailbox.take(undefined)).toBe('ordinary');
});
