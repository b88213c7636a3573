// What callers hand over, checked before anything happens: pids, references, names and what is common to all waits.
import { checkIsOptions, inWords } from '../arguments.js';
import { ArgumentError } from '../errors.js';
import { Atom } from '../term/atom.js';
import { Pid, Reference } from '../term/identifiers.js';
import { checkTimeout } from './timer.js';

/** @throws ArgumentError `badarg` for anything but a plain object or nothing. */
export function checkOptional(options: unknown, where: string): void {
  if (options !== undefined) checkIsOptions(where, options);
}

/** The options of whatever waits. @throws ArgumentError `badarg`. */
export function checkWaitOptions(
  options: { readonly timeout?: number; readonly signal?: AbortSignal } | undefined,
  where: string,
): void {
  if (options === undefined) return;
  checkIsOptions(where, options);
  checkTimeout(options.timeout);
  const signal = options.signal as Partial<AbortSignal> | null | undefined;
  if (signal === undefined) return;
  // Not instanceof: test runners and other realms have an AbortSignal of their own.
  if (typeof signal === 'object' && signal !== null && typeof signal.addEventListener === 'function') return;
  throw new ArgumentError('badarg', `the signal of ${where} must be an AbortSignal, not ${inWords(signal)}`);
}

/** @returns the text of a name. @throws ArgumentError `badarg` for anything but a string or an atom. */
export function nameText(name: unknown, where: string): string {
  if (typeof name === 'string') return name;
  if (name instanceof Atom) return name.text;
  throw new ArgumentError('badarg', `${where} needs a name, which is a string or an atom, not ${inWords(name)}`);
}

/** @throws ArgumentError `badarg`. */
export function checkIsPid(pid: unknown, where: string): void {
  if (!(pid instanceof Pid)) {
    throw new ArgumentError('badarg', `${where} needs a pid (of a process that is its \`pid\`), not ${inWords(pid)}`);
  }
}

/** @throws ArgumentError `badarg`. */
export function checkIsReference(ref: unknown, where: string): void {
  if (!(ref instanceof Reference)) throw new ArgumentError('badarg', `${where} needs a reference, not ${inWords(ref)}`);
}

/** @throws ArgumentError `badarg`. */
export function checkIsFunction(run: unknown, where: string): void {
  if (typeof run !== 'function') throw new ArgumentError('badarg', `${where} needs a function, not ${inWords(run)}`);
}
