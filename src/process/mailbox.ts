// A mailbox: messages in arrival order, and those who wait for one. A waiter scans what is there once and is then
// offered each new message; a message that nobody wants stays for a later receive (Erlang's selective receive).
import { ArgumentError } from '../errors.js';
import type { Term } from '../term/term.js';
import type { Matcher, StandardSchema } from './matcher.js';

/** @internal Whether a matcher wants a message, and what it makes of it. */
type Verdict = { readonly value: unknown } | undefined;
type Wants = (message: Term) => Verdict;

interface Waiter {
  readonly wants: Wants;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

export class Mailbox {
  private messages: Term[] = [];
  /** Messages before this index have been taken. */
  private head = 0;
  private waiters: Waiter[] = [];

  get length(): number {
    return this.messages.length - this.head;
  }

  /** A message has arrived. */
  put(message: Term): void {
    for (let i = 0; i < this.waiters.length; i++) {
      const waiter = this.waiters[i] as Waiter;
      if (offer(waiter, message)) {
        this.waiters.splice(i, 1);
        return;
      }
      // A matcher that threw has been removed by its own rejection.
      if (this.waiters[i] !== waiter) i--;
    }
    this.messages.push(message);
  }

  /** The first message that `matcher` accepts, taken out now; `undefined` when there is none. */
  take(matcher: Matcher | undefined): Verdict {
    const wants = wantsOf(matcher);
    for (let i = this.head; i < this.messages.length; i++) {
      const verdict = wants(this.messages[i]);
      if (verdict === undefined) continue;
      this.remove(i);
      return verdict;
    }
    return undefined;
  }

  /** Waits for the next message that `matcher` accepts; the returned function stops waiting. */
  wait(matcher: Matcher | undefined, resolve: (value: unknown) => void, reject: (error: unknown) => void): () => void {
    const waiter: Waiter = {
      wants: wantsOf(matcher),
      resolve,
      reject: (error) => {
        this.forget(waiter);
        reject(error);
      },
    };
    this.waiters.push(waiter);
    return () => this.forget(waiter);
  }

  /** Takes out the messages for which `unwanted` says so (OTP: flush). */
  flush(unwanted: (message: Term) => boolean): void {
    this.messages = this.messages.slice(this.head).filter((message) => !unwanted(message));
    this.head = 0;
  }

  /** The process has ended: everyone who waits is told `error`, and the messages are dropped. */
  close(error: unknown): void {
    const waiters = this.waiters;
    this.waiters = [];
    this.messages = [];
    this.head = 0;
    for (const waiter of waiters) waiter.reject(error);
  }

  private forget(waiter: Waiter): void {
    const at = this.waiters.indexOf(waiter);
    if (at >= 0) this.waiters.splice(at, 1);
  }

  private remove(index: number): void {
    if (index !== this.head) {
      this.messages.splice(index, 1);
      return;
    }
    this.messages[index] = undefined;
    this.head++;
    if (this.head === this.messages.length) {
      this.messages = [];
      this.head = 0;
    } else if (this.head >= 1024 && this.head * 2 >= this.messages.length) {
      this.messages = this.messages.slice(this.head);
      this.head = 0;
    }
  }
}

function offer(waiter: Waiter, message: Term): boolean {
  let verdict: Verdict;
  try {
    verdict = waiter.wants(message);
  } catch (error) {
    waiter.reject(error);
    return false;
  }
  if (verdict === undefined) return false;
  waiter.resolve(verdict.value);
  return true;
}

function wantsOf(matcher: Matcher | undefined): Wants {
  if (matcher === undefined) return (value) => ({ value });
  if (typeof matcher === 'function') return (value) => (matcher(value) ? { value } : undefined);
  return (message) => validated(matcher, message);
}

function validated(schema: StandardSchema<unknown>, message: Term): Verdict {
  const result = schema['~standard'].validate(message);
  if (result instanceof Promise) {
    throw new ArgumentError('badarg', 'receive() needs a schema that validates synchronously');
  }
  return result.issues === undefined ? { value: result.value } : undefined;
}
