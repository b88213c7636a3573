// Processes of the node itself: registered names that every node has and every peer may send to. Whatever comes, they
// go on: a message that cannot be served is dropped, and exit signals do not reach them (SpawnOptions.system).
import type { Process } from '../process/process.js';
import type { ProcessFunction } from '../process/spawn-options.js';
import type { Term } from '../term/term.js';

/** Serves messages one after the other, for ever. `handle` need not check anything. */
export function systemProcess(handle: (self: Process, message: Term) => unknown): ProcessFunction {
  return async (self) => {
    for await (const message of self) {
      try {
        await handle(self, message);
      } catch (error) {
        if (self.exited) throw error;
        // A peer's message that has no answer, or none that can be sent: BEAM does not answer it either.
      }
    }
  };
}
