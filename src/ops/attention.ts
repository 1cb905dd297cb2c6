/**
 * Scaled dot-product attention (Vaswani et al., NeurIPS 2017): softmax(q k^T scale) v for each head, without a matrix of
 * all scores. Its gradient is an op, too, whose own gradient is written with matrix products.
 */
import { ArgumentError, IndexError, ShapeError } from '../core/errors.js';
import { sizeOf } from '../core/ndarray.js';
import { broadcastShapes, printShape, sameShape, type Shape } from '../core/shape.js';
import { add, div, maximum, mul, sub } from './binary.js';
import { less, lessEqual, logicalAnd, where } from './compare.js';
import type {
  Case,
  CaseInput,
  CasesFacet,
  Cost,
  CostFacet,
  GradientFacet,
  ReferenceArray,
  ReferenceFacet,
  ShapeFacet,
} from './definition.js';
import { exp } from './elementwise.js';
import { broadcastStrides, bytesOf, offsetOf, sumTo } from './facets.js';
import { matmul } from './linear.js';
import { reshape } from './move.js';
import { max, sum } from './reduce.js';
import { requireDType, requireNumber, requireRank } from './rules.js';
import { flags, normal, uniform, values } from './samples.js';
import type { Attention, OpAttrs } from './schema.js';
import { iota } from './source.js';
import { bindAll, type Tensor, type TensorType } from './tensor.js';

type Name = 'attention' | 'attentionGrad';

interface Operands<T> {
  readonly q: T;
  readonly k: T;
  readonly v: T;
  readonly mask: T | undefined;
}

function operandsOf<T>(op: string, inputs: readonly T[], between: number): Operands<T> {
  const [q, k, v] = inputs;
  const most = 4 + between;
  if (q === undefined || k === undefined || v === undefined || inputs.length < most - 1 || inputs.length > most) {
    throw new ArgumentError(op, `${most - 1} or ${most} operands are required. Received ${inputs.length}.`);
  }
  return { q, k, v, mask: inputs[most - 1] };
}

/** The shapes of y and of a number for each query. */
function outputsOf(op: string, { scale }: Attention, inputs: Operands<TensorType>): readonly [Shape, Shape] {
  const { q, k, v, mask } = inputs;
  requireNumber(op, 'scale', scale, -Infinity);
  for (const [what, each] of Object.entries({ q, k, v })) {
    requireDType(op, each, ['f32']);
    requireRank(op, what, each, 4);
  }
  const [b = 0, h = 0, m = 0, d = 0] = q.shape;
  const [, , n = 0] = k.shape;
  const [, , , e = 0] = v.shape;
  if (!sameShape(k.shape, [b, h, n, d]) || !sameShape(v.shape, [b, h, n, e])) {
    const received = [q, k, v].map(({ shape }) => printShape(shape)).join(', ');
    throw new ShapeError(op, `q [b, h, m, d], k [b, h, n, d] and v [b, h, n, e] are required. Received ${received}.`);
  }
  if (mask) {
    requireDType(op, mask, ['i32', 'bool', 'f32']);
    const isLengths = mask.dtype === 'i32';
    const wanted = isLengths ? [b] : [b, h, m, n];
    const fits = isLengths ? sameShape(mask.shape, wanted) : broadcasts(op, mask.shape, wanted);
    if (!fits) {
      const what = isLengths ? 'lengths of' : 'a mask that broadcasts to';
      throw new ShapeError(op, `${what} ${printShape(wanted)} are required. Received ${printShape(mask.shape)}.`);
    }
  }
  return [
    [b, h, m, e],
    [b, h, m],
  ];
}

const broadcasts = (op: string, shape: Shape, to: Shape): boolean =>
  shape.length <= to.length && sameShape(broadcastShapes(op, shape, to), to);

