// Log lines, for the logger that the user gives (pino, or anything with its methods); without one, errors are warnings.
// Nothing a stranger sends reaches a line unescaped, in length, or in number (promise 5); a cookie reaches none (promise 6).
import { Buffer } from 'node:buffer';
import type { Logger as PinoLogger } from 'pino';

/** What a line tells beside its message: short, flat, and made for that line. Never an options object. */
type LogFields = Readonly<Record<string, unknown>>;

/** One method of a logger, with pino's order of arguments. */
type LogMethod = (fields: LogFields, message: string) => void;

/** The methods of a logger that a node calls. */
export interface StructuralLogger {
  readonly debug: LogMethod;
  readonly info: LogMethod;
  readonly warn: LogMethod;
  readonly error: LogMethod;
}

/** What a user may give: a pino logger, or one of their own with the same four methods. */
export type LoggerOption = StructuralLogger | PinoLogger;

/** The node's own log. */
export interface Log extends StructuralLogger {
  /** A log whose lines all carry these fields: `{ peer }`. */
  child(fields: LogFields): Log;
  /**
   * A log for what a stranger brings about: at most 10 lines a second for one source (an address without its port),
   * then one line that says how many were left out.
   */
  limited(source: string): Log;
}

/** Lines per source and second. */
const linesPerWindow = 10;
const windowMs = 1000;
/** Sources with a count of their own; more than these within a second share one. */
const maxSources = 1000;
const otherSources = 'other sources';

/** Characters of a message or a reason, which are ours and may quote a stranger, and of any other text. */
const maxSentence = 1000;
const maxText = 200;
const maxDepth = 3;
const maxEntries = 20;
const secret = /cookie|secret|password|passphrase|^(key|pfx)$/i;

const nothing = (): void => {};

/** Where lines go without a logger: errors to the process's warnings, or a crash that nobody watches would leave no trace. */
const warnings: StructuralLogger & { isLevelEnabled(level: string): boolean } = {
  isLevelEnabled: (level) => level === 'error',
  debug: nothing,
  info: nothing,
  warn: emitWarning,
  error: emitWarning,
};

function emitWarning({ node, stack, ...fields }: LogFields, message: string): void {
  const detail = Array.isArray(stack) ? stack.map((frame) => `    ${frame}`).join('\n') : '';
  process.emitWarning(`${node}: ${message}: ${JSON.stringify(fields)}`, { type: 'ErlnodeWarning', detail });
}

/**
 * @param logger where the lines go. Without one, lines of level `error` become warnings of the process (10 a second at
 *   most), which Node.js prints on stderr, and the others are dropped.
 * @param nodeName is in every line, as `node`.
 */
export function createLog(logger: LoggerOption | undefined, nodeName: string): Log {
  const bindings = { node: printable(nodeName) };
  if (logger === undefined) return makeLog(warnings, bindings, new LineLimit(), 'this node');
  return makeLog(logger as StructuralLogger, bindings, new LineLimit());
}

/**
 * Bytes or text of unknown origin for a log line or an error message: visible ASCII as it is, everything else as
 * `\xHH` or `\u{H…}`, cut with the number of what is left out.
 *
 * @param max how many bytes, or characters, are shown.
 */
export function printable(source: Uint8Array | string, max = 200): string {
  const whole = source.length;
  const shown =
    typeof source === 'string'
      ? cutText(source, max)
      : Buffer.from(source.buffer, source.byteOffset, Math.min(whole, max)).toString('latin1');
  const escaped = shown.replaceAll(/[^ -[\]-~]/gu, escapeCharacter);
  return whole <= max ? escaped : `${escaped}… (${whole - shown.length} more)`;
}

/** Not in the middle of a surrogate pair. */
function cutText(text: string, max: number): string {
  if (text.length <= max) return text;
  const last = text.charCodeAt(max - 1);
  return text.slice(0, last >= 0xd800 && last < 0xdc00 ? max - 1 : max);
}

function escapeCharacter(character: string): string {
  if (character === '\\') return '\\\\';
  const code = character.codePointAt(0) ?? 0;
  return code <= 0xff ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
}

