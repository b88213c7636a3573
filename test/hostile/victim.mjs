// A node in a process of its own, which says what it costs when it is asked: garbage is collected before.
// node --expose-gc victim.mjs <name>; the first message has its port.
import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { startNode } from 'erlnode';

const node = await startNode(process.argv[2], { cookie: process.env.COOKIE });

/** Descriptors; where the system does not list them, sockets. */
function descriptors() {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return process.getActiveResourcesInfo().filter((name) => /Wrap/.test(name)).length;
  }
}

process.on('message', async () => {
  // What a collection frees may take another to be found, and V8 gives pages back at its leisure.
  for (let i = 0; i < 8; i++) {
    globalThis.gc();
    await sleep(50);
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  process.send({ rss, used: heapUsed + external, descriptors: descriptors(), connected: node.nodes('connected') });
});
process.on('disconnect', () => process.exit());
process.send({ port: node.port });
