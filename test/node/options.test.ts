// Options of a node that are misspelt or of the wrong type: refused before anything is opened. What counts as "not given"
// is what is not given: an empty host would listen everywhere, a limit with another name would limit nothing.
import { describe, expect, test } from 'vitest';
import { CONNECTION_LIMITS } from '../../src/dist/limits.js';
import { ArgumentError } from '../../src/errors.js';
import { limitsFor, NODE_LIMITS, type NodeOptions } from '../../src/node/options.js';
import { startNode } from '../../src/start-node.js';
import { network } from './network.js';

const net = network();
const parts = { cookie: 'secret', transport: net.transport, discovery: net.discovery };

async function refusal(name: unknown, options: unknown): Promise<Error> {
  try {
    const node = await startNode(name as string, options as NodeOptions);
    await node.stop();
  } catch (error) {
    expect(error).toBeInstanceOf(ArgumentError);
    expect(error).toMatchObject({ code: 'badarg' });
    return error as Error;
  }
  return expect.unreachable('it started');
}

describe('refused, by name', () => {
  test.each<[string, unknown]>([
    ['cookie', 5],
    ['hidden', false],
    ['hidden', 'yes'],
    ['discovery', 'epmd'],
    ['discovery', () => net.discovery],
    ['discovery', {}],
    ['discovery', null],
    ['transport', () => net.transport],
    ['transport', {}],
    ['transport', null],
    ['listen', true],
    ['listen', 4000],
    ['listen', null],
    ['listen', []],
    ['listen', [null]],
    ['listen', { host: '' }],
    ['listen', { host: 5 }],
    ['listen', { port: -1 }],
    ['listen', { port: 65_536 }],
    ['listen', { port: 1.5 }],
    ['listen', { port: '4000' }],
    ['listen', { port: null }],
    ['listen', { port: { min: 4000 } }],
    ['listen', { port: { min: 4001, max: 4000 } }],
    ['listen', [{ port: 0 }, { transport: 'tcp' }]],
    ['netTickTime', '60'],
    ['netTickTime', 0],
    ['busyWait', '150'],
    ['busyWait', -1],
    ['setupTime', Number.NaN],
    ['limits', 5],
    ['limits', { frameBytes: 'x' }],
    ['allow', ['a@h']],
    ['introspection', 'yes'],
    ['logger', true],
    ['logger', { info: console.info }],
    ['signal', {}],
    ['timeout', '5000'],
    ['timeout', -1],
    ['namedBy', 5],
  ])('%s: %j', async (name, value) => {
    expect((await refusal('a@h', { ...parts, [name]: value })).message).toContain(name);
  });

  test.each<[string, unknown, RegExp]>([
    ['terms', 5, /options/],
    ['terms', { floats: 'bogus' }, /floats/],
    ['terms', { binaries: 'utf8' }, /binaries/],
    ['terms', { maps: 'objects' }, /maps/],
    ['limits', { frameByte: 5 }, /no limit "frameByte".*frameBytes/],
    ['limits', { terms: 5 }, /limits/],
    ['limits', { terms: { dept: 5 } }, /no limit "dept".*depth/],
    ['cokie', 'secret', /no option "cokie".*cookie/],
    ['alow', () => false, /no option "alow".*allow/],
    ['listen', { prot: 4000 }, /no option "prot".*port/],
    ['listen', [{}, { hots: '127.0.0.1' }], /no option "hots".*host/],
    ['limits', { terms: { depth: 'x' } }, /limits\.depth/],
  ])('%s: %j', async (name, value, message) => {
    expect((await refusal('a@h', { ...parts, [name]: value })).message).toMatch(message);
  });
});

test.each([null, 5, 'x', []])('options that are %j', async (options) => {
  await refusal('a@h', options);
});

test.each([undefined, null, 5, '', '@h', 'a@', 'a@b@c', 'a b@h', 'a@h\n', 'a.b@h', 'a'.repeat(300)])(
  'a name that is %j',
  async (name) => {
    await refusal(name, parts);
  },
);

test('a name that was put together from what is not defined', async () => {
  const { NO_SUCH_NAME } = {} as Record<string, string>;
  expect((await refusal(`${NO_SUCH_NAME}@h`, parts)).message).toMatch(/undefined@h .*namedBy/);
  expect((await refusal('undefined', parts)).message).toMatch(/namedBy/);
});

test('a logger, a discovery and a transport may be instances of any class', async () => {
  class Logger {
    readonly lines: string[] = [];
    debug(): void {}
    info(_fields: object, line: string): void {
      this.lines.push(line);
    }
    warn(): void {}
    error(): void {}
  }
  const logger = new Logger();
  const node = await startNode('a@h', { ...parts, logger, limits: { busyBytes: 5, terms: { depth: 10 } } });
  await node.stop();
  expect(logger.lines).toEqual(['node started', 'node stops']);
});

test('what is given as undefined is not given: each limit stays in force', async () => {
  const names = [...Object.keys(NODE_LIMITS), ...Object.keys(CONNECTION_LIMITS)];
  const nothing = Object.fromEntries(names.map((name) => [name, undefined])) as NonNullable<NodeOptions['limits']>;
  expect(limitsFor({ ...nothing, terms: { depth: 1 } })).toEqual({ ...NODE_LIMITS, ...CONNECTION_LIMITS });
  expect(limitsFor({ ...nothing, frameBytes: 7 })).toEqual({ ...NODE_LIMITS, ...CONNECTION_LIMITS, frameBytes: 7 });
  const unset = Object.fromEntries(
    Object.keys({ ...parts, limits: 0, terms: 0, allow: 0 }).map((name) => [name, undefined]),
  );
  const node = await startNode('a@h', { ...unset, ...parts, limits: nothing });
  await node.stop();
});
