// What an EPMD can do to those who ask it. Promise 14: every answer ends within the timeout and under 50 MB.
import { describe, expect, test } from 'vitest';
import { type Discovery, epmd, type RegistrationStatus } from '../../../src/discovery/index.js';
import { ConnectionError, LimitError, ProtocolError } from '../../../src/errors.js';
import { fakeEpmd } from './fake-epmd.js';

const signal = new AbortController().signal;
const node = 'x@127.0.0.1';
const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');

type Question = 'resolve' | 'register' | 'names';

function put(discovery: Discovery, question: Question, aborting = signal): Promise<unknown> {
  if (question === 'resolve') return discovery.resolve(node, { signal: aborting });
  if (question === 'names') return discovery.names?.('127.0.0.1', { signal: aborting }) ?? Promise.resolve();
  return discovery.register?.({ node, port: 1234, hidden: false }, { signal: aborting }) ?? Promise.resolve();
}

const questions: readonly Question[] = ['resolve', 'register', 'names'];

describe.each(questions)('%s', (question) => {
  test.each([
    ['garbage', hex('ff fe 00 11 22 33 44 55 66 77')],
    ['a web server', Buffer.from('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n')],
    ['nothing', Buffer.alloc(0)],
    ['one byte', hex('76')],
    ['the answer to another question', question === 'register' ? hex('77 01') : hex('76 00 00 00 00 05')],
  ])('%s, then the end', async (_, bytes) => {
    await using daemon = await fakeEpmd((socket) => socket.end(bytes));
    const failure = expect(put(epmd({ port: daemon.port, env: {} }), question)).rejects;
    await failure.toSatisfy((error) => error instanceof ProtocolError && error.code === 'unexpected_message');
    await daemon.quiet();
  });

  test('a reset instead of an answer', async () => {
    await using daemon = await fakeEpmd((socket) => socket.resetAndDestroy());
    await expect(put(epmd({ port: daemon.port, env: {} }), question)).rejects.toBeInstanceOf(ProtocolError);
  });

  test('silence ends at the timeout', async () => {
    await using daemon = await fakeEpmd(() => {});
    const failure = expect(put(epmd({ port: daemon.port, timeout: 50, env: {} }), question)).rejects;
    await failure.toSatisfy((error) => error instanceof ConnectionError && error.code === 'timeout');
    await daemon.quiet();
  });

  test('bytes that drip do not move the deadline', async () => {
    const drops = question === 'resolve' ? hex('77 00 12 34 4d 00 00 06 00 05 00') : hex('76 00 00 00 00');
    await using daemon = await fakeEpmd((socket) => {
      let sent = 0;
      const dripping = setInterval(() => socket.write(drops.subarray(sent++, sent)), 20);
      socket.on('close', () => clearInterval(dripping));
    });
    await expect(put(epmd({ port: daemon.port, timeout: 300, env: {} }), question)).rejects.toMatchObject({
      code: 'timeout',
    });
    await daemon.quiet();
  });

  test('the caller gives up before, and while it waits', async () => {
    await using daemon = await fakeEpmd(() => abort.abort());
    const abort = new AbortController();
    const discovery = epmd({ port: daemon.port, env: {} });
    await expect(put(discovery, question, AbortSignal.abort())).rejects.toMatchObject({ code: 'aborted' });
    expect(daemon.accepted).toBe(0);
    await expect(put(discovery, question, abort.signal)).rejects.toMatchObject({ code: 'aborted' });
    await daemon.quiet();
  });

  test('an answer without end stops being read, and costs little', async () => {
    const chunk = Buffer.alloc(64 * 1024, question === 'names' ? 'name a at port 1\n' : 0);
    const starts = { resolve: hex('77 00'), register: hex('76 00'), names: hex('00 00 11 11') };
    let sent = 0;
    await using daemon = await fakeEpmd((socket) => {
      socket.write(starts[question]);
      const more = () => {
        while (!socket.destroyed && sent < 1e9) {
          sent += chunk.length;
          if (!socket.write(chunk)) return;
        }
      };
      socket.on('drain', more);
      more();
    });
    const before = process.memoryUsage().rss;
    await put(epmd({ port: daemon.port, env: {} }), question).then(
      () => expect.unreachable(),
      (error: unknown) => expect(error instanceof ProtocolError || error instanceof LimitError).toBe(true),
    );
    await daemon.quiet();
    expect(sent).toBeLessThan(50e6);
    expect(process.memoryUsage().rss - before).toBeLessThan(50e6);
  });

  test('nothing listens: the error says what to do', async () => {
    const daemon = await fakeEpmd(() => {});
    await daemon.close();
    await expect(put(epmd({ port: daemon.port, env: {} }), question)).rejects.toSatisfy(
      (error) =>
        error instanceof ConnectionError && error.code === 'epmd_unreachable' && /epmd -daemon/.test(error.message),
    );
  });
});

