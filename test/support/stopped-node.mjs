// Starts a node, uses it, stops it, and must then end by itself: nothing may be left that keeps a process alive.
import { startNode } from 'erlnode';

const node = await startNode('stopped@127.0.0.1', { cookie: process.env.COOKIE });
await node.connect(process.argv[2]);
const me = node.spawnMailbox();
me.monitor({ name: 'net_kernel', node: process.argv[2] });
me.receive();
node.spawn(async (self) => {
  await self.receive();
});
if ((await node.ping(process.argv[2])) !== 'pong') process.exitCode = 1;
await node.stop();
