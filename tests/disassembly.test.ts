/**
 * The inner loops of the hot tiles in machine code: all their numbers live in registers. A compiler that keeps one on the
 * stack costs up to half of the speed, and nothing else would tell. Sizes of tiles are chosen for V8 from 13.2.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { modulePath } from '../src/backend/wasm/modules-node.js';
import { KernelMachine } from './support/kernel-machine.js';
import { countOf, loopsOf, machineCode } from './support/machine-code.js';

type Product = 'fma' | 'dot' | 'mul' | 'pair' | 'shift' | 'integer';

/**
 * Multiply-adds of the loop of each tile: rows, two vectors of columns (a stream's eight), four steps of depth
 * (`pooled`: three, attention's two); the taps of a window, which the compiler may unroll; of Winograd's transforms those
 * of a row of values.
 */
const tiles: Readonly<Record<string, Readonly<Record<string, readonly [least: number, product: Product]>>>> = {
  'infer-relaxed': {
    rows6: [48, 'fma'],
    dots6: [48, 'dot'],
    pooled: [24, 'fma'],
    stream4: [32, 'fma'],
    scores6: [24, 'fma'],
    values6: [24, 'fma'],
    slide3x3: [9, 'fma'],
    evaluateTile: [10, 'fma'],
    interpolateTile: [4, 'fma'],
  },
  'infer-simd': {
    rows5: [40, 'mul'],
    pairs5: [20, 'pair'],
    words5: [20, 'pair'],
    evaluateBytes: [3, 'shift'],
    interpolateSums: [4, 'integer'],
    pooled: [24, 'mul'],
    stream4: [32, 'mul'],
    scores5: [20, 'mul'],
    values5: [20, 'mul'],
    slide3x3: [9, 'mul'],
    evaluateTile: [8, 'mul'],
    interpolateTile: [6, 'mul'],
  },
};

/** What the products are called, and how a number on the stack is written. */
const processors = {
  x64: {
    fma: /vfn?madd/,
    dot: /vpdpb[us]sd/,
    mul: /vmulps/,
    pair: /vpmaddwd/,
    shift: /vpsllw/,
    integer: /vpmulld/,
    stack: /\[rbp-/,
  },
  // Without `sdot` the dot product of bytes is five instructions, of which this is one.
  arm64: {
    fma: /fml[as]/,
    dot: /sdot|saddlp/,
    mul: /fmul/,
    pair: /smull2/,
    shift: /shl v\d+\.8h/,
    integer: /\bmul v\d+\.4s/,
    stack: /\[(?:sp|fp)/,
  },
};

const [major = 0, minor = 0] = process.versions.v8.split('.').map(Number);
const isNew = major > 13 || (major === 13 && minor >= 2);

if ('Deno' in globalThis || 'Bun' in globalThis) {
  console.log('# not run on Deno and Bun: they do not take the flags by which Node prints machine code');
} else if ((process.arch !== 'x64' && process.arch !== 'arm64') || !isNew) {
  console.log(`# not run on ${process.arch} with V8 ${process.versions.v8}: it is for x64 and arm64, and V8 from 13.2`);
} else {
  const processor = processors[process.arch];
  for (const [name, expected] of Object.entries(tiles)) {
    test(`${name}: the hot loops spill nothing`, () => {
      const code = machineCode(modulePath(name), Object.keys(expected));
      for (const [tile, [least, kind]] of Object.entries(expected)) {
        const product = processor[kind];
        if (kind === 'dot') {
          const has = countOf(code.get(tile) ?? [], product) > 0;
          assert.is(new KernelMachine('infer-relaxed').call('probeDot') !== 0, has, 'the probe finds what is there');
          if (!has) {
            console.log('# dots6 not looked at: this processor, or this V8, has no dot product of bytes');
            continue;
          }
        }
        const loops = loopsOf(code.get(tile) ?? []).filter((loop) => countOf(loop, product) >= least);
        const inner = loops.filter(
          (loop) => !loops.some((other) => other.length < loop.length && other.every((each) => loop.includes(each))),
        );
        assert.ok(inner.length > 0, `${tile}: a loop of ${least} products`);
        // Of Winograd's outputs the shorter loop is that of whole tiles, which are nearly all; of integers the one within.
        const hot = tile.startsWith('interpolate') ? inner.sort((a, b) => a.length - b.length).slice(0, 1) : inner;
        for (const loop of hot) {
          assert.is(countOf(loop, processor.stack), 0, `${tile}: ${loop.map(({ text }) => text).join('\n')}`);
        }
      }
    });
  }
}

test.run();
