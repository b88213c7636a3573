// What callers hand over, checked before anything happens: plain JavaScript has no compiler that would.
// The messages say what was expected and of which type the rest was, never what it contained.
import { ArgumentError } from '../errors.js';
import { Atom } from '../term/atom.js';
import { Pid, Reference } from '../term/identifiers.js';
import { checkTimeout } from './timer.js';

/** @throws ArgumentError `badarg` for anything but a plain object; an array, a term or a signal is no options. */
export function checkIsOptions(options: unknown, where: string): void {
  if (options === undefined || isPlain(options)) return;
  throw new ArgumentError('badarg', `${where} takes its options as an object { … }, not ${kindOf(options)}`);
}

/** The options of whatever waits. @throws ArgumentError `badarg`. */
export function checkWaitOptions(
  options: { readonly timeout?: number; readonly signal?: AbortSignal } | undefined,
  where: string,
): void {
  if (options === undefined) return;
  checkIsOptions(options, where);
  checkTimeout(options.timeout);
  const signal = options.signal as Partial<AbortSignal> | null | undefined;
  if (signal === undefined) return;
  // Not instanceof: test runners and other realms have an AbortSignal of their own.
  if (typeof signal === 'object' && signal !== null && typeof signal.addEventListener === 'function') return;
  throw new ArgumentError('badarg', `the signal of ${where} must be an AbortSignal, not ${kindOf(signal)}`);
}

/** @returns the text of a name. @throws ArgumentError `badarg` for anything but a string or an atom. */
export function nameText(name: unknown, where: string): string {
  if (typeof name === 'string') return name;
  if (name instanceof Atom) return name.text;
  throw new ArgumentError('badarg', `${where} needs a name, which is a string or an atom, not ${kindOf(name)}`);
}

/** @throws ArgumentError `badarg`. */
export function checkIsPid(pid: unknown, where: string): void {
  if (!(pid instanceof Pid)) {
    throw new ArgumentError('badarg', `${where} needs a pid (of a process that is its \`pid\`), not ${kindOf(pid)}`);
  }
}

/** @throws ArgumentError `badarg`. */
export function checkIsReference(ref: unknown, where: string): void {
  if (!(ref instanceof Reference)) throw new ArgumentError('badarg', `${where} needs a reference, not ${kindOf(ref)}`);
}

/** @throws ArgumentError `badarg`. */
export function checkIsFunction(run: unknown, where: string): void {
  if (typeof run !== 'function') throw new ArgumentError('badarg', `${where} needs a function, not ${kindOf(run)}`);
}

export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return 'an array';
  if (typeof value !== 'object') return `a ${typeof value}`;
  return isPlain(value) ? 'an object' : `an object of class ${value.constructor?.name ?? 'without a name'}`;
}

/** A literal, of this realm or another; not an instance of anything. */
function isPlain(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
