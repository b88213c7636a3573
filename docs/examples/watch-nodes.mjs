// Prints which nodes come and go.
//
// Run:    node docs/examples/watch-nodes.mjs
// Then:   erl -name e@127.0.0.1 -setcookie secret
//         1> net_adm:ping('ts@127.0.0.1').
//         pong
//         2> nodes(hidden).
//         ['ts@127.0.0.1']
//         3> erlang:disconnect_node('ts@127.0.0.1').
//         true

import { startNode } from 'erlnode';
import { epmd } from 'erlnode/discovery';

const node = await startNode('ts@127.0.0.1', { cookie: 'secret', discovery: epmd({ embedded: true }) });
process.once('SIGINT', () => node.stop());

for await (const event of node.monitorNodes()) {
  console.log(event.type, event.node, event.reason?.code ?? '');
  // prints: nodeup e@127.0.0.1
  // prints: nodedown e@127.0.0.1 connection_closed
}
