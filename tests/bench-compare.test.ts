/** The bench room's `--compare`: another revision is built beside this tree, plays the same rows, or says why it cannot. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { describeTree, prepareRevision } from '../bench/compare/revision.js';
import { compareRow, labelAt } from '../bench/compare/rows.js';
import { describeRow } from '../bench/report/text.js';
import { workOf } from './support/works.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const work = workOf('matmul-16');
const pace = { rounds: 1, seconds: 0.02 };
const hasGit = spawnSync('git', ['--version']).status === 0;

/** A clone of one commit with these files. */
function clone(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'quern-revision-'));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  const author = ['-c', 'user.name=Test', '-c', 'user.email=test@localhost', '-c', 'commit.gpgsign=false'];
  for (const args of [
    ['init', '-q'],
    ['add', '.'],
    [...author, 'commit', '-q', '-m', 'First'],
  ]) {
    const { status, stderr } = spawnSync('git', args, { cwd: folder, encoding: 'utf8' });
    assert.is(status, 0, stderr);
  }
  return folder;
}

/** Why a revision cannot be measured; empty where it can. */
function failureOf(folder: string, revision = 'HEAD'): string {
  const { child } = prepareRevision(folder, revision, () => {});
  return 'unable' in child ? child.unable : '';
}

/** Writes a process of the benchmark when it is run. */
const builds = (child: string): string =>
  `import { mkdirSync, writeFileSync } from 'node:fs';
mkdirSync('dist/bench/process', { recursive: true });
writeFileSync('dist/bench/process/child.js', ${JSON.stringify(child)});`;

if (!hasGit) console.log('# --compare is not tested: there is no git here');
else {
  test('a revision that git does not know is a reason in the row, and so is a folder outside git', async () => {
    const folder = clone({ a: '1' });
    const reason = "[compare] a revision that git knows is required. Received 'no-such-revision'.";
    assert.is(failureOf(folder, 'no-such-revision'), reason);
    assert.match(failureOf(folder, '--all'), "Received '--all'");
    const revision = prepareRevision(folder, 'no-such-revision', () => {});
    const { row } = await compareRow(work, ['quern'], revision, pace, 1);
    assert.equal(row.cells['quern at no-such-revision'], { reason });
    assert.ok(row.cells['quern'] && 'time' in row.cells['quern']);
    rmSync(join(folder, '.git'), { recursive: true });
    assert.match(failureOf(folder), /a clone that git can read is required/);
    assert.is(describeTree(folder), undefined);
    rmSync(folder, { recursive: true });
  });

  test('a changed tree is described as one', () => {
    const folder = clone({ a: '1' });
    assert.match(describeTree(folder) ?? '', /^[0-9a-f]{7}$/);
    writeFileSync(join(folder, 'a'), '2');
    assert.match(describeTree(folder) ?? '', /^[0-9a-f]{7}, with changes that are not committed$/);
    rmSync(folder, { recursive: true });
  });

  test('a revision that does not build says what its build said, every time', () => {
    const folder = clone({ 'scripts/build.mjs': "console.error('no compiler'); process.exit(3);" });
    for (let time = 0; time < 2; time++)
      assert.match(failureOf(folder), /scripts\/build\.mjs failed\. Received: no compiler$/);
    rmSync(folder, { recursive: true });
    const bare = clone({ a: '1' });
    assert.match(failureOf(bare), 'with scripts/build.mjs is required');
    rmSync(bare, { recursive: true });
  });

  test('a revision with another lockfile gets packages of its own, and one whose lockfile is wrong says so', () => {
    const listed = { name: 'revision', version: '1.0.0', lockfileVersion: 3, requires: true };
    const files = {
      'scripts/build.mjs': builds(''),
      'package.json': JSON.stringify({ name: 'revision', version: '1.0.0' }),
      'package-lock.json': JSON.stringify({ ...listed, packages: { '': { name: 'revision', version: '1.0.0' } } }),
    };
    const folder = clone(files);
    assert.is(failureOf(folder), '', 'the same lockfile');
    writeFileSync(join(folder, 'package-lock.json'), '{}');
    rmSync(join(folder, 'dist'), { recursive: true });
    assert.is(failureOf(folder), '', 'another lockfile');
    rmSync(folder, { recursive: true });
    const dependent = { name: 'revision', version: '1.0.0', dependencies: { missing: 'file:missing' } };
    const wrong = clone({ ...files, 'package.json': JSON.stringify(dependent) });
    writeFileSync(join(wrong, 'package-lock.json'), '{ "name": "changed" }');
    assert.match(failureOf(wrong), /npm ci failed\. Received: npm error code/);
    rmSync(wrong, { recursive: true });
  });

  test('a revision whose process is missing, or speaks otherwise, is a reason in the row', async () => {
    const says = (answer: string): string => builds(`process.on('message', () => process.send(${answer}));`);
    for (const script of ['', builds(''), says('{ hello: 1 }'), says("'hello'")]) {
      const folder = clone({ 'scripts/build.mjs': script });
      const revision = prepareRevision(folder, 'HEAD', () => {});
      const { row, versions } = await compareRow(work, ['quern'], revision, pace, 1);
      const label = labelAt('quern', revision);
      const reason = `revision ${revision.commit} has no benchmark process that this one can speak to`;
      assert.equal(row.cells[label], { reason });
      assert.is(versions[label], reason);
      assert.ok(row.cells['quern'] && 'time' in row.cells['quern']);
      assert.equal(row.ratios, {});
      rmSync(folder, { recursive: true });
    }
  });

  test('a revision that sends its answers as they are is understood', async () => {
    const old = `const answers = {
  start: { version: 'Old' }, prepare: { result: new Float32Array(256) }, close: { closed: true },
};
process.on('message', ({ ask }) => process.send(answers[ask]));`;
    const folder = clone({ 'scripts/build.mjs': builds(old) });
    const revision = prepareRevision(folder, 'HEAD', () => {});
    const { row, versions } = await compareRow(work, ['quern'], revision, pace, 1);
    const label = labelAt('quern', revision);
    assert.is(versions[label], 'Old');
    assert.equal(row.cells[label], { reason: 'another result, by 1.0e+0 of the largest' });
    rmSync(folder, { recursive: true });
  });

  if (describeTree(root) === undefined) console.log('# no revision of this tree is measured: it is not a clone');
  else {
    test('this tree is timed beside a revision of itself, in turn, and a row that it does not know is a reason', async () => {
      const said: string[] = [];
      const revision = prepareRevision(root, 'HEAD', (what) => said.push(what));
      assert.ok(said.length <= 1 && 'path' in revision.child && existsSync(revision.child.path));
      prepareRevision(root, 'HEAD', () => assert.unreachable('it is built already'));
      const label = labelAt('quern', revision);
      const { row, versions } = await compareRow(work, ['quern'], revision, { rounds: 2, seconds: 0.02 }, 2);
      for (const cell of [row.cells['quern'], row.cells[label]])
        assert.ok(cell && 'time' in cell && cell.time.count === 4);
      const ratio = row.ratios?.[label];
      assert.ok(ratio && ratio.count === 4 && ratio.median > 0.2 && ratio.median < 5, JSON.stringify(row));
      assert.match(versions[label] ?? '', /^Quern, /);
      assert.match(describeRow(row, []), `x as fast as ${label} (quartiles `);
      const unknown = await compareRow({ ...work, id: 'no-such-row' }, ['quern'], revision, pace, 1);
      assert.equal(unknown.row.cells[label], { reason: 'no such work' });
    });
  }
}

test.run();
