/**
 * Recurrent layers over all steps of a sequence: LSTM (Hochreiter and Schmidhuber 1997, with forget gates) and GRU (Cho et
 * al. 2014, the reset gate behind the recurrent product), in the weight layouts of Keras. The projection of the inputs is
 * one matmul before the op. Their gradients are ops, which have none: what is to be differentiated twice is written with
 * `rnn`.
 */
import { ShapeError } from '../core/errors.js';
import { sizeOf } from '../core/ndarray.js';
import { type Dim, printShape, sameShape, type Shape, sizeOfShape, subDims } from '../core/shape.js';
import type {
  CaseInput,
  CasesFacet,
  CostFacet,
  CostRule,
  GradientFacet,
  ReferenceArray,
  ReferenceFacet,
  ShapeFacet,
} from './definition.js';
import { add } from './binary.js';
import { bytesOf } from './facets.js';
import { matmul } from './linear.js';
import { broadcastTo, reshape } from './move.js';
import { sum } from './reduce.js';
import { requireDType, requireRank } from './rules.js';
import { normal, type PlainCase, uniform } from './samples.js';
import { none } from './schema.js';
import { concat, slice } from './slice.js';
import { constant } from './source.js';
import { bindAll, type Tensor, type TensorType } from './tensor.js';

type Recurrent = 'lstm' | 'lstmGrad' | 'gru' | 'gruGrad';

/** `count` f32 operands, and up to `most`. */
function operands<T extends TensorType>(op: string, inputs: readonly T[], count: number, most = count): readonly T[] {
  if (inputs.length < count || inputs.length > most) {
    const wanted = most === count ? `${count}` : `${count} to ${most}`;
    throw new ShapeError(op, `${wanted} operands are required. Received ${inputs.length}.`);
  }
  for (const input of inputs) requireDType(op, input, ['f32']);
  return inputs;
}

function requireShapeOf(op: string, what: string, input: TensorType | undefined, wanted: Shape): void {
  if (input && !sameShape(input.shape, wanted)) {
    throw new ShapeError(op, `${what} of ${printShape(wanted)} is required. Received ${printShape(input.shape)}.`);
  }
}

interface Extents {
  readonly b: Dim;
  readonly t: Dim;
  readonly u: number;
}

/** The extents that an operand [b, t, u] and the recurrent weights [u, gates * u] say. */
function extentsOf(op: string, x: TensorType | undefined, kernel: TensorType | undefined, gates: number): Extents {
  if (!x || !kernel) throw new ShapeError(op, 'a sequence and recurrent weights are required.');
  requireRank(op, 'the sequence', x, 3);
  requireRank(op, 'recurrentKernel', kernel, 2);
  const [u] = kernel.shape;
  if (typeof u !== 'number' || u < 1 || kernel.shape[1] !== gates * u) {
    throw new ShapeError(
      op,
      `a recurrentKernel [units, ${gates} * units] is required. Received ${printShape(kernel.shape)}.`,
    );
  }
  const [b = 0, t = 0] = x.shape;
  if (t === 0) throw new ShapeError(op, `at least one step is required. Received ${printShape(x.shape)}.`);
  return { b, t, u };
}

const floats = (...shape: Dim[]): TensorType => ({ dtype: 'f32', shape });

