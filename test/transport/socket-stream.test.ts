// Who is read from when several sockets have bytes. The sockets here are connected to nothing: the test is their peer.
import { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { socketStream } from '../../src/transport/socket-stream.js';

const turn = () => new Promise((resolve) => setImmediate(resolve));
const chunk = Buffer.alloc(64 * 1024);
const FAIR_CHUNKS = 4;

function reader() {
  const socket = new Socket();
  let bytes = 0;
  const stream = socketStream(socket);
  stream.start({
    onData: ({ length }) => {
      bytes += length;
    },
    onDrain() {},
    onClose() {},
  });
  return {
    socket,
    stream,
    bytes: () => bytes,
    /** Gives chunks until the socket is not read from any more, at most so many. */
    give: (atMost: number) => {
      let given = 0;
      while (given < atMost && !socket.isPaused()) {
        socket.emit('data', chunk);
        given++;
      }
      return given;
    },
  };
}

test('a socket that is not alone stops after its share, and goes on in the next turn', async () => {
  const a = reader();
  const b = reader();
  for (let round = 0; round < 5; round++) {
    expect(a.give(100)).toBe(FAIR_CHUNKS);
    expect(b.give(100)).toBe(FAIR_CHUNKS);
    await turn();
  }
  expect([a.bytes(), b.bytes()]).toEqual([20 * chunk.length, 20 * chunk.length]);
});

test('one that is alone for a while keeps its turn, until another one speaks', async () => {
  const a = reader();
  const b = reader();
  b.give(1);
  let turns = 0;
  while (a.give(100) < 100) {
    turns++;
    await turn();
  }
  expect(turns).toBeGreaterThan(1);
  b.give(1);
  expect(a.give(100)).toBeLessThanOrEqual(FAIR_CHUNKS);
  await turn();
  expect(a.give(100)).toBe(FAIR_CHUNKS);
});

test('one that was paused by its owner is not resumed by its turn', async () => {
  const a = reader();
  const b = reader();
  b.give(1);
  expect(a.give(100)).toBe(FAIR_CHUNKS);
  a.stream.pause();
  await turn();
  expect(a.socket.isPaused()).toBe(true);
  a.stream.resume();
  expect(a.socket.isPaused()).toBe(false);
  a.stream.destroy();
  b.stream.destroy();
});
