// One question to several servers, again and again with more patience, until one answers or the time is up.
// A server that says "there is no such name" has answered; one that says "I failed" has not.
import { setTimeout as sleep } from 'node:timers/promises';
import { ConnectionError, ErlnodeError, ProtocolError } from '../../errors.js';
import { exchange } from './exchange.js';
import { MAX_ALIASES, type Message, type Question, readAnswer } from './message.js';
import { type Answer, canonical, isAddressInDisguise, nameFault, type SrvRecord, shown } from './records.js';
import { type NameServer, serverName } from './servers.js';

export interface AskOptions {
  servers(): readonly NameServer[];
  /** Milliseconds for the whole question, aliases and retries included. */
  readonly timeout: number;
  /** How often every server is asked again. */
  readonly retries: number;
  /** Milliseconds that a server has for the first try; each further round gives twice as many. */
  readonly firstTimeout: number;
  random(): number;
}

/** Milliseconds before the second round when the first failed at once; doubled with every round, give or take half. */
const BACK_OFF = 100;

/**
 * @throws ConnectionError `timeout`, `dns_failure`, `aborted`; ProtocolError `unexpected_message` for servers that
 * answer nonsense.
 */
export async function ask(
  question: Question,
  options: AskOptions,
  signal: AbortSignal,
): Promise<Answer<string | SrvRecord>> {
  const end = performance.now() + options.timeout;
  let at = question.name;
  let ttl = Number.POSITIVE_INFINITY;
  const seen = new Set([canonical(at)]);
  for (;;) {
    const reading = await askServers({ ...question, name: at }, options, end, signal);
    ttl = Math.min(ttl, reading.ttl);
    if (!('askAt' in reading)) return { ...reading, ttl };
    at = reading.askAt;
    const fault = seen.has(at) || seen.size > MAX_ALIASES ? 'aliases (CNAME) that do not end' : badAlias(at);
    if (fault !== undefined)
      throw new ProtocolError('unexpected_message', `${question.type} ${shown(question.name)}: ${fault}`);
    seen.add(at);
  }
}

function badAlias(name: string): string | undefined {
  if (nameFault(name) === undefined && !isAddressInDisguise(name)) return undefined;
  return `an alias (CNAME) for ${shown(name)}, which is no name`;
}

type Verdict = ReturnType<typeof readAnswer>;

async function askServers(
  question: Question,
  { servers, retries, firstTimeout, random }: AskOptions,
  end: number,
  signal: AbortSignal,
): Promise<Verdict> {
  const faults = new Map<string, ErlnodeError>();
  const left = () => end - performance.now();
  for (let round = 0; round <= retries && left() > 0; round++) {
    for (const server of servers()) {
      if (left() <= 0) break;
      try {
        const timeout = Math.min(firstTimeout * 2 ** round, left());
        return await askOne(server, question, timeout, signal);
      } catch (error) {
        if (signal.aborted || !(error instanceof ErlnodeError)) throw error;
        faults.set(serverName(server), error as ErlnodeError);
      }
    }
    // Who did not answer has had its pause.
    if (round === retries || [...faults.values()].every(isTimeout)) continue;
    await pause(Math.min(BACK_OFF * 2 ** round * (0.5 + random()), Math.max(0, left())), signal);
  }
  throw failure(question, [...faults.values()]);
}

async function askOne(server: NameServer, question: Question, timeout: number, signal: AbortSignal): Promise<Verdict> {
  let message = await exchange({ server, question, edns: true, timeout, signal });
  // Servers older than 1999 do not know EDNS and say so in one of these words (RFC 6891 section 7).
  if (message.rcode === 'FORMERR' || message.rcode === 'NOTIMP')
    message = await exchange({ server, question, edns: false, timeout, signal });
  if (message.rcode !== 'NOERROR' && message.rcode !== 'NXDOMAIN') throw refusal(server, message);
  try {
    return readAnswer(message, question);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    throw new ProtocolError(error.code, `${serverName(server)} sent ${error.message}`, { cause: error });
  }
}

const meanings: Readonly<Record<string, string>> = {
  SERVFAIL: 'it, or a server behind it, failed',
  REFUSED: 'it does not answer us, or not about this domain',
};

function refusal(server: NameServer, { rcode }: Message): ConnectionError {
  const meaning = meanings[rcode];
  return new ConnectionError(
    'dns_failure',
    `${serverName(server)} said ${shown(rcode)}${meaning === undefined ? '' : ` (${meaning})`}`,
  );
}

function failure({ type, name }: Question, faults: readonly ErlnodeError[]): ErlnodeError {
  const [first] = faults.filter((fault) => !isTimeout(fault)).concat(faults);
  const what = `nobody answered the question for ${type} ${shown(name)}`;
  if (first === undefined) return new ConnectionError('timeout', `${what}: there was no time left to ask`);
  const message = `${what}: ${faults.map((fault) => fault.message).join('; ')}`;
  if (first instanceof ProtocolError) return new ProtocolError(first.code, message, { cause: first });
  return new ConnectionError(isTimeout(first) ? 'timeout' : 'dns_failure', message, { cause: first });
}

function isTimeout(error: ErlnodeError): boolean {
  return error.code === 'timeout';
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
  } catch {
    throw new ConnectionError('aborted', 'asking name servers: the caller gave up', { cause: signal.reason });
  }
}
