// A mailbox: messages in arrival order, and those who wait for one. A waiter scans what is there once and is then
// offered each new message; a message that nobody wants stays for a later receive (Erlang's selective receive).
import type { Term } from '../term/term.js';
import { type Matcher, NOTHING, outcomeOf } from './matcher.js';

/** Somebody who waits for a message. A mailbox keeps its waiters in a ring of its own, oldest first. */
export interface Waiter {
  /** @returns whether it took the message. */
  offer(message: Term): boolean;
  /** The process has ended. */
  ended(): void;
  previous: Waiter | undefined;
  next: Waiter | undefined;
}

/** Messages taken from the front before the array is cut. */
const CUT = 1024;
/** The matcher has moved messages to other places. */
const MOVED: unique symbol = Symbol('moved');

export class Mailbox {
  #messages: Term[] | undefined = undefined;
  /** Messages before this index have been taken. */
  #head = 0;
  /** Those that came with priority, in a list of their own: between the others each would have to move all of them. */
  #urgent: Mailbox | undefined = undefined;
  #first: Waiter | undefined = undefined;
  #last: Waiter | undefined = undefined;
  /** Counts what moves messages to other places, so that whoever looks through them notices. */
  #moves = 0;

  get length(): number {
    const ordinary = this.#messages === undefined ? 0 : this.#messages.length - this.#head;
    return this.#urgent === undefined ? ordinary : ordinary + this.#urgent.length;
  }

  /** A message has arrived. */
  put(message: Term): void {
    if (this.#offered(message)) return;
    if (this.#messages === undefined) this.#messages = [message];
    else this.#messages.push(message);
  }

  /** A message with priority: before ordinary ones, behind those with priority that are there. */
  putUrgent(message: Term): void {
    if (this.#offered(message)) return;
    this.#moves++;
    this.#urgent ??= new Mailbox();
    this.#urgent.put(message);
  }

  /** The first message that `matcher` accepts, taken out now, or what its schema made of it; else {@link NOTHING}. */
  take(matcher: Matcher | undefined): unknown {
    let found: unknown;
    do found = this.#look(matcher);
    while (found === MOVED);
    return found;
  }

  #look(matcher: Matcher | undefined): unknown {
    if (this.#urgent !== undefined) {
      const found = this.#urgent.take(matcher);
      if (found !== NOTHING) {
        this.#moves++;
        return found;
      }
    }
    for (let i = this.#head; this.#messages !== undefined && i < this.#messages.length; i++) {
      const message = this.#messages[i];
      if (matcher === undefined) {
        this.#remove(i);
        return message;
      }
      const moves = this.#moves;
      const outcome = outcomeOf(matcher, message);
      // The matcher itself has received: look again.
      if (moves !== this.#moves) return MOVED;
      if (outcome !== NOTHING) {
        this.#remove(i);
        return outcome;
      }
    }
    return NOTHING;
  }

  add(waiter: Waiter): void {
    waiter.previous = this.#last;
    if (this.#last === undefined) this.#first = waiter;
    else this.#last.next = waiter;
    this.#last = waiter;
  }

  forget(waiter: Waiter): void {
    if (waiter.previous !== undefined) waiter.previous.next = waiter.next;
    else if (this.#first === waiter) this.#first = waiter.next;
    if (waiter.next !== undefined) waiter.next.previous = waiter.previous;
    else if (this.#last === waiter) this.#last = waiter.previous;
  }

  /** Takes out the messages for which `unwanted` says so (OTP: flush). */
  flush(unwanted: (message: Term) => boolean): void {
    this.#moves++;
    this.#urgent?.flush(unwanted);
    this.#messages = this.#messages?.slice(this.#head).filter((message) => !unwanted(message));
    this.#head = 0;
  }

  /** The process has ended: everyone who waits is told, and the messages are dropped. */
  close(): void {
    this.#moves++;
    this.#messages = undefined;
    this.#head = 0;
    // A matcher may be at work on it.
    this.#urgent?.close();
    this.#urgent = undefined;
    for (let waiter = this.#first; waiter !== undefined; waiter = waiter.next) waiter.ended();
  }

  /** @returns whether somebody who waits took the message. */
  #offered(message: Term): boolean {
    // Matchers are the program's and may begin or end other waits: a waiter that left keeps its way to the next one.
    for (let waiter = this.#first; waiter !== undefined; waiter = waiter.next) {
      if (waiter.offer(message)) return true;
    }
    return false;
  }

  #remove(index: number): void {
    this.#moves++;
    const messages = this.#messages as Term[];
    if (index !== this.#head) {
      messages.splice(index, 1);
      return;
    }
    messages[index] = undefined;
    this.#head++;
    if (this.#head === messages.length) {
      // A small array is used again; a large one is not kept for a process that may be idle from now on.
      if (this.#head <= CUT) messages.length = 0;
      else this.#messages = undefined;
      this.#head = 0;
    } else if (this.#head >= CUT && this.#head * 2 >= messages.length) {
      this.#messages = messages.slice(this.#head);
      this.#head = 0;
    }
  }
}
