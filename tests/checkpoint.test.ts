/** Runs that are interrupted: killed at random moments, by Ctrl-C, by an error; and checkpoints that do not fit. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { AbortedError, ArgumentError, FormatError, IoError } from '../src/core/errors.js';
import { endOf, killRuns, runChild, undisturbed } from './support/killed-runs.js';
import { digest, longFit, longModel } from './support/long-run.js';
import { rejection } from './support/rejection.js';

const folder = mkdtempSync(join(tmpdir(), 'quern-checkpoint-'));
test.after(() => rmSync(folder, { recursive: true }));

/** What a run that nobody interrupts and that keeps no checkpoint ends with. */
async function straight(): Promise<string> {
  const model = longModel();
  const end = digest(model, await longFit(model, {}, [{}]));
  model.close();
  return end;
}
const expected = await straight();

test('a run that is killed at random moments ends bit-identical to one that is not', async () => {
  const whole = await runChild(join(folder, 'whole'), undisturbed);
  assert.is(endOf(whole), expected, whole.errors);
  const seed = 1;
  const { kills, resumed, identicalEnds } = await killRuns(4, seed);
  assert.equal([kills, identicalEnds], [4, 4]);
  assert.ok(resumed > 0);
  console.log(`# ${kills} kills by seed ${seed}, ${identicalEnds} bit-identical ends`);
});

test('SIGINT saves, exits with 130, and the run goes on from there', async () => {
  const path = join(folder, 'interrupted');
  const interrupted = await runChild(path, (send) => {
    let isSent = false;
    return () => {
      if (!isSent) send('SIGINT');
      isSent = true;
    };
  });
  assert.is(interrupted.code, 130, interrupted.errors);
  assert.match(interrupted.errors, /\[fit\] SIGINT ended the run\. It is saved in '/);
  assert.is(endOf(interrupted), undefined);
  const resumed = await runChild(path, undisturbed);
  assert.is(endOf(resumed), expected, resumed.errors);
  assert.not.match(resumed.output, /^epoch 0$/m);
});

test('a program that listens to SIGINT itself gets an error instead', async () => {
  const listen = (): void => {};
  process.on('SIGINT', listen);
  const path = join(folder, 'aborted');
  const model = longModel();
  const send = { onEpochEnd: (epoch: number) => void (epoch === 2 && process.emit('SIGINT')) };
  assert.instance(await rejection(longFit(model, { checkpoint: { path } }, [send])), AbortedError);
  assert.is(process.listenerCount('SIGINT'), 1);
  process.off('SIGINT', listen);
  const again = longModel();
  assert.is(digest(again, await longFit(again, { resume: path }, [{}])), expected);
});

test('a run that failed in the middle of an epoch goes on at its last checkpoint', async () => {
  const path = join(folder, 'failed');
  writeFileSync(`${path}.0123456789ab.tmp`, 'what a killed save left');
  const model = longModel();
  const fail = {
    onEpochEnd: (epoch: number) => {
      if (epoch === 3) throw new Error('out of luck');
    },
  };
  assert.match((await rejection(longFit(model, { checkpoint: { path, every: 3 } }, [fail]))).message, /out of luck/);
  const begun: number[] = [];
  const again = longModel();
  const tell = { onEpochBegin: (epoch: number) => void begun.push(epoch) };
  assert.is(digest(again, await longFit(again, { checkpoint: { path } }, [tell])), expected);
  assert.is(begun[0], 4, 'epoch 3 goes on in its middle');
  assert.equal(
    readdirSync(folder).filter((name) => name.startsWith('failed')),
    ['failed'],
  );
  const done = longModel();
  assert.is(digest(done, await longFit(done, { checkpoint: { path } }, [{}])), expected, 'nothing is left to do');
});

test('a checkpoint of another run is refused with all that differs, and survives', async () => {
  const path = join(folder, 'other');
  await longFit(longModel(), { checkpoint: { path }, epochs: 1 });
  const before = readFileSync(path);
  const error = await rejection(longFit(longModel(8), { checkpoint: { path }, epochs: 2, batchSize: 8, seed: 9 }));
  assert.instance(error, ArgumentError);
  for (const difference of [
    /variable dense\/kernel: f32 \[6, 8\], in the file f32 \[6, 24\]/,
    /variable adam\/m\/dense\/bias: f32 \[8\], in the file f32 \[24\]/,
    /graph trainStep: CRC-32 \w+, in the file CRC-32 \w+/,
    /batchSize: 8, in the file 16/,
    /seed: 9, in the file 3/,
  ]) {
    assert.match(error.message, difference);
  }
  assert.not.match(error.message, /shuffle|backend|; x:/);
  assert.equal(readFileSync(path), before);

  const plain = join(folder, 'plain');
  await longModel().save(plain, { optimizer: true });
  assert.instance(await rejection(longFit(longModel(), { resume: plain })), FormatError);
  assert.instance(await rejection(longFit(longModel(), { resume: join(folder, 'missing') })), IoError);
  writeFileSync(path, before.subarray(0, before.length - 5));
  assert.instance(await rejection(longFit(longModel(), { checkpoint: { path } })), FormatError);
  for (const every of [0, -1, 1.5, NaN]) {
    const promise = longFit(longModel(), { checkpoint: { path: join(folder, 'every'), every } });
    assert.instance(await rejection(promise), ArgumentError);
  }
});

test.run();
