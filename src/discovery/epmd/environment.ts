// The ERL_EPMD_* variables, as the daemon and BEAM's erl_epmd read them. Protocol section 1.5.
import { ArgumentError } from '../../errors.js';
import { DIST_HIGH, DIST_LOW } from './messages.js';

/** Environment variables; `process.env` unless a caller passes its own. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** `ERL_EPMD_PORT` and its default are overruled by the option. @throws ArgumentError `badarg`. */
export function epmdPort(option: number | undefined, environment: Environment, lowest: 0 | 1): number {
  const variable = environment['ERL_EPMD_PORT'];
  const port = option ?? (variable === undefined || variable === '' ? 4369 : Number(variable));
  if (Number.isInteger(port) && port >= lowest && port <= 0xffff) return port;
  const from = option === undefined ? `ERL_EPMD_PORT=${JSON.stringify(variable)}` : `port ${option}`;
  throw new ArgumentError('badarg', `expected EPMD's port to be a number from ${lowest} to 65535, got ${from}`);
}

/** The addresses to listen on besides loopback; `ERL_EPMD_ADDRESS` is a list with commas or spaces. */
export function epmdAddresses(option: string | readonly string[] | undefined, environment: Environment): string[] {
  const given = option ?? environment['ERL_EPMD_ADDRESS'] ?? [];
  return typeof given === 'string' ? given.split(/[\s,]+/).filter((address) => address !== '') : [...given];
}

/** Set to anything, even to nothing: KILL with registered names and STOP are obeyed. */
export function relaxedCommandCheck(option: boolean | undefined, environment: Environment): boolean {
  return option ?? environment['ERL_EPMD_RELAXED_COMMAND_CHECK'] !== undefined;
}

/** The distribution versions to register: `ERL_EPMD_DIST_HIGH` lowers the highest, `ERL_EPMD_DIST_LOW` raises the lowest. */
export function distVersions(environment: Environment): { readonly highest: number; readonly lowest: number } {
  const clamped = (variable: string, otherwise: number) => {
    const asked = Number.parseInt(environment[variable] ?? '', 10);
    return Number.isNaN(asked) ? otherwise : Math.min(DIST_HIGH, Math.max(DIST_LOW, asked));
  };
  const highest = clamped('ERL_EPMD_DIST_HIGH', DIST_HIGH);
  return { highest, lowest: Math.min(highest, clamped('ERL_EPMD_DIST_LOW', DIST_LOW)) };
}
