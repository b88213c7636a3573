import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ArgumentError } from '../../src/errors.js';
import { checkCookie, cookieFor, readCookie } from '../../src/node/cookie.js';
import { type Erlang, startErlang } from '../support/erlang.js';

const homes: string[] = [];

/** A home folder, with a cookie file if content is given. */
function home(content?: string, mode = 0o400): string {
  const folder = mkdtempSync(join(tmpdir(), 'erlnode-cookie-'));
  homes.push(folder);
  if (content !== undefined) put(join(folder, '.erlang.cookie'), content, mode);
  return folder;
}

function put(file: string, content: string, mode = 0o400): void {
  writeFileSync(file, content, 'latin1');
  chmodSync(file, mode);
}

afterEach(() => {
  for (const folder of homes.splice(0)) rmSync(folder, { recursive: true, force: true });
});

// Vitest's matchers are of type `any`.
const containing = (text: string): unknown => expect.stringContaining(text);
const matching = (pattern: RegExp): unknown => expect.stringMatching(pattern);

type Verdict = { readonly cookie: string } | { readonly no: string };

/** What a real `erl` does that is started with this home: its cookie, or the lines with which it refuses to start. */
async function erlStarts(folder: string, env: Record<string, string> = {}): Promise<Verdict> {
  try {
    await using erl = await startErlang({ cookie: false, home: folder, env });
    // As a list of numbers, so that nothing depends on how an atom is quoted.
    const codes = await erl.eval('[C || C <- atom_to_list(erlang:get_cookie())] ++ [0]');
    return { cookie: String.fromCharCode(...(JSON.parse(codes) as number[]).slice(0, -1)) };
  } catch (error) {
    return { no: (error as Error).message };
  }
}

let oracle: Erlang;

beforeAll(async () => {
  oracle = await startErlang({ name: false });
});

afterAll(() => oracle.stop());

/** What OTP makes of a cookie file, without a start of `erl` for each: the auth server of a running one reads it anew. */
async function erlReads(file: string): Promise<Verdict> {
  const folder = home();
  mkdirSync(join(folder, 'erlang'));
  symlinkSync(file, join(folder, 'erlang', '.erlang.cookie'));
  // In a fun, because the bindings of an evaluation stay.
  const answer = await oracle.eval(`
    os:putenv("XDG_CONFIG_HOME", ${JSON.stringify(folder)}),
    (fun({ok, Auth}) -> State = sys:get_state(Auth), gen_server:stop(Auth), [0 | atom_to_list(element(2, State))];
        (Refused) -> [1 | lists:flatten(io_lib:format("~0tp", [Refused]))]
    end)(gen_server:start(auth, [], [])) ++ [0]`);
  const codes = JSON.parse(answer) as number[];
  const text = String.fromCharCode(...codes.slice(1, -1));
  return codes[0] === 0 ? { cookie: text } : { no: text };
}

function weRead(folder: string, env: Record<string, string> = {}): Verdict {
  try {
    return { cookie: readCookie({ home: folder, env }) };
  } catch (error) {
    expect(error).toBeInstanceOf(ArgumentError);
    expect(error).toMatchObject({ code: 'bad_cookie_file' });
    return { no: (error as Error).message };
  }
}

