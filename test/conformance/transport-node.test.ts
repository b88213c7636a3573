// A transport is good when nodes cannot tell it from another: the whole stack on each of them, cut in every way.
import { expect, test } from 'vitest';
import type { Discovery } from '../../src/discovery/discovery.js';
import { startNode } from '../../src/start-node.js';
import type { Pid } from '../../src/term/identifiers.js';
import { type Tuple, tuple } from '../../src/term/tuple.js';
import { memory } from '../../src/transport/memory.js';
import { tcp } from '../../src/transport/tcp.js';
import type { Transport } from '../../src/transport/transport.js';

const host = '127.0.0.1';

/** Nodes of one process know each other's ports from a table. */
function table(): Discovery {
  const ports = new Map<string, number>();
  return {
    name: 'table',
    resolve: async (node) => {
      const port = ports.get(node);
      return port === undefined ? [] : [{ host, port }];
    },
    register: async ({ node, port }) => {
      ports.set(node, port);
      return {
        close: async () => {
          ports.delete(node);
        },
      };
    },
  };
}

test.each<[string, Transport]>([
  ['tcp', tcp()],
  ['memory', memory()],
  ['memory, byte by byte', memory({ chunkSize: 1 })],
  ['memory, in sevens', memory({ chunkSize: 7 })],
  ['memory with the lengths of TLS', memory({ chunkSize: 3, handshakeLengthBytes: 4 })],
])('two nodes on %s', async (_, transport) => {
  const discovery = table();
  const options = { cookie: 'conformance', discovery, transport };
  const here = await startNode(`here@${host}`, options);
  const there = await startNode(`there@${host}`, options);
  try {
    there.spawn(async (self) => {
      self.register('echo');
      for await (const message of self) {
        const [from, term] = message as Tuple;
        self.send(from as Pid, term ?? null);
      }
    });
    const me = here.spawnMailbox();
    const echo = { name: 'echo', node: `there@${host}` };
    for (let i = 0; i < 20; i++) me.send(echo, tuple(me.pid, tuple(i, 'x'.repeat(i * 100))));
    for (let i = 0; i < 20; i++) {
      const [count, text] = (await me.receive({ timeout: 10_000 })) as Tuple;
      expect([count, String(text)]).toEqual([i, 'x'.repeat(i * 100)]);
    }
    expect(here.nodes('hidden').map(String)).toEqual([`there@${host}`]);

    // The end of a node is the end of its connections, at once and in good order.
    const events = here.monitorNodes()[Symbol.asyncIterator]();
    const next = events.next();
    await there.stop();
    expect(await next).toMatchObject({ value: { type: 'nodedown', node: `there@${host}` } });
    await events.return?.();
  } finally {
    await here.stop();
    await there.stop();
  }
});
