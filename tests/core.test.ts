/** Dimensions, arrays and the arena: properties that hold for whatever is thrown at them. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { layOut } from '../src/backend/wasm/memory.js';
import { ArgumentError, DTypeError, ShapeError } from '../src/core/errors.js';
import { ndarray } from '../src/core/ndarray.js';
import {
  addDims,
  broadcastShapes,
  canonical,
  ceilDivDim,
  type Dim,
  divideExactly,
  evaluateDim,
  floorDivDim,
  mulDims,
  subDims,
} from '../src/core/shape.js';

const dims: fc.Arbitrary<Dim> = fc.letrec<{ dim: Dim }>((tie) => ({
  dim: fc.oneof(
    { maxDepth: 4 },
    fc.integer({ min: 0, max: 9 }),
    fc.constantFrom('batch', 'length', 'n'),
    fc.tuple(tie('dim'), tie('dim')).map(([a, b]) => addDims(a, b)),
    fc.tuple(tie('dim'), tie('dim')).map(([a, b]) => subDims(a, b)),
    fc.tuple(tie('dim'), tie('dim')).map(([a, b]) => mulDims(a, b)),
    fc.tuple(tie('dim'), fc.integer({ min: 1, max: 5 })).map(([a, k]) => floorDivDim(a, k)),
  ),
})).dim;
const extents = fc.record({
  batch: fc.integer({ min: 0, max: 20 }),
  length: fc.integer({ min: 0, max: 20 }),
  n: fc.integer({ min: 0, max: 20 }),
});

test('arithmetic on dimensions is arithmetic on their values', () => {
  fc.assert(
    fc.property(dims, dims, extents, fc.integer({ min: 1, max: 7 }), (a, b, at, k) => {
      const [x, y] = [evaluateDim(a, at), evaluateDim(b, at)];
      assert.is(evaluateDim(addDims(a, b), at), x + y);
      assert.is(evaluateDim(subDims(a, b), at), x - y);
      assert.is(evaluateDim(mulDims(a, b), at) + 0, x * y + 0);
      assert.is(evaluateDim(floorDivDim(a, k), at), Math.floor(x / k));
      assert.is(evaluateDim(ceilDivDim(a, k), at), Math.ceil(x / k) + 0);
    }),
  );
});

test('symbols are those that have extents, whatever every object has', () => {
  for (const dim of ['batch', 'constructor', '2*toString+1', 'floor((valueOf+1)/2)']) {
    assert.throws(() => evaluateDim(dim, {}), /has no extent here/);
  }
  assert.is(evaluateDim('2*constructor+1', Object.fromEntries([['constructor', 3]])), 7);
});

test('text is canonical: equal polynomials are equal strings, and reading them back changes nothing', () => {
  fc.assert(
    fc.property(dims, dims, (a, b) => {
      assert.is(canonical(a), a);
      assert.is(addDims(a, b), addDims(b, a));
      assert.is(mulDims(a, b), mulDims(b, a));
      assert.is(subDims(addDims(a, b), b), a);
    }),
  );
  assert.is(canonical('1 + batch*4'), '4*batch+1');
  assert.is(ceilDivDim('batch', 6), 'floor((batch+5)/6)');
  assert.is(mulDims('batch', mulDims('length', 2)), '2*batch*length');
});

test('exact division undoes multiplication, and refuses what does not divide', () => {
  assert.is(divideExactly('12*batch*length', '4*batch'), '3*length');
  assert.is(divideExactly('12*batch+3', 4), null);
  assert.is(divideExactly('batch', 'length'), null);
});

test('text that is no dimension is refused', () => {
  for (const text of ['', 'batch+', '2**n', 'a b', 'floor(n/2)', 'n/2', '1.5', 'n)']) {
    assert.throws(
      () => canonical(text),
      (error: unknown) => error instanceof ArgumentError,
    );
  }
});

test('a symbol broadcasts with itself and with 1 only', () => {
  assert.equal(broadcastShapes('add', ['batch', 1, 3], [4, 1]), ['batch', 4, 3]);
  assert.throws(
    () => broadcastShapes('add', ['batch'], [3]),
    (error: unknown) => error instanceof ShapeError && /\[add\].*\[batch\], \[3\]/.test(error.message),
  );
});

test('arrays check their shape and their type', () => {
  assert.equal([...ndarray('f32', [2, 2], [1, 2, 3, 4]).data], [1, 2, 3, 4]);
  const data = new Float32Array(6);
  assert.is(ndarray('f32', [2, 3], data).data, data);
  assert.throws(
    () => ndarray('f32', [2, 3], [1, 2]),
    (error: unknown) => error instanceof ShapeError,
  );
  assert.throws(
    () => ndarray('f32', [6], new Int32Array(6)),
    (error: unknown) => error instanceof DTypeError,
  );
  assert.throws(
    () => ndarray('f32', [-1]),
    (error: unknown) => error instanceof ArgumentError,
  );
});

test('buffers whose lives overlap never share bytes, and the arena is no larger than their sum', () => {
  const life = fc
    .tuple(fc.integer({ min: 0, max: 5000 }), fc.integer({ min: -1, max: 30 }), fc.integer({ min: 0, max: 10 }))
    .map(([bytes, first, length]) => ({ bytes, first, last: first + length }));
  fc.assert(
    fc.property(fc.array(life, { maxLength: 40 }), (lives) => {
      const { offsets, bytes } = layOut(lives);
      lives.forEach((a, i) => {
        const start = offsets[i] ?? -1;
        assert.is(start % 64, 0);
        assert.ok(start + a.bytes <= bytes);
        lives.forEach((b, j) => {
          if (j <= i || a.last < b.first || b.last < a.first || a.bytes === 0 || b.bytes === 0) return;
          const other = offsets[j] ?? -1;
          assert.ok(start + a.bytes <= other || other + b.bytes <= start, 'two live buffers overlap');
        });
      });
      assert.ok(bytes <= lives.reduce((sum, { bytes: each }) => sum + Math.ceil(each / 64) * 64, 0));
    }),
  );
});

test.run();