describe('the file is read as erl reads it', () => {
  test.each([
    ['a line', 'ABC\n', 'ABC'],
    ['no line end', 'ABC', 'ABC'],
    ['Windows line end', 'ABC\r\n', 'ABC'],
    ['spaces and empty lines after the line', 'ABC\n \r\n\n', 'ABC'],
    ['spaces at the end of the line count', 'ABC  \n', 'ABC  '],
    ['spaces in front and between count', ' A B\n', ' A B'],
    ['nothing but spaces', '   ', '   '],
    ['punctuation', `!"#$%&'()*+,-./:;<=>?@[\\]^_\`{|}~`, `!"#$%&'()*+,-./:;<=>?@[\\]^_\`{|}~`],
  ])('%s', async (_, content, cookie) => {
    const folder = home(content);
    expect(weRead(folder)).toEqual({ cookie });
    expect(await erlReads(join(folder, '.erlang.cookie'))).toEqual({ cookie });
  });

  test.each([
    ['two lines', 'ABC\nDEF\n', 'character', /Bad characters/],
    ['a line end in front', '\nABC', 'character', /Bad characters/],
    ['a tab', 'A\tB', 'character', /Bad characters/],
    ['a byte above 126', 'A\u{e9}', 'character', /Bad characters/],
    ['nothing', '', 'is empty', /Too short/],
    ['nothing but a line end', '\n', 'is empty', /Too short/],
    ['too much', 'A'.repeat(256), 'too long', /system_limit/],
    ['very much', 'A'.repeat(10_000), 'too long', /system_limit/],
  ])('refused: %s', async (_, content, ours, theirs) => {
    const folder = home(content);
    expect(weRead(folder)).toEqual({ no: containing(ours) });
    expect(await erlReads(join(folder, '.erlang.cookie'))).toEqual({ no: matching(theirs) });
  });

  test.each([0o600, 0o700, 0o400])('mode %o is private enough', async (mode) => {
    const folder = home('ABC', mode);
    expect(weRead(folder)).toEqual({ cookie: 'ABC' });
    expect(await erlReads(join(folder, '.erlang.cookie'))).toEqual({ cookie: 'ABC' });
  });

  test.each([0o440, 0o604, 0o620, 0o401])('mode %o is too open, and the message says what to do', async (mode) => {
    const folder = home('SECRETCOOKIE', mode);
    const file = join(folder, '.erlang.cookie');
    const ours = weRead(folder);
    expect(ours).toEqual({
      no: `the cookie file ${file} must be accessible by its owner only, and its mode is 0${mode.toString(8)}: chmod 400 '${file}'`,
    });
    expect(await erlReads(join(folder, '.erlang.cookie'))).toEqual({
      no: containing('must be accessible by owner only'),
    });
    expect(spawnSync('/bin/sh', ['-c', `chmod 400 '${file}'`]).status).toBe(0);
    expect(weRead(folder)).toEqual({ cookie: 'SECRETCOOKIE' });
  });

  test('a folder in its place is refused, a link to a file is not', async () => {
    const folder = home();
    mkdirSync(join(folder, '.erlang.cookie'), { mode: 0o700 });
    expect(weRead(folder)).toEqual({ no: containing('must be a regular file') });
    expect(await erlReads(join(folder, '.erlang.cookie'))).toEqual({ no: matching(/./) });

    const linked = home();
    put(join(linked, 'elsewhere'), 'LINKED');
    symlinkSync('elsewhere', join(linked, '.erlang.cookie'));
    expect(weRead(linked)).toEqual({ cookie: 'LINKED' });
    expect(await erlReads(join(linked, '.erlang.cookie'))).toEqual({ cookie: 'LINKED' });
  });

  test('a pipe in its place does not keep us waiting', () => {
    const folder = home();
    expect(spawnSync('/bin/sh', ['-c', `mkfifo -m 400 '${join(folder, '.erlang.cookie')}'`]).status).toBe(0);
    expect(weRead(folder)).toEqual({ no: containing('must be a regular file') });
  });

  test('the configuration folder is asked second', async () => {
    const folder = home();
    mkdirSync(join(folder, 'xdg', 'erlang'), { recursive: true });
    put(join(folder, 'xdg', 'erlang', '.erlang.cookie'), 'XDG');
    const env = { XDG_CONFIG_HOME: join(folder, 'xdg') };
    expect(weRead(folder, env)).toEqual({ cookie: 'XDG' });
    expect(await erlStarts(folder, env)).toEqual({ cookie: 'XDG' });
    expect(readdirSync(folder)).not.toContain('.erlang.cookie');

    put(join(folder, '.erlang.cookie'), 'HOME');
    expect(weRead(folder, env)).toEqual({ cookie: 'HOME' });
    expect(await erlStarts(folder, env)).toEqual({ cookie: 'HOME' });
  });

  test('without XDG_CONFIG_HOME that is .config', async () => {
    const folder = home();
    mkdirSync(join(folder, '.config', 'erlang'), { recursive: true });
    put(join(folder, '.config', 'erlang', '.erlang.cookie'), 'CONF');
    for (const env of [{}, { XDG_CONFIG_HOME: '' }]) expect(weRead(folder, env)).toEqual({ cookie: 'CONF' });
    // erl of the test inherits our environment, so it is told.
    expect(await erlStarts(folder, { XDG_CONFIG_HOME: '' })).toEqual({ cookie: 'CONF' });
  });

  test('HOME is taken from the environment that is given', () => {
    expect(readCookie({ env: { HOME: home('FROMENV') } })).toBe('FROMENV');
  });
});