export const shape = {
  attention: (attrs, inputs) =>
    outputsOf('attention', attrs, operandsOf('attention', inputs, 0)).map((shape) => ({ dtype: 'f32', shape })),
  attentionGrad: (attrs, inputs) => {
    const operands = operandsOf('attentionGrad', inputs, 3);
    const [y, rows] = outputsOf('attentionGrad', attrs, operands);
    const [dy, logSum, delta] = inputs.slice(3);
    const given: readonly (readonly [TensorType | undefined, Shape])[] = [
      [dy, y],
      [logSum, rows],
      [delta, rows],
    ];
    for (const [input, wanted] of given) {
      if (!input) continue;
      requireDType('attentionGrad', input, ['f32']);
      if (!sameShape(input.shape, wanted)) {
        const received = printShape(input.shape);
        throw new ShapeError('attentionGrad', `${printShape(wanted)} is required. Received ${received}.`);
      }
    }
    const { q, k, v } = operands;
    return [q, k, v].map(({ shape }) => ({ dtype: 'f32', shape }));
  },
} satisfies ShapeFacet<Name>;

/** Keeps sums of exponentials of hidden scores at 0 without infinities. */
const LOWEST = -1e30;

/** A sum of exponentials is at least 1, or 0 where every key is hidden. */
const SMALLEST = 0.5;

/** Which keys each query sees, bool broadcastable to [b, h, m, n]; undefined where it sees all. */
function visibleOf({ causal }: Attention, { q, k, mask }: Operands<Tensor>): Tensor | undefined {
  const [b = 0, , m = 0] = q.shape;
  const [, , n = 0] = k.shape;
  const found: Tensor[] = [];
  if (mask?.dtype === 'bool') found.push(mask);
  if (mask?.dtype === 'i32') found.push(less(iota(q.recorder, [1, 1, 1, n], 3), reshape(mask, [b, 1, 1, 1])));
  if (causal) found.push(lessEqual(iota(q.recorder, [m, n], 1), iota(q.recorder, [m, n], 0)));
  return found.length === 0 ? undefined : found.reduce(logicalAnd);
}

/** All scores [b, h, m, n], as low as can be where they are hidden. */
function scoresOf(attrs: Attention, operands: Operands<Tensor>): Tensor {
  const { q, k, mask } = operands;
  const products = mul(matmul(q, k, { transposeB: true }), attrs.scale);
  const scores = mask?.dtype === 'f32' ? add(products, mask) : products;
  const visible = visibleOf(attrs, operands);
  return visible ? where(visible, scores, LOWEST) : scores;
}

/** A number for each row of a matrix, as a column. */
const column = (x: Tensor): Tensor => reshape(x, [...x.shape, 1]);
const rowSums = (x: Tensor): Tensor => sum(x, { axes: [x.rank - 1] });

/** The probabilities, and how the scores' gradient follows: from whole matrices. */
function slopesOf(attrs: Attention, operands: Operands<Tensor>, dy: Tensor, logSum: Tensor, delta: Tensor) {
  const p = exp(sub(scoresOf(attrs, operands), column(logSum)));
  const error = sub(matmul(dy, operands.v, { transposeB: true }), column(delta));
  return { p, error, ds: mul(p, error) };
}