export const shape = {
  lstm: (_, inputs) => {
    const [x, kernel, h0, c0] = operands('lstm', inputs, 4);
    const { b, t, u } = extentsOf('lstm', x, kernel, 4);
    requireShapeOf('lstm', 'x', x, [b, t, 4 * u]);
    requireShapeOf('lstm', 'h0', h0, [b, u]);
    requireShapeOf('lstm', 'c0', c0, [b, u]);
    return [floats(b, t, u), floats(b, t, u), floats(b, t, 4 * u)];
  },
  lstmGrad: (_, inputs) => {
    const [gates, cells, kernel, c0, dsequences, dcells, dgates] = operands('lstmGrad', inputs, 5, 7);
    const { b, t, u } = extentsOf('lstmGrad', gates, kernel, 4);
    for (const each of [gates, dgates]) requireShapeOf('lstmGrad', 'gates', each, [b, t, 4 * u]);
    for (const each of [cells, dsequences, dcells]) requireShapeOf('lstmGrad', 'a sequence', each, [b, t, u]);
    requireShapeOf('lstmGrad', 'c0', c0, [b, u]);
    return [floats(b, t, 4 * u), floats(b, u), floats(b, u)];
  },
  gru: (_, inputs) => {
    const [x, kernel, bias, h0] = operands('gru', inputs, 4);
    const { b, t, u } = extentsOf('gru', x, kernel, 3);
    requireShapeOf('gru', 'x', x, [b, t, 3 * u]);
    requireShapeOf('gru', 'recurrentBias', bias, [3 * u]);
    requireShapeOf('gru', 'h0', h0, [b, u]);
    return [floats(b, t, u), floats(b, t, 3 * u)];
  },
  gruGrad: (_, inputs) => {
    const [gates, part, sequences, kernel, h0, dsequences, dgates] = operands('gruGrad', inputs, 6, 7);
    const { b, t, u } = extentsOf('gruGrad', gates, kernel, 3);
    for (const each of [gates, dgates]) requireShapeOf('gruGrad', 'gates', each, [b, t, 3 * u]);
    for (const each of [part, sequences, dsequences]) requireShapeOf('gruGrad', 'a sequence', each, [b, t, u]);
    requireShapeOf('gruGrad', 'h0', h0, [b, u]);
    return [floats(b, t, 3 * u), floats(b, t, 3 * u), floats(b, u)];
  },
} satisfies ShapeFacet<Recurrent>;

/** Operands or outputs that the shape rule has counted. */
const counted = (tensors: readonly Tensor[]): readonly [Tensor, Tensor, Tensor, Tensor] =>
  tensors as readonly [Tensor, Tensor, Tensor, Tensor];

/** The state before each step: h0, then all but the last of the sequence. */
function statesBefore(h0: Tensor, sequences: Tensor): Tensor {
  const [b = 0, t = 0, u = 0] = sequences.shape;
  const first = reshape(h0, [b, 1, u]);
  return t === 1 ? first : concat([first, slice(sequences, [0, 0, 0], [b, subDims(t, 1), u])], 1);
}

/** The steps of all sequences as rows. */
const rowsOf = (x: Tensor): Tensor => reshape(x, [sizeOfShape(x.shape.slice(0, 2)), ...x.shape.slice(2)]);

const zerosLike = (x: Tensor): Tensor => broadcastTo(constant(x.recorder, 0), x.shape);

export const gradient = {
  lstm: ({ inputs, outputs, gradients }) => {
    const [, kernel, h0, c0] = counted(inputs);
    const [sequences, cells, gates] = counted(outputs);
    const [dsequences, dcells, dgates] = gradients;
    const optional = dgates ? [dcells ?? zerosLike(cells), dgates] : dcells ? [dcells] : [];
    const known = [gates, cells, kernel, c0, dsequences ?? zerosLike(sequences)];
    const [dx, dh0, dc0] = counted(bindAll('lstmGrad', none, ...known, ...optional));
    const dkernel = matmul(rowsOf(statesBefore(h0, sequences)), rowsOf(dx), { transposeA: true });
    return [dx, dkernel, dh0, dc0];
  },
  lstmGrad: null,
  gru: ({ inputs, outputs, gradients }) => {
    const [, kernel, bias, h0] = counted(inputs);
    const [sequences, gates] = counted(outputs);
    const [dsequences, dgates] = gradients;
    const [u = 0] = kernel.shape;
    const before = statesBefore(h0, sequences);
    // What the forward kernel made and did not keep.
    const candidate = slice(kernel, [0, 2 * Number(u)], [u, u]);
    const part = add(matmul(before, candidate), slice(bias, [2 * Number(u)], [u]));
    const known = [gates, part, sequences, kernel, h0, dsequences ?? zerosLike(sequences)];
    const [dx, dsums, dh0] = counted(bindAll('gruGrad', none, ...known, ...(dgates ? [dgates] : [])));
    const dkernel = matmul(rowsOf(before), rowsOf(dsums), { transposeA: true });
    return [dx, dkernel, sum(rowsOf(dsums), { axes: [0] }), dh0];
  },
  gruGrad: null,
} satisfies GradientFacet<Recurrent>;

