// Registered names: one living process per name, any number of names per process.
import { ArgumentError } from '../errors.js';
import type { ProcessState } from './process-state.js';

// Atoms that `register/2` refuses, or that JavaScript spells differently: nobody could send to them.
const RESERVED = new Set(['undefined', 'true', 'false', 'nil', '']);

export class RegisteredNames {
  readonly #processes = new Map<string, ProcessState>();

  /** @throws ArgumentError `already_registered`, or `badarg` for a name that cannot be registered. */
  register(name: string, process: ProcessState): void {
    this.check(name);
    if (process.exited) throw new ArgumentError('badarg', `${process.pid} has ended and cannot be registered`);
    this.#processes.set(name, process);
    process.names ??= new Set();
    process.names.add(name);
  }

  /** @throws ArgumentError as {@link register} does. */
  check(name: string): void {
    if (typeof name !== 'string' || RESERVED.has(name) || !name.isWellFormed() || [...name].length > 255) {
      throw new ArgumentError('badarg', `${JSON.stringify(name)} cannot be a registered name`);
    }
    const holder = this.#processes.get(name);
    if (holder !== undefined) {
      throw new ArgumentError('already_registered', `${holder.pid} is registered as ${JSON.stringify(name)} already`);
    }
  }

  /** @throws ArgumentError `badarg` when nobody has the name. */
  unregister(name: string): void {
    const holder = this.#processes.get(name);
    if (holder === undefined) throw new ArgumentError('badarg', `no process is registered as ${JSON.stringify(name)}`);
    this.#processes.delete(name);
    holder.names?.delete(name);
  }

  whereis(name: string): ProcessState | undefined {
    return this.#processes.get(name);
  }

  registered(): string[] {
    return [...this.#processes.keys()];
  }

  /** A process has ended: its names are free. */
  release(process: ProcessState): void {
    if (process.names === undefined) return;
    for (const name of process.names) this.#processes.delete(name);
    process.names = undefined;
  }
}
