// Registers nodes with an EPMD, from a process of its own: node crowd.mjs <port> <count>. Says how many were registered and
// how many refused when all have an answer, and keeps the registrations until it is ended.
import { connect } from 'node:net';

const [port, count] = process.argv.slice(2).map(Number);
let next = 0;
let registered = 0;
let refused = 0;

function request(name) {
  const body = Buffer.alloc(13 + name.length);
  body.writeUInt8(120, 0);
  body.writeUInt16BE(4000, 1);
  body.writeUInt8(77, 3);
  body.writeUInt16BE(6, 5);
  body.writeUInt16BE(5, 7);
  body.writeUInt16BE(name.length, 9);
  body.write(name, 11);
  return Buffer.concat([Buffer.of(body.length >> 8, body.length & 255), body]);
}

function register() {
  if (next === count) return;
  const socket = connect(port, '127.0.0.1');
  socket.write(request(`node_${next++}`));
  socket.on('error', (error) => console.error(error.message));
  socket.once('data', (answer) => {
    if (answer[1] === 0) registered++;
    else refused++;
    if (registered + refused === count) console.log(`${registered} registered, ${refused} refused`);
    register();
  });
}

for (let at = 0; at < 50; at++) register();
