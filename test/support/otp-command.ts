import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * The command for one of OTP's programs. `ERLNODE_OTP` names another `erl` than the one on PATH (the matrix of OTP
 * releases does); its neighbours in the same folder are used too, where they exist.
 */
export function otpCommand(program: 'erl' | 'epmd'): [string, ...string[]] {
  const erl = process.env['ERLNODE_OTP'] ?? '';
  if (erl === '') return [program];
  if (program === 'erl') return [erl];
  const neighbour = join(dirname(erl), program);
  return [erl.includes('/') && existsSync(neighbour) ? neighbour : program];
}
