// One payload in a process of its own: first every codec meets all payloads, as it would in an application, then this
// one is timed. Prints JSON. Started by etf.ts.
import { casesOf } from './codecs.js';
import { installedOthers } from './others.js';
import { payloads } from './payloads.js';
import { profile } from './profile.js';
import { type Effort, measure, warm } from './timing.js';

/** What etf.ts asks for. */
export interface Task extends Effort {
  readonly name: string;
  readonly warmMs: number;
  /** Whether to tell, too, which functions take the time. */
  readonly profiled: boolean;
  readonly others: string | undefined;
}

const { name, rounds, sliceMs, warmMs, profiled, others: folder } = JSON.parse(process.argv[2] ?? '') as Task;
const others = installedOthers(folder);
for (const payload of payloads) {
  const cases = casesOf(payload, others);
  warm([...cases.encode, ...cases.decode], warmMs);
}
const payload = payloads.find((each) => each.name === name);
if (payload === undefined) throw new RangeError(`no payload ${name}`);
const cases = casesOf(payload, others);
const effort = { rounds, sliceMs };
const measured = { encode: measure(cases.encode, effort), decode: measure(cases.decode, effort) };
const profiles = profiled
  ? { encodeProfile: profile(cases.encode, 'erlnode encodeInto'), decodeProfile: profile(cases.decode, 'erlnode') }
  : {};
console.log(JSON.stringify({ ...measured, ...profiles }));