const sigmoidOf = (x: number): number => 1 / (1 + Math.exp(-x));
const slopeOf = (s: number): number => s * (1 - s);

type Floats = Float64Array;
type LstmGradInputs = [Floats, Floats, Floats, Floats, Floats, Floats?, Floats?];
type GruGradInputs = [Floats, Floats, Floats, Floats, Floats, Floats, Floats?];

const dataOf = (arrays: readonly ReferenceArray[]): readonly Floats[] => arrays.map(({ data }) => data as Floats);

/** Visits the steps of each sequence, forward or backward: `at` is the step's number among all of them. */
function eachStep(
  [b = 0, t = 0, u = 0]: readonly number[],
  backward: boolean,
  visit: (row: number, at: number, before: (whole: Floats, first: Floats) => Floats) => void,
): void {
  for (let row = 0; row < b; row++) {
    for (let i = 0; i < t; i++) {
      const at = row * t + (backward ? t - 1 - i : i);
      const isFirst = at === row * t;
      visit(row, at, (whole, first) =>
        isFirst ? first.subarray(row * u, (row + 1) * u) : whole.subarray((at - 1) * u, at * u),
      );
    }
  }
}

/** The product of a row with the recurrent weights [row's length, width]. */
function recur(row: Floats, kernel: Floats, width: number): Floats {
  const sums = new Float64Array(width);
  row.forEach((x, k) => {
    for (let j = 0; j < width; j++) sums[j] = (sums[j] ?? NaN) + x * (kernel[k * width + j] ?? NaN);
  });
  return sums;
}

/** The product of a row with the transpose of the recurrent weights [units, row's length]. */
function recurBack(row: Floats, kernel: Floats, units: number): Floats {
  return Float64Array.from({ length: units }, (_, k) => {
    let total = 0;
    for (let j = 0; j < row.length; j++) total += (row[j] ?? NaN) * (kernel[k * row.length + j] ?? NaN);
    return total;
  });
}