export const gradient = {
  attention: ({ attrs, inputs, outputs, gradients }) => {
    const operands = operandsOf('attention', inputs, 0);
    const [y, logSum] = outputs as [Tensor, Tensor];
    const [dy = null, dlogSum] = gradients;
    const { q, k, v, mask } = operands;
    const given = dy ?? mul(y, 0);
    const product = rowSums(mul(given, y));
    const delta = dlogSum ? sub(product, dlogSum) : product;
    const known = [q, k, v, given, logSum, delta];
    const made = bindAll('attentionGrad', attrs, ...known, ...(mask ? [mask] : []));
    if (!mask) return made;
    // Nobody computes what nobody asks for: without a gradient for the mask these nodes are dead.
    const isLearned = mask.dtype === 'f32';
    return [...made, isLearned ? sumTo(slopesOf(attrs, operands, given, logSum, delta).ds, mask.shape) : null];
  },
  // With s the scores, p = exp(s - logSum), e = dy v^T - delta: dq = scale (p e) k, dk = scale (p e)^T q, dv = p^T dy.
  attentionGrad: ({ attrs, inputs, gradients }) => {
    const operands = operandsOf('attentionGrad', inputs, 3);
    const [dy, logSum, delta] = inputs.slice(3) as [Tensor, Tensor, Tensor];
    const { q, k, v, mask } = operands;
    const [gq, gk, gv] = gradients.map((g, i) => g ?? mul([q, k, v][i] as Tensor, 0)) as [Tensor, Tensor, Tensor];
    const { p, error, ds } = slopesOf(attrs, operands, dy, logSum, delta);
    const transposed = { transposeA: true };
    const across = { transposeB: true };
    const toDs = mul(add(matmul(gq, k, across), matmul(q, gk, across)), attrs.scale);
    const toError = mul(p, toDs);
    const toS = mul(p, add(mul(toDs, error), matmul(dy, gv, across)));
    const toQ = mul(add(matmul(toS, k), matmul(ds, gk)), attrs.scale);
    const toK = mul(add(matmul(toS, q, transposed), matmul(ds, gq, transposed)), attrs.scale);
    const toV = matmul(toError, dy, transposed);
    const toDy = add(matmul(toError, v), matmul(p, gv));
    const known = [toQ, toK, toV, toDy, mul(rowSums(toS), -1), mul(rowSums(toError), -1)];
    if (!mask) return known;
    return [...known, mask.dtype === 'f32' ? sumTo(toS, mask.shape) : null];
  },
} satisfies GradientFacet<Name>;

type Floats = Float64Array;

const dataOf = (arrays: readonly ReferenceArray[]): readonly Floats[] => arrays.map(({ data }) => data as Floats);

/** The sum of products of two rows of `width` numbers. */
function dot(a: Floats, atA: number, b: Floats, atB: number, width: number): number {
  let total = 0;
  for (let i = 0; i < width; i++) total += (a[atA + i] ?? NaN) * (b[atB + i] ?? NaN);
  return total;
}

/** to[...] += factor * from[...] for rows of `width` numbers. */
function accumulate(to: Floats, atTo: number, from: Floats, atFrom: number, width: number, factor: number): void {
  for (let i = 0; i < width; i++) to[atTo + i] = (to[atTo + i] ?? NaN) + factor * (from[atFrom + i] ?? NaN);
}

/** Calls `visit` for each query with what its scores are: -Infinity where a key is hidden. */
function eachQuery(
  op: string,
  { scale, causal }: Attention,
  { q, k, mask }: Operands<ReferenceArray>,
  visit: (matrix: number, row: number, scores: readonly number[]) => void,
): void {
  const [b = 0, h = 0, m = 0, d = 0] = q.shape;
  const [, , n = 0] = k.shape;
  const [queries, keys] = dataOf([q, k]) as [Floats, Floats];
  const strides = mask && mask.dtype !== 'i32' ? broadcastStrides(mask.shape, [b, h, m, n]) : [];
  const lengths = mask?.dtype === 'i32' ? Array.from(mask.data) : Array.from({ length: b }, () => n);
  for (const length of lengths) {
    if (length < 0 || length > n) throw new IndexError(op, `lengths in [0, ${n}] are required. Received ${length}.`);
  }
  for (let matrix = 0; matrix < b * h; matrix++) {
    const batch = Math.floor(matrix / h);
    for (let row = 0; row < m; row++) {
      const scores = Array.from({ length: n }, (_, key) => {
        if (key >= (lengths[batch] ?? 0) || (causal && key > row)) return -Infinity;
        const given = mask?.data[offsetOf([batch, matrix % h, row, key], strides)] ?? 0;
        if (mask?.dtype === 'bool' && !given) return -Infinity;
        const product = dot(queries, (matrix * m + row) * d, keys, (matrix * n + key) * d, d);
        return product * scale + (mask?.dtype === 'f32' ? given : 0);
      });
      visit(matrix, matrix * m + row, scores);
    }
  }
}

