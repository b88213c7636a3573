import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');

test('docs/DISCOVERY.md shows the discovery that the conformance suite runs on, word for word', () => {
  const source = read('./shared-table.ts')
    .replace("'../../src/discovery/index.js'", "'erlnode/discovery'")
    .replace("'../../src/index.js'", "'erlnode'");
  expect(read('../../docs/DISCOVERY.md')).toContain(`\`\`\`ts\n${source}\`\`\``);
});
