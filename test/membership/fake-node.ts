// A node that connects to nobody, and time that a test turns: what a membership does, step by step.

import type { Clock } from '../../src/membership/clock.js';
import type { ClusterNode } from '../../src/membership/cluster.js';

type NodeEvent = Awaited<ReturnType<ReturnType<ClusterNode['monitorNodes']>['next']>>['value'];

export class FakeClock implements Clock {
  time = 0;
  readonly #timers = new Map<object, { at: number; callback: () => void }>();

  now(): number {
    return this.time;
  }

  setTimeout(callback: () => void, ms: number): object {
    const timer = {};
    this.#timers.set(timer, { at: this.time + ms, callback });
    return timer;
  }

  clearTimeout(timer: unknown): void {
    this.#timers.delete(timer as object);
  }

  get waiting(): number {
    return this.#timers.size;
  }

  /** Turns the time forward; what is due happens in order, and what follows from it. */
  async turn(ms: number): Promise<void> {
    const end = this.time + ms;
    await settle();
    for (;;) {
      const due = [...this.#timers].filter(([, { at }]) => at <= end).sort(([, a], [, b]) => a.at - b.at)[0];
      if (due === undefined) break;
      const [timer, { at, callback }] = due;
      this.#timers.delete(timer);
      this.time = at;
      callback();
      await settle();
    }
    this.time = end;
  }
}

/** Until nothing follows any more from what was resolved. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

export class FakeNode implements ClusterNode {
  readonly name = 'ts@here';
  /** Every attempt, in order. */
  readonly dialled: string[] = [];
  /** Attempts that are under way. */
  readonly open = new Map<string, { resolve(): void; reject(error: unknown): void }>();
  readonly disconnected: string[] = [];
  readonly up = new Set<string>();
  /** What an attempt comes to; without it, it waits for {@link open}. */
  answer: ((node: string) => 'up' | Error) | undefined = () => 'up';
  private readonly events: NodeEvent[] = [];
  private wake: (() => void) | undefined;
  private ended = false;

  async connect(node: string, { signal }: { readonly signal: AbortSignal }): Promise<void> {
    this.dialled.push(node);
    const outcome = this.answer?.(node);
    if (outcome instanceof Error) throw outcome;
    if (outcome === undefined) {
      await new Promise<void>((resolve, reject) => {
        this.open.set(node, { resolve, reject });
        signal.addEventListener('abort', () => reject(signal.reason as Error));
      }).finally(() => this.open.delete(node));
    }
    if (!this.up.has(node)) this.comes(node);
  }

  disconnect(node: string): boolean {
    const was = this.up.has(node);
    if (was) {
      this.disconnected.push(node);
      this.goes(node);
    }
    return was;
  }

  nodes(): string[] {
    return [...this.up];
  }

  /** Somebody connects. */
  comes(node: string): void {
    this.up.add(node);
    this.push({ type: 'nodeup', node });
  }

  goes(node: string, reason?: Error): void {
    this.up.delete(node);
    this.push({ type: 'nodedown', node, ...(reason === undefined ? {} : { reason }) });
  }

  stop(): void {
    this.ended = true;
    this.wake?.();
  }

  get listening(): boolean {
    return !this.ended;
  }

  monitorNodes(): AsyncIterableIterator<NodeEvent> {
    const next = async (): Promise<IteratorResult<NodeEvent>> => {
      while (this.events.length === 0 && !this.ended) await new Promise<void>((resolve) => (this.wake = resolve));
      const event = this.events.shift();
      return event === undefined ? { done: true, value: undefined } : { done: false, value: event };
    };
    return {
      next,
      return: () => {
        this.stop();
        return Promise.resolve({ done: true, value: undefined });
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  private push(event: NodeEvent): void {
    this.events.push(event);
    this.wake?.();
  }
}
