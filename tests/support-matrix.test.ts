/** docs/support.md says what the tables say. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { opNames } from './support/cases.js';
import { supportMatrix } from './support/matrix.js';

const path = fileURLToPath(new URL('../../docs/support.md', import.meta.url));

test('the support matrix is up to date', async () => {
  const matrix = await supportMatrix();
  for (const op of opNames) assert.match(matrix, `| \`${op}\``);
  assert.ok(readFileSync(path, 'utf8') === matrix, 'run `npm run docs`, which writes docs/support.md');
});

test.run();
