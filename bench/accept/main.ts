/**
 * The long acceptance run: what the project promises of accuracy and endurance, measured. Prints a table for each part with
 * its minutes and fails where a figure falls short.
 *
 *   npm run accept                      all parts
 *   npm run accept -- --quick           one seed, one epoch: held against what that gives
 *   npm run accept -- iris mnist-mlp    these parts
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { accuracyPart } from './accuracy.js';
import { killedRunsPart } from './killed-runs.js';
import { mnistCnnPart } from './mnist-cnn.js';
import { programParts } from './programs.js';
import { type Part, print, type Row } from './row.js';
import { timerPart } from './timer.js';

const parts: readonly Part[] = [mnistCnnPart, ...programParts, killedRunsPart, accuracyPart, timerPart];

const { values, positionals } = parseArgs({ options: { quick: { type: 'boolean' } }, allowPositionals: true });
const names = parts.map(({ name }) => name);
const unknown = positionals.find((name) => !names.includes(name));
if (unknown !== undefined) {
  console.error(`accept: a part among ${names.join(', ')} is required. Received '${unknown}'.`);
  process.exit(2);
}

console.log(`Node ${process.versions.node}, ${availableParallelism()} processors${values.quick ? ', quick' : ''}`);
const started = performance.now();
const all: Row[] = [];
for (const { name, run } of parts) {
  if (positionals.length > 0 && !positionals.includes(name)) continue;
  const start = performance.now();
  const rows = await run(values.quick ?? false);
  console.log(`\n${name}, ${((performance.now() - start) / 60_000).toFixed(1)} minutes`);
  print(rows);
  all.push(...rows);
}
const failed = all.filter(({ holds }) => !holds).length;
console.log(`\n${((performance.now() - started) / 60_000).toFixed(1)} minutes, ${failed} figures fall short`);
process.exitCode = failed === 0 ? 0 : 1;
