// Waiting for a node that takes less than it is sent (promise 9): what a producer does between two sends.
import type { LocalNode } from './local-node.js';
import type { ProcessState } from './process-state.js';
import { Wait, type WaitOptions } from './wait.js';

/** @internal See Process.drained. */
export function drained(self: ProcessState, local: LocalNode, node: string, options: WaitOptions): Promise<void> {
  const waiting = new Promise<void>((resolve, reject) => {
    let forget = (): void => {};
    const wait = new Wait(
      self,
      options,
      () => `wait for ${node} to take what it was sent`,
      (error) => {
        forget();
        reject(error);
      },
    );
    forget = local.whenDrained(node, () => {
      wait.stop();
      resolve();
    });
  });
  // A wait that nobody looks at any more must not take the program down.
  waiting.catch(() => {});
  return waiting;
}