describe('the file is made when there is none', () => {
  test('with 20 random capitals and mode 0400; erl takes it', async () => {
    const folder = home();
    const cookie = readCookie({ home: folder, env: {} });
    const file = join(folder, '.erlang.cookie');
    expect(cookie).toMatch(/^[A-Z]{20}$/);
    expect(readFileSync(file, 'latin1')).toBe(cookie);
    expect(statSync(file).mode & 0o777).toBe(0o400);
    expect(readdirSync(folder)).toEqual(['.erlang.cookie']);
    expect(readCookie({ home: folder, env: {} })).toBe(cookie);
    expect(readCookie({ home: home(), env: {} })).not.toBe(cookie);
    expect(await erlStarts(folder)).toEqual({ cookie });
  });

  test('and we take the one that erl makes', async () => {
    const folder = home();
    const env = { XDG_CONFIG_HOME: join(folder, 'none') };
    const theirs = await erlStarts(folder, env);
    expect(weRead(folder, env)).toEqual(theirs);
    expect(theirs).toEqual({ cookie: matching(/^[A-Z]{20}$/) });
  });

  test('many processes at once agree on one', async () => {
    const folder = home();
    // The built file: the workers are plain Node.
    const module = new URL('../../lib/node/cookie.js', import.meta.url);
    expect(existsSync(module)).toBe(true);
    const script = `import { readCookie } from ${JSON.stringify(module)}; console.log(readCookie());`;
    const one = () =>
      new Promise<string>((resolve, reject) => {
        const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
          env: { HOME: folder },
          stdio: ['ignore', 'pipe', 'inherit'],
        });
        let out = '';
        child.stdout.on('data', (chunk: Buffer) => {
          out += chunk.toString();
        });
        child.once('error', reject);
        child.once('close', () => resolve(out.trim()));
      });
    const cookies = await Promise.all(Array.from({ length: 6 }, one));
    expect(new Set(cookies)).toEqual(new Set([readFileSync(join(folder, '.erlang.cookie'), 'latin1')]));
    expect(readdirSync(folder)).toEqual(['.erlang.cookie']);
  });

  test('says so when it cannot', () => {
    const nowhere = join(home(), 'nowhere');
    expect(weRead(nowhere)).toEqual({
      no: containing(`${nowhere}/.erlang.cookie cannot be made (ENOENT)`),
    });
    const dangling = home();
    symlinkSync('nowhere', join(dangling, '.erlang.cookie'));
    expect(weRead(dangling)).toEqual({ no: containing('cannot be made (EEXIST)') });
    expect(readdirSync(dangling)).toEqual(['.erlang.cookie']);
  });
});

describe('cookies that are given', () => {
  test.each(['a', 'secret', '\u{1}', '\u{ff}', ' ', 'A'.repeat(255)])('%j is one', (cookie) => {
    expect(checkCookie(cookie)).toBe(cookie);
    expect(cookieFor(cookie)('e@h')).toBe(cookie);
  });

  test.each([
    ['', 'empty'],
    ['S3CR\u{0}', 'character 5'],
    ['S3CR\u{100}', 'character 5'],
    ['S3CR'.repeat(64), '256 characters'],
    [7, 'no string'],
    [null, 'no string'],
  ])('%j is none, and the message does not show it', (cookie, why) => {
    for (const attempt of [() => checkCookie(cookie), () => cookieFor(cookie as string)]) {
      expect(attempt).toThrow(expect.objectContaining({ code: 'badarg' }));
      expect(attempt).toThrow(why);
      expect(attempt).not.toThrow('S3CR');
    }
  });

  test('a function gives one for each peer, and is held to the same rules', () => {
    const given = cookieFor((peer) => (peer === 'a@h' ? 'one' : ''));
    expect(given('a@h')).toBe('one');
    expect(() => given('b@h')).toThrow(ArgumentError);
  });

  test('nothing given is the file, read once', () => {
    const folder = home('FILE', 0o600);
    const given = cookieFor(undefined, { home: folder, env: {} });
    put(join(folder, '.erlang.cookie'), 'OTHER', 0o600);
    expect(given('a@h')).toBe('FILE');
  });
});
