/**
 * Matrix products: y [..., m, n] = a [..., m, k] b [..., k, n]. The leading dimensions are a batch and broadcast; either
 * operand may be stored transposed. The optional bias and the activation are set by fusion.
 */
import { ShapeError } from '../core/errors.js';
import { sizeOf } from '../core/ndarray.js';
import { broadcastShapes, type Dim, printShape, sizeOfShape } from '../core/shape.js';
import type { Case, CasesFacet, CostFacet, GradientFacet, ReferenceFacet, ShapeFacet } from './definition.js';
import { broadcastStrides, bytesOf, only, sumTo, walk } from './facets.js';
import { one, requireDType, requireRank, twoOrThree } from './rules.js';
import { normal, summed } from './samples.js';
import { none } from './schema.js';
import { bind, type Tensor, type TensorType } from './tensor.js';

type Linear = 'matmul';

/** The shape of a stored matrix as [batch, rows, columns] of the product. */
function matrix<D extends Dim>(shape: readonly D[], transposed: boolean): readonly [readonly D[], D, D] {
  const [rows, columns] = shape.slice(-2);
  if (rows === undefined || columns === undefined) {
    throw new ShapeError('matmul', `matrices are required. Received ${printShape(shape)}.`);
  }
  const batch = shape.slice(0, -2);
  return transposed ? [batch, columns, rows] : [batch, rows, columns];
}

export const shape = {
  matmul: ({ transposeA, transposeB }, inputs) => {
    const [a, b, bias] = twoOrThree('matmul', inputs);
    for (const input of inputs) requireDType('matmul', input, ['f32']);
    const [batchA, m, k] = matrix(a.shape, transposeA);
    const [batchB, rows, n] = matrix(b.shape, transposeB);
    if (k !== rows) throw mismatch(a, b, k, rows);
    if (bias) {
      requireRank('matmul', 'bias', bias, 1);
      if (bias.shape[0] !== n) {
        throw new ShapeError('matmul', `a bias of [${n}] is required. Received ${printShape(bias.shape)}.`);
      }
    }
    return [{ dtype: 'f32', shape: [...broadcastShapes('matmul', batchA, batchB), m, n] }];
  },
} satisfies ShapeFacet<Linear>;

function mismatch(a: TensorType, b: TensorType, columns: Dim, rows: Dim): ShapeError {
  const operands = `${printShape(a.shape)}, ${printShape(b.shape)}`;
  return new ShapeError(
    'matmul',
    `as many columns on the left as rows on the right are required. Received ${operands}: ${columns} and ${rows}.`,
  );
}

/** The rows of a batch of matrices as one matrix. */
function stacked(x: Tensor): Tensor {
  return bind('reshape', { shape: [sizeOfShape(x.shape.slice(0, -1)), ...x.shape.slice(-1)] }, x);
}

export const gradient = {
  matmul: ({ attrs, inputs, outputs, gradients }) => {
    const { transposeA, transposeB } = attrs;
    const [a, b, bias] = twoOrThree('matmul', inputs);
    const dy =
      attrs.activation === 'relu' ? bind('reluGrad', none, only(gradients), one('matmul', outputs)) : only(gradients);
    const da = transposeA
      ? matmul(b, dy, { transposeA: transposeB, transposeB: true })
      : matmul(dy, b, { transposeB: !transposeB });
    // A batch against one matrix is one product of all its rows: no gradient for each batch entry to add up.
    const [left, right] = !transposeA && a.rank > 2 && b.rank === 2 ? [stacked(a), stacked(dy)] : [a, dy];
    const db = transposeB
      ? matmul(right, left, { transposeA: true, transposeB: transposeA })
      : matmul(left, right, { transposeA: !transposeA });
    const gradientsOfOperands = [sumTo(da, a.shape), sumTo(db, b.shape)];
    return bias ? [...gradientsOfOperands, sumTo(dy, bias.shape)] : gradientsOfOperands;
  },
} satisfies GradientFacet<Linear>;

export const reference = {
  matmul: ({ transposeA, transposeB, activation }, inputs, outputs) => {
    const [a, b, bias] = twoOrThree('matmul', inputs);
    const y = one('matmul', outputs);
    const [batchA, m, k] = matrix(a.shape, transposeA);
    const [batchB, , n] = matrix(b.shape, transposeB);
    const batch = y.shape.slice(0, -2);
    const strides = [broadcastStrides(batchA, batch), broadcastStrides(batchB, batch)];
    walk(batch, strides, (at, matrixA, matrixB) => {
      for (let row = 0; row < m; row++) {
        for (let column = 0; column < n; column++) {
          let total = bias?.data[column] ?? 0;
          for (let i = 0; i < k; i++) {
            const left = matrixA * m * k + (transposeA ? i * m + row : row * k + i);
            const right = matrixB * k * n + (transposeB ? column * k + i : i * n + column);
            total += (a.data[left] ?? NaN) * (b.data[right] ?? NaN);
          }
          y.data[(at * m + row) * n + column] = activation === 'relu' ? Math.max(total, 0) : total;
        }
      }
    });
  },
} satisfies ReferenceFacet<Linear>;

