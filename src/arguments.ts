// What callers hand over, before anybody looks for anything in it: plain JavaScript has no compiler that would. Messages
// say what was expected and of which type the rest was, never what it contained.
import { ArgumentError } from './errors.js';

/** The names of all options: the compiler insists on each of them. */
export type OptionNames<Options> = Readonly<Record<keyof Options, true>>;

/**
 * A name or a number in their place must not mean "no options", and what is misspelt must not mean "as usual".
 *
 * @throws ArgumentError `badarg` for anything but a plain object (an array, a term or a signal is no options), and for an
 *   option that is none of `names`.
 */
export function checkIsOptions(where: string, options: unknown, names?: object): void {
  if (!isPlain(options))
    throw new ArgumentError('badarg', `${where} takes its options as an object { … }, not ${inWords(options)}`);
  if (names === undefined) return;
  const unknown = Object.keys(options).find((name) => !Object.hasOwn(names, name));
  if (unknown === undefined) return;
  const known = Object.keys(names).join(', ');
  throw new ArgumentError('badarg', `${where} has no option ${JSON.stringify(unknown.slice(0, 100))}; it has ${known}`);
}

/** Of which type a value is, for an error message. */
export function inWords(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return 'an array';
  if (typeof value !== 'object') return `a ${typeof value}`;
  if (isPlain(value)) return 'an object';
  const name: unknown = (value as { constructor?: { name?: unknown } | null }).constructor?.name;
  return `an object of class ${typeof name === 'string' && name !== '' ? name : 'without a name'}`;
}

/** A literal, of this realm or another; not an instance of anything. */
function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
