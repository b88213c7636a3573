// A node that has been a cluster member and is none any more: nothing may keep this process alive.
import { cluster, hosts, startNode } from 'erlnode';

const { COOKIE: cookie, PEER: peer } = process.env;
const node = await startNode('stopped@127.0.0.1', { cookie });
const members = cluster(node, hosts([peer, 'nobody@127.0.0.1']), {
  onEvent({ type }) {
    if (type === 'connected') void members.stop().then(() => node.stop());
  },
});
