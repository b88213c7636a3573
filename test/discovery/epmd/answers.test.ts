// Protocol section 1.4, row by row: the same bytes to the real daemon and to our server, the same expectation.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { epmdServer } from '../../../src/discovery/index.js';
import { startEpmd } from '../../support/epmd.js';
import { alive2, type Exchange, framed, openRaw } from './raw.js';

interface Subject {
  readonly port: number;
  end(): Promise<void>;
}

interface Switches {
  readonly relaxed?: boolean;
  readonly packetTimeout?: number;
}

const subjects: { readonly name: string; start(switches?: Switches): Promise<Subject> }[] = [
  {
    name: 'the real daemon',
    async start({ relaxed = false, packetTimeout } = {}) {
      const args = [
        ...(relaxed ? ['-relaxed_command_check'] : []),
        ...(packetTimeout === undefined ? [] : ['-packet_timeout', String(packetTimeout)]),
      ];
      const daemon = await startEpmd({ args });
      return { port: daemon.port, end: () => daemon.stop() };
    },
  },
  {
    name: 'our server',
    async start({ relaxed = false, packetTimeout } = {}) {
      const server = await epmdServer({
        port: 0,
        env: {},
        relaxedCommandCheck: relaxed,
        ...(packetTimeout === undefined ? {} : { packetTimeout }),
      });
      return { port: server.port, end: () => server.close() };
    },
  },
];

const request = (op: string, rest: string | Uint8Array = '') =>
  framed(Buffer.concat([Buffer.from(op), Buffer.from(rest)]));
const names = request('n');
const register = (fields: Parameters<typeof alive2>[0]) => framed(alive2(fields));
const portOf = (name: string | Uint8Array) => request('z', name);

interface Row {
  readonly row: string;
  readonly send: Buffer;
  /** What comes back, in hex; a pattern where creations are. Default: nothing. */
  readonly reply?: RegExp | string;
  /** Default: closed. */
  readonly open?: true;
  /** Our server's reply where it is stricter than the daemon, on purpose (promise 15, docs/DISCOVERY.md). */
  readonly ours?: string;
}

const refused32 = '760100000063';
const accepted32 = /^7600(?!0000000[0-3])[0-9a-f]{8}$/;

