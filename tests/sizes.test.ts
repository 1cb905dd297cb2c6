/** What travels before the first inference stays within its budget, in kB (1000 bytes), gzipped. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { sizes } from '../bench/edge/sizes.js';

const budgets: Readonly<Record<string, number>> = {
  'module-bytes': 56,
  'training-bytes': 90,
  'script-bytes': 20,
  'whole-script-bytes': 40,
};

for (const { id, title, cells } of await sizes()) {
  test(title, () => {
    for (const contender of ['quern', 'quern-simd']) {
      const cell = cells[contender];
      if (!cell) continue;
      assert.ok('value' in cell, `${contender}: not built`);
      const kB = cell.value.median / 1000;
      assert.ok(kB <= (budgets[id] ?? 0), `${contender}: ${kB} kB`);
    }
  });
}

test.run();
