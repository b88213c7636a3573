// What other nodes may call: the functions that the application exposed, module by module, and nothing else.

import { inWords } from '../arguments.js';
import { ArgumentError } from '../errors.js';
import type { ExposedFunction } from '../process/spawn-request.js';
import type { Term } from '../term/term.js';

/** A module's functions. The arity is the function's `length`, or what the key says: `'sum/3'`. */
export type ExposedModule = Readonly<Record<string, (...args: never[]) => unknown>>;

/** Functions of one module by `name/arity`. */
type Functions = ReadonlyMap<string, ExposedFunction>;

export class Exposed {
  readonly #modules = new Map<string, Functions>();
  /** What every node has; an application's function of the same name and arity goes before it. */
  readonly #own = new Map<string, Map<string, ExposedFunction>>();

  /**
   * Makes `functions` callable as `module:name/arity`; what the application exposed under that name before is replaced.
   *
   * @throws ArgumentError `badarg` for something that is not a function.
   */
  expose(module: string, functions: ExposedModule): void {
    if (typeof module !== 'string')
      throw new ArgumentError('badarg', `the name of a module is a string, not ${inWords(module)}`);
    if (typeof functions !== 'object' || functions === null) {
      throw new ArgumentError(
        'badarg',
        `expose() takes the functions of a module as an object, not ${inWords(functions)}`,
      );
    }
    const found = Object.entries(functions).map(([key, run]) => {
      if (typeof run !== 'function') throw new ArgumentError('badarg', `${module}:${key} is not a function`);
      const [, name = key, arity = String(run.length)] = /^(.+)\/(\d+)$/.exec(key) ?? [];
      // Methods find their object in `this`, as they would if they were called here.
      const call = (_self: unknown, args: readonly Term[]): unknown => run.apply(functions, args as never[]);
      return [`${name}/${arity}`, call] as const;
    });
    this.#modules.set(module, new Map(found));
  }

  /** @internal Adds one function of the node itself, which also wants to know the process it runs in. */
  add(module: string, name: string, arity: number, run: ExposedFunction): void {
    const functions = this.#own.get(module) ?? new Map<string, ExposedFunction>();
    this.#own.set(module, functions.set(`${name}/${arity}`, run));
  }

  find(module: string, name: string, arity: number): ExposedFunction | undefined {
    const key = `${name}/${arity}`;
    return this.#modules.get(module)?.get(key) ?? this.#own.get(module)?.get(key);
  }
}
