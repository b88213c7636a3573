// What a receive may be given to choose a message with: a type guard, or any Standard Schema (standardschema.dev).
import { ArgumentError } from '../errors.js';
import type { Term } from '../term/term.js';

/** The part of the Standard Schema v1 interface that is used here: zod, valibot, arktype and others provide it. */
export interface StandardSchema<Output> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>;
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined;
  };
}

export type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly { readonly message: string }[] };

/** Chooses messages: a type guard, a predicate, or a schema whose output is what `receive` gives. */
export type Matcher = ((message: Term) => boolean) | StandardSchema<unknown>;

/** Says that a matcher does not want a message. */
export const NOTHING: unique symbol = Symbol('nothing');

export function isMatcher(value: unknown): value is Matcher {
  return typeof value === 'function' || (typeof value === 'object' && value !== null && '~standard' in value);
}

/**
 * What a matcher makes of a message: the message, a schema's output, or {@link NOTHING}.
 *
 * @throws ArgumentError `badarg` for a schema that validates asynchronously; whatever the matcher itself throws.
 */
export function outcomeOf(matcher: Matcher, message: Term): unknown {
  // Some schemas (arktype's) are functions, too: what they say as a schema counts.
  if (typeof matcher === 'function' && !('~standard' in matcher)) return matcher(message) ? message : NOTHING;
  const result = (matcher as StandardSchema<unknown>)['~standard'].validate(message);
  if ('then' in result) {
    // Nobody waits for this promise; its failure must not end the program.
    result.then(undefined, () => {});
    throw new ArgumentError('badarg', 'receive() needs a schema that validates synchronously');
  }
  return result.issues === undefined ? result.value : NOTHING;
}
