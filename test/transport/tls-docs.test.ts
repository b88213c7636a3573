// docs/TLS.md is run: its programs, and its BEAM with its ssl_dist_optfile.
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeCertificates } from '../support/certificates.js';
import { startErlang } from '../support/erlang.js';
import { freePort } from '../support/free-port.js';
import { type Program, startProgram } from '../support/program.js';
import { until } from '../support/ts-node.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const text = readFileSync(join(root, 'docs/TLS.md'), 'utf8');
// Below the package's folder, so that `import … from 'erlnode'` finds the package itself, through its exports.
mkdirSync(join(root, '.cache'), { recursive: true });
const folder = mkdtempSync(join(root, '.cache/tls-'));
const blocks = (language: string) =>
  [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map(([, code = '']) =>
    code.replaceAll('/etc/erlang/tls', folder).replaceAll('/tmp/nodes', join(folder, 'nodes')),
  );

beforeAll(async () => {
  const cluster = { issuer: 'cluster', hosts: ['127.0.0.1'] };
  const files = await makeCertificates(mkdtempSync(join(folder, 'made-')), { ts: cluster, e: cluster });
  for (const name of ['ts', 'e'] as const)
    for (const part of ['cert', 'key'] as const) copyFileSync(files[name][part], join(folder, `${name}.${part}`));
  copyFileSync(files.ts.ca, join(folder, 'cluster.ca'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function start(code: string, epmdPort: number): Program {
  const file = join(folder, `${Math.random()}.mjs`);
  writeFileSync(file, `${code}\nconsole.log('as it says');\n`);
  return startProgram(file, epmdPort);
}

async function works(program: Program): Promise<void> {
  await until(() => program.stdout.includes('as it says') || !program.running, 'the program');
  expect(program.stderr).toBe('');
}

test('the BEAM that it starts pings the node that it starts', async () => {
  const [program = ''] = blocks('js');
  const [command = ''] = blocks('sh');
  writeFileSync(join(folder, 'dist.conf'), blocks('erlang')[0] ?? '');
  expect(command).toContain('-name e@127.0.0.1 -setcookie secret');
  const args = command.trim().split(' ').slice(5);
  expect(args[0]).toBe('-proto_dist');
  const e = await startErlang({ name: 'e@127.0.0.1', cookie: 'secret', args });
  const ts = start(program, e.epmdPort);
  try {
    await works(ts);
    expect(await e.eval("net_adm:ping('ts@127.0.0.1').")).toBe('pong');
  } finally {
    ts.signal('SIGKILL');
    await e.stop();
  }
});

test('its other programs run', async () => {
  const [, ...others] = blocks('js');
  expect(others).toHaveLength(3);
  const nobody = await freePort();
  for (const code of others) {
    const [one, two] = [await freePort(), await freePort()];
    const program = start(code.replace('9200', String(one)).replace('9201', String(two)), nobody);
    try {
      await works(program);
    } finally {
      program.signal('SIGKILL');
    }
  }
  expect(existsSync(join(folder, 'nodes/ts@localhost'))).toBe(true);
});
