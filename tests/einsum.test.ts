/** einsum and its kin against sums over all indices. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError, DTypeError, ShapeError } from '../src/core/errors.js';
import { type NDArray, ndarray, sizeOf } from '../src/core/ndarray.js';
import { normal } from '../src/core/random.js';
import type { Shape } from '../src/core/shape.js';
import { Trace } from '../src/graph/trace.js';
import * as ops from '../src/ops/functions.js';
import type { Tensor } from '../src/ops/tensor.js';
import { checkGradients, gives } from './support/functions.js';

const drawn = (seed: number, ...shape: number[]): NDArray => ndarray('f32', shape, normal([31, seed], sizeOf(shape)));
const near = { absolute: 1e-5, relative: 1e-5 };

/** By definition: for every value of every letter, the product of the operands, added to the result. */
function naive(terms: readonly string[], output: string, arrays: readonly NDArray[]): NDArray {
  const extents = new Map<string, number>();
  terms.forEach((term, i) => {
    [...term].forEach((letter, axis) => {
      extents.set(letter, Math.max(extents.get(letter) ?? 1, arrays[i]?.shape[axis] ?? 1));
    });
  });
  if ([...extents.values()].includes(0)) throw new RangeError('extents from 1 on are required');
  const letters = [...extents.keys()];
  const shape = [...output].map((letter) => extents.get(letter) ?? 1);
  const data = new Float64Array(sizeOf(shape));
  const index = new Map(letters.map((letter) => [letter, 0]));
  const offset = (term: string, of: readonly number[]): number =>
    [...term].reduce((at, letter, axis) => {
      const extent = of[axis] ?? 1;
      return at * extent + (extent === 1 ? 0 : (index.get(letter) ?? 0));
    }, 0);
  const visit = (depth: number): void => {
    const letter = letters[depth];
    if (letter === undefined) {
      const product = arrays.reduce(
        (total, { shape, data }, i) => total * (data[offset(terms[i] ?? '', shape)] ?? NaN),
        1,
      );
      const at = offset(output, shape);
      data[at] = (data[at] ?? NaN) + product;
      return;
    }
    for (let i = 0; i < (extents.get(letter) ?? 1); i++) {
      index.set(letter, i);
      visit(depth + 1);
    }
  };
  visit(0);
  return ndarray('f32', shape, Float32Array.from(data));
}

const einsum =
  (equation: string) =>
  (...inputs: readonly Tensor[]): Tensor =>
    ops.einsum(equation, ...inputs);

const extentOf: Readonly<Record<string, number>> = { a: 2, b: 3, c: 4, d: 1, e: 2 };
const shapeOf = (term: string): number[] => [...term].map((letter) => extentOf[letter] ?? 1);

for (const [equation, ...shapes] of [
  ['ab,bc->ac', [2, 3], [3, 4]],
  ['ab,cb->ca', [2, 3], [4, 3]],
  ['ba,bc->ac', [3, 2], [3, 4]],
  ['i,i->', [5], [5]],
  ['i,j->ij', [3], [4]],
  ['bi,bi->b', [4, 3], [4, 3]],
  ['bhqd,bhkd->bhqk', [2, 3, 4, 5], [2, 3, 2, 5]],
  ['bqhd,bkhd->bhqk', [2, 4, 3, 5], [2, 2, 3, 5]],
  ['ij->ji', [2, 3]],
  ['ij->', [2, 3]],
  ['ij->j', [2, 3]],
  ['ii->i', [3, 3]],
  ['ii', [3, 3]],
  ['iij->j', [3, 3, 2]],
  ['iji,j->i', [3, 2, 3], [2]],
  ['ba', [2, 3]],
  ['ab,bc,cd->ad', [2, 3], [3, 4], [4, 2]],
  ['ab,ab,ab->ab', [2, 3], [2, 3], [2, 3]],
  ['a,b,c->cab', [2], [3], [4]],
  ['ab,bc', [2, 3], [1, 4]],
] as const satisfies readonly (readonly [string, ...(readonly number[])[]])[]) {
  test(`einsum ${equation} ${JSON.stringify(shapes)}`, async () => {
    const arrays = shapes.map((shape, i) => drawn(i, ...shape));
    const [left = '', output] = equation.split('->');
    const once = [...new Set(left.replace(',', ''))].filter((letter) => left.split(letter).length === 2).sort();
    await gives(einsum(equation), arrays, naive(left.split(','), output ?? once.join(''), arrays), near);
    checkGradients(einsum(equation), arrays);
  });
}

test('einsum of random equations is the sum over all indices', async () => {
  const term = fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e'), { maxLength: 4 }).map((letters) => letters.join(''));
  const equation = fc
    .array(term, { minLength: 1, maxLength: 3 })
    .chain((terms) =>
      fc.record({ terms: fc.constant(terms), output: fc.shuffledSubarray([...new Set(terms.join(''))]) }),
    );
  await fc.assert(
    fc.asyncProperty(equation, async ({ terms, output }) => {
      const arrays = terms.map((each, i) => drawn(i, ...shapeOf(each)));
      const required = naive(terms, output.join(''), arrays);
      await gives(einsum(`${terms.join(', ')} -> ${output.join('')}`), arrays, required, near);
    }),
    { numRuns: 30 },
  );
});

