// A process that sends back what it gets, for any Erlang shell on this machine.
//
// Run:    node docs/examples/echo.mjs
// Then:   erl -name e@127.0.0.1 -setcookie secret
//         1> net_adm:ping('ts@127.0.0.1').
//         pong
//         2> {echo, 'ts@127.0.0.1'} ! {self(), [1, 2.5, "three", <<"four">>, fun lists:map/2]}.
//         {<0.85.0>,[1,2.5,"three",<<"four">>,fun lists:map/2]}
//         3> receive Echo -> Echo end.
//         [1,2.5,"three",<<"four">>,fun lists:map/2]

import { format, Pid, startNode, Tuple } from 'erlnode';
import { epmd } from 'erlnode/discovery';

const node = await startNode('ts@127.0.0.1', { cookie: 'secret', discovery: epmd({ embedded: true }) });
process.once('SIGINT', () => node.stop());

node.spawn(
  async (self) => {
    for await (const message of self) {
      console.log(format(message)); // prints: {<0.85.0>,[1,2.5,"three",<<"four">>,fun lists:map/2]}
      if (message instanceof Tuple && message[0] instanceof Pid) self.send(message[0], message[1]);
    }
  },
  { name: 'echo' },
);
