// An attacker in a process of its own: opens connections and goes no further with them.
// node half-open.mjs <port> <count> <bytes>; a line when all are open, with the milliseconds it took.
import { connect } from 'node:net';

const [port, count, bytes] = process.argv.slice(2).map(Number);
const began = performance.now();
// The longest message that a node reads, of which the last byte never comes.
const said = Buffer.alloc(bytes, 'N');
if (bytes > 0) said.writeUInt16BE(4096);
let open = 0;

function one() {
  const socket = connect(port, '127.0.0.1');
  let counted = false;
  const done = () => {
    if (counted) return;
    counted = true;
    if (++open === count) console.log(`open ${Math.round(performance.now() - began)}`);
  };
  socket.on('connect', () => {
    if (bytes > 0) socket.write(said);
    done();
  });
  socket.on('error', done);
  socket.resume();
}

// Not all at once: a listener's backlog is short, and who does not fit waits for a second.
const timer = setInterval(() => {
  for (let i = 0; i < 50 && started < count; i++, started++) one();
  if (started === count) clearInterval(timer);
}, 5);
let started = 0;