export const cost = {
  matmul: ({ transposeA }, inputs, outputs) => {
    const [a] = twoOrThree('matmul', inputs);
    const [, , k] = matrix(a.shape, transposeA);
    return { multiplyAdds: sizeOf(one('matmul', outputs).shape) * k, bytes: bytesOf(inputs) + bytesOf(outputs) };
  },
} satisfies CostFacet<Linear>;

export const cases = {
  matmul: matmulCases,
} satisfies CasesFacet<Linear>;

interface Product {
  readonly a: readonly number[];
  readonly b: readonly number[];
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
  readonly fused?: boolean;
  readonly bench?: boolean;
}

function productCase({
  a,
  b,
  transposeA = false,
  transposeB = false,
  fused = false,
  bench = false,
}: Product): Case<'matmul'> {
  const [, m, k] = matrix(a, transposeA);
  const [, , n] = matrix(b, transposeB);
  const inputs = [normal(a), normal(b)];
  return {
    attrs: { transposeA, transposeB, activation: fused ? 'relu' : 'linear' },
    inputs: fused ? [...inputs, normal([n])] : inputs,
    tolerance: summed(k),
    ...(m * n * k > 200 ? { differentiate: [] } : {}),
    bench,
  };
}

function matmulCases(): readonly Case<'matmul'>[] {
  const sizes = [
    [0, 3, 4],
    [3, 0, 4],
    [3, 4, 0],
    [1, 1, 1],
    [1, 4, 5],
    [3, 1, 8],
    [4, 5, 3],
    [5, 7, 4],
    [7, 8, 9],
    [8, 9, 15],
    [9, 16, 7],
    [15, 17, 16],
    [16, 33, 8],
    [17, 3, 33],
    [33, 15, 17],
    [64, 64, 64],
    [1, 64, 33],
    [33, 10, 64],
  ];
  const flags = [false, true];
  const plain = sizes.flatMap(([m = 0, n = 0, k = 0]) =>
    flags.flatMap((transposeA) =>
      flags.map((transposeB) =>
        productCase({ a: transposeA ? [k, m] : [m, k], b: transposeB ? [n, k] : [k, n], transposeA, transposeB }),
      ),
    ),
  );
  const fused = sizes.map(([m = 0, n = 0, k = 0]) => productCase({ a: [m, k], b: [k, n], fused: true }));
  return [
    ...plain,
    ...fused,
    productCase({ a: [0, 3, 4], b: [0, 4, 5] }),
    productCase({ a: [2, 3, 4], b: [2, 4, 5] }),
    productCase({ a: [2, 3, 4], b: [2, 5, 4], transposeB: true }),
    // B as it lies, and one that is too large for that.
    productCase({ a: [3, 13, 20], b: [3, 20, 24], fused: true }),
    productCase({ a: [1, 7, 128], b: [2, 128, 72] }),
    productCase({ a: [2, 4, 3], b: [2, 4, 5], transposeA: true }),
    productCase({ a: [2, 4, 3], b: [2, 5, 4], transposeA: true, transposeB: true }),
    productCase({ a: [3, 2, 4], b: [4, 5] }),
    productCase({ a: [3, 2, 4], b: [5, 4], transposeB: true, fused: true }),
    productCase({ a: [3, 4, 2], b: [4, 5], transposeA: true }),
    productCase({ a: [2, 4], b: [3, 4, 5] }),
    productCase({ a: [3, 1, 2, 4], b: [2, 4, 3] }),
    productCase({ a: [2, 1, 2, 3], b: [1, 3, 3, 2], fused: true }),
    productCase({ a: [1, 2, 3], b: [3, 3, 2] }),
    productCase({ a: [2, 4, 17, 16], b: [2, 4, 33, 16], transposeB: true }),
    productCase({ a: [2, 4, 17, 33], b: [2, 4, 33, 16] }),
    productCase({ a: [4, 33, 16], b: [16, 17], fused: true }),
    productCase({ a: [2, 3, 40], b: [2, 40, 24] }),
    productCase({ a: [7, 1300], b: [1300, 9], fused: true }),
    productCase({ a: [1300, 7], b: [1300, 9], transposeA: true }),
    productCase({ a: [40, 26], b: [40, 264], transposeA: true }),
    productCase({ a: [64, 64], b: [64, 64], bench: true }),
    productCase({ a: [256, 256], b: [256, 256], bench: true }),
    productCase({ a: [512, 512], b: [512, 512], bench: true }),
    productCase({ a: [256, 256], b: [256, 256], transposeA: true, bench: true }),
    productCase({ a: [256, 256], b: [256, 256], transposeB: true, bench: true }),
    productCase({ a: [1, 1024], b: [1024, 1024], bench: true }),
    productCase({ a: [64, 576], b: [576, 64], fused: true, bench: true }),
    productCase({ a: [4, 8, 128, 64], b: [4, 8, 128, 64], transposeB: true, bench: true }),
  ];
}

export interface MatmulOptions {
  /** The matrices of `a` are stored [k, m]. */
  readonly transposeA?: boolean;
  /** The matrices of `b` are stored [n, k]. */
  readonly transposeB?: boolean;
}

/** The matrix product of a [..., m, k] and b [..., k, n]; leading dimensions broadcast. */
export function matmul(a: Tensor, b: Tensor, options: MatmulOptions = {}): Tensor {
  const { transposeA = false, transposeB = false } = options;
  return bind('matmul', { transposeA, transposeB, activation: 'linear' }, a, b);
}
