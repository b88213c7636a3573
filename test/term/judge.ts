// OTP as the judge of order, equality, text and syntax: one Erlang node with term_judge loaded.
import { Buffer, isUtf8 } from 'node:buffer';
import { decode } from '../../src/etf/decode.js';
import { encode } from '../../src/etf/encode.js';
import type { Term } from '../../src/term/term.js';
import { startBulkErlang } from '../support/bulk-erlang.js';

export interface Relation {
  readonly smaller: boolean;
  /** `==` */
  readonly equal: boolean;
  /** `=:=` */
  readonly same: boolean;
  readonly smallerKey: boolean;
}

export interface Printed {
  /** The term with the entries of its maps in OTP's order. */
  readonly term: Term;
  readonly text: string;
}

export interface Judge {
  readonly release: number;
  /** The terms in the order of `lists:sort/1`, as indexes; equal terms keep their order. */
  sorted(terms: readonly Term[]): Promise<readonly number[]>;
  related(pairs: readonly (readonly [Term, Term])[]): Promise<readonly Relation[]>;
  /** What `io_lib:format(Format, [Term | More])` prints for each of them, without those it prints in a way of its own. */
  printed(terms: readonly Term[], format?: string, more?: string): Promise<readonly Printed[]>;
  /** What `erl_parse:parse_term/1` makes of each of them; `undefined` when it refuses. */
  parsed(texts: readonly string[]): Promise<readonly ({ readonly term: Term } | undefined)[]>;
  /** Random terms of every type, all of them OTP's own. */
  random(seed: number, count: number): Promise<readonly Term[]>;
  eval(expressions: string): Promise<string>;
  stop(): Promise<void>;
}

/** How many times the usual work: FC_RUNS makes fuzz runs of these tests, as of all properties. */
export const SCALE: number = Math.max(1, Math.ceil(Number(process.env['FC_RUNS'] ?? 100) / 100));
/** For a property that asks the judge in every run. */
export const TIME: number = 60_000 * SCALE;
const EXACT = { floats: 'exact' } as const;

export async function startJudge(args: readonly string[] = []): Promise<Judge> {
  const modules = ['term_judge.erl', '../etf/etf_oracle.erl'].map((path) => new URL(path, import.meta.url));
  const erl = await startBulkErlang(modules, { args, time: TIME });
  const { ask } = erl;
  const bytesOf = (terms: readonly Term[]) => terms.map((term) => encode(term));
  return {
    release: erl.release,
    async sorted(terms) {
      // Each term with its place, so that equal ones can be told apart.
      const packets = bytesOf(terms);
      const places = new Map<string, number[]>();
      packets.forEach((packet, place) => {
        const key = packet.toString('latin1');
        places.set(key, [...(places.get(key) ?? []), place]);
      });
      const answers = await ask(packets, (names) => `term_judge:sorted(${names})`);
      return answers.map((packet) => places.get(packet.toString('latin1'))?.shift() as number);
    },
    async related(pairs) {
      const answers = await ask(bytesOf(pairs.flat()), (names) => `term_judge:related(${names})`);
      return answers.map(([smaller, equal, same, smallerKey]) => ({
        smaller: smaller === 1,
        equal: equal === 1,
        same: same === 1,
        smallerKey: smallerKey === 1,
      }));
    },
    async printed(terms, format = '~0tp', more = '') {
      const call = (names: string) => `term_judge:printed(${names}, "${format}", [${more}])`;
      const answers = await ask(bytesOf(terms), call);
      const printed = terms.map((_, i) => ({
        term: decode(answers[2 * i] as Buffer, EXACT),
        text: (answers[2 * i + 1] as Buffer).toString('utf8'),
      }));
      return erl.release < 28 ? printed : printed.filter(({ term }) => !hasTornText(term));
    },
    async parsed(texts) {
      const packets = texts.map((text) => Buffer.from(text, 'utf8'));
      const answers = await ask(packets, (names) => `term_judge:parsed(${names})`);
      return answers.map((answer) => (answer.length === 0 ? undefined : { term: decode(answer, EXACT) }));
    },
    async random(seed, count) {
      const answers = await ask(undefined, (name) => `etf_oracle:random(${seed}, ${count}, ${name})`);
      return answers.map((answer) => decode(answer, EXACT));
    },
    eval: (expressions) => erl.eval(expressions),
    stop: () => erl.stop(),
  };
}

/**
 * Whether there is a binary in it that begins as UTF-8, beyond ASCII, and does not go on so. OTP 29 (28 was not there
 * to ask) gives it up at the first character it cannot print; before, it was Latin-1, and is so for us.
 */
function hasTornText(term: Term): boolean {
  const left: unknown[] = [term];
  while (left.length > 0) {
    const next = left.pop();
    if (next instanceof Uint8Array) {
      if (!isUtf8(next) && /[\u0080-\ufffc]/.test(Buffer.from(next).toString('utf8'))) return true;
    } else if (next instanceof Map) left.push(...next.keys(), ...next.values());
    else if (typeof next === 'object' && next !== null) left.push(...Object.values(next));
  }
  return false;
}
