// Which name servers are asked: those given, or those of the system. RFC 1035 section 4.2: port 53.
import { getServers, Resolver } from 'node:dns';
import { isIP } from 'node:net';
import { ArgumentError } from '../../errors.js';

/** A name server: an IP address and a port. */
export interface NameServer {
  readonly address: string;
  readonly port: number;
}

/** More are not asked: every one costs a place in the time there is. */
const MAX_SERVERS = 8;

/**
 * `127.0.0.1`, `127.0.0.1:8600`, `::1`, `[::1]:8600`.
 *
 * @throws ArgumentError `badarg`.
 */
export function parseServer(text: string): NameServer {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const address = isIP(text) === 0 ? (bracketed ?? plain ?? '') : text;
  const port = isIP(text) !== 0 || digits === undefined ? 53 : Number(digits);
  if (isIP(address) !== 0 && port >= 1 && port <= 0xffff) return { address, port };
  throw new ArgumentError(
    'badarg',
    `expected a name server like '127.0.0.1', '127.0.0.1:8600' or '[::1]:8600', got ${JSON.stringify(text)}`,
  );
}

/**
 * The servers to ask, in order. The system's are those of Node's own resolver (`dns.setServers`), and then what the
 * system says by now: networks change under a running process.
 */
export function serversOf(given: readonly string[] | undefined): () => readonly NameServer[] {
  if (given === undefined) return systemServers;
  if (given.length === 0) throw new ArgumentError('badarg', 'expected servers to name at least one name server');
  const parsed = given.map(parseServer).slice(0, MAX_SERVERS);
  return () => parsed;
}

function systemServers(): readonly NameServer[] {
  const usable = getServers().concat(new Resolver().getServers());
  return Array.from(new Set(usable)).map(parseServer).slice(0, MAX_SERVERS);
}

/** `127.0.0.1:53`, for messages. */
export function serverName({ address, port }: NameServer): string {
  return isIP(address) === 6 ? `[${address}]:${port}` : `${address}:${port}`;
}
