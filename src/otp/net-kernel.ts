// The process registered as `net_kernel`: what `net_adm:ping/1` asks (protocol section 6.1).
import type { Process } from '../process/process.js';
import type { ProcessFunction } from '../process/spawn-options.js';
import { atom } from '../term/atom.js';
import type { Term } from '../term/term.js';
import { Tuple, tuple } from '../term/tuple.js';
import { readGenMessage, reply } from './gen.js';
import { systemProcess } from './system-process.js';

const IS_AUTH = atom('is_auth');
const YES = atom('yes');

/** Answers `{is_auth, Node}` with `yes`, and nothing else, whatever comes. */
export const netKernel: ProcessFunction = systemProcess((self, message) => {
  const request = readGenMessage(message);
  if (request.kind !== 'call' || !(request.request instanceof Tuple)) return;
  if (request.request.elements[0] === IS_AUTH && request.request.length === 2) reply(self, request.from, YES);
});

/** Asks the `net_kernel` of `node` whether we are authorised. @throws ExitError `nodedown`, `noproc`, `timeout`. */
export async function isAuth(
  self: Process,
  node: string,
  options: { timeout: number; signal?: AbortSignal },
): Promise<boolean> {
  const request: Term = tuple(IS_AUTH, atom(self.node));
  return (await self.call({ name: 'net_kernel', node }, request, options)) === YES;
}
