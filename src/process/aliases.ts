// Aliases: references that stand for a process until they are taken back (protocol section 4.3, "ALIAS_SEND").
// A message to an alias that is no more is dropped, which is what keeps late replies out of mailboxes.
import type { Reference } from '../term/identifiers.js';
import type { Term } from '../term/term.js';
import type { ProcessState } from './process-state.js';

/** When an alias ends by itself; OTP's words. `reply` is gone after the first message. */
export type AliasMode = 'explicit_unalias' | 'demonitor' | 'reply' | 'reply_demonitor';

export interface Alias {
  readonly ref: Reference;
  readonly process: ProcessState;
  readonly mode: AliasMode;
  /** Takes the message instead of the mailbox: a call in flight. */
  readonly onMessage?: (message: Term) => void;
}

export class Aliases {
  private readonly active = new Map<string, Alias>();

  get size(): number {
    return this.active.size;
  }

  add(alias: Alias): void {
    this.active.set(alias.ref.key, alias);
    alias.process.aliasKeys.add(alias.ref.key);
  }

  /** @returns whether the alias was active. */
  remove(ref: Reference): boolean {
    const alias = this.active.get(ref.key);
    if (alias === undefined) return false;
    alias.process.aliasKeys.delete(ref.key);
    return this.active.delete(ref.key);
  }

  get(ref: Reference): Alias | undefined {
    return this.active.get(ref.key);
  }

  /** The monitor that an alias came with has fired or was taken back. */
  demonitored(ref: Reference): void {
    const mode = this.active.get(ref.key)?.mode;
    if (mode === 'demonitor' || mode === 'reply_demonitor') this.remove(ref);
  }

  /** A process has ended. */
  release(process: ProcessState): void {
    for (const key of process.aliasKeys) this.active.delete(key);
    process.aliasKeys.clear();
  }
}
