// What a transport, a discovery or a membership is given for options, before it looks for any: a name or a number in their
// place must not mean "none", and what is misspelt must not mean "as usual".
import { ArgumentError } from '../errors.js';

/** The names of all options: the compiler insists on each of them. */
export type OptionNames<Options> = Readonly<Record<keyof Options, true>>;

/** @throws ArgumentError `badarg` for what is no object, and for an option that is none of `names`. */
export function checkIsOptions(what: string, options: unknown, names?: object): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    const given =
      options === null || options === undefined
        ? String(options)
        : Array.isArray(options)
          ? 'an array'
          : `a ${typeof options}`;
    throw new ArgumentError('badarg', `${what} takes its options as an object { … }, not ${given}`);
  }
  if (names === undefined) return;
  const unknown = Object.keys(options).find((name) => !Object.hasOwn(names, name));
  if (unknown === undefined) return;
  const known = Object.keys(names).join(', ');
  throw new ArgumentError('badarg', `${what} has no option ${JSON.stringify(unknown.slice(0, 100))}; it has ${known}`);
}
