// A node in an OS process of its own, to be killed. Runs on the built package.
import { startNode } from 'erlnode';

const node = await startNode(process.argv[2], { cookie: process.env.COOKIE });
const waiting = node.spawnMailbox();
node.expose('phoenix', { pid: () => waiting.pid });
console.log('up');