describe('an answer to PORT2 that is well-formed and no use', () => {
  const answer = (fields: string) => hex(`77 00 ${fields}`);
  test.each([
    ['another name', answer('1234 4d 00 0006 0005 0001 79 0000')],
    ['port 0', answer('0000 4d 00 0006 0005 0001 78 0000')],
    ['not TCP', answer('1234 4d 01 0006 0005 0001 78 0000')],
    ['a node of the stone age', answer('1234 4d 00 0004 0001 0001 78 0000')],
    ['a name of 65535 bytes', answer('1234 4d 00 0006 0005 ffff 78 0000')],
    ['an extra field of 65535 bytes', answer('1234 4d 00 0006 0005 0001 78 ffff')],
  ])('%s', async (_, bytes) => {
    await using daemon = await fakeEpmd((socket) => socket.write(bytes));
    await expect(put(epmd({ port: daemon.port, env: {} }), 'resolve')).rejects.toBeInstanceOf(ProtocolError);
  });

  test('only the declared size is read, and the end is not waited for', async () => {
    await using daemon = await fakeEpmd((socket) => {
      socket.write(answer('1234 4d 00 0006 0005 0001 78 0000 ffffffffffffff'));
    });
    expect(await put(epmd({ port: daemon.port, env: {} }), 'resolve')).toEqual([
      { host: '127.0.0.1', port: 0x1234, nodeHost: '127.0.0.1' },
    ]);
    await daemon.quiet();
  });

  test('an unknown node needs no end either', async () => {
    await using daemon = await fakeEpmd((socket) => socket.write(hex('77 01')));
    expect(await put(epmd({ port: daemon.port, env: {} }), 'resolve')).toEqual([]);
  });
});

test('an answer to NAMES that has forged lines in it keeps the others', async () => {
  const text = 'name a at port 1\nrubbish\nname b at port 99999\nname c d at port 2\n';
  await using daemon = await fakeEpmd((socket) => socket.end(Buffer.concat([hex('00001111'), Buffer.from(text)])));
  expect(await put(epmd({ port: daemon.port, env: {} }), 'names')).toEqual([
    { name: 'a', port: 1 },
    { name: 'c d', port: 2 },
  ]);
});

describe('a registration', () => {
  test('that is refused is a duplicate', async () => {
    await using daemon = await fakeEpmd((socket) => socket.write(hex('76 01 00000063')));
    await expect(put(epmd({ port: daemon.port, env: {} }), 'register')).rejects.toMatchObject({
      code: 'duplicate_name',
    });
    await daemon.quiet();
  });

  test('by an old EPMD has a creation of 16 bits', async () => {
    await using daemon = await fakeEpmd((socket) => socket.write(hex('79 00 0003')));
    const registration = await epmd({ port: daemon.port, env: {} }).register?.(
      { node, port: 1, hidden: false },
      { signal },
    );
    expect(registration?.creation).toBe(3);
    await registration?.close();
  });

  test('where EPMD talks on is lost, and comes back', async () => {
    let talk = true;
    await using daemon = await fakeEpmd((socket) => {
      socket.write(hex('76 00 00000005'));
      if (talk) setTimeout(() => socket.write('and another thing'), 50);
      talk = false;
    });
    const seen: RegistrationStatus[] = [];
    const registration = await epmd({ port: daemon.port, env: {} }).register?.(
      { node, port: 1, hidden: false },
      { signal, onStatus: (status) => void seen.push(status) },
    );
    await expect.poll(() => seen.map(({ state }) => state), { timeout: 8000 }).toEqual(['lost', 'registered']);
    await registration?.close();
    await daemon.quiet();
  });

  test('whose EPMD never says goodbye is closed all the same', async () => {
    await using daemon = await fakeEpmd((socket) => {
      socket.removeAllListeners('end');
      socket.write(hex('76 00 00000005'));
    });
    const registration = await epmd({ port: daemon.port, env: {} }).register?.(
      { node, port: 1, hidden: false },
      { signal },
    );
    await registration?.close();
    await registration?.close();
  });
});
