// Every node that EPMD knows on the hosts of a .hosts.erlang. OTP: net_adm:host_file/0, world/0; libcluster's ErlangHosts.
// The file is read for each answer; one that cannot be read is no answer, so nobody is lost by it.
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { TableFileError } from '../errors.js';
import { type EpmdNamesOptions, epmdNames } from './epmd-names.js';
import { shown } from './node-names.js';
import type { Strategy } from './strategy.js';

export interface ErlangHostsOptions extends Pick<EpmdNamesOptions, 'discovery'> {
  /** Default: `.hosts.erlang` in the current directory, else in the home directory, as OTP looks for it. */
  readonly file?: string;
}

/** Characters of a file; it has a line for each host. */
const MAX_SIZE = 1024 * 1024;

/** @throws ArgumentError `badarg` for a discovery that cannot list names. */
export function erlangHosts({ file, discovery }: ErlangHostsOptions = {}): Strategy {
  const paths = file === undefined ? ['.', homedir()].map((folder) => join(folder, '.hosts.erlang')) : [file];
  const hosts = () => hostsIn(paths);
  return { ...epmdNames({ hosts, ...(discovery === undefined ? {} : { discovery }) }), name: file ?? '.hosts.erlang' };
}

/** The hosts in the first of these files that is there. @throws TableFileError. */
async function hostsIn([path = '', ...others]: readonly string[]): Promise<readonly string[]> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' && others.length > 0) return hostsIn(others);
    throw new TableFileError(`${path}: cannot be read (${code ?? 'no code'})`, { file: path }, { cause });
  }
  return parseHosts(path, text);
}

const TOKEN = /\s+|%.*|'([^'\\\n]*)'\s*\.(?=\s|%|$)|([a-z][A-Za-z0-9_@]*)\s*\.(?=\s|%|$)/y;

/** The atoms of a file of them: `'host.example'.` on a line of its own. @throws TableFileError. */
export function parseHosts(path: string, text: string): readonly string[] {
  if (text.length > MAX_SIZE)
    throw new TableFileError(`${path}: expected at most ${MAX_SIZE} characters, got ${text.length}`, { file: path });
  const hosts = new Set<string>();
  for (let at = 0; at < text.length; at = TOKEN.lastIndex) {
    TOKEN.lastIndex = at;
    const token = TOKEN.exec(text);
    if (token === null) {
      const line = text.slice(0, at).split('\n').length;
      const [rest = ''] = text.slice(at).split('\n');
      const expected = "a host as an atom and a full stop, like 'host.example'.";
      throw new TableFileError(`${path}, line ${line}: expected ${expected}, got ${shown(rest)}`, { file: path, line });
    }
    const host = token[1] ?? token[2];
    if (host !== undefined && host !== '') hosts.add(host);
  }
  return [...hosts];
}
