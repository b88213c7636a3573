// Links as a process makes and takes them back (protocol section 4.3, "Links"): the calling side of relations.ts.
import type { Pid } from '../term/identifiers.js';
import { checkIsPid, checkOptional } from './arguments.js';
import type { LocalNode } from './local-node.js';
import type { ProcessState } from './process-state.js';

export interface LinkOptions {
  /**
   * OTP 28: `[priority]`. The `EXIT` message of the other's end goes before ordinary ones, here and not there. Calling
   * `link` again changes it.
   */
  readonly priority?: boolean;
}

/** @internal See Process.link. */
export function link(self: ProcessState, local: LocalNode, pid: Pid, options: LinkOptions): void {
  checkIsPid(pid, 'link()');
  checkOptional(options, 'link()');
  if (pid.equals(self.pid)) return;
  const { relations } = self;
  const key = local.pidKey(pid);
  if (!relations.link(key, pid, options.priority === true)) return;
  try {
    local.related(self, pid.node);
    local.route({ kind: 'link', from: self.pid, to: pid });
  } catch (error) {
    relations.takeLink(key);
    throw error;
  }
}

/** @internal See Process.unlink. */
export function unlink(self: ProcessState, local: LocalNode, pid: Pid): void {
  checkIsPid(pid, 'unlink()');
  const id = self.relations.unlink(local.pidKey(pid));
  if (id !== undefined) local.route({ kind: 'unlink', from: self.pid, to: pid, id });
}
