// Which node names a handshake accepts (protocol section 2.1; promise 3). Stricter than a BEAM about the host part,
// which ends up in logs, atoms and look-ups.

const MAX_NAME_CHARACTERS = 255;
const ALIVE = /^[A-Za-z0-9_-]+$/;
/** Printable Latin-1 without spaces and without a second `@`. */
const HOST = /^[\x21-\x3f\x41-\x7e\xa1-\xff]+$/;

/**
 * What is wrong with a node name, if anything. `shape` faults get no answer from a BEAM, `characters` faults a `nok`.
 */
export function nodeNameFault(name: string): { kind: 'shape' | 'characters'; what: string } | undefined {
  if (name.length > MAX_NAME_CHARACTERS) {
    return { kind: 'shape', what: `${name.length} characters, more than ${MAX_NAME_CHARACTERS}` };
  }
  const [alive, host, ...more] = name.split('@');
  if (alive === undefined || alive === '' || host === undefined || host === '' || more.length > 0) {
    return { kind: 'shape', what: 'not of the form alive@host' };
  }
  if (!ALIVE.test(alive)) return { kind: 'characters', what: 'characters other than A-Z a-z 0-9 _ - before the @' };
  if (!HOST.test(host)) return { kind: 'characters', what: 'characters in the host that no host name has' };
  return undefined;
}

/** What a name that we give may have before its host, the `@` included. */
const GIVEN_CHARACTERS = 32;

/** Is this a host that a peer may ask a dynamic name for? Room must be left for what we put before it. */
export function isHost(host: string): boolean {
  return host.length <= MAX_NAME_CHARACTERS - GIVEN_CHARACTERS && HOST.test(host);
}