test('an ellipsis stands for axes that broadcast', async () => {
  const [a, b] = [drawn(1, 2, 3, 4), drawn(2, 5, 1, 4, 2)];
  const required = naive(['yab', 'zybc'], 'zyac', [a, b]);
  await gives(einsum('...ab,...bc->...ac'), [a, b], required, near);
  await gives(einsum('...ab,...bc'), [a, b], required, near);
  await gives(
    einsum('a...,a...->...'),
    [a, drawn(3, 2, 3, 4)],
    naive(['axy', 'axy'], 'xy', [a, drawn(3, 2, 3, 4)]),
    near,
  );
  checkGradients(einsum('...ab,...bc->...ac'), [a, b], [1]);
});

test('a symbolic batch goes through', async () => {
  const [a, b] = [drawn(1, 3, 2, 4), drawn(2, 4, 5)];
  const types = [{ dtype: 'f32', shape: ['batch', 2, 4] }, b] as const;
  await gives(einsum('bij,jk->bik'), [a, b], naive(['bij', 'jk'], 'bik', [a, b]), near, types);
  await gives(einsum('bij,bik->bjk'), [a, a], naive(['bij', 'bik'], 'bjk', [a, a]), near, [types[0], types[0]]);
});

test('dot, tensordot and outer are those of NumPy', async () => {
  const [v, w, m, t] = [drawn(1, 4), drawn(2, 4), drawn(3, 3, 4), drawn(4, 2, 4, 3)];
  await gives(ops.dot, [v, w], naive(['i', 'i'], '', [v, w]), near);
  await gives(ops.dot, [m, v], naive(['ij', 'j'], 'i', [m, v]), near);
  await gives(ops.dot, [m, t], naive(['ij', 'kjl'], 'ikl', [m, t]), near);
  await gives(ops.outer, [v, w], naive(['i', 'j'], 'ij', [v, w]), near);
  await gives((a, b) => ops.tensordot(a, b, 1), [m, w], naive(['ij', 'j'], 'i', [m, w]), near);
  const pairs = (a: Tensor, b: Tensor): Tensor =>
    ops.tensordot(a, b, [
      [0, -1],
      [2, 1],
    ]);
  await gives(pairs, [m, t], naive(['ij', 'kji'], 'k', [m, t]), near);
  await gives((a, b) => ops.tensordot(a, b, 0), [v, w], naive(['i', 'j'], 'ij', [v, w]), near);
  await gives(
    (a) => ops.dot(a, ops.constant(a.recorder, 2)),
    [v],
    ndarray('f32', [4], v.data.map((x) => 2 * x) as Float32Array),
  );
});

test('equations that say nothing, and operands that do not fit, are refused', () => {
  const refuses = (equation: string, shapes: readonly Shape[], kind: new (...args: never[]) => Error): void => {
    const trace = new Trace('test', { batch: { max: 4 } });
    const inputs = shapes.map((shape, i) => trace.input(`x${i}`, { dtype: 'f32', shape }));
    assert.throws(
      () => ops.einsum(equation, ...inputs),
      (error: unknown) => error instanceof kind && error.message.startsWith('[einsum]'),
      equation,
    );
  };
  refuses('ij,jk->ik', [[2, 3]], ArgumentError);
  refuses('', [], ArgumentError);
  refuses('i->j', [[2]], ArgumentError);
  refuses('i->ii', [[2]], ArgumentError);
  refuses('i->i->i', [[2]], ArgumentError);
  refuses('i*', [[2]], ArgumentError);
  refuses('i...j...', [[2, 2]], ArgumentError);
  refuses('...i->i', [[2, 3]], ArgumentError);
  refuses('ij', [[2]], ShapeError);
  refuses('...ij', [[2]], ShapeError);
  refuses('ii', [[2, 3]], ShapeError);
  refuses(
    'ij,jk',
    [
      [2, 3],
      [4, 5],
    ],
    ShapeError,
  );
  refuses(
    'ij,jk',
    [
      ['batch', 3],
      [4, 5],
    ],
    ShapeError,
  );
  const trace = new Trace('test', {});
  const [x, i] = [trace.input('x', { dtype: 'f32', shape: [2, 3] }), trace.input('i', { dtype: 'i32', shape: [3, 2] })];
  assert.throws(
    () => ops.einsum('ij,jk', x, i),
    (error: unknown) => error instanceof DTypeError,
  );
  assert.throws(
    () => ops.tensordot(x, x, 1),
    (error: unknown) => error instanceof ShapeError,
  );
  assert.throws(
    () => ops.tensordot(x, x, [[0], [0, 1]]),
    (error: unknown) => error instanceof ShapeError,
  );
});

test.run();
