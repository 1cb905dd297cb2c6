// Types, then formatting. Layering is a test (tests/layering.test.ts).
import { spawnSync } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const cwd = dirname(dirname(fileURLToPath(import.meta.url)));
const run = (...args) => spawnSync(process.execPath, args, { cwd, stdio: 'inherit' }).status ?? 1;

if (run('node_modules/typescript/bin/tsc', '--noEmit', '-p', '.') !== 0) process.exit(1);
process.exit(run('node_modules/prettier/bin/prettier.cjs', '--check', '--log-level', 'warn', '.'));