export const reference = {
  lstm: (_, inputs, outputs) => {
    const [x, kernel, h0, c0] = dataOf(inputs) as [Floats, Floats, Floats, Floats];
    const [h, c, gates] = dataOf(outputs) as [Floats, Floats, Floats];
    const u = outputs[0]?.shape[2] ?? 0;
    eachStep(outputs[0]?.shape ?? [], false, (_row, at, before) => {
      const sums = recur(before(h, h0), kernel, 4 * u);
      const cells = before(c, c0);
      for (let unit = 0; unit < u; unit++) {
        const [i, f, g, o] = [0, 1, 2, 3].map((gate) => {
          const total = (x[at * 4 * u + gate * u + unit] ?? NaN) + (sums[gate * u + unit] ?? NaN);
          const value = gate === 2 ? Math.tanh(total) : sigmoidOf(total);
          gates[at * 4 * u + gate * u + unit] = value;
          return value;
        }) as [number, number, number, number];
        const cell = f * (cells[unit] ?? NaN) + i * g;
        c[at * u + unit] = cell;
        h[at * u + unit] = o * Math.tanh(cell);
      }
    });
  },
  lstmGrad: (_, inputs, outputs) => {
    const [gates, c, kernel, c0, dh, dc, dgates] = dataOf(inputs) as LstmGradInputs;
    const [dx, dh0, dc0] = dataOf(outputs) as [Floats, Floats, Floats];
    const u = inputs[1]?.shape[2] ?? 0;
    eachStep(inputs[1]?.shape ?? [], true, (row, at, before) => {
      const cells = before(c, c0);
      for (let unit = 0; unit < u; unit++) {
        const place = (gate: number): number => at * 4 * u + gate * u + unit;
        const [i, f, g, o] = [0, 1, 2, 3].map((gate) => gates[place(gate)]) as [number, number, number, number];
        const carry = row * u + unit;
        const shown = Math.tanh(c[at * u + unit] ?? NaN);
        const toHidden = (dh[at * u + unit] ?? NaN) + (dh0[carry] ?? NaN);
        const toCell = toHidden * o * (1 - shown ** 2) + (dc0[carry] ?? NaN) + (dc ? (dc[at * u + unit] ?? NaN) : 0);
        const toGates = [toCell * g, toCell * (cells[unit] ?? NaN), toCell * i, toHidden * shown];
        const slopes = [slopeOf(i), slopeOf(f), 1 - g ** 2, slopeOf(o)];
        toGates.forEach((value, gate) => {
          const more = dgates ? (dgates[place(gate)] ?? NaN) : 0;
          dx[place(gate)] = (value + more) * (slopes[gate] ?? NaN);
        });
        dc0[carry] = toCell * f;
      }
      dh0.set(recurBack(dx.subarray(at * 4 * u, (at + 1) * 4 * u), kernel, u), row * u);
    });
  },
  gru: (_, inputs, outputs) => {
    const [x, kernel, bias, h0] = dataOf(inputs) as [Floats, Floats, Floats, Floats];
    const [h, gates] = dataOf(outputs) as [Floats, Floats];
    const u = outputs[0]?.shape[2] ?? 0;
    eachStep(outputs[0]?.shape ?? [], false, (_row, at, before) => {
      const state = before(h, h0);
      const sums = recur(state, kernel, 3 * u).map((total, i) => total + (bias[i] ?? NaN));
      for (let unit = 0; unit < u; unit++) {
        const place = (gate: number): number => gate * u + unit;
        const input = (gate: number): number => x[at * 3 * u + place(gate)] ?? NaN;
        const [z, r] = [0, 1].map((gate) => sigmoidOf(input(gate) + (sums[place(gate)] ?? NaN))) as [number, number];
        const candidate = Math.tanh(input(2) + r * (sums[place(2)] ?? NaN));
        [z, r, candidate].forEach((value, gate) => (gates[at * 3 * u + place(gate)] = value));
        h[at * u + unit] = z * (state[unit] ?? NaN) + (1 - z) * candidate;
      }
    });
  },
  gruGrad: (_, inputs, outputs) => {
    const [gates, part, h, kernel, h0, dh, dgates] = dataOf(inputs) as GruGradInputs;
    const [dx, dsums, dh0] = dataOf(outputs) as [Floats, Floats, Floats];
    const u = inputs[1]?.shape[2] ?? 0;
    eachStep(inputs[1]?.shape ?? [], true, (row, at, before) => {
      const state = before(h, h0);
      const direct = new Float64Array(u);
      for (let unit = 0; unit < u; unit++) {
        const place = (gate: number): number => at * 3 * u + gate * u + unit;
        const more = (gate: number): number => (dgates ? (dgates[place(gate)] ?? NaN) : 0);
        const [z, r, candidate] = [0, 1, 2].map((gate) => gates[place(gate)]) as [number, number, number];
        const toHidden = (dh[at * u + unit] ?? NaN) + (dh0[row * u + unit] ?? NaN);
        const inner = (toHidden * (1 - z) + more(2)) * (1 - candidate ** 2);
        const toUpdate = (toHidden * ((state[unit] ?? NaN) - candidate) + more(0)) * slopeOf(z);
        const toReset = (inner * (part[at * u + unit] ?? NaN) + more(1)) * slopeOf(r);
        [toUpdate, toReset, inner].forEach((value, gate) => (dx[place(gate)] = value));
        [toUpdate, toReset, inner * r].forEach((value, gate) => (dsums[place(gate)] = value));
        direct[unit] = toHidden * z;
      }
      const recurred = recurBack(dsums.subarray(at * 3 * u, (at + 1) * 3 * u), kernel, u);
      dh0.set(
        recurred.map((total, unit) => total + (direct[unit] ?? NaN)),
        row * u,
      );
    });
  },
} satisfies ReferenceFacet<Recurrent>;

