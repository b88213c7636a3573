// What other nodes may call: the functions that the application exposed, module by module, and nothing else.
import { ArgumentError } from '../errors.js';
import { kindOf } from '../process/arguments.js';
import type { ExposedFunction } from '../process/spawn-request.js';
import type { Term } from '../term/term.js';

/** A module's functions. The arity is the function's `length`, or what the key says: `'sum/3'`. */
export type ExposedModule = Readonly<Record<string, (...args: never[]) => unknown>>;

export class Exposed {
  private readonly functions = new Map<string, ExposedFunction>();

  /**
   * Makes `functions` callable as `module:name/arity`; what the module had before is replaced.
   *
   * @throws ArgumentError `badarg` for something that is not a function.
   */
  expose(module: string, functions: ExposedModule): void {
    if (typeof module !== 'string')
      throw new ArgumentError('badarg', `the name of a module is a string, not ${kindOf(module)}`);
    if (typeof functions !== 'object' || functions === null) {
      throw new ArgumentError(
        'badarg',
        `expose() takes the functions of a module as an object, not ${kindOf(functions)}`,
      );
    }
    const found = Object.entries(functions).map(([key, run]) => {
      if (typeof run !== 'function') throw new ArgumentError('badarg', `${module}:${key} is not a function`);
      const [, name = key, arity = String(run.length)] = /^(.+)\/(\d+)$/.exec(key) ?? [];
      const call = run as (...args: readonly Term[]) => unknown;
      return [`${module}:${name}/${arity}`, (_self: unknown, args: readonly Term[]) => call(...args)] as const;
    });
    this.hide(module);
    for (const [key, run] of found) this.functions.set(key, run);
  }

  /** Takes a module back. */
  hide(module: string): void {
    for (const key of this.functions.keys()) if (key.startsWith(`${module}:`)) this.functions.delete(key);
  }

  /** @internal Adds one function that also wants to know the process it runs in. */
  add(module: string, name: string, arity: number, run: ExposedFunction): void {
    this.functions.set(`${module}:${name}/${arity}`, run);
  }

  find(module: string, name: string, arity: number): ExposedFunction | undefined {
    return this.functions.get(`${module}:${name}/${arity}`);
  }
}
