// Distribution flags: what each side of a connection announces that it understands (protocol section 2.10).
// Unknown bits are ignored; a connection works by the intersection of both sides' flags.

/** Every flag of the specification, in its spelling. Bits 15, 21 and 36 are internal to the BEAM and never announced. */
export const DFLAG = {
  DFLAG_PUBLISHED: 0x1n,
  DFLAG_ATOM_CACHE: 0x2n,
  DFLAG_EXTENDED_REFERENCES: 0x4n,
  DFLAG_DIST_MONITOR: 0x8n,
  DFLAG_FUN_TAGS: 0x10n,
  DFLAG_DIST_MONITOR_NAME: 0x20n,
  DFLAG_HIDDEN_ATOM_CACHE: 0x40n,
  DFLAG_NEW_FUN_TAGS: 0x80n,
  DFLAG_EXTENDED_PIDS_PORTS: 0x100n,
  DFLAG_EXPORT_PTR_TAG: 0x200n,
  DFLAG_BIT_BINARIES: 0x400n,
  DFLAG_NEW_FLOATS: 0x800n,
  DFLAG_UNICODE_IO: 0x1000n,
  DFLAG_DIST_HDR_ATOM_CACHE: 0x2000n,
  DFLAG_SMALL_ATOM_TAGS: 0x4000n,
  DFLAG_UTF8_ATOMS: 0x10000n,
  DFLAG_MAP_TAG: 0x20000n,
  DFLAG_BIG_CREATION: 0x40000n,
  DFLAG_SEND_SENDER: 0x80000n,
  DFLAG_BIG_SEQTRACE_LABELS: 0x100000n,
  DFLAG_EXIT_PAYLOAD: 0x400000n,
  DFLAG_FRAGMENTS: 0x800000n,
  DFLAG_HANDSHAKE_23: 0x1000000n,
  DFLAG_UNLINK_ID: 0x2000000n,
  DFLAG_MANDATORY_25_DIGEST: 0x4000000n,
  DFLAG_SPAWN: 0x100000000n,
  DFLAG_NAME_ME: 0x200000000n,
  DFLAG_V4_NC: 0x400000000n,
  DFLAG_ALIAS: 0x800000000n,
  DFLAG_ALTACT_SIG: 0x2000000000n,
  DFLAG_NATIVE_RECORDS: 0x4000000000n,
} as const;

const mandatory23 =
  DFLAG.DFLAG_EXTENDED_REFERENCES |
  DFLAG.DFLAG_EXTENDED_PIDS_PORTS |
  DFLAG.DFLAG_UTF8_ATOMS |
  DFLAG.DFLAG_NEW_FUN_TAGS |
  DFLAG.DFLAG_BIG_CREATION;
const mandatory25 =
  mandatory23 |
  DFLAG.DFLAG_FUN_TAGS |
  DFLAG.DFLAG_EXPORT_PTR_TAG |
  DFLAG.DFLAG_BIT_BINARIES |
  DFLAG.DFLAG_NEW_FLOATS |
  DFLAG.DFLAG_MAP_TAG |
  DFLAG.DFLAG_HANDSHAKE_23;
const mandatory26 = mandatory25 | DFLAG.DFLAG_UNLINK_ID | DFLAG.DFLAG_V4_NC;

/** What each OTP release refuses to do without; a release not listed asks for what the one before it did. */
export const MANDATORY_FLAGS: Readonly<Record<23 | 25 | 26, bigint>> = {
  23: mandatory23,
  25: mandatory25,
  26: mandatory26,
};

/**
 * What this node refuses to do without: its encoder sends maps, floats, bitstrings and funs in these forms to everyone,
 * and it only speaks the handshake of OTP 23. Every OTP release from 23 on announces all of it.
 */
export const REQUIRED_FLAGS: bigint = mandatory25;

/** What a hidden node of this implementation announces: exactly what is implemented. */
export const ANNOUNCED_FLAGS: bigint =
  mandatory26 |
  DFLAG.DFLAG_MANDATORY_25_DIGEST |
  DFLAG.DFLAG_DIST_MONITOR |
  DFLAG.DFLAG_DIST_MONITOR_NAME |
  DFLAG.DFLAG_UNICODE_IO |
  DFLAG.DFLAG_DIST_HDR_ATOM_CACHE |
  DFLAG.DFLAG_SMALL_ATOM_TAGS |
  DFLAG.DFLAG_SEND_SENDER |
  DFLAG.DFLAG_BIG_SEQTRACE_LABELS |
  DFLAG.DFLAG_EXIT_PAYLOAD |
  DFLAG.DFLAG_FRAGMENTS |
  DFLAG.DFLAG_SPAWN |
  DFLAG.DFLAG_ALIAS |
  DFLAG.DFLAG_ALTACT_SIG |
  DFLAG.DFLAG_NATIVE_RECORDS;

/** The digest bit stands for the whole mandatory set of OTP 25; peers may send it alone. */
export function expandDigest(flags: bigint): bigint {
  return (flags & DFLAG.DFLAG_MANDATORY_25_DIGEST) === 0n ? flags : flags | mandatory25;
}

/** Are all of `wanted` in `flags`? */
export function hasFlags(flags: bigint, wanted: bigint): boolean {
  return (flags & wanted) === wanted;
}

/** The names of the flags that are set, lowest first; bits without a name as `1 << 39`. For logs, errors and `info`. */
export function flagNames(flags: bigint): string[] {
  const names: string[] = [];
  let unnamed = flags;
  for (const [name, bit] of Object.entries(DFLAG)) {
    if ((flags & bit) === 0n) continue;
    names.push(name);
    unnamed &= ~bit;
  }
  for (let bit = 0n; unnamed >> bit !== 0n; bit++) if (((unnamed >> bit) & 1n) === 1n) names.push(`1 << ${bit}`);
  return names;
}
