// Writes what the documentation takes from the code: docs/support.md from the tables, docs/accuracy.md from what was measured,
// and the reference of all public names, as HTML in dist/docs, from their docstrings. `--matrix` leaves out the last.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from './build.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

await build();
const { supportMatrix } = await import('../dist/tests/support/matrix.js');
writeFileSync(join(root, 'docs/support.md'), await supportMatrix());
const { accuracyTable } = await import('../dist/tests/support/accuracy-page.js');
writeFileSync(join(root, 'docs/accuracy.md'), await accuracyTable());
if (!process.argv.includes('--matrix')) {
  const { status } = spawnSync(process.execPath, ['node_modules/typedoc/bin/typedoc'], { cwd: root, stdio: 'inherit' });
  process.exitCode = status ?? 1;
}
