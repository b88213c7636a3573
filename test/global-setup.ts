// Tests of the package, the README and the commands run the built files, so every test run builds first (0.5 s).
// Type errors are printed and do not stop a run of named files (tsc emits all the same): `npm test` and CI build
// strictly before they come here.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export function setup(): void {
  const root = fileURLToPath(new URL('..', import.meta.url));
  if (!existsSync(`${root}/src/index.ts`)) return;
  const tsc = `${root}/node_modules/typescript/bin/tsc`;
  const built = spawnSync(process.execPath, [tsc, '-p', 'src'], { cwd: root, stdio: 'inherit' });
  if (built.status !== 0) console.error('global-setup: src/ has type errors, see above; the tests run all the same');
}