export const reference = {
  attention: (attrs, inputs, outputs) => {
    const operands = operandsOf('attention', inputs, 0);
    const [y, logSum, v] = dataOf([...outputs, operands.v]) as [Floats, Floats, Floats];
    const [, , n = 0, e = 0] = operands.v.shape;
    eachQuery('attention', attrs, operands, (matrix, row, scores) => {
      const largest = Math.max(...scores);
      if (largest === -Infinity) return;
      const powers = scores.map((score) => Math.exp(score - largest));
      const total = powers.reduce((a, power) => a + power, 0);
      logSum[row] = largest + Math.log(total);
      powers.forEach((power, key) => accumulate(y, row * e, v, (matrix * n + key) * e, e, power / total));
    });
  },
  attentionGrad: (attrs, inputs, outputs) => {
    const operands = operandsOf('attentionGrad', inputs, 3);
    const [q, k, v, dy, logSum, delta] = dataOf(inputs) as [Floats, Floats, Floats, Floats, Floats, Floats];
    const [dq, dk, dv] = dataOf(outputs) as [Floats, Floats, Floats];
    const [, , n = 0, d = 0] = operands.k.shape;
    const e = operands.v.shape[3] ?? 0;
    eachQuery('attentionGrad', attrs, operands, (matrix, row, scores) => {
      scores.forEach((score, key) => {
        if (score === -Infinity) return;
        const other = matrix * n + key;
        const p = Math.exp(score - (logSum[row] ?? NaN));
        const slope = attrs.scale * p * (dot(dy, row * e, v, other * e, e) - (delta[row] ?? NaN));
        accumulate(dq, row * d, k, other * d, d, slope);
        accumulate(dk, other * d, q, row * d, d, slope);
        accumulate(dv, other * e, dy, row * e, e, p);
      });
    });
  },
} satisfies ReferenceFacet<Name>;

type Sized = Parameters<typeof bytesOf>[0];

/** Products for each pair of a query and a key that it may see; `ofD` and `ofE` times each of the widths. */
function attentionCost({ causal }: Attention, ofD: number, ofE: number, inputs: Sized, outputs: Sized): Cost {
  const [b = 0, h = 0, m = 0, d = 0] = inputs[0]?.shape ?? [];
  const [, , n = 0, e = 0] = inputs[2]?.shape ?? [];
  const early = Math.min(m, n);
  const pairs = causal ? (early * (early + 1)) / 2 + (m - early) * n : m * n;
  return { multiplyAdds: b * h * pairs * (ofD * d + ofE * e), bytes: bytesOf(inputs) + bytesOf(outputs) };
}

export const cost = {
  attention: (attrs, inputs, outputs) => attentionCost(attrs, 1, 1, inputs, outputs),
  attentionGrad: (attrs, inputs, outputs) => attentionCost(attrs, 3, 2, inputs, outputs),
} satisfies CostFacet<Name>;

interface Sizes {
  readonly b?: number;
  readonly h?: number;
  readonly m: number;
  readonly n?: number;
  readonly d: number;
  readonly e?: number;
  readonly causal?: boolean;
  readonly mask?: CaseInput;
  readonly bench?: boolean;
}

/**
 * Blocks are 8 queries by 256 keys, of the gradients 24 by 128; up to four queries of values of whole vectors are few. Tiles
 * are up to six keys, or numbers of a value, high.
 */
