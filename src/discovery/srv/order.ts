// In which order places are tried: RFC 2782 among SRV records, address families in turn (RFC 8305 section 4).
import type { SrvRecord } from './records.js';

/**
 * By priority; within one priority drawn by lot, in which a record's chance is its weight. Records of weight 0 come
 * after all others, for which RFC 2782 says "a very small chance".
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
      const at = -Math.log(1 - random()) / Math.max(1, record.weight);
      return { record, none: record.weight <= 0, at };
    })
    .sort((a, b) => Number(a.none) - Number(b.none) || a.at - b.at)
    .map(({ record }) => record);
}

/** The first of each list, the second of each … */
export function inTurn<Value>(lists: readonly (readonly Value[])[]): Value[] {
  const longest = Math.max(0, ...lists.map((list) => list.length));
  return Array.from({ length: longest }, (_, i) => lists.flatMap((list) => list.slice(i, i + 1))).flat();
}
