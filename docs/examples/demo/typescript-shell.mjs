// A tiny shell for JavaScript, like Node's own: `const x = …` is kept for later lines, every other value is printed.
// Started as a process of its own it is the demo's second node, for machines without Erlang.
import { pathToFileURL } from 'node:url';
import { inspect } from 'node:util';
import { Atom, atom, format, tuple } from 'erlnode';
import { epmd } from 'erlnode/discovery';
import { startDemoNode } from './node.mjs';

const AsyncFunction = (async () => {}).constructor;

/** @param names what the lines may use, by name */
export function typescriptShell(names) {
  const scope = { atom, tuple, ...names };
  return {
    prompt: '> ',
    /** Evaluates a line. @returns what a shell prints for it */
    async run(line) {
      const [, name, expression = line] = /^const (\w+) = (.*)$/s.exec(line) ?? [];
      try {
        const evaluate = new AsyncFunction(...Object.keys(scope), `return (${expression});`);
        const value = await evaluate(...Object.values(scope));
        if (name === undefined) return print(value);
        scope[name] = value;
        return '';
      } catch (error) {
        return `Uncaught ${error.name} ${error.code ?? ''}: ${error.message}`;
      }
    },
  };
}

/** Erlang's terms as Erlang prints them, except what JavaScript has, too. */
function print(value) {
  if (value === undefined) return '';
  if (typeof value === 'string') return inspect(value);
  if (typeof value === 'object' && !(value instanceof Atom) && value !== null && 'name' in value) return inspect(value);
  return format(value);
}

async function beThePeer(name, cookie) {
  const node = await startDemoNode(name, { cookie, discovery: epmd({ timeout: 5000 }) }, (message) =>
    process.send({ echo: format(message) }),
  );
  const me = node.spawnMailbox();
  const shell = typescriptShell({ node, me });
  process.on('message', async ({ line }) => process.send({ printed: await shell.run(line) }));
  process.on('disconnect', () => process.exit()); // it has ended, however it did
  process.on('SIGINT', () => {}); // Ctrl-C is for the process that started this one
  process.send({ ready: name });
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) await beThePeer(...process.argv.slice(2));
