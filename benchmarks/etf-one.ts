// One payload in a process of its own: first every codec meets all payloads, as it would in an application, then this
// one is timed. Prints JSON. Started by etf.ts.
import { casesOf, optionalCodecs } from './codecs.js';
import { payloads } from './payloads.js';
import { measure, warm } from './timing.js';

const [, , name, rounds, sliceMs] = process.argv;
const others = await optionalCodecs();
for (const payload of payloads) {
  const cases = casesOf(payload, others);
  warm([...cases.encode, ...cases.decode], 15);
}
const payload = payloads.find((each) => each.name === name);
if (payload === undefined) throw new RangeError(`no payload ${name}`);
const cases = casesOf(payload, others);
const effort = { rounds: Number(rounds), sliceMs: Number(sliceMs) };
console.log(JSON.stringify({ encode: measure(cases.encode, effort), decode: measure(cases.decode, effort) }));
