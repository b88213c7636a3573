// `erlang:process_info/1,2` for the processes of this node (protocol section 6.4): what `rpc:pinfo`, `c:i` and proc_lib
// read of a process on another node: names, links, ancestors, label. It tells, and changes nothing.
import { exitError } from '../process/exit-reason.js';
import type { Process } from '../process/process.js';
import type { RegisteredName } from '../process/signal.js';
import type { ExposedFunction } from '../process/spawn-request.js';
import { Atom, atom, internAtom } from '../term/atom.js';
import { equals } from '../term/compare.js';
import { Pid } from '../term/identifiers.js';
import type { Term } from '../term/term.js';
import { Tuple, tuple } from '../term/tuple.js';

const BADARG = atom('badarg');
const DICTIONARY = atom('dictionary');
const REGISTERED_NAME = atom('registered_name');
/** What stands for the function of a process: JavaScript's have no module. */
const FUNCTION = tuple(atom('erlnode'), atom('process'), 1);
/** More ancestors than this are left out. */
const MAX_ANCESTORS = 100;
/** Items of one question; OTP has about forty. */
const MAX_ITEMS = 100;

/** Finds a living process of this node. */
export type FindProcess = (pid: Pid) => Process | undefined;

type Item = (process: Process, find: FindProcess) => Term;

/** OTP's items that mean something here, in the order in which process_info/1 gives them. */
const SHOWN: Readonly<Record<string, Item>> = {
  registered_name: ({ names }) => (names === undefined || names.size === 0 ? [] : internAtom([...names][0] as string)),
  current_function: () => FUNCTION,
  initial_call: () => FUNCTION,
  status: () => atom('waiting'),
  message_queue_len: ({ messageQueueLength }) => messageQueueLength,
  links: ({ relations }) => [...relations.links.values()].flatMap(({ active, pid }) => (active ? [pid] : [])),
  dictionary: (process, find) => dictionary(process, find),
  trap_exit: ({ trapExit }) => trapExit,
  group_leader: ({ groupLeader }) => groupLeader,
};

const MORE: Readonly<Record<string, Item>> = {
  monitors: ({ relations }) =>
    [...relations.monitors.values()].map(({ target }) => tuple(atom('process'), spelt(target))),
  monitored_by: ({ relations }) => [...relations.watchers.values()].map(({ from }) => from),
  parent: ({ parent }) => parent,
  label: ({ label }) => label,
};

/** @returns what serves `erlang:process_info/1` and `/2`. */
export function processInfo(find: FindProcess): ExposedFunction {
  return (_self, args) => {
    const [pid, wanted] = args;
    if (!(pid instanceof Pid)) throw badarg(args);
    const process = find(pid);
    if (process === undefined) return undefined;
    if (args.length === 2) return told(process, wanted, find, args);
    return Object.entries(SHOWN).flatMap(([name, item]) => {
      const value = item(process, find);
      return name === REGISTERED_NAME.text && Array.isArray(value) ? [] : [tuple(atom(name), value)];
    });
  };
}

function told(process: Process, wanted: Term, find: FindProcess, args: readonly Term[]): Term {
  if (Array.isArray(wanted)) {
    const items = wanted as readonly Term[];
    // A short question must not make for an answer without end: each item can be as long as all links of the process.
    if (items.length > MAX_ITEMS || new Set(items).size < items.length) throw badarg(args);
    return items.map((item) => tuple(item, valueFor(process, item, find, args)));
  }
  const value = valueFor(process, wanted, find, args);
  // In a list the name of a process without one is [], alone it is not even a tuple.
  return wanted === REGISTERED_NAME && Array.isArray(value) ? [] : tuple(wanted, value);
}

function valueFor(process: Process, wanted: Term, find: FindProcess, args: readonly Term[]): Term {
  if (wanted instanceof Tuple && wanted.length === 2 && wanted.elements[0] === DICTIONARY) {
    const entry = dictionary(process, find).find(({ elements: [key] }) => equals(key, wanted.elements[1]));
    return entry?.elements[1];
  }
  const item = wanted instanceof Atom ? (own(SHOWN, wanted.text) ?? own(MORE, wanted.text)) : undefined;
  if (item === undefined) throw badarg(args);
  return item(process, find);
}

/** What proc_lib keeps in the process dictionary of everything that it starts. */
function dictionary(process: Process, find: FindProcess): Tuple[] {
  const entries: Tuple[] = [
    tuple(atom('$ancestors'), ancestors(process, find)),
    tuple(atom('$initial_call'), FUNCTION),
  ];
  if (process.label !== undefined) entries.push(tuple(atom('$process_label'), process.label));
  return entries;
}

/** The parent, its parent …: names where they have one, nearest first. Of a parent that is gone there is its pid. */
function ancestors(process: Process, find: FindProcess): Term[] {
  const found: Term[] = [];
  for (let pid = process.parent; pid !== undefined && found.length < MAX_ANCESTORS; ) {
    const parent = find(pid);
    const [name] = parent?.names ?? [];
    found.push(name === undefined ? pid : internAtom(name));
    pid = parent?.parent;
  }
  return found;
}

function spelt(target: Pid | RegisteredName): Term {
  return target instanceof Pid ? target : tuple(internAtom(target.name), internAtom(target.node));
}

function own(items: Readonly<Record<string, Item>>, name: string): Item | undefined {
  return Object.hasOwn(items, name) ? items[name] : undefined;
}

function badarg(args: readonly Term[]): Error {
  const where = tuple(atom('erlang'), atom('process_info'), args, []);
  return exitError(tuple(BADARG, [where]), 'erlang:process_info');
}
