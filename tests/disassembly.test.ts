/**
 * The inner loops of the hot tiles in machine code: all their numbers live in registers. A compiler that keeps one on the
 * stack costs up to half of the speed, and nothing else would tell. Sizes of tiles are chosen for V8 from 13.2, on x64.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { modulePath } from '../src/backend/wasm/modules-node.js';
import { countOf, loopsOf, machineCode } from './support/machine-code.js';

/**
 * Multiply-adds of the loop of each tile: rows, two vectors of columns (a stream's eight), four steps of depth
 * (`pooled`: three); the taps of a window, which the compiler may unroll; of Winograd's transforms those of a row of values.
 */
const tiles = {
  'infer-relaxed': {
    rows6: [48, /vfmadd/],
    dots6: [48, /vpdpbusd/],
    pooled: [24, /vfmadd/],
    stream4: [32, /vfmadd/],
    slide3x3: [9, /vfmadd/],
    evaluateTile: [10, /vfn?madd/],
    interpolateTile: [4, /vfmadd/],
  },
  'infer-simd': {
    rows5: [40, /vmulps/],
    pairs5: [20, /vpmaddwd/],
    words5: [20, /vpmaddwd/],
    evaluateBytes: [3, /vpsllw/],
    interpolateSums: [4, /vpmulld/],
    pooled: [24, /vmulps/],
    stream4: [32, /vmulps/],
    slide3x3: [9, /vmulps/],
    evaluateTile: [8, /vmulps/],
    interpolateTile: [6, /vmulps/],
  },
} as const;

const [major = 0, minor = 0] = process.versions.v8.split('.').map(Number);
const isNew = major > 13 || (major === 13 && minor >= 2);

if ('Deno' in globalThis || 'Bun' in globalThis) {
  console.log('# not run on Deno and Bun: they do not take the flags by which Node prints machine code');
} else if (process.arch !== 'x64' || !isNew) {
  console.log(`# not run on ${process.arch} with V8 ${process.versions.v8}: tiles are sized for x64 and V8 from 13.2`);
} else {
  for (const [name, expected] of Object.entries(tiles)) {
    test(`${name}: the hot loops spill nothing`, () => {
      const code = machineCode(modulePath(name), Object.keys(expected));
      for (const [tile, [least, product]] of Object.entries(expected)) {
        if (tile === 'dots6' && countOf(code.get(tile) ?? [], product) === 0) {
          console.log('# dots6 not looked at: this processor, or this V8, has no dot product of bytes');
          continue;
        }
        const loops = loopsOf(code.get(tile) ?? []).filter((loop) => countOf(loop, product) >= least);
        const inner = loops.filter(
          (loop) => !loops.some((other) => other.length < loop.length && other.every((each) => loop.includes(each))),
        );
        assert.ok(inner.length > 0, `${tile}: a loop of ${least} products`);
        // Of Winograd's outputs the shorter loop is that of whole tiles, which are nearly all; of integers the one within.
        const hot = tile.startsWith('interpolate') ? inner.sort((a, b) => a.length - b.length).slice(0, 1) : inner;
        for (const loop of hot) {
          assert.is(countOf(loop, /\[rbp-/), 0, `${tile}: ${loop.map(({ text }) => text).join('\n')}`);
        }
      }
    });
  }
}

test.run();
