// Everything that a TypeScript process can ask of an Erlang node: messages, calls, functions.
//
// First:  erl -name e@127.0.0.1 -setcookie secret
//         1> register(shell, self()).
//         true
// Run:    node docs/examples/call-erlang.mjs
// Then:   2> receive {From, Hello} -> From ! {Hello, yourself} end.
//         {<<"hello">>,yourself}

import { atom, ExitError, format, startNode, text, tuple } from 'erlnode';

const erlang = 'e@127.0.0.1';
const node = await startNode('ts@127.0.0.1', { cookie: 'secret' });
try {
  // A message to a registered process; the first one connects.
  const me = node.spawnMailbox();
  me.send({ name: 'shell', node: erlang }, tuple(me.pid, 'hello'));
  console.log(format(await me.receive({ timeout: 60_000 }))); // prints: {<<"hello">>,yourself}

  // A function there. Erlang's strings are lists: text() reads them.
  const upper = await node.rpc(erlang, 'string', 'uppercase', ['greetings']);
  console.log(text(upper)); // prints: GREETINGS

  // A gen_server there.
  const rex = { name: 'rex', node: erlang };
  const call = tuple(atom('call'), atom('lists'), atom('sum'), [[1, 2, 3]], me.pid);
  console.log(await me.call(rex, call, { timeout: 5000 })); // prints: 6

  // What goes wrong there arrives as an error with Erlang's reason.
  await node.erpc(erlang, 'erlang', 'binary_to_integer', ['forty-two']).catch((error) => {
    if (!(error instanceof ExitError)) throw error;
    const [, reason] = error.reason;
    console.log(error.code, format(reason)); // prints: exit badarg
  });
} finally {
  await node.stop();
}
