// What runs on the TypeScript side of the demo: an echo process, a counter as a generic server, a function for rpc.
import { atom, genServer, Pid, startNode, stop, Tuple } from 'erlnode';

/** Starts the demo's node. `onEcho` hears of every message that the echo process gets. */
export async function startDemoNode(name, options, onEcho = () => {}) {
  const node = await startNode(name, options);
  node.spawn(echo(onEcho), { name: 'echo' });
  node.spawn(counter(), { name: 'counter' });
  node.expose('calculator', { add: (a, b) => a + b });
  return node;
}

/** `{From, Term}`: From gets Term back. */
const echo = (onEcho) => async (self) => {
  for await (const message of self) {
    onEcho(message);
    if (message instanceof Tuple && message[0] instanceof Pid) self.send(message[0], message[1]);
  }
};

function counter() {
  let count = 0;
  return genServer({
    handleCall(request) {
      if (request instanceof Tuple && request[0] === atom('add')) count += request[1];
      return count;
    },
    handleCast(request) {
      if (request === atom('stop')) throw stop();
    },
    state: () => count, // what sys:get_state({counter, Node}) shows
  });
}
