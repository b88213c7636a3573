// Exit reasons as errors, and errors as exit reasons.
import { describe, expect, test } from 'vitest';
import { ArgumentError, ExitError } from '../../src/errors.js';
import { exitError, KILLED, reasonOf, withoutStack } from '../../src/process/exit-reason.js';
import { atom, internAtom } from '../../src/term/atom.js';
import { equals } from '../../src/term/compare.js';
import { parse } from '../../src/term/parse.js';
import type { Term } from '../../src/term/term.js';
import { type Tuple, tuple } from '../../src/term/tuple.js';
import { Cluster } from './cluster.js';

describe('exitError', () => {
  test.each<[Term, string]>([
    [atom('noproc'), 'noproc'],
    [atom('timeout'), 'timeout'],
    [atom('noconnection'), 'noconnection'],
    [atom('normal'), 'normal'],
    [atom('killed'), 'killed'],
    [atom('shutdown'), 'shutdown'],
    [tuple(atom('shutdown'), 1), 'shutdown'],
    [tuple(atom('nodedown'), atom('a@h')), 'nodedown'],
    [tuple(atom('noproc'), [1]), 'noproc'],
    [atom('constructor'), 'exit'],
    [tuple(), 'exit'],
    ['noproc', 'exit'],
    [undefined, 'exit'],
  ])('%j is %s', (reason, code) => {
    const error = exitError(reason, 'doing');
    expect(error).toMatchObject({ code, reason });
    expect(error.message).toMatch(/^doing: /);
  });

  test.each<[unknown, string]>([
    [Number.NaN, 'with a reason that is no Erlang term'],
    [Symbol('s'), 'with a reason that is no Erlang term'],
    [{ a: () => 1 }, '_'],
    [[new Date()], '[_]'],
  ])('%o, which is no term, makes an error', (reason, shown) => {
    const error = exitError(reason as Term, 'doing');
    expect(error).toMatchObject({ code: 'exit', reason });
    expect(error.message).toBe(`doing: exit ${shown}`);
  });

  test.each<[string, string]>([
    ['{badmatch,{login,<<"hunter2">>}}', '{badmatch,{login,_}}'],
    [
      '{{badmatch,{error,enoent}},[{acc,check,["hunter2",42],[{file,"acc.erl"},{line,7}]},{b,c,2,[]}]}',
      '{{badmatch,{error,enoent}},[{acc,check,[[_,…],…],[{file,…},…]},…]}',
    ],
    ['{undef,[{math,nope,[1],[]}]}', '{undef,[{math,nope,[_],[]}]}'],
    ["{'two words',true,undefined,[],{}}", "{'two words',true,undefined,[],{}}"],
    ['"hunter2"', '[_,…]'],
    ['#{password => hunter2}', '_'],
    ['{1,2.5,<<>>,<<1:1>>,fun hunter:two/2,six}', '{_,_,_,_,_,…}'],
    ['[secret|hunter2]', '_'],
    ['{{{{{{{deep}}}}}}}', '{{{{{…}}}}}'],
  ])('%s: the message shows how it is built, not what is in it', (reason, shown) => {
    const error = exitError(parse(reason), 'doing');
    expect(error.message).toBe(`doing: exit ${shown}`);
    expect(equals(error.reason, parse(reason))).toBe(true);
  });

  test('a long reason makes a short message', () => {
    const long = internAtom('l'.repeat(255));
    for (const reason of [Array(10_000).fill(long), tuple(...Array<Term>(200).fill(long))])
      expect(exitError(reason, 'doing').message.length).toBeLessThan(300);
  });
});

test('a reason of any depth', () => {
  let deep: Term = 1;
  for (let i = 0; i < 200_000; i++) deep = i % 2 === 0 ? [deep] : tuple(deep);
  expect(exitError(deep, 'doing').code).toBe('exit');
});

