// In which order places are tried: RFC 2782 among SRV records, address families in turn (RFC 8305 section 4).
import type { SrvRecord } from './records.js';

/**
 * By priority; within one priority drawn by lot, in which a record's chance is its weight. Records without weight come
 * last, unless all others have had their turn by luck (RFC 2782, "Weight").
 *
 * @param random as Math.random
 */
export function byPriorityAndWeight(records: readonly SrvRecord[], random: () => number): SrvRecord[] {
  const ordered: SrvRecord[] = [];
  const priorities = new Map<number, SrvRecord[]>();
  for (const record of records) {
    const same = priorities.get(record.priority);
    if (same === undefined) priorities.set(record.priority, [record]);
    else same.push(record);
  }
  for (const priority of [...priorities.keys()].sort((a, b) => a - b))
    ordered.push(...drawn(priorities.get(priority) ?? [], random));
  return ordered;
}

/**
 * The same distribution as RFC 2782's running sums, in one sort instead of a pass for each record: the record whose
 * exponential clock of rate `weight` rings first is drawn first.
 */
function drawn(records: readonly SrvRecord[], random: () => number): SrvRecord[] {
  return records
    .map((record) => {
      const chance = 1 - random();
      // The RFC leaves weight 0 "a very small chance"; ours among themselves is even.
      return { record, none: record.weight <= 0, at: -Math.log(chance) / Math.max(1, record.weight) };
    })
    .sort((a, b) => Number(a.none) - Number(b.none) || a.at - b.at)
    .map(({ record }) => record);
}

/** The first of each list, the second of each … */
export function inTurn<Value>(lists: readonly (readonly Value[])[]): Value[] {
  const longest = Math.max(0, ...lists.map((list) => list.length));
  return Array.from({ length: longest }, (_, i) => lists.flatMap((list) => list.slice(i, i + 1))).flat();
}
