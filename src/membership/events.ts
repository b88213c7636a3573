// What a membership tells, and how it reads in a log. Told when it changes, not each time it is still so.
import { ErlnodeError } from '../errors.js';
import type { NameFault } from './node-names.js';

export type ClusterEvent =
  /** A node is named for the first time, or again. */
  | { readonly type: 'joined'; readonly node: string }
  /** A node that was named is no more; `disconnected` tells whether its connection was closed for that. */
  | { readonly type: 'left'; readonly node: string; readonly disconnected: boolean }
  | { readonly type: 'connected'; readonly node: string }
  | { readonly type: 'disconnected'; readonly node: string; readonly retryIn: number; readonly error?: Error }
  /** An attempt to connect; the next one is in `retryIn` milliseconds. */
  | { readonly type: 'failed'; readonly node: string; readonly retryIn: number; readonly error: Error }
  /** The strategy gave no answer: everything stays as it is. */
  | { readonly type: 'answer_failed'; readonly error: Error }
  /** A part of an answer could not be had, and the last one stands in for it. */
  | { readonly type: 'warning'; readonly error: Error }
  /** A name (escaped) that nobody dials. */
  | { readonly type: 'ignored'; readonly name: string; readonly why: NameFault };

/** The methods of a logger that are called here, with pino's order of arguments. */
export interface ClusterLogger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

type Level = keyof ClusterLogger;

const LINES: { readonly [Type in ClusterEvent['type']]: readonly [Level, string] } = {
  joined: ['info', 'cluster member named'],
  left: ['info', 'cluster member no longer named'],
  connected: ['info', 'cluster member connected'],
  disconnected: ['info', 'cluster member lost'],
  failed: ['debug', 'cluster member not reached'],
  answer_failed: ['warn', 'who is in the cluster cannot be said, nothing changes'],
  warning: ['warn', 'who is in the cluster is known in part, the rest is as it was'],
  ignored: ['warn', 'not a cluster member'],
};

export function logLine(logger: ClusterLogger, event: ClusterEvent): void {
  const [level, message] = LINES[event.type];
  const { type: _, ...told } = event;
  if (!('error' in told) || told.error === undefined) logger[level](told, message);
  else {
    const { error, ...fields } = told;
    const code = error instanceof ErlnodeError ? String(error.code) : undefined;
    logger[level]({ ...fields, code, reason: error.message.slice(0, 1000) }, message);
  }
}
