// What DNS says about a name, apart from how it was asked. RFC 1035, 2308 (nothing is an answer too) and 2782.

/** One SRV record: where a service listens. */
export interface SrvRecord {
  /** 0..65535; lower ones are tried first. */
  readonly priority: number;
  /** 0..65535: the share of the first tries among records of one priority. */
  readonly weight: number;
  readonly port: number;
  /** A host name; `.` says that there is no such service. */
  readonly target: string;
}

export type RecordType = 'SRV' | 'A' | 'AAAA';

/** The records of one type that a name has. */
export interface Answer<Value> {
  readonly records: readonly Value[];
  /** Whether the name exists at all, be it without records of this type. */
  readonly exists: boolean;
  /** Seconds for which all this holds; 0 is for now only. */
  readonly ttl: number;
}

/** Names are equal whatever their case, with and without the dot at their end (RFC 1035 section 2.3.3). */
export function canonical(name: string): string {
  return name.replace(/\.$/, '').toLowerCase();
}

/** Why a name cannot be asked for, or undefined. */
export function nameFault(name: string): string | undefined {
  if (Buffer.byteLength(name) > 253) return 'it is longer than 253 bytes';
  for (const label of name.split('.')) {
    if (label === '') return 'there is nothing between two dots';
    if (Buffer.byteLength(label) > 63) return `${JSON.stringify(label)} is longer than 63 bytes`;
  }
  return undefined;
}

/**
 * Whether a name is an IP address in some disguise (`10.0.0.1`, `0x7f.1`, `2130706433`): no top-level domain is a
 * number (RFC 3696 section 2), and resolvers take such names for addresses without asking anybody.
 */
export function isAddressInDisguise(name: string): boolean {
  const last = canonical(name).split('.').at(-1) ?? '';
  return name.includes(':') || /^(\d+|0x[0-9a-f]*)$/.test(last);
}

/** A name or text of a server's, for messages: escaped and not endless. */
export function shown(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text).slice(1, -1);
}
