// The messages of OTP's generic behaviours (protocol sections 6.2 and 6.3): calls, casts, system messages, replies.

import type { Process } from '../process/process.js';
import { atom } from '../term/atom.js';
import { Pid, Reference } from '../term/identifiers.js';
import { ImproperList } from '../term/list.js';
import type { Term } from '../term/term.js';
import { Tuple, tuple } from '../term/tuple.js';

/** Who asked, and what its reply must be tagged with (OTP: `From`). Hand it back to {@link reply}; do not look inside. */
export interface From {
  readonly pid: Pid;
  readonly tag: Term;
}

export type GenMessage =
  | { readonly kind: 'call'; readonly from: From; readonly request: Term }
  | { readonly kind: 'cast'; readonly request: Term }
  | { readonly kind: 'system'; readonly from: From; readonly request: Term }
  | { readonly kind: 'info'; readonly message: Term };

const GEN_CALL = atom('$gen_call');
const GEN_CAST = atom('$gen_cast');
const SYSTEM = atom('system');
const ALIAS = atom('alias');

/** What a message is to a generic server. Whatever is not exactly of OTP's shape is `info`. */
export function readGenMessage(message: Term): GenMessage {
  if (message instanceof Tuple) {
    const [label, second, third] = message.elements;
    if (label === GEN_CAST && message.length === 2) return { kind: 'cast', request: second };
    if ((label === GEN_CALL || label === SYSTEM) && message.length === 3) {
      const from = readFrom(second);
      if (from !== undefined) return { kind: label === GEN_CALL ? 'call' : 'system', from, request: third };
    }
  }
  return { kind: 'info', message };
}

function readFrom(term: Term): From | undefined {
  if (!(term instanceof Tuple) || term.length !== 2) return undefined;
  const [pid, tag] = term.elements;
  return pid instanceof Pid ? { pid, tag } : undefined;
}

/**
 * Answers a call. The answer goes to the alias in the tag where there is one, so that a caller that has given up never
 * sees it, else to the caller's pid.
 */
export function reply(self: Process, from: From, answer: Term): void {
  self.send(aliasIn(from.tag) ?? from.pid, tuple(from.tag, answer));
}

/** The alias in `[alias | Ref]`, or in `[[alias | Ref] | _]` as gen_server:multi_call writes it. */
function aliasIn(tag: Term): Reference | undefined {
  if (!(tag instanceof ImproperList) || tag.elements.length !== 1) return undefined;
  const [head] = tag.elements;
  return aliasTag(head instanceof ImproperList ? head : tag);
}

function aliasTag({ elements, tail }: ImproperList): Reference | undefined {
  return elements.length === 1 && elements[0] === ALIAS && tail instanceof Reference ? tail : undefined;
}
