// Installs the engines that the benchmark report measures beside Quern, next to the built files that import them.
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [from, to] = [join(root, 'bench/peers'), join(root, 'dist/bench/peers')];
const files = ['package.json', 'package-lock.json'];
const same = (file) =>
  existsSync(join(to, file)) && readFileSync(join(to, file)).equals(readFileSync(join(from, file)));

if (!existsSync(join(to, 'node_modules')) || !files.every(same)) {
  console.error('Installing the engines to compare with (about 600 MB) ...');
  for (const file of files) copyFileSync(join(from, file), join(to, file));
  const args = ['ci', '--ignore-scripts', '--no-fund', '--no-audit', '--loglevel=error'];
  const { status } = spawnSync('npm', args, { cwd: to, stdio: ['ignore', 2, 2], shell: process.platform === 'win32' });
  // Without them the report says of each that it is not installed.
  if (status !== 0) console.error('They could not be installed: the report will say so in every row.');
}
