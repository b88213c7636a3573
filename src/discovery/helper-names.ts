// Nodes that a release starts for one command (`bin/app rpc`, `bin/app remote`): `rem-1a2b-app@host`, without a listener.
// The middle is four hexadecimal digits, on Windows a number up to 32767; a node called rpc-gateway-1 is none of them.
const HELPER = /^(?:rpc|rem)-[0-9a-f]{1,5}-(.+)$/i;

/** The part before the `@` of the node that a helper was started for, or undefined for other nodes. */
export function helped(alive: string): string | undefined {
  return HELPER.exec(alive)?.[1];
}
