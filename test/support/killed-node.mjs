// A node in an OS process of its own, to be killed or stopped. Runs on the built package; a line for each of its events.
import { startNode } from 'erlnode';

const { COOKIE: cookie, NET_TICK_TIME: netTickTime = '60' } = process.env;
const node = await startNode(process.argv[2], { cookie, netTickTime: Number(netTickTime) });
const waiting = node.spawnMailbox();
node.expose('phoenix', { pid: () => waiting.pid });
const events = node.monitorNodes();
console.log('up');
for await (const { type, node: peer } of events) console.log(`${type} ${peer}`);
