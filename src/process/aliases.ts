// Aliases: references that stand for a process until they are taken back (protocol section 4.3, "ALIAS_SEND").
// A message to an alias that is no more is dropped, which is what keeps late replies out of mailboxes.

import { inWords } from '../arguments.js';
import { ArgumentError } from '../errors.js';
import type { Reference } from '../term/identifiers.js';
import type { Term } from '../term/term.js';
import { checkOptional } from './arguments.js';
import type { Key } from './local-identifiers.js';
import type { LocalNode } from './local-node.js';
import type { ProcessState } from './process-state.js';

/**
 * When an alias ends by itself; OTP's words. `explicit_unalias`: never. `demonitor`: with its monitor. `reply`: with
 * the first message. `reply_demonitor`: with either, and the first message takes the monitor back, too.
 */
export type AliasMode = 'explicit_unalias' | 'demonitor' | 'reply' | 'reply_demonitor';

const ALIAS_MODES: readonly AliasMode[] = ['explicit_unalias', 'demonitor', 'reply', 'reply_demonitor'];
const MODES_WITHOUT_MONITOR: readonly AliasMode[] = ['explicit_unalias', 'reply'];

export interface AliasOptions {
  /** OTP 28: `[priority]`. Lets those who have the alias send messages that go before ordinary ones. */
  readonly priority?: boolean;
}

export interface Alias {
  readonly ref: Reference;
  readonly process: ProcessState;
  readonly mode: AliasMode;
  /** Messages that are sent to it with priority go before ordinary ones. */
  readonly priority?: boolean;
  /** Takes the messages instead of the mailbox: a call in flight, which ends its alias itself. */
  readonly onMessage?: (message: Term) => void;
}

export class Aliases {
  readonly #active = new Map<Key, Alias>();
  readonly #keyOf: (ref: Reference) => Key;

  constructor(keyOf: (ref: Reference) => Key) {
    this.#keyOf = keyOf;
  }

  get size(): number {
    return this.#active.size;
  }

  add(alias: Alias): void {
    const key = this.#keyOf(alias.ref);
    this.#active.set(key, alias);
    if (alias.onMessage !== undefined) return;
    alias.process.aliasKeys ??= new Set();
    alias.process.aliasKeys.add(key);
  }

  get(ref: Reference): Alias | undefined {
    return this.#active.get(this.#keyOf(ref));
  }

  /** @returns whether it was an active alias of this process. */
  remove(process: ProcessState, ref: Reference): boolean {
    const key = this.#keyOf(ref);
    if (this.#active.get(key)?.process !== process) return false;
    process.aliasKeys?.delete(key);
    return this.#active.delete(key);
  }

  /** The monitor that an alias of this process came with has fired or was taken back. */
  demonitored(process: ProcessState, ref: Reference): void {
    const mode = this.get(ref)?.mode;
    if (mode === 'demonitor' || mode === 'reply_demonitor') this.remove(process, ref);
  }

  /** A process has ended. */
  release(process: ProcessState): void {
    if (process.aliasKeys === undefined) return;
    for (const key of process.aliasKeys) this.#active.delete(key);
    process.aliasKeys = undefined;
  }
}

/** @internal See Process.alias. */
export function makeAlias(self: ProcessState, local: LocalNode, mode: AliasMode, options: AliasOptions): Reference {
  checkAliasMode(mode, MODES_WITHOUT_MONITOR);
  checkOptional(options, 'alias()');
  const ref = local.makeReference();
  local.aliases.add({ ref, process: self, mode, priority: options.priority === true });
  return ref;
}

/** @throws ArgumentError `badarg` for what is no mode; none at all is fine. */
export function checkAliasMode(mode: AliasMode | undefined, modes: readonly AliasMode[] = ALIAS_MODES): void {
  if (mode === undefined || modes.includes(mode)) return;
  throw new ArgumentError('badarg', `the mode of an alias is one of ${modes.join(', ')}, not ${inWords(mode)}`);
}
