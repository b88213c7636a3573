// A float that must stay one: JavaScript cannot tell 1.0 from 1, Erlang can.
import { ArgumentError } from '../errors.js';

/** A number that is encoded as an Erlang float whatever its value. */
export class Float {
  readonly value: number;

  /** @internal Use {@link float}. */
  constructor(value: number) {
    this.value = value;
  }

  valueOf(): number {
    return this.value;
  }

  toJSON(): number {
    return this.value;
  }
}

/**
 * `float(1)` is Erlang's `1.0`.
 *
 * @throws ArgumentError `badarg` for NaN and the infinities, which Erlang does not have.
 */
export function float(value: number): Float {
  if (!Number.isFinite(value)) throw new ArgumentError('badarg', `Erlang has no float ${value}`);
  return new Float(value);
}
