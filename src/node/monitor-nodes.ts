// nodeup and nodedown events (OTP: net_kernel:monitor_nodes/2), for any number of listeners.

export interface NodeEvent {
  readonly type: 'nodeup' | 'nodedown';
  readonly node: string;
  /** OTP: `node_type`. */
  readonly hidden: boolean;
  /** Why a connection went down: the error that ended it. Absent when it was closed in good order. */
  readonly reason?: Error;
}

/** One listener: iterate it, and leave the loop (or call `return`) to stop listening. */
class Listening implements AsyncIterableIterator<NodeEvent> {
  private readonly events: NodeEvent[] = [];
  private waiting: ((result: IteratorResult<NodeEvent>) => void)[] = [];
  private done = false;
  private readonly leave: (listener: Listening) => void;

  constructor(leave: (listener: Listening) => void) {
    this.leave = leave;
  }

  push(event: NodeEvent): void {
    const next = this.waiting.shift();
    if (next === undefined) this.events.push(event);
    else next({ value: event, done: false });
  }

  end(): void {
    this.done = true;
    for (const next of this.waiting.splice(0)) next({ value: undefined, done: true });
  }

  next(): Promise<IteratorResult<NodeEvent>> {
    const event = this.events.shift();
    if (event !== undefined) return Promise.resolve({ value: event, done: false });
    if (this.done) return Promise.resolve({ value: undefined, done: true });
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  return(): Promise<IteratorResult<NodeEvent>> {
    this.leave(this);
    this.events.length = 0;
    this.end();
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

export class NodeMonitors {
  private readonly listeners = new Set<Listening>();

  /** Events from now on, until the node stops. */
  listen(): AsyncIterableIterator<NodeEvent> {
    const listening = new Listening((listener) => this.listeners.delete(listener));
    this.listeners.add(listening);
    return listening;
  }

  emit(event: NodeEvent): void {
    for (const listener of this.listeners) listener.push(event);
  }

  end(): void {
    for (const listener of this.listeners) listener.end();
    this.listeners.clear();
  }
}
