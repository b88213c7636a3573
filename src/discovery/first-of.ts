// Several discoveries as one: asked in order until one knows the node. No cache: each source keeps its own answers.
// A source that fails or hangs costs its timeout and no more, and the error says what every source answered.
import { ArgumentError, ConnectionError, ErlnodeError } from '../errors.js';
import type { Discovery, NodeName, RegisterOptions, Registrant, Registration } from './discovery.js';

/** A source with a timeout of its own, in milliseconds. */
export interface TimedSource {
  readonly discovery: Discovery;
  readonly timeout: number;
}

/** Leaves the second of two sources its turn within OTP's 7 s for a connection. */
const DEFAULT_TIMEOUT = 3000;

/**
 * Asks the sources in order; the first that knows the node decides. A node registers with every source that can
 * register, or with none; the first creation counts. `names` is what all of them say together.
 *
 * @throws ArgumentError `badarg` without a source, or for a timeout that is none.
 */
export function firstOf(...sources: readonly (Discovery | TimedSource)[]): Discovery {
  const timed = sources.map((source) => {
    const given = typeof source === 'object' && source !== null && 'discovery' in source ? source.discovery : source;
    if (typeof given?.resolve !== 'function')
      throw new ArgumentError(
        'badarg',
        'firstOf takes discoveries, one after the other: firstOf(staticNodes(…), epmd())',
      );
    return 'discovery' in source ? source : { discovery: source, timeout: DEFAULT_TIMEOUT };
  });
  if (timed.length === 0) throw new ArgumentError('badarg', 'expected firstOf to be given something to ask');
  for (const { discovery, timeout } of timed)
    if (!(timeout > 0 && timeout <= 0x7fff_ffff))
      throw new ArgumentError('badarg', `expected a timeout in milliseconds for ${discovery.name}, got ${timeout}`);
  const having = (member: 'register' | 'names' | 'listenPort') =>
    timed.some(({ discovery }) => discovery[member] !== undefined);

  return {
    name: `firstOf(${timed.map(({ discovery }) => discovery.name).join(', ')})`,

    async resolve(node, { signal, ...asker }) {
      const answers = new Answers(`where ${node} is`);
      for (const source of timed) {
        const places = await answers.from(source, signal, (own) =>
          source.discovery.resolve(node, { ...asker, signal: own }),
        );
        if (places !== undefined && places.length > 0) return places;
        if (places !== undefined) answers.note(source, 'unknown');
      }
      answers.throwFailure();
      return [];
    },

    ...(having('register') && {
      register: (self: Registrant, options: RegisterOptions) => registerWithAll(timed, self, options),
    }),

    ...(having('listenPort') && {
      listenPort(node: NodeName) {
        for (const { discovery } of timed) {
          const port = discovery.listenPort?.(node);
          if (port !== undefined) return port;
        }
        return undefined;
      },
    }),

    ...(having('names') && {
      async names(host: string, { signal }: { readonly signal?: AbortSignal } = {}) {
        const answers = new Answers(`the names on ${host}`);
        const known = new Map<string, number>();
        let answered = false;
        for (const source of timed) {
          const { names } = source.discovery;
          if (names === undefined) continue;
          const listed = await answers.from(source, signal, (own) =>
            names.call(source.discovery, host, { signal: own }),
          );
          answered ||= listed !== undefined;
          for (const { name, port } of listed ?? []) if (!known.has(name)) known.set(name, port);
        }
        if (!answered) answers.throwFailure();
        return Array.from(known, ([name, port]) => ({ name, port }));
      },
    }),
  };
}

/** What each source said to one question. */
class Answers {
  readonly #question: string;
  readonly #notes: string[] = [];
  #failure: ErlnodeError | undefined;

  constructor(question: string) {
    this.#question = question;
  }

  note({ discovery }: TimedSource, said: string): void {
    this.#notes.push(`${discovery.name}: ${said}`);
  }

  /** The answer of a source; `undefined` and a note when it failed. What ends the whole question is thrown. */
  async from<T>(
    source: TimedSource,
    signal: AbortSignal | undefined,
    ask: (signal: AbortSignal) => Promise<T>,
  ): Promise<T | undefined> {
    try {
      return await withDeadline(source, signal, ask);
    } catch (error) {
      if (signal?.aborted === true || error instanceof ArgumentError) throw error;
      const failure = known(error);
      this.note(source, failure.message);
      this.#failure ??= failure;
      return undefined;
    }
  }

  /** A failure among the answers: nobody can say that the node is unknown. */
  throwFailure(): void {
    const failure = this.#failure;
    if (failure === undefined) return;
    throw new ConnectionError(
      failure instanceof ConnectionError ? (failure as ConnectionError).code : 'noport',
      `nobody could say ${this.#question}: ${this.#notes.join('; ')}`,
      { cause: failure },
    );
  }
}

/** A source of the user's may throw anything; a `fetch` that fails is a TypeError. */
function known(error: unknown): ErlnodeError {
  if (error instanceof ErlnodeError) return error as ErlnodeError;
  const why = error instanceof Error ? error.message : 'it threw something that is no Error';
  return new ConnectionError('noport', why, { cause: error });
}

async function registerWithAll(
  sources: readonly TimedSource[],
  self: Registrant,
  options: RegisterOptions,
): Promise<Registration> {
  const made: Registration[] = [];
  const close = async () => {
    await Promise.all(made.map((registration) => registration.close()));
  };
  try {
    for (const { discovery } of sources) {
      const registration = await discovery.register?.(self, options);
      if (registration !== undefined) made.push(registration);
    }
  } catch (error) {
    await close();
    throw error;
  }
  const creation = made.find((registration) => registration.creation !== undefined)?.creation;
  return { close, ...(creation === undefined ? {} : { creation }) };
}

/** A source may ignore its signal; its time is up all the same. */
function withDeadline<T>(
  { discovery, timeout }: TimedSource,
  signal: AbortSignal | undefined,
  ask: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const own = new AbortController();
    const settle = (outcome: () => void) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      outcome();
    };
    const giveUp = (error: ErlnodeError) =>
      settle(() => {
        own.abort(error);
        reject(error);
      });
    const onAbort = () =>
      giveUp(new ConnectionError('aborted', `${discovery.name}: the caller gave up`, { cause: signal?.reason }));
    const timer = setTimeout(() => giveUp(new ConnectionError('timeout', `no answer within ${timeout} ms`)), timeout);
    if (signal?.aborted === true) return onAbort();
    signal?.addEventListener('abort', onAbort);
    // In a promise, so that one that throws at once leaves no timer behind either.
    Promise.resolve(own.signal)
      .then(ask)
      .then(
        (value) => settle(() => resolve(value)),
        (error: Error) => settle(() => reject(error)),
      );
  });
}