function sizesOf(): readonly Sizes[] {
  const additive = (shape: readonly number[]): CaseInput => uniform(shape, -3, 3);
  const lengths = (...list: readonly number[]): CaseInput => values('i32', [list.length], list);
  const plain: readonly Sizes[] = [
    { m: 1, d: 1 },
    { m: 1, n: 3, d: 4 },
    { b: 2, m: 3, n: 2, d: 5, e: 3 },
    { b: 2, h: 2, m: 4, d: 4 },
    { m: 25, n: 9, d: 3, e: 9 },
    { m: 5, n: 129, d: 17, e: 4 },
    { b: 2, h: 3, m: 50, n: 260, d: 16 },
    { m: 0, n: 3, d: 4 },
    { m: 3, n: 0, d: 4 },
    { b: 0, m: 3, d: 4 },
    { m: 4, n: 7, d: 0, e: 2 },
    { m: 1, n: 3, d: 5, e: 8 },
    { b: 2, m: 4, n: 130, d: 7, e: 24 },
    { h: 2, m: 3, n: 257, d: 16, e: 40 },
    { m: 2, n: 0, d: 4, e: 8 },
    { h: 2, m: 13, n: 26, d: 6, e: 21 },
    { m: 9, n: 515, d: 7, e: 11 },
  ];
  return [
    ...plain,
    ...plain.map((size) => ({ ...size, causal: true })),
    { m: 150, d: 8, causal: true },
    { m: 150, n: 70, d: 8, causal: true },
    { b: 3, h: 2, m: 3, n: 4, d: 4, mask: lengths(4, 0, 2) },
    { b: 2, m: 3, d: 4, causal: true, mask: lengths(1, 3) },
    { b: 3, h: 2, m: 2, n: 140, d: 8, mask: lengths(0, 129, 140) },
    { b: 2, m: 4, n: 150, d: 6, e: 8, causal: true, mask: flags([2, 1, 4, 150]) },
    { h: 2, m: 3, n: 131, d: 8, mask: additive([2, 1, 131]) },
    { m: 2, n: 3, d: 8, mask: values('f32', [2, 3], [0, -Infinity, 1, -Infinity, -Infinity, -Infinity]) },
    { b: 2, h: 2, m: 30, n: 270, d: 8, mask: lengths(77, 270) },
    { b: 2, m: 150, d: 8, causal: true, mask: lengths(140, 150) },
    { b: 2, h: 2, m: 3, n: 5, d: 4, mask: flags([2, 2, 3, 5]) },
    { b: 2, h: 2, m: 3, n: 5, d: 4, mask: flags([5]) },
    { b: 2, h: 2, m: 3, n: 5, d: 4, mask: flags([2, 1, 1, 1]) },
    { b: 2, m: 40, n: 140, d: 8, causal: true, mask: flags([2, 1, 40, 140]) },
    { b: 2, h: 2, m: 3, n: 5, d: 4, mask: additive([2, 2, 3, 5]) },
    { b: 2, h: 2, m: 3, n: 5, d: 4, mask: additive([2, 1, 5]) },
    { b: 2, h: 2, m: 3, n: 5, d: 4, causal: true, mask: additive([3, 1]) },
    { h: 2, m: 40, n: 140, d: 8, mask: additive([2, 40, 140]) },
    // A key that is hidden by addition, and a row of such.
    { m: 2, n: 3, d: 4, mask: values('f32', [2, 3], [0, -Infinity, 1, -Infinity, -Infinity, -Infinity]) },
    {
      m: 6,
      n: 2,
      d: 4,
      mask: values('f32', [6, 2], [0, -Infinity, -1e9, 0, -Infinity, -Infinity, 0, -1e9, 1, 2, 0, 0]),
    },
    { b: 2, m: 14, n: 300, d: 6, mask: flags([2, 1, 14, 1]) },
    { h: 12, m: 128, d: 64, bench: true },
    { h: 12, m: 512, d: 64, bench: true },
  ];
}

const tolerance = { absolute: 2e-5, relative: 2e-5 };

