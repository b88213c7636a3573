// What a transport or a discovery is given for options, before it looks for any: a name or a number in their place must not mean "none".
import { ArgumentError } from '../errors.js';

/** @throws ArgumentError `badarg`. */
export function checkIsOptions(what: string, options: unknown): void {
  if (typeof options === 'object' && options !== null && !Array.isArray(options)) return;
  const given = options === null ? 'null' : Array.isArray(options) ? 'an array' : `a ${typeof options}`;
  throw new ArgumentError('badarg', `${what} takes its options as an object { … }, not ${given}`);
}
