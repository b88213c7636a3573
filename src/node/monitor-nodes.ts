// What happens to other nodes, for any number of listeners (OTP: net_kernel:monitor_nodes/2, busy_dist_port).

export interface NodeEvent {
  readonly type: 'nodeup' | 'nodedown';
  readonly node: string;
  /** OTP: `node_type`. */
  readonly hidden: boolean;
  /** Why a connection went down: the error that ended it. Absent when it was closed in good order. */
  readonly reason?: Error;
}

/** More or less than the busy mark waits to be sent to a node (OTP: busy_dist_port). */
export interface BusyEvent {
  readonly node: string;
  readonly busy: boolean;
}

/** One listener: iterate it, and leave the loop (or call `return`) to stop listening. */
class Listening<Event> implements AsyncIterableIterator<Event> {
  private readonly events: Event[] = [];
  private waiting: ((result: IteratorResult<Event>) => void)[] = [];
  private done = false;
  private readonly leave: (listener: Listening<Event>) => void;

  constructor(leave: (listener: Listening<Event>) => void) {
    this.leave = leave;
  }

  push(event: Event): void {
    const next = this.waiting.shift();
    if (next === undefined) this.events.push(event);
    else next({ value: event, done: false });
  }

  end(): void {
    this.done = true;
    for (const next of this.waiting.splice(0)) next({ value: undefined, done: true });
  }

  next(): Promise<IteratorResult<Event>> {
    const event = this.events.shift();
    if (event !== undefined) return Promise.resolve({ value: event, done: false });
    if (this.done) return Promise.resolve({ value: undefined, done: true });
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  return(): Promise<IteratorResult<Event>> {
    this.leave(this);
    this.events.length = 0;
    this.end();
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

export class Monitors<Event> {
  private readonly listeners = new Set<Listening<Event>>();
  private ended = false;

  /** Events from now on, until the node stops: none when it has. */
  listen(): AsyncIterableIterator<Event> {
    const listening = new Listening<Event>((listener) => this.listeners.delete(listener));
    if (this.ended) listening.end();
    else this.listeners.add(listening);
    return listening;
  }

  emit(event: Event): void {
    for (const listener of this.listeners) listener.push(event);
  }

  end(): void {
    this.ended = true;
    for (const listener of this.listeners) listener.end();
    this.listeners.clear();
  }
}
