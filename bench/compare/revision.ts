/**
 * Another revision of this tree, built beside it: its files as git has them, in a folder of dist/cache that is named by the
 * commit, built there with its own scripts. A folder that is built once is used again.
 */
import { spawnSync, type SpawnSyncOptions, type SpawnSyncReturns } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ArgumentError, IoError, QuernError, UnsupportedError } from '../../src/core/errors.js';

export interface Revision {
  /** The first seven digits of the commit, or what was asked for where git knows none. */
  readonly commit: string;
  /** The first line of its message. */
  readonly subject: string;
  /** The script of its process of the benchmark, or why there is none to play with. */
  readonly child: { readonly path: string } | { readonly unable: string };
}

function run(command: string, args: readonly string[], options: SpawnSyncOptions): SpawnSyncReturns<string> {
  return spawnSync(command, args, { ...options, encoding: 'utf8' });
}

function git(root: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): string {
  const { status, stdout, stderr, error } = run('git', args, { cwd: root, env: { ...process.env, ...env } });
  if (error) throw new IoError('compare', `git is required. Received: ${error.message}.`, { cause: error });
  if (status !== 0) throw new IoError('compare', `a clone that git can read is required. Received: ${stderr.trim()}.`);
  return stdout.trim();
}

/** What the report calls a commit. */
const shortOf = (hash: string): string => hash.slice(0, 7);

/** What the tree is: its commit, and whether files were changed since; undefined where git does not know it. */
export function describeTree(root: string): string | undefined {
  try {
    const changed = git(root, ['status', '--porcelain']) === '' ? '' : ', with changes that are not committed';
    return `${shortOf(git(root, ['rev-parse', 'HEAD']))}${changed}`;
  } catch (error) {
    if (error instanceof IoError) return undefined;
    throw error;
  }
}

/** Throws `ArgumentError` for a revision that there is not, `IoError` without git. */
function commitOf(root: string, revision: string): string {
  git(root, ['rev-parse', '--git-dir']);
  try {
    return git(root, ['rev-parse', '--verify', '--quiet', '--end-of-options', `${revision}^{commit}`]);
  } catch (error) {
    if (!(error instanceof IoError)) throw error;
    throw new ArgumentError('compare', `a revision that git knows is required. Received '${revision}'.`);
  }
}

const sameFile = (a: string, b: string): boolean =>
  existsSync(a) && existsSync(b) && readFileSync(a).equals(readFileSync(b));

/** What a program says first, which is what went wrong, and last. */
function excerpt(text: string): string {
  const lines = text.split('\n').filter((line) => /[^\s]/.test(line.replace(/^npm error/, '')));
  const shown = lines.length <= 8 ? lines : [...lines.slice(0, 5), '...', ...lines.slice(-2)];
  return shown.map((line) => line.trim()).join(' | ');
}

/** Runs a step of the making; throws with what it printed. */
function step(what: string, command: string, args: readonly string[], cwd: string): void {
  const { status, stdout, stderr, error } = run(command, args, {
    cwd,
    shell: command === 'npm' && process.platform === 'win32',
  });
  if (status === 0) return;
  const said = error?.message ?? excerpt(`${stdout}${stderr}`);
  throw new UnsupportedError('compare', `a revision that builds is required; ${what} failed. Received: ${said}`);
}

/** The revision, ready to be measured, or why it cannot be: there is none, there is no git, it does not build. */
export function prepareRevision(root: string, revision: string, heard: (what: string) => unknown): Revision {
  let found = { commit: revision, subject: 'unknown' };
  try {
    const hash = commitOf(root, revision);
    found = { commit: shortOf(hash), subject: git(root, ['show', '--no-patch', '--format=%s', hash]) };
    const path = join(buildOnce(root, hash, heard), 'dist/bench/process/child.js');
    return { ...found, child: existsSync(path) ? { path } : { unable: cannotSpeak(found.commit) } };
  } catch (error) {
    if (error instanceof QuernError) return { ...found, child: { unable: error.message } };
    throw error;
  }
}

/** Said of a revision without a process, and of one that does not answer. */
export const cannotSpeak = (commit: string): string =>
  `revision ${commit} has no benchmark process that this one can speak to`;

/** The folder of a commit, built. */
function buildOnce(root: string, hash: string, heard: (what: string) => unknown): string {
  const folder = join(root, 'dist/cache/revisions', hash);
  const done = join(folder, 'dist/built');
  if (!existsSync(done)) {
    heard(`Building revision ${shortOf(hash)} ...`);
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(join(folder, 'dist'), { recursive: true });
    // An index of its own: that of the clone stays as it is.
    const index = { GIT_INDEX_FILE: join(folder, 'dist/index') };
    git(root, ['read-tree', hash], index);
    git(root, ['checkout-index', '--all', `--prefix=${folder}/`], index);
    install(root, folder);
    build(root, folder);
    writeFileSync(done, '');
  }
  return folder;
}

/** Packages of the same lockfile are shared. */
function install(root: string, folder: string): void {
  const [own, theirs] = [join(root, 'package-lock.json'), join(folder, 'package-lock.json')];
  if (!existsSync(join(folder, 'package.json'))) return;
  if (sameFile(own, theirs)) symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction');
  else step('npm ci', 'npm', ['ci', '--no-fund', '--no-audit', '--loglevel=error'], folder);
}

/** Modules that are there already are offered with their stamp: the build takes them where their sources are the same. */
function build(root: string, folder: string): void {
  const script = 'scripts/build.mjs';
  if (!existsSync(join(folder, script)))
    throw new UnsupportedError('compare', `a revision with ${script} is required.`);
  for (const made of ['dist/wasm', 'assembly/generated', 'src/backend/wasm/generated']) {
    if (existsSync(join(root, made))) cpSync(join(root, made), join(folder, made), { recursive: true });
  }
  step(script, process.execPath, [script], folder);
}
