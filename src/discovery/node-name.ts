// The two halves of a node name. Protocol section 2.1: exactly one `@`, nothing empty.
import { ArgumentError } from '../errors.js';

/** The part before the `@` (what EPMD registers) and the host after it. @throws ArgumentError `badarg`. */
export function splitNodeName(node: string): { readonly alive: string; readonly host: string } {
  const at = node.indexOf('@');
  if (at <= 0 || at === node.length - 1 || node.includes('@', at + 1))
    throw new ArgumentError('badarg', `expected a node name like 'name@host', got ${JSON.stringify(node)}`);
  return { alive: node.slice(0, at), host: node.slice(at + 1) };
}