describe('reasonOf', () => {
  test("an ExitError's own reason", () => {
    const reason = tuple(1);
    expect(reasonOf(new ExitError('exit', 'm', reason))).toBe(reason);
  });

  test("our own errors give OTP's word, others their name", () => {
    const [told] = reasonOf(new ArgumentError('badarg', 'no')) as Tuple;
    expect(told).toEqual(tuple(atom('js_error'), 'badarg', 'no'));
  });

  test('the stack is a list of frames as OTP prints them, without ours', () => {
    function faulty(): never {
      throw new TypeError('deep');
    }
    let thrown: unknown;
    try {
      faulty();
    } catch (error) {
      thrown = error;
    }
    const [, stack] = reasonOf(thrown) as unknown as [Term, Tuple[]];
    const [module, name, arity, where] = stack[0] as Tuple;
    expect([module, arity]).toEqual([atom('js'), 0]);
    expect(String(name)).toContain('faulty');
    expect(where).toEqual([tuple(atom('file'), expect.any(Array)), tuple(atom('line'), expect.any(Number))]);
  });

  test('lines of the message are no frames, and long ones cost nothing', () => {
    const looksLikeOne = '    at forged (/etc/forged.js:1:2)';
    // Half a megabyte in which every place may be where the file begins: by its square, that took minutes.
    const message = `what a peer sent\n${looksLikeOne}\n    at${' (:1'.repeat(128 * 1024)}\n`;
    const thrown = new Error(message);
    const [, stack] = reasonOf(thrown) as unknown as [Term, Tuple[]];
    expect(stack.map(([, name]) => String(name))).not.toContain('forged');
    expect(stack.length).toBeGreaterThan(0);
    // A message that was changed later is not the one in the stack; its long line costs nothing all the same.
    const [told] = reasonOf(Object.assign(new Error(message), { message: 'other' })) as unknown as [Tuple];
    expect(told.elements).toEqual([atom('js_error'), 'Error', 'other']);
  });

  test('messages and names are cut', () => {
    const [told] = reasonOf(Object.assign(new Error('x'.repeat(5000)), { name: 'N'.repeat(5000) })) as unknown as [
      Tuple,
    ];
    expect((told.elements as string[]).map((part) => part.length)).toEqual([undefined, 200, 1000]);
  });
});

describe('an error without a stack', () => {
  test('has its message and its reason, and leaves the stacks of others alone', () => {
    const limit = Error.stackTraceLimit;
    const error = withoutStack(() => exitError(KILLED, 'a wait'));
    expect(error).toMatchObject({ code: 'killed', reason: KILLED, message: 'a wait: the process was killed' });
    expect(error.stack).not.toMatch(/\n\s+at /);
    expect(Error.stackTraceLimit).toBe(limit);
    expect(new RangeError('x').stack).toMatch(/\n\s+at /);
  });

  test('one that cannot be made leaves them alone, too', () => {
    const limit = Error.stackTraceLimit;
    expect(() =>
      withoutStack(() => {
        throw new RangeError('no');
      }),
    ).toThrow('no');
    expect(Error.stackTraceLimit).toBe(limit);
  });

  test('where the limit cannot be changed, it has a stack', () => {
    const before = Object.getOwnPropertyDescriptor(Error, 'stackTraceLimit') as PropertyDescriptor;
    Object.defineProperty(Error, 'stackTraceLimit', { ...before, writable: false });
    try {
      expect(withoutStack(() => exitError(KILLED, 'a wait')).stack).toMatch(/\n\s+at /);
    } finally {
      Object.defineProperty(Error, 'stackTraceLimit', before);
    }
  });
});

test('a wait that ends with its process has no stack; a call of a process that has ended has one', async () => {
  const process = new Cluster().node('a@h').spawn(undefined);
  const waiting = process.receive().then(
    () => expect.unreachable('it has received'),
    (error: Error) => error,
  );
  process.exit();
  expect((await waiting).stack).not.toMatch(/\n\s+at /);
  expect(() => process.send(process.pid, 1)).toThrow(
    expect.objectContaining({ stack: expect.stringMatching(/\n\s+at .*exit-reason\.test/) }),
  );
});