function caseOf<N extends Name>(op: N, size: Sizes): Case<N> {
  const { b = 1, h = 1, m, n = m, d, e = d, causal = false, mask, bench = false } = size;
  const attrs: OpAttrs[Name] = { scale: d > 0 ? d ** -0.5 : 1, causal };
  const operands = [normal([b, h, m, d]), normal([b, h, n, d]), normal([b, h, n, e])];
  // The logarithms of the sums lie near those that the operands give, so that probabilities stay near theirs.
  const rows = [b, h, m];
  const low = Math.log(Math.max(n, 1));
  const gradients = op === 'attention' ? [] : [normal([b, h, m, e]), uniform(rows, low, low + 1), normal(rows)];
  const inputs = [...operands, ...gradients, ...(mask ? [mask] : [])];
  const small = sizeOf([b, h, m, n]) <= 100 && n > 0;
  const infinite = mask?.fill.kind === 'values' && mask.dtype === 'f32';
  const floats = operands.concat(gradients).map((_, i) => i);
  return {
    attrs,
    inputs,
    tolerance,
    ...(small ? (infinite ? { differentiate: floats } : {}) : { differentiate: [] }),
    bench,
  } satisfies Case<Name> as Case<N>;
}

export const cases = {
  attention: () => sizesOf().map((size) => caseOf('attention', size)),
  // In float64 the reference takes its time.
  attentionGrad: () => sizesOf().flatMap((size) => (size.bench && size.m > 128 ? [] : [caseOf('attentionGrad', size)])),
} satisfies CasesFacet<Name>;

export interface AttentionOptions {
  /** What scores are multiplied by; 1 / sqrt(d) unless said. */
  readonly scale?: number;
  /** Whether a query sees no key after its own position, counted from the first of both. */
  readonly causal?: boolean;
  /**
   * Which keys are seen: i32 [b], the number of keys that are there; bool, false where a key is hidden; or f32, added to the
   * scores. The last two broadcast to [b, h, m, n].
   */
  readonly mask?: Tensor;
}

/** The attributes and operands of the options. */
function boundOf(q: Tensor, { scale, causal = false, mask }: AttentionOptions): [Attention, Tensor[]] {
  const d = q.shape.at(-1);
  if (scale === undefined && typeof d !== 'number') {
    throw new ArgumentError('attention', `a scale is required for vectors of unknown length. Received ${d}.`);
  }
  return [{ scale: scale ?? Number(d) ** -0.5, causal }, mask ? [mask] : []];
}

/**
 * softmax(q k^T scale) v of each head: q [b, h, m, d], k [b, h, n, d], v [b, h, n, e] -> [b, h, m, e]; zeros for a query that
 * sees no key. Throws `ShapeError` for operands that do not fit; a length beyond n stops the run.
 */
export function attention(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions = {}): Tensor {
  const [attrs, mask] = boundOf(q, options);
  return bindAll('attention', attrs, q, k, v, ...mask)[0] as Tensor;
}

export interface ByScoresOptions extends AttentionOptions {
  /** What is done to the probabilities, as dropout does; nothing unless said. */
  readonly onProbabilities?: (p: Tensor) => Tensor;
}

/** The same with the matrix of probabilities [b, h, m, n], which may be changed on their way. */
export function attentionByScores(q: Tensor, k: Tensor, v: Tensor, options: ByScoresOptions = {}): Tensor {
  const [attrs] = boundOf(q, options);
  const { mask, onProbabilities = (p) => p } = options;
  const operands = { q, k, v, mask };
  const scores = scoresOf(attrs, operands);
  const powers = exp(sub(scores, max(scores, { axes: [3], keepDims: true })));
  const visible = visibleOf(attrs, operands);
  const seen = visible ? where(visible, powers, 0) : powers;
  const total = sum(seen, { axes: [3], keepDims: true });
  return matmul(onProbabilities(div(seen, maximum(total, SMALLEST))), v);
}
