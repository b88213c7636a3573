// What a receive may be given to choose a message with: a type guard, or any Standard Schema (standardschema.dev).
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