const rows: readonly Row[] = [
  { row: 'length 0', send: Buffer.from([0, 0]) },
  { row: 'length 0 and a request behind it', send: Buffer.concat([Buffer.from([0, 0]), names]) },
  { row: 'the largest length that is too large', send: Buffer.from([0xff, 0xff, 110]) },
  { row: 'the smallest length that is too large', send: Buffer.from([0x0b, 0xf2, 110]) },
  { row: 'the largest length that is not, and its bytes', send: request('n', Buffer.alloc(3056)), reply: /^0000/ },
  { row: 'one byte more than the length', send: Buffer.concat([names, Buffer.from([0])]) },
  { row: 'two requests at once', send: Buffer.concat([names, names]) },
  { row: 'a byte less than the length', send: names.subarray(0, 2), open: true },
  { row: 'half a length', send: Buffer.from([0]), open: true },
  { row: 'an op that does not exist', send: request('q') },
  { row: 'op 0', send: Buffer.from([0, 1, 0]) },
  { row: 'a response as a request', send: request('w\x01') },
  { row: 'ALIVE2: only the op', send: request('x') },
  { row: 'ALIVE2: an empty name', send: register({ name: '' }) },
  { row: 'ALIVE2: a name one byte past the packet', send: register({ name: 'n1', nameLength: 3 }) },
  { row: 'ALIVE2: a name of 65535 bytes that did not come', send: register({ name: 'n2', nameLength: 0xffff }) },
  { row: 'ALIVE2: an extra field one byte past the packet', send: register({ name: 'n3', extraLength: 1 }) },
  {
    row: 'ALIVE2: an extra field of 65535 bytes that did not come',
    send: register({ name: 'n4', extraLength: 0xffff }),
  },
  { row: 'ALIVE2: NUL at the end of the name', send: register({ name: 'n5\0' }) },
  { row: 'ALIVE2: NUL in the name', send: register({ name: 'n\x006' }) },
  { row: 'ALIVE2: a name of 255 characters', send: register({ name: 'a'.repeat(255) }), reply: accepted32, open: true },
  { row: 'ALIVE2: a name of 256 characters', send: register({ name: 'b'.repeat(256) }), reply: refused32, open: true },
  {
    row: 'ALIVE2: a name of 255 characters in 1020 bytes',
    send: register({ name: '\u{1f600}'.repeat(255) }),
    reply: accepted32,
    open: true,
  },
  { row: 'ALIVE2: a name of 1021 bytes', send: register({ name: 'c'.repeat(1021) }), reply: refused32, open: true },
  { row: 'ALIVE2: a name of 3044 bytes', send: register({ name: 'c'.repeat(3044) }), reply: refused32, open: true },
  {
    row: 'ALIVE2: a lone continuation byte',
    send: register({ name: Buffer.from([0x80]) }),
    reply: refused32,
    open: true,
  },
  { row: 'ALIVE2: Latin-1', send: register({ name: Buffer.from('\u00e5', 'latin1') }), reply: refused32, open: true },
  { row: 'ALIVE2: UTF-8', send: register({ name: '\u00e5\u{4e16}' }), reply: accepted32, open: true },
  {
    row: 'ALIVE2: a refusal for version 5 is the short answer',
    send: register({ name: Buffer.from([0xff]), high: 5 }),
    reply: '79010063',
    open: true,
  },
  { row: 'ALIVE2: spaces in the name', send: register({ name: 'a b c' }), reply: accepted32, open: true },
  { row: 'ALIVE2: port 0', send: register({ name: 'p0', port: 0 }), reply: accepted32, open: true },
  { row: 'ALIVE2: any type', send: register({ name: 't0', type: 0 }), reply: accepted32, open: true },
  { row: 'ALIVE2: any protocol', send: register({ name: 't1', protocol: 255 }), reply: accepted32, open: true },
  { row: 'ALIVE2: version 7', send: register({ name: 'v7', high: 7 }), reply: accepted32, open: true },
  { row: 'ALIVE2: version 5', send: register({ name: 'v5', high: 5 }), reply: /^7900000[1-3]$/, open: true },
  { row: 'ALIVE2: version 0', send: register({ name: 'v0', high: 0, low: 0 }), reply: /^7900000[1-3]$/, open: true },
  {
    row: 'ALIVE2: extra of 1020 bytes',
    send: register({ name: 'x0', extra: Buffer.alloc(1020) }),
    reply: accepted32,
    open: true,
  },
  {
    row: 'ALIVE2: extra of 1021 bytes',
    send: register({ name: 'x1', extra: Buffer.alloc(1021) }),
    reply: refused32,
    open: true,
  },
  {
    row: 'ALIVE2: bytes behind the extra field',
    send: framed(Buffer.concat([alive2({ name: 'y0' }), Buffer.from('zz')])),
    reply: accepted32,
    open: true,
  },
  {
    row: 'ALIVE2: an empty name with an extra field',
    send: register({ name: '', extra: Buffer.from('x') }),
    reply: accepted32,
    ours: refused32,
    open: true,
  },
  {
    row: 'ALIVE2: a line end in the name',
    send: register({ name: 'x at port 1\nname y' }),
    reply: accepted32,
    ours: refused32,
    open: true,
  },
  {
    row: 'ALIVE2: an escape sequence in the name',
    send: register({ name: 'x\u001b[2J' }),
    reply: accepted32,
    ours: refused32,
    open: true,
  },
  { row: 'PORT2: no name', send: portOf('') },
  { row: 'PORT2: only a NUL', send: portOf('\0') },
  { row: 'PORT2: NUL inside', send: portOf('a\0b') },
  { row: 'PORT2: two NULs at the end', send: portOf('a\0\0') },
  { row: 'PORT2: not UTF-8', send: portOf(Buffer.from([0xff])) },
  { row: 'PORT2: an unknown name', send: portOf('nobody'), reply: '7701' },
  { row: 'PORT2: an unknown name and a NUL', send: portOf('nobody\0'), reply: '7701' },
  { row: 'PORT2: an unknown name with a control character', send: portOf('no\nbody'), reply: '7701' },
  { row: 'PORT2: an unknown name of 254 characters', send: portOf('a'.repeat(254)), reply: '7701' },
  { row: 'PORT2: a name of 255 characters', send: portOf('a'.repeat(255)) },
  { row: 'PORT2: a name of 3000 bytes', send: portOf('a'.repeat(3000)) },
  { row: 'STOP without the relaxed command check', send: request('s', 'nobody') },
  { row: 'STOP without a name', send: request('s') },
];

