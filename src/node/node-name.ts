// Node names, `alive@host` (protocol 2.1). Nothing reaches discovery or a peer as a node name that has not been through
// here.
import { hostname } from 'node:os';
import type { NodeName } from '../discovery/discovery.js';
import { ArgumentError } from '../errors.js';
import { printable } from './log.js';

/** The halves of a node name. */
export interface ParsedNodeName {
  readonly name: NodeName;
  /** Before the `@`: letters, digits, `_` and `-`. */
  readonly alive: string;
  /** After the `@`: a host name or an address. */
  readonly host: string;
  /** OTP: `longnames`. Short and long names do not connect to each other, see {@link isLongHost}. */
  readonly long: boolean;
}

/** A node name is an atom. */
const maxLength = 255;
const aliveForm = /^[A-Za-z0-9_-]+$/;
/** Visible Latin-1, as OTP's check, but for the control characters above 127. */
const hostForm = /^[!-?A-~\u{a1}-\u{ff}]+$/u;

/**
 * Splits and checks a node name as a BEAM does when it makes a connection.
 *
 * @throws ArgumentError `badarg`, with what is wrong with it.
 */
export function parseNodeName(text: string): ParsedNodeName {
  const fault = faultOf(text);
  if (fault !== undefined)
    throw new ArgumentError(
      'badarg',
      `a node name is alive@host, like 'ts@127.0.0.1' or 'ts@my-host': ${fault}; got ${printable(String(text))}`,
    );
  const at = text.indexOf('@');
  const host = text.slice(at + 1);
  return { name: text as NodeName, alive: text.slice(0, at), host, long: isLongHost(host) };
}

/** Whether {@link parseNodeName} would take it. */
export function isNodeName(text: string): text is NodeName {
  return faultOf(text) === undefined;
}

/**
 * The name a node starts with: as given, or `alive` alone completed with this machine's host name up to its first dot,
 * as `erl -sname` does.
 *
 * @throws ArgumentError `badarg`.
 */
export function completeNodeName(name: string, machine: string = hostname()): NodeName {
  if (typeof name !== 'string' || name.includes('@')) return parseNodeName(name).name;
  const [host = ''] = machine.split('.');
  if (aliveForm.test(name) && !hostForm.test(host))
    throw new ArgumentError(
      'badarg',
      `cannot complete the node name ${name}: this machine's host name is ${printable(machine)}; give alive@host`,
    );
  return parseNodeName(`${name}@${host}`).name;
}

/**
 * Whether a host makes a long name: one with a dot, or an address. A BEAM that was started with `-sname` opens no
 * connection to a long name, one with `-name` none to a short name; it accepts either.
 */
export function isLongHost(host: string): boolean {
  return host.includes('.') || host.includes(':');
}

function faultOf(text: string): string | undefined {
  if (typeof text !== 'string') return 'it must be a string';
  if (text.length > maxLength) return `${text.length} characters are more than the ${maxLength} of an atom`;
  const [alive = '', host, ...more] = text.split('@');
  if (host === undefined) return 'there is no @';
  if (more.length > 0) return 'there is more than one @';
  if (alive === '') return 'nothing stands before the @';
  if (!aliveForm.test(alive)) return 'only letters, digits, _ and - may stand before the @';
  if (host === '') return 'nothing stands after the @';
  if (!hostForm.test(host)) return 'spaces, control characters and anything beyond Latin-1 cannot stand after the @';
  return undefined;
}
