// Strangers have no TLS of their own until they have sent the first record of it, whole: what TLS keeps for one of them is
// a hundred times what it costs to send a byte and wait (promise 3). RFC 8446, section 5.1.
import { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';

const HANDSHAKE = 22;
const HEADER_BYTES = 5;
/** The first record of a client has 300 bytes, or 2,000 with the large keys of hybrid key exchange. */
const LARGEST = 8192;

/**
 * Calls `ready` once, when the first record of a paused socket has come, or something that is none: what is wrong with it
 * is for TLS to say. What was read is put back. Never, if the socket closes before.
 *
 * @param tooLarge called instead for a record of a size that no client begins with.
 */
export function onFirstRecord(socket: Socket, ready: () => void, tooLarge: (size: number) => void): void {
  let bytes: Buffer = Buffer.alloc(0);
  const onReadable = (): void => {
    let size = 0;
    for (;;) {
      const chunk = socket.read() as Buffer | null;
      if (chunk === null) return;
      // Joined each time: a chunk for each byte that drips in would be worth a hundred bytes.
      bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
      size = needed(bytes);
      if (size > LARGEST || bytes.length >= size) break;
    }
    socket.off('readable', onReadable);
    if (size > LARGEST) {
      tooLarge(size);
      return;
    }
    socket.unshift(bytes);
    ready();
  };
  socket.on('readable', onReadable);
}

/** How many bytes are needed to go on: of a record its header, then all of it; of anything else the first. */
function needed(bytes: Buffer): number {
  if (bytes[0] !== HANDSHAKE || (bytes.length > 1 && bytes[1] !== 3)) return 1;
  if (bytes.length < HEADER_BYTES) return HEADER_BYTES;
  return HEADER_BYTES + bytes.readUInt16BE(3);
}