describe.each(subjects)('$name', ({ name, start }) => {
  let subject: Subject;
  beforeAll(async () => {
    subject = await start();
  });
  afterAll(() => subject.end());

  const within = async (
    body: (open: (bytes: Buffer) => Promise<Exchange>, port: number) => Promise<void>,
    at = subject,
  ) => {
    const opened: Exchange[] = [];
    try {
      await body(async (bytes) => {
        const exchange = await openRaw(at.port);
        opened.push(exchange);
        exchange.send(bytes);
        return exchange;
      }, at.port);
    } finally {
      for (const exchange of opened) await exchange.end();
    }
  };

  /** The whole answer of a request after which the connection is closed. */
  const answer = async (bytes: Buffer, at = subject): Promise<Buffer> => {
    const exchange = await openRaw(at.port);
    exchange.send(bytes);
    expect(await exchange.closed()).toBe('closed');
    return exchange.bytes();
  };

  test.each(rows)('$row', ({ send, reply = '', ours = reply, open = false }) =>
    within(async (ask) => {
      const expected = name === 'our server' ? ours : reply;
      const exchange = await ask(send);
      if (open) {
        if (expected !== '') await exchange.received(1);
        expect(await exchange.closed(50)).toBe('open');
      } else expect(await exchange.closed()).toBe('closed');
      const came = exchange.bytes().toString('hex');
      if (typeof expected === 'string') expect(came).toBe(expected);
      else expect(came).toMatch(expected);
    }),
  );

  test('a request byte by byte', () =>
    within(async (ask) => {
      const exchange = await ask(Buffer.alloc(0));
      exchange.socket.setNoDelay(true);
      for (const byte of portOf('nobody')) {
        exchange.send(Buffer.from([byte]));
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      expect(await exchange.closed()).toBe('closed');
      expect(exchange.bytes().toString('hex')).toBe('7701');
    }));

  test('a request and the end of what is sent', () =>
    within(async (ask) => {
      const exchange = await ask(Buffer.alloc(0));
      exchange.socket.end(portOf('nobody'));
      expect(await exchange.closed()).toBe('closed');
      expect(exchange.bytes().toString('hex')).toBe('7701');
    }));

  test('a registered name: looked up with all its fields, listed, refused to others, free when the connection ends', () =>
    within(async (ask, port) => {
      const fields = { name: 'full', port: 0x1234, type: 72, protocol: 1, high: 9, low: 3, extra: Buffer.from('more') };
      const first = await ask(register(fields));
      const creation = (await first.received(6)).readUInt32BE(2);
      const found = await answer(portOf('full'));
      expect(found.toString('hex')).toBe(
        '7700' + '1234' + '48' + '01' + '0009' + '0003' + '000466756c6c' + '00046d6f7265',
      );
      expect(await answer(portOf('full\0'))).toEqual(found);
      const listed = await answer(names);
      expect(listed.readUInt32BE(0)).toBe(port);
      expect(listed.toString('utf8', 4)).toContain('name full at port 4660\n');

      const second = await ask(register(fields));
      expect((await second.received(6)).toString('hex')).toBe(refused32);
      expect(await second.closed(50)).toBe('open');
      await first.end();
      expect((await answer(portOf('full'))).toString('hex')).toBe('7701');

      const third = await ask(register(fields));
      expect((await third.received(6)).readUInt32BE(2)).toBe(creation + 1);
    }));

  test('the refused connection cannot ask again', () =>
    within(async (ask) => {
      const exchange = await ask(register({ name: Buffer.from([0xff]) }));
      await exchange.received(6);
      exchange.send(names);
      expect(await exchange.closed()).toBe('closed');
      expect(exchange.bytes()).toHaveLength(6);
    }));

  test('any byte on a registered connection undoes the registration', () =>
    within(async (ask) => {
      const exchange = await ask(register({ name: 'talker' }));
      await exchange.received(6);
      expect((await answer(portOf('talker'))).toString('hex', 0, 2)).toBe('7700');
      exchange.send(Buffer.from([0]));
      expect(await exchange.closed()).toBe('closed');
      expect((await answer(portOf('talker'))).toString('hex')).toBe('7701');
    }));

  test('a registered connection that is reset frees the name', () =>
    within(async (ask) => {
      const exchange = await ask(register({ name: 'reset' }));
      await exchange.received(6);
      exchange.socket.resetAndDestroy();
      await expect.poll(async () => (await answer(portOf('reset'))).toString('hex'), { timeout: 10_000 }).toBe('7701');
    }));

  test('a name of version 5 shares its counter with version 6', () =>
    within(async (ask) => {
      const six = await ask(register({ name: 'shared' }));
      const counter = (await six.received(6)).readUInt32BE(2);
      await six.end();
      const five = await ask(register({ name: 'shared', high: 5 }));
      expect((await five.received(4)).toString('hex')).toBe(`7900000${((counter + 1) % 3) + 1}`);
    }));

  test('NAMES, newest first; DUMP, with what is left of those that ended', async () => {
    const own = await start();
    try {
      await within(async (ask) => {
        const gone = await ask(register({ name: 'gone', port: 10 }));
        await gone.received(6);
        const first = await ask(register({ name: 'first', port: 11 }));
        await first.received(6);
        const second = await ask(register({ name: 'second', port: 12 }));
        await second.received(6);
        await gone.end();
        const listed = await answer(names, own);
        expect(listed.readUInt32BE(0)).toBe(own.port);
        expect(listed.toString('utf8', 4)).toBe('name second at port 12\nname first at port 11\n');
        const dump = await answer(request('d'), own);
        expect(dump.readUInt32BE(0)).toBe(own.port);
        expect(dump.toString('utf8', 4).replace(/fd = \d+/g, 'fd = #')).toBe(
          'active name     <second> at port 12, fd = #\n\0' +
            'active name     <first> at port 11, fd = #\n\0' +
            'old/unused name <gone>, port = 10, fd = # \n\0',
        );
      }, own);
    } finally {
      await own.end();
    }
  });

  test('KILL: NO while a name is registered, then OK, and nothing listens any more', async () => {
    const own = await start();
    try {
      await within(async (ask) => {
        const node = await ask(register({ name: 'alive' }));
        await node.received(6);
        expect((await answer(request('k'), own)).toString()).toBe('NO');
        await node.end();
        const exchange = await ask(request('k'));
        expect(await exchange.closed()).toBe('closed');
        expect(exchange.bytes().toString()).toBe('OK');
        await expect
          .poll(
            () =>
              openRaw(own.port).then(
                () => 'open',
                (error) => error.code,
              ),
            { timeout: 10_000 },
          )
          .toBe('ECONNREFUSED');
      }, own);
    } finally {
      await own.end();
    }
  });

  test('relaxed: STOP undoes registrations, KILL needs no empty house', async () => {
    const own = await start({ relaxed: true });
    try {
      await within(async (ask) => {
        const node = await ask(register({ name: 'stopped' }));
        await node.received(6);
        expect((await answer(request('s', 'nobody'), own)).toString()).toBe('NOEXISTSTOPPED');
        expect(await node.closed(50)).toBe('open');
        expect((await answer(request('s'), own)).toString()).toBe('');
        expect((await answer(request('s', 'stopped'), own)).toString()).toBe('STOPPED');
        expect(await node.closed()).toBe('closed');
        const other = await ask(register({ name: 'other' }));
        await other.received(6);
        expect((await answer(request('s', 'other\0ignored'), own)).toString()).toBe('STOPPED');
        const third = await ask(register({ name: 'third' }));
        await third.received(6);
        expect((await answer(request('k'), own)).toString()).toBe('OK');
        expect(await third.closed()).toBe('closed');
      }, own);
    } finally {
      await own.end();
    }
  });

  test('idle connections are closed after the packet timeout, registrations are not', async () => {
    const own = await start({ packetTimeout: 1 });
    try {
      await within(async (ask) => {
        const node = await ask(register({ name: 'quiet' }));
        await node.received(6);
        const silent = await ask(Buffer.alloc(0));
        const half = await ask(names.subarray(0, 2));
        expect(await silent.closed(12_000)).toBe('closed');
        expect(await half.closed(12_000)).toBe('closed');
        expect(await node.closed(50)).toBe('open');
      }, own);
    } finally {
      await own.end();
    }
  }, 30_000);
});
