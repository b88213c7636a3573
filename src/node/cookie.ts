// The shared secret of a cluster and the file it is kept in, as `erl` keeps it (protocol 2.4).
// No error says what the cookie is, or any part of it.
import { randomBytes, randomInt } from 'node:crypto';
import { closeSync, constants, fstatSync, linkSync, openSync, readSync, unlinkSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { ArgumentError, HandshakeError } from '../errors.js';

/** One cookie for every peer, or one for each: `peer` is the other node's name. */
export type CookieOption = string | ((peer: string) => string);

/** Where {@link readCookie} looks; the defaults are this process's own. */
export interface CookieFileOptions {
  /** Default: `$HOME`, or what the system says. */
  readonly home?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** A cookie is an atom on a BEAM. */
const maxLength = 255;
const createdLength = 20;
const fileName = '.erlang.cookie';

/**
 * The cookie of a connection, whoever opens it, from what the user gave: a cookie, a function, or nothing, which is
 * the cookie file (read now, and made if there is none).
 *
 * @returns a function that throws ArgumentError `badarg` when the user's function gives no valid cookie for that peer,
 * HandshakeError `aborted` when it gives a promise.
 * @throws ArgumentError `badarg`, `bad_cookie_file`.
 */
export function cookieFor(option?: CookieOption, file?: CookieFileOptions): (peer: string) => string {
  if (typeof option === 'function') return (peer) => checkCookie(atOnce(option(peer)));
  const cookie = option === undefined ? readCookie(file) : checkCookie(option);
  return () => cookie;
}

/** A handshake cannot wait, and what a promise rejects with later would end the program. */
function atOnce(given: unknown): unknown {
  if (typeof given !== 'object' || given === null || typeof (given as Partial<Promise<unknown>>).then !== 'function') {
    return given;
  }
  Promise.resolve(given as PromiseLike<unknown>).catch(() => {});
  const what = 'the function given as the cookie option must return a cookie at once, and has returned a promise';
  throw new HandshakeError('aborted', `${what}: fetch the cookies before the node starts`, 'cookie');
}

/**
 * Returns what it was given, if that can be a cookie: 1 to 255 characters with codes from 1 to 255.
 *
 * @throws ArgumentError `badarg`.
 */
export function checkCookie(cookie: unknown): string {
  const wanted = `a cookie is a string of 1 to ${maxLength} Latin-1 characters`;
  if (typeof cookie !== 'string') throw new ArgumentError('badarg', `${wanted}; this one is no string`);
  if (cookie.length === 0) throw new ArgumentError('badarg', `${wanted}; this one is empty`);
  if (cookie.length > maxLength)
    throw new ArgumentError('badarg', `${wanted}; this one has ${cookie.length} characters`);
  for (let i = 0; i < cookie.length; i++) {
    const code = cookie.charCodeAt(i);
    if (code === 0 || code > 255)
      throw new ArgumentError('badarg', `${wanted}; character ${i + 1} of this one is not one of them`);
  }
  return cookie;
}

/**
 * Reads `~/.erlang.cookie`, else `erlang/.erlang.cookie` in the user's configuration folder, else makes the former:
 * 20 random upper-case letters that only the owner may read.
 *
 * @throws ArgumentError `bad_cookie_file` for a file that `erl` would refuse as well, naming the file and the remedy.
 */
export function readCookie(options: CookieFileOptions = {}): string {
  const env = options.env ?? process.env;
  // An empty HOME would mean the current folder.
  const home = options.home || env['HOME'] || homedir();
  const ours = join(home, fileName);
  return readFile(ours) ?? readFile(join(configFolder(home, env), 'erlang', fileName)) ?? createFile(ours);
}

/** Erlang's `filename:basedir(user_config, …)`. */
function configFolder(home: string, env: NonNullable<CookieFileOptions['env']>): string {
  const xdg = env['XDG_CONFIG_HOME'];
  if (xdg !== undefined && xdg !== '') return xdg;
  return process.platform === 'darwin' ? join(home, 'Library', 'Application Support') : join(home, '.config');
}

/** The cookie in the file, or `undefined` if there is no file. */
function readFile(path: string): string | undefined {
  let descriptor: number;
  try {
    // A pipe in the place of the file must not keep us waiting.
    descriptor = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    const remedy = codeOf(error) === 'EACCES' ? `: it belongs to somebody else; chown "$USER" ${quoted(path)}` : '';
    throw fileError(path, `cannot be read (${codeOf(error)})${remedy}`, error);
  }
  try {
    checkFile(path, descriptor);
    // One more than the longest cookie with a line end or two: what is longer is no cookie.
    const bytes = Buffer.alloc(4096);
    const text = bytes.toString('latin1', 0, readSync(descriptor, bytes, 0, bytes.length, 0));
    return parseFile(path, text);
  } finally {
    closeSync(descriptor);
  }
}

function checkFile(path: string, descriptor: number): void {
  const stat = fstatSync(descriptor);
  if (!stat.isFile()) throw fileError(path, 'must be a regular file; move away what is there');
  const permissions = stat.mode & 0o777;
  if (process.platform !== 'win32' && (permissions & 0o077) !== 0)
    throw fileError(
      path,
      `must be accessible by its owner only, and its mode is ${permissions.toString(8).padStart(4, '0')}: chmod 400 ${quoted(path)}`,
    );
}

/**
 * `erl`'s reading: a run of characters from space to `~`, after which nothing but line ends and spaces may come. So
 * spaces count when they come before the first line end, at the end of the cookie too.
 */
function parseFile(path: string, text: string): string {
  const [cookie = ''] = /^[ -~]*/.exec(text) ?? [];
  const rest = text.slice(cookie.length);
  const remedy = `it must hold one line of 1 to ${maxLength} characters from space to ~ (codes 32 to 126)`;
  if (!/^[\r\n ]*$/.test(rest)) throw fileError(path, `has a character that no cookie has; ${remedy}`);
  if (cookie === '') throw fileError(path, `is empty; ${remedy}, or be removed so that a new one is made`);
  if (cookie.length > maxLength) throw fileError(path, `is too long; ${remedy}`);
  return cookie;
}

/** Makes the file, unless somebody else does at the same moment: then theirs counts. */
function createFile(path: string): string {
  let letters = '';
  for (let i = 0; i < createdLength; i++) letters += String.fromCharCode(65 + randomInt(26));
  // Written in full before it gets its name, so that nobody ever reads a half of it.
  const draft = `${path}.${randomBytes(8).toString('hex')}`;
  try {
    writeFileSync(draft, letters, { flag: 'wx', mode: 0o400 });
    try {
      linkSync(draft, path);
    } catch (error) {
      if (codeOf(error) === 'EEXIST') throw error;
      // A file system without hard links.
      writeFileSync(path, letters, { flag: 'wx', mode: 0o400 });
    } finally {
      unlinkSync(draft);
    }
    return letters;
  } catch (error) {
    const theirs = codeOf(error) === 'EEXIST' ? readFile(path) : undefined;
    if (theirs !== undefined) return theirs;
    throw fileError(path, `cannot be made (${codeOf(error)}); make its folder writable, or give a cookie`, error);
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown error';
}

function quoted(path: string): string {
  return `'${path.replaceAll("'", "'\\''")}'`;
}

function fileError(path: string, what: string, cause?: unknown): ArgumentError {
  return new ArgumentError(
    'bad_cookie_file',
    `the cookie file ${path} ${what}`,
    cause === undefined ? undefined : { cause },
  );
}