/** The recurrent products: a multiply-add for each step's gates and unit. */
const recurrentCost: CostRule<Recurrent> = (_, inputs, outputs) => ({
  multiplyAdds: sizeOf(inputs[0]?.shape ?? []) * (outputs[0]?.shape.at(-1) ?? 0),
  bytes: bytesOf(inputs) + bytesOf(outputs),
});
const backwardCost: CostRule<Recurrent> = (_, inputs, outputs) => ({
  multiplyAdds: sizeOf(inputs[0]?.shape ?? []) * (inputs[1]?.shape.at(-1) ?? 0),
  bytes: bytesOf(inputs) + bytesOf(outputs),
});

export const cost = {
  lstm: recurrentCost,
  lstmGrad: backwardCost,
  gru: recurrentCost,
  gruGrad: backwardCost,
} satisfies CostFacet<Recurrent>;

type Sizes = readonly [b: number, t: number, u: number];

/** Batches around the tiles' heights and the rows of a unit; units around the vector width and the panels. */
const sizes: readonly Sizes[] = [
  [1, 1, 1],
  [1, 3, 4],
  [2, 1, 3],
  [2, 3, 5],
  [3, 2, 8],
  [1, 4, 17],
  [5, 2, 33],
  [0, 3, 4],
  [7, 3, 16],
  [13, 2, 9],
  [30, 3, 32],
];

const timed: readonly Sizes[] = [
  [1, 100, 128],
  [32, 100, 128],
];

/** What flows through many steps grows like their number; tanh and the sigmoid are within 7 units in the last place. */
const recurrent = { absolute: 2e-5, relative: 2e-5 };

function casesOf(inputs: (size: Sizes) => readonly CaseInput[], bench = true): PlainCase[] {
  return [
    ...sizes.map((size) => ({
      attrs: none,
      inputs: inputs(size),
      tolerance: recurrent,
      ...(sizeOf(size) > 60 ? { differentiate: [] } : {}),
    })),
    ...(bench ? timed : []).map((size) => ({
      attrs: none,
      inputs: inputs(size),
      tolerance: recurrent,
      differentiate: [],
      bench,
    })),
  ];
}

/** Recurrent weights as `glorotUniform` draws them: larger ones make a system whose errors grow without bound. */
const weights = (u: number, gates: number): CaseInput => {
  const limit = Math.sqrt(6 / (u + gates * u));
  return uniform([u, gates * u], -limit, limit);
};

export const cases = {
  lstm: () => casesOf(([b, t, u]) => [normal([b, t, 4 * u]), weights(u, 4), normal([b, u]), normal([b, u])]),
  lstmGrad: () => {
    const all = ([b, t, u]: Sizes): CaseInput[] => [
      uniform([b, t, 4 * u], -1, 1),
      normal([b, t, u]),
      weights(u, 4),
      normal([b, u]),
      normal([b, t, u]),
      normal([b, t, u]),
      normal([b, t, 4 * u]),
    ];
    return [5, 6, 7].flatMap((count) => casesOf((size) => all(size).slice(0, count), count === 5));
  },
  gru: () => casesOf(([b, t, u]) => [normal([b, t, 3 * u]), weights(u, 3), normal([3 * u]), normal([b, u])]),
  gruGrad: () => {
    const all = ([b, t, u]: Sizes): CaseInput[] => [
      uniform([b, t, 3 * u], 0, 1),
      normal([b, t, u]),
      normal([b, t, u]),
      weights(u, 3),
      normal([b, u]),
      normal([b, t, u]),
      normal([b, t, 3 * u]),
    ];
    return [6, 7].flatMap((count) => casesOf((size) => all(size).slice(0, count), count === 6));
  },
} satisfies CasesFacet<Recurrent>;
