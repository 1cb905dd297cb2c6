#!/usr/bin/env node
/**
 * The quern command. Exit codes: 0 done, 1 failed with one line that says why, 2 not understood. `--debug` adds where in
 * the code it failed.
 */
import { QuernError } from '../core/errors.js';
import { addBuild } from './commands/build.js';
import { addEvaluate } from './commands/evaluate.js';
import { addInspect } from './commands/inspect.js';
import { addPredict } from './commands/predict.js';
import { addProfile } from './commands/profile.js';
import { addServe } from './commands/serve.js';
import { addTrain } from './commands/train.js';
import { Command, CommanderError } from './vendor.js';

const program = new Command('quern')
  .description('Trains, shrinks and serves neural networks where JavaScript runs.')
  .option('--debug', 'show where in the code an error comes from')
  .showHelpAfterError('Run quern --help, or quern <command> --help.')
  .exitOverride();

addTrain(program);
addEvaluate(program);
addPredict(program);
addInspect(program);
addBuild(program);
addServe(program);
addProfile(program);

function fail(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  const message = error instanceof Error ? error.message : String(error);
  const kind = error instanceof QuernError ? '' : 'internal error: ';
  process.stderr.write(`quern: ${kind}${message.replace(/\s*\n\s*/g, ' ')}\n`);
  if (program.opts()['debug'] === true) console.error(error);
  return 1;
}

// Whoever reads the output may stop early, as `head` does.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = fail(error);
}
