// One of our nodes under the control of a test: unique name, the test's EPMD, and a log that can be asked.
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { epmd } from '../../src/discovery/index.js';
import type { Node } from '../../src/node/node.js';
import type { NodeOptions } from '../../src/node/options.js';
import { startNode } from '../../src/start-node.js';

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly [field: string]: unknown;
}

export interface TestNode {
  readonly node: Node;
  readonly name: string;
  readonly log: readonly LogLine[];
}

/** A logger that keeps its lines. */
export function keepLines(lines: LogLine[]): NonNullable<NodeOptions['logger']> {
  const at = (level: LogLine['level']) => (fields: object, message: string) => {
    lines.push({ ...fields, level, message });
  };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

export async function startTestNode(
  epmdPort: number,
  options: NodeOptions & { readonly name?: string } = {},
): Promise<TestNode> {
  const { name = `ts_${randomBytes(4).toString('hex')}`, ...rest } = options;
  const log: LogLine[] = [];
  const node = await startNode(name.includes('@') ? name : `${name}@127.0.0.1`, {
    discovery: epmd({ port: epmdPort }),
    logger: keepLines(log),
    ...rest,
  });
  return { node, name: node.name, log };
}

/** Waits until `check` holds, for what has no event of its own. */
export async function until(check: () => boolean | Promise<boolean>, what: string, ms = 10_000): Promise<void> {
  for (const end = Date.now() + ms; ; await sleep(10)) {
    if (await check()) return;
    if (Date.now() > end) throw new Error(`waited ${ms} ms for: ${what}`);
  }
}
