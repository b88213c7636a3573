// A node that sends to a name on another as fast as it is read. node flood.mjs <name> <peer> <registered name>
import { startNode } from 'erlnode';

const [name, peer, to] = process.argv.slice(2);
const node = await startNode(name, { cookie: process.env.COOKIE });
await node.connect(peer);
const message = Buffer.alloc(100);
for (;;) {
  for (let i = 0; i < 500; i++) node.send({ name: to, node: peer }, message);
  await node.drained(peer);
  await new Promise((resolve) => setImmediate(resolve));
}
