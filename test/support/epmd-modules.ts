// Erlang modules for `-epmd_module`, compiled by the OTP under test.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startErlang } from './erlang.js';

export type EpmdModule = 'epmd_table' | 'epmd_one_port';

/** Compiles the modules; returns the arguments that make a node use one of them. */
export async function compileEpmdModules(names: readonly EpmdModule[]): Promise<(name: EpmdModule) => string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'erlnode-epmd-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  await using erlang = await startErlang({ name: false });
  for (const name of names) {
    const source = JSON.stringify(fileURLToPath(new URL(`${name}.erl`, import.meta.url)));
    const options = `[return, warnings_as_errors, {outdir, ${JSON.stringify(folder)}}]`;
    await erlang.eval(`{ok, _, []} = compile:file(${source}, ${options}).`, { timeout: 30_000 });
  }
  return (name) => ['-pa', folder, '-epmd_module', name];
}