function makeLog(logger: StructuralLogger, bindings: LogFields, limit: LineLimit, source?: string): Log {
  const method = (level: keyof StructuralLogger): LogMethod => {
    return (fields, message) => {
      if (!enabled(logger, level)) return;
      if (source === undefined || limit.admits(source, logger, bindings))
        write(logger, level, bindings, fields, message);
    };
  };
  return {
    debug: method('debug'),
    info: method('info'),
    warn: method('warn'),
    error: method('error'),
    child: (fields) => makeLog(logger, { ...bindings, ...fields }, limit, source),
    limited: (from) => makeLog(logger, bindings, limit, printable(from)),
  };
}

/** A level that the user's logger would drop costs neither a copy of the fields nor a place in the limit. */
function enabled(logger: StructuralLogger & { isLevelEnabled?(level: string): boolean }, level: string): boolean {
  return typeof logger.isLevelEnabled !== 'function' || logger.isLevelEnabled(level);
}

function write(
  logger: StructuralLogger,
  level: keyof StructuralLogger,
  bindings: LogFields,
  fields: LogFields,
  message: string,
): void {
  try {
    logger[level](cleanFields({ ...bindings, ...fields }, 0), visible(message));
  } catch {
    // A line that cannot be written is not worth a connection.
  }
}

/** Counts the lines of each source within a second; empty, and without a timer, while nobody is hostile. */
class LineLimit {
  readonly #counts = new Map<string, { lines: number; suppressed: number; report: () => void }>();

  admits(wanted: string, logger: StructuralLogger, bindings: LogFields): boolean {
    const source = this.#counts.has(wanted) || this.#counts.size < maxSources ? wanted : otherSources;
    let count = this.#counts.get(source);
    if (count === undefined) {
      if (this.#counts.size === 0) setTimeout(() => this.#nextWindow(), windowMs).unref();
      const fresh = { lines: 0, suppressed: 0, report: nothing };
      fresh.report = () =>
        write(
          logger,
          'warn',
          bindings,
          { source, suppressed: fresh.suppressed },
          `${fresh.suppressed} lines suppressed`,
        );
      this.#counts.set(source, fresh);
      count = fresh;
    }
    if (count.lines < linesPerWindow) {
      count.lines++;
      return true;
    }
    count.suppressed++;
    return false;
  }

  #nextWindow(): void {
    for (const [source, count] of this.#counts) {
      if (count.suppressed === 0) {
        this.#counts.delete(source);
        continue;
      }
      count.report();
      // The report is the first line of the next second.
      count.lines = 1;
      count.suppressed = 0;
    }
    if (this.#counts.size > 0) setTimeout(() => this.#nextWindow(), windowMs).unref();
  }
}

function cleanFields(fields: object, depth: number): Record<string, unknown> {
  const clean: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(fields).slice(0, maxEntries))
    if (value !== undefined) clean[key] = cleanEntry(key, value, depth);
  return clean;
}

function cleanEntry(key: string, value: unknown, depth: number): unknown {
  if (secret.test(key)) return '[redacted]';
  return key === 'reason' && typeof value === 'string' ? visible(value) : cleanValue(value, depth);
}

function cleanValue(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return visible(value, maxText);
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return value;
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object') return `[${typeof value}]`;
  if (value instanceof Uint8Array) return printable(value);
  if (depth >= maxDepth) return '[…]';
  if (value instanceof Error) return cleanError(value, depth);
  if (Array.isArray(value)) return value.slice(0, maxEntries).map((item) => cleanValue(item, depth + 1));
  return cleanFields(value, depth + 1);
}

/** An error keeps its class, code, message and causes; its other properties may be anything. */
function cleanError(error: Error, depth: number): Record<string, unknown> {
  const { code } = error as NodeJS.ErrnoException;
  return {
    type: visible(error.name),
    ...(typeof code === 'string' ? { code: visible(code) } : {}),
    message: visible(error.message),
    ...(error.cause === undefined ? {} : { cause: cleanValue(error.cause, depth + 1) }),
  };
}

/** Control characters and invisible ones are escaped; a backslash is not, so that what is escaped already stays so. */
function visible(text: string, max: number = maxSentence): string {
  const shown = cutText(String(text), max).replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, escapeCharacter);
  return text.length <= max ? shown : `${shown}…`;
}
