// An attacker in a process of its own: opens connections and goes no further with them.
// node half-open.mjs <port> <count> <words>; a line when all are open, with the milliseconds it took.
import { connect } from 'node:net';
import { Duplex } from 'node:stream';
import { connect as tlsConnect } from 'node:tls';

const [port, count] = process.argv.slice(2, 4).map(Number);
const began = performance.now();

/** What a client of TLS begins with. */
function clientHello() {
  return new Promise((resolve) => {
    const write = (chunk, _encoding, done) => {
      resolve(chunk);
      done();
    };
    tlsConnect({ socket: new Duplex({ read() {}, write }) }).on('error', () => {});
  });
}

/** A beginning of a record of TLS, of the size that it says and with less in it. */
function record(size, sent) {
  const bytes = Buffer.alloc(sent, 1);
  bytes.set([22, 3, 1, size >> 8, size & 255]);
  return bytes;
}

/** The longest message that a node reads, of which the last byte never comes. */
function longestMessage() {
  const bytes = Buffer.alloc(2 + 4095, 'N');
  bytes.writeUInt16BE(4096);
  return bytes;
}

const words = {
  silence: () => Buffer.alloc(0),
  message: longestMessage,
  hello: clientHello,
  'part of a hello': async () => (await clientHello()).subarray(0, -1),
  'a longer record': () => record(16_384, 16_383),
};
const said = await words[process.argv[4]]();
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
    if (said.length > 0) socket.write(said);
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
