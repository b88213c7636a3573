// Which of the names that an answer holds are worth a connection. Protocol section 2.1.
// An answer may come from anywhere (DNS): nothing of it is dialled that is no node name.
import { helped } from '../discovery/helper-names.js';

/** As a BEAM checks it when it connects. */
const NODE_NAME = /^[A-Za-z0-9_-]+@[!-?A-~\u{a1}-\u{ff}]+$/u;

/** Nodes that live for one command, as those of Elixir's releases: the command line tools of RabbitMQ, and Distillery's. */
const TOOL = /^(?:rabbitmqcli-?\d+-.+|.+_maint_)$/;

export type NameFault = 'not_a_node_name' | 'tool';

/** Why a name is passed over, or undefined. */
export function nameFault(name: unknown): NameFault | undefined {
  if (typeof name !== 'string' || name.length > 255 || !NODE_NAME.test(name)) return 'not_a_node_name';
  const alive = name.slice(0, name.indexOf('@'));
  return helped(alive) !== undefined || TOOL.test(alive) ? 'tool' : undefined;
}

/** Of whoever's making, for messages: escaped and not endless. */
export function shown(text: unknown): string {
  if (text === null || text === undefined) return String(text);
  if (typeof text !== 'string') return `${typeof text === 'object' ? 'an' : 'a'} ${typeof text}`;
  const quoted = JSON.stringify(text.slice(0, 200)).replaceAll(/[^ -~]/gu, escaped);
  return text.length <= 200 ? quoted : `${quoted}… (${text.length} characters)`;
}

function escaped(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}
