// "Let it crash": work that fails now and then, and a process that starts it again. Needs no Erlang.
//
// Run:    node docs/examples/supervise.mjs

import { atom, startNode, Tuple, tuple } from 'erlnode';

const node = await startNode('ts@127.0.0.1', { cookie: 'secret', listen: false }); // nobody needs to find this one

let attempts = 0;

function worker() {
  attempts++;
  // warns: ts@127.0.0.1: process crashed: {"pid":"<0.5.0>","names":[],"error":"RangeError: attempt 1 went wrong"}
  // warns: ts@127.0.0.1: process crashed: {"pid":"<0.6.0>","names":[],"error":"RangeError: attempt 2 went wrong"}
  if (attempts < 3) throw new RangeError(`attempt ${attempts} went wrong`);
  console.log(`attempt ${attempts} succeeded`);
}

const isExit = (message) => message instanceof Tuple && message[0] === atom('EXIT');

async function supervisor(self, parent) {
  self.trapExit = true; // the end of a linked process is a message from now on
  for (;;) {
    node.spawn(worker, { link: self });
    const [, , reason] = await self.receive(isExit);
    if (reason === atom('normal')) break;
    const [[, error, message]] = reason; // {{js_error, Name, Message}, Stack}
    console.log(`${error}: ${message}, once more`);
    // prints: RangeError: attempt 1 went wrong, once more
    // prints: RangeError: attempt 2 went wrong, once more
    // prints: attempt 3 succeeded
  }
  self.send(parent, tuple(atom('done'), attempts));
}

const me = node.spawnMailbox();
node.spawn((self) => supervisor(self, me.pid));
const [, count] = await me.receive();
console.log(`${count} attempts`); // prints: 3 attempts
await node.stop();
