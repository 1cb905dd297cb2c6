/** Op families: what their shape rules accept and refuse, symbolic dimensions, reference values known by hand. */
import * as esbuild from 'esbuild';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { executeGraph, executeOp } from '../src/backend/reference/execute.js';
import { allocate, type DType } from '../src/core/dtype.js';
import { ArgumentError, DTypeError, IndexError, NumericsError, QuernError, ShapeError } from '../src/core/errors.js';
import { sizeOf } from '../src/core/ndarray.js';
import { printShape, type Shape } from '../src/core/shape.js';
import { gradients } from '../src/graph/autodiff.js';
import { Trace } from '../src/graph/trace.js';
import type { ReferenceArray } from '../src/ops/definition.js';
import { sumTo } from '../src/ops/facets.js';
import * as ops from '../src/ops/functions.js';
import { none, type OpAttrs, type OpName } from '../src/ops/schema.js';
import { shapeTable } from '../src/ops/tables/shape.js';
import type { Tensor } from '../src/ops/tensor.js';

const symbols = { batch: { max: 64 }, length: { max: 32 } };

/** A trace with an input for each of the types, and what `build` makes of them. */
function traced(types: readonly (readonly [DType, Shape])[], build: (...inputs: Tensor[]) => Tensor): Tensor {
  const trace = new Trace('test', symbols);
  return build(...types.map(([dtype, shape], i) => trace.input(`x${i}`, { dtype, shape })));
}

const print = ({ dtype, shape }: { dtype: DType; shape: Shape }): string => `${dtype} ${printShape(shape)}`;

/** An array of the reference. */
function array(dtype: DType, shape: readonly number[], data: readonly number[]): ReferenceArray {
  const made = dtype === 'f32' ? new Float64Array(sizeOf(shape)) : allocate(dtype, sizeOf(shape));
  made.set(data);
  return { dtype, shape, data: made };
}

const f32 = (shape: readonly number[], data: readonly number[]): ReferenceArray => array('f32', shape, data);
const i32 = (shape: readonly number[], data: readonly number[]): ReferenceArray => array('i32', shape, data);

/** The data of the only output. */
function run<N extends OpName>(op: N, attrs: OpAttrs[N], ...inputs: readonly ReferenceArray[]): number[] {
  const [y] = executeOp(op, attrs, inputs);
  return Array.from(y?.data ?? []);
}

// What the rules accept

const accepted: readonly (readonly [string, Tensor])[] = [
  [
    'f32 [4, 3, 5]',
    traced(
      [
        ['f32', [4, 1, 5]],
        ['f32', [3, 1]],
      ],
      (a, b) => ops.add(a, b),
    ),
  ],
  [
    'f32 [2, 3]',
    traced(
      [
        ['f32', []],
        ['f32', [2, 3]],
      ],
      (a, b) => ops.pow(a, b),
    ),
  ],
  [
    'i32 [0, 3]',
    traced(
      [
        ['i32', [0, 1]],
        ['i32', [1, 3]],
      ],
      (a, b) => ops.maximum(a, b),
    ),
  ],
  ['f32 [5]', traced([['f32', [5]]], (x) => ops.sub(1, x))],
  ['i32 [5]', traced([['i32', [5]]], (x) => ops.mul(x, -3))],
  [
    'bool [2, 5]',
    traced(
      [
        ['i32', [2, 1]],
        ['i32', [5]],
      ],
      (a, b) => ops.lessEqual(a, b),
    ),
  ],
  [
    'bool [3]',
    traced(
      [
        ['bool', [3]],
        ['bool', []],
      ],
      (a, b) => ops.logicalOr(a, ops.logicalNot(b)),
    ),
  ],
  [
    'u8 [2, 3]',
    traced(
      [
        ['bool', [2, 1]],
        ['u8', [3]],
      ],
      (c, a) => ops.where(c, a, 7),
    ),
  ],
  ['f32 [2]', traced([['bool', [2]]], (c) => ops.where(c, 0, -1e9))],
  ['u8 [4]', traced([['f32', [4]]], (x) => ops.cast(x, 'u8'))],
  ['f32 []', traced([['f32', [2, 3]]], (x) => ops.sum(x))],
  ['f32 [2, 1, 4]', traced([['f32', [2, 3, 4]]], (x) => ops.mean(x, { axes: -2, keepDims: true }))],
  ['u8 [3]', traced([['u8', [2, 3, 4]]], (x) => ops.max(x, { axes: [2, 0] }))],
  ['i32 [2, 3]', traced([['f32', [2, 3, 4]]], (x) => ops.argmax(x))],
  ['f32 [4, 6]', traced([['f32', [2, 3, 4]]], (x) => ops.reshape(x, [4, -1]))],
  ['f32 [0, 5]', traced([['f32', [5, 0]]], (x) => ops.reshape(x, [-1, 5]))],
  ['f32 [4, 3, 2]', traced([['f32', [2, 3, 4]]], (x) => ops.transpose(x))],
  ['f32 [4, 2, 3]', traced([['f32', [2, 3, 4]]], (x) => ops.transpose(x, [-1, 0, 1]))],
  ['bool [2, 3]', traced([['bool', [3]]], (x) => ops.broadcastTo(x, [2, 3]))],
  ['i8 [1, 3]', traced([['i8', [4, 5]]], (x) => ops.slice(x, [3, 2], [1, 3]))],
  [
    'f32 [5, 5]',
    traced([['f32', [2, 5]]], (x) =>
      ops.pad(x, [
        [1, 2],
        [0, 0],
      ]),
    ),
  ],
  [
    'f32 [4, 5]',
    traced(
      [
        ['f32', [4, 5]],
        ['f32', [1, 5]],
      ],
      (x, u) => ops.dynamicUpdateSlice(x, u, [2, 0]),
    ),
  ],
  [
    'f32 [2, 9]',
    traced(
      [
        ['f32', [2, 4]],
        ['f32', [2, 5]],
      ],
      (a, b) => ops.concat([a, b], -1),
    ),
  ],
  [
    'f32 [2, 3, 8]',
    traced(
      [
        ['f32', [10, 8]],
        ['i32', [2, 3]],
      ],
      (x, i) => ops.gather(x, i),
    ),
  ],
  [
    'f32 [10, 3]',
    traced(
      [
        ['f32', [10, 8]],
        ['i32', [3]],
      ],
      (x, i) => ops.gather(x, i, -1),
    ),
  ],
  ['i32 [3, 4]', traced([['f32', []]], (x) => ops.iota(x.recorder, [3, 4], -1))],
  ['f32 []', traced([['f32', [3, 4]]], (x) => ops.size(x, [-1]))],
];

test('shape rules give the types that NumPy gives', () => {
  for (const [expected, tensor] of accepted) assert.is(print(tensor), expected);
});

test('dimensions stay symbolic', () => {
  const x = ['f32', ['batch', 28, 28, 3]] as const;
  const cases: readonly (readonly [string, Tensor])[] = [
    ['f32 [batch, 2352]', traced([x], (x) => ops.reshape(x, ['batch', -1]))],
    ['f32 [28*batch, 84]', traced([x], (x) => ops.reshape(x, [-1, 84]))],
    ['f32 [batch*length, 8]', traced([['f32', ['batch', 'length', 8]]], (x) => ops.reshape(x, [-1, 8]))],
    ['f32 [length+1, 16]', traced([['f32', ['length+1', 4, 4]]], (x) => ops.reshape(x, ['1 + length', -1]))],
    ['f32 [batch, 28, 28, 3]', traced([x, ['f32', [3]]], (x, b) => ops.add(x, b))],
    [
      'f32 [batch, length]',
      traced(
        [
          ['f32', ['batch', 1]],
          ['f32', ['length']],
        ],
        (a, b) => ops.mul(a, b),
      ),
    ],
    ['f32 [3]', traced([x], (x) => ops.sum(x, { axes: [0, 1, 2] }))],
    ['f32 [3, 28, batch, 28]', traced([x], (x) => ops.transpose(x, [3, 1, 0, 2]))],
    ['f32 [batch, length]', traced([['f32', ['length']]], (x) => ops.broadcastTo(x, ['batch', 'length']))],
    ['f32 [batch, 27, 27, 1]', traced([x], (x) => ops.slice(x, [0, 1, 1, 2], ['batch', 27, 27, 1]))],
    ['f32 [length-1]', traced([['f32', ['length']]], (x) => ops.slice(x, [1], ['length-1']))],
    ['f32 [length+3]', traced([['f32', ['length']]], (x) => ops.pad(x, [[1, 2]]))],
    [
      'f32 [batch+length, 4]',
      traced(
        [
          ['f32', ['batch', 4]],
          ['f32', ['length', 4]],
        ],
        (a, b) => ops.concat([a, b]),
      ),
    ],
    [
      'f32 [batch, length, 8]',
      traced(
        [
          ['f32', [99, 8]],
          ['i32', ['batch', 'length']],
        ],
        (x, i) => ops.gather(x, i),
      ),
    ],
    ['i32 [length, length]', traced([x], (x) => ops.iota(x.recorder, ['length', 'length']))],
    ['i32 [batch]', traced([['f32', ['batch', 10]]], (x) => ops.argmax(x))],
  ];
  for (const [expected, tensor] of cases) assert.is(print(tensor), expected);
});

// What they refuse

type Refusal = readonly [new (...args: never[]) => QuernError, string, () => unknown];

const refused: readonly Refusal[] = [
  [
    ShapeError,
    '[add] shapes that broadcast are required. Received [3], [4].',
    () =>
      traced(
        [
          ['f32', [3]],
          ['f32', [4]],
        ],
        (a, b) => ops.add(a, b),
      ),
  ],
  [
    ShapeError,
    '[mul] shapes that broadcast are required. Received [batch], [length].',
    () =>
      traced(
        [
          ['f32', ['batch']],
          ['f32', ['length']],
        ],
        (a, b) => ops.mul(a, b),
      ),
  ],
  [
    DTypeError,
    '[add] operands of one dtype are required. Received f32, i32. Use cast.',
    () =>
      traced(
        [
          ['f32', [3]],
          ['i32', [3]],
        ],
        (a, b) => ops.add(a, b),
      ),
  ],
  [
    DTypeError,
    '[sub] elements of f32 or i32 are required. Received bool.',
    () =>
      traced(
        [
          ['bool', [3]],
          ['bool', [3]],
        ],
        (a, b) => ops.sub(a, b),
      ),
  ],
  [DTypeError, '[exp] elements of f32 are required. Received i32.', () => traced([['i32', []]], (x) => ops.exp(x))],
  [
    ArgumentError,
    '[constant] finite values that i32 holds are required. Received 0.5.',
    () => traced([['i32', [3]]], (x) => ops.add(x, 0.5)),
  ],
  [
    ArgumentError,
    '[constant] finite values that f32 holds are required. Received -Infinity.',
    () => traced([['f32', [3]]], (x) => ops.maximum(x, -Infinity)),
  ],
  [
    ArgumentError,
    '[add] a tensor among the operands is required. Received numbers; use constant.',
    () => ops.add(1, 2),
  ],
  [
    DTypeError,
    '[where] elements of bool are required. Received f32.',
    () => traced([['f32', [3]]], (x) => ops.where(x, 1, 2)),
  ],
  [
    ArgumentError,
    '[sum] an axis in [-2, 1] is required. Received 2.',
    () => traced([['f32', [3, 4]]], (x) => ops.sum(x, { axes: [2] })),
  ],
  [
    ArgumentError,
    '[max] different axes in ascending order are required. Received [1, 1].',
    () => traced([['f32', [3, 4]]], (x) => ops.max(x, { axes: [1, -1] })),
  ],
  [
    ShapeError,
    '[argmax] elements along axis 1 are required. Received [3, 0].',
    () => traced([['f32', [3, 0]]], (x) => ops.argmax(x)),
  ],
  [
    ShapeError,
    '[reshape] a shape of as many elements is required. Received [3, 4] to [5, 2].',
    () => traced([['f32', [3, 4]]], (x) => ops.reshape(x, [5, 2])),
  ],
  [
    ShapeError,
    '[reshape] known dimensions that divide the elements are required. Received [3, 4] to [5, -1].',
    () => traced([['f32', [3, 4]]], (x) => ops.reshape(x, [5, -1])),
  ],
  [
    ShapeError,
    '[reshape] known dimensions that divide the elements are required. Received [0, 4] to [0, -1].',
    () => traced([['f32', [0, 4]]], (x) => ops.reshape(x, [0, -1])),
  ],
  [
    ShapeError,
    '[reshape] at most one -1 is required. Received [-1, -1].',
    () => traced([['f32', [3, 4]]], (x) => ops.reshape(x, [-1, -1])),
  ],
  [
    ArgumentError,
    '[transpose] each axis once is required. Received [0, 0].',
    () => traced([['f32', [3, 4]]], (x) => ops.transpose(x, [0, 0])),
  ],
  [
    ArgumentError,
    '[transpose] permutation: 2 integers in [0, 1] are required. Received [0].',
    () => traced([['f32', [3, 4]]], (x) => ops.transpose(x, [0])),
  ],
  [
    ShapeError,
    '[broadcastTo] a shape to which the operand broadcasts is required. Received [2, 3] to [1, 3].',
    () => traced([['f32', [2, 3]]], (x) => ops.broadcastTo(x, [1, 3])),
  ],
  [
    ShapeError,
    '[slice] a part that lies within the operand is required. Received [3] from [2] of [4].',
    () => traced([['f32', [4]]], (x) => ops.slice(x, [2], [3])),
  ],
  // A batch of 4 has no element 5: what the symbols do not prove is refused.
  [
    ShapeError,
    '[slice] a part that lies within the operand is required. Received [1] from [5] of [batch].',
    () => traced([['f32', ['batch']]], (x) => ops.slice(x, [5], [1])),
  ],
  [
    ArgumentError,
    '[slice] starts: 1 integers from 0 are required. Received [-1].',
    () => traced([['f32', [4]]], (x) => ops.slice(x, [-1], [3])),
  ],
  [
    ArgumentError,
    '[pad] low: 2 integers from 0 are required. Received [1].',
    () => traced([['f32', [4, 4]]], (x) => ops.pad(x, [[1, 1]])),
  ],
  [
    ShapeError,
    '[dynamicUpdateSlice] an update that fits is required. Received [5] into [4].',
    () =>
      traced(
        [
          ['f32', [4]],
          ['f32', [5]],
        ],
        (x, u) => ops.dynamicUpdateSlice(x, u, [0]),
      ),
  ],
  [
    ShapeError,
    '[dynamicUpdateSlice] starts of shape [2] are required. Received [1].',
    () =>
      traced(
        [
          ['f32', [4, 4]],
          ['f32', [1, 4]],
        ],
        (x, u) => ops.dynamicUpdateSlice(x, u, [0]),
      ),
  ],
  [
    ArgumentError,
    '[dynamicUpdateSlice] starts: 1 integers from 0 are required. Received [0.5].',
    () =>
      traced(
        [
          ['f32', [4]],
          ['f32', [1]],
        ],
        (x, u) => ops.dynamicUpdateSlice(x, u, [0.5]),
      ),
  ],
  [
    ShapeError,
    '[concat] shapes that differ only along axis 0 are required. Received [2, 3], [2, 4].',
    () =>
      traced(
        [
          ['f32', [2, 3]],
          ['f32', [2, 4]],
        ],
        (a, b) => ops.concat([a, b]),
      ),
  ],
  [ArgumentError, '[concat] at least one tensor is required. Received none.', () => ops.concat([])],
  [
    DTypeError,
    '[gather] elements of i32 are required. Received f32.',
    () =>
      traced(
        [
          ['f32', [4]],
          ['f32', [2]],
        ],
        (x, i) => ops.gather(x, i),
      ),
  ],
];

/** What a call throws. */
function thrown(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  return undefined;
}

test('what does not fit is refused with a typed error that says why', () => {
  for (const [type, message, call] of refused) {
    const error = thrown(call);
    assert.instance(error, type, message);
    assert.is(error instanceof Error ? error.message : '', message);
  }
});

test('rules do not trust attributes that come from a file', () => {
  const x = { dtype: 'f32', shape: [2, 3] } as const;
  const files: readonly (() => unknown)[] = [
    () => shapeTable.reshape({ shape: [-2, -3] }, [x]),
    () => shapeTable.reshape({ shape: ['6 * batch'] }, [x]),
    () => shapeTable.transpose({ permutation: [0, 1.5] }, [x]),
    () => shapeTable.sum({ axes: [1, 0], keepDims: false }, [x]),
    () => shapeTable.sum({ axes: [-1], keepDims: false }, [x]),
    () => shapeTable.slice({ starts: [0, 0], sizes: [2] }, [x]),
    () => shapeTable.pad({ low: [0, -1], high: [0, 0] }, [x]),
    () => shapeTable.concat({ axis: 2 }, [x]),
    () => shapeTable.gather({ axis: -1 }, [x, { dtype: 'i32', shape: [] }]),
    () => shapeTable.gatherGrad({ axis: 0, size: -1 }, [x, { dtype: 'i32', shape: [2] }]),
    () => shapeTable.gatherGrad({ axis: 0, size: 4 }, [x, { dtype: 'i32', shape: [3] }]),
    () => shapeTable.constant({ dtype: 'u8', shape: [2], data: [1, 256] }, []),
    () => shapeTable.constant({ dtype: 'f32', shape: [2], data: [1, 2, 3] }, []),
    () => shapeTable.constant({ dtype: 'f32', shape: [1], data: [1] }, [x]),
    () => shapeTable.iota({ shape: [3], axis: 1 }, []),
    () => shapeTable.add(none, [x]),
    () => shapeTable.add(none, [x, x, x]),
    () => shapeTable.neg(none, []),
    () => shapeTable.reluGrad(none, [x, { dtype: 'f32', shape: [3] }]),
  ];
  for (const file of files) assert.instance(thrown(file), QuernError, String(file));
});

// Values known by hand

test('operands broadcast by the rule of NumPy', () => {
  const column = f32([2, 1], [10, 20]);
  assert.equal(run('add', none, column, f32([3], [1, 2, 3])), [11, 12, 13, 21, 22, 23]);
  assert.equal(run('sub', none, f32([], [1]), column), [-9, -19]);
  const a = f32([2, 1, 2], [1, 2, 3, 4]);
  assert.equal(run('mul', none, a, f32([3, 1], [1, 10, 100])), [1, 2, 10, 20, 100, 200, 3, 4, 30, 40, 300, 400]);
});

test('i32 wraps, divides toward zero, and x / 0 is 0', () => {
  assert.equal(run('add', none, i32([2], [2147483647, -2147483648]), i32([2], [1, -1])), [-2147483648, 2147483647]);
  assert.equal(run('mul', none, i32([2], [65537, 123456789]), i32([2], [65537, 987654321])), [131073, -67153019]);
  assert.equal(
    run('div', none, i32([5], [7, -7, 7, 5, -2147483648]), i32([5], [2, 2, -2, 0, -1])),
    [3, -3, -3, 0, -2147483648],
  );
  assert.equal(run('abs', none, i32([2], [-2147483648, -3])), [-2147483648, 3]);
  assert.equal(run('square', none, i32([1], [46341])), [-2147479015]);
});

test('NaN wins a maximum, and the first NaN an argmax', () => {
  const x = f32([3, 3], [1, NaN, 3, 5, 5, 4, -Infinity, -Infinity, -Infinity]);
  assert.equal(run('max', { axes: [1], keepDims: false }, x), [NaN, 5, -Infinity]);
  assert.equal(run('argmax', { axis: 1 }, x), [1, 0, 0]);
  assert.equal(run('argmax', { axis: 0 }, x), [1, 0, 1]);
  assert.equal(run('minimum', none, f32([2], [NaN, 1]), f32([2], [0, NaN])), [NaN, NaN]);
});

test('powers follow C', () => {
  const base = f32([8], [0, 1, -2, -2, 0, -1, 4, -8]);
  const exponent = f32([8], [0, NaN, 3, 2, -1, Infinity, -0.5, 0.5]);
  assert.equal(run('pow', none, base, exponent), [1, 1, -8, 4, Infinity, 1, 0.5, NaN]);
});

test('casts truncate and saturate, integers wrap', () => {
  const x = f32([6], [1.9, -1.9, 300, -300, NaN, 3e9]);
  assert.equal(run('cast', { dtype: 'i32' }, x), [1, -1, 300, -300, 0, 2147483647]);
  assert.equal(run('cast', { dtype: 'u8' }, x), [1, 0, 255, 0, 0, 255]);
  assert.equal(run('cast', { dtype: 'i8' }, x), [1, -1, 127, -128, 0, 127]);
  assert.equal(run('cast', { dtype: 'bool' }, x), [1, 1, 1, 1, 1, 1]);
  assert.equal(run('cast', { dtype: 'u8' }, i32([3], [256, -1, 511])), [0, 255, 255]);
  assert.equal(run('cast', { dtype: 'f32' }, array('bool', [2], [1, 0])), [1, 0]);
});

test('reductions of nothing', () => {
  const nothing = f32([2, 0], []);
  const attrs = { axes: [1], keepDims: false };
  assert.equal(run('sum', attrs, nothing), [0, 0]);
  assert.equal(run('mean', attrs, nothing), [NaN, NaN]);
  assert.equal(run('max', attrs, nothing), [-Infinity, -Infinity]);
  assert.equal(run('max', attrs, array('i8', [2, 0], [])), [-128, -128]);
});

test('reductions over the middle, the outside and everything', () => {
  const x = f32([2, 3, 2], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  assert.equal(run('sum', { axes: [1], keepDims: true }, x), [9, 12, 27, 30]);
  assert.equal(run('mean', { axes: [0, 2], keepDims: false }, x), [4.5, 6.5, 8.5]);
  assert.equal(run('max', { axes: [0, 1, 2], keepDims: false }, x), [12]);
  assert.equal(run('size', { axes: [0, 2] }, x), [4]);
});

test('movement', () => {
  const x = f32([2, 3], [1, 2, 3, 4, 5, 6]);
  const cube = f32([2, 2, 3], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  assert.equal(run('transpose', { permutation: [1, 0] }, x), [1, 4, 2, 5, 3, 6]);
  assert.equal(run('transpose', { permutation: [2, 0, 1] }, cube), [0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11]);
  assert.equal(run('broadcastTo', { shape: [2, 2] }, f32([2, 1], [1, 2])), [1, 1, 2, 2]);
  assert.equal(run('slice', { starts: [0, 1], sizes: [2, 2] }, x), [2, 3, 5, 6]);
  assert.equal(run('pad', { low: [0, 1], high: [1, 0] }, x), [0, 1, 2, 3, 0, 4, 5, 6, 0, 0, 0, 0]);
  assert.equal(run('concat', { axis: 1 }, x, f32([2, 1], [7, 8])), [1, 2, 3, 7, 4, 5, 6, 8]);
  assert.equal(run('dynamicUpdateSlice', none, x, f32([1, 2], [8, 9]), i32([2], [1, 1])), [1, 2, 3, 4, 8, 9]);
  assert.equal(run('gather', { axis: 1 }, x, i32([2], [2, 0])), [3, 1, 6, 4]);
  assert.equal(run('gatherGrad', { axis: 0, size: 3 }, x, i32([2], [2, 2])), [0, 0, 0, 0, 0, 0, 5, 7, 9]);
  assert.equal(run('iota', { shape: [2, 3], axis: 0 }), [0, 0, 0, 1, 1, 1]);
});

test('data out of range stops the run', () => {
  const x = f32([3], [1, 2, 3]);
  for (const index of [-1, 3]) {
    assert.instance(
      thrown(() => run('gather', { axis: 0 }, x, i32([1], [index]))),
      IndexError,
    );
    assert.instance(
      thrown(() => run('gatherGrad', { axis: 0, size: 3 }, f32([1], [1]), i32([1], [index]))),
      IndexError,
    );
    assert.instance(
      thrown(() => run('dynamicUpdateSlice', none, x, f32([1], [1]), i32([1], [index]))),
      IndexError,
    );
  }
  assert.instance(
    thrown(() => run('checkNumerics', none, f32([2], [1, NaN]))),
    NumericsError,
  );
});

// Gradients where dimensions are symbolic

/** The gradient of sum(build(x) * weight) for x, at the extents, evaluated by the reference. */
function gradientAt(
  shape: Shape,
  extents: Readonly<Record<string, number>>,
  x: ReferenceArray,
  build: (x: Tensor) => Tensor,
): number[] {
  const trace = new Trace('test', symbols);
  const input = trace.input('x', { dtype: 'f32', shape });
  const [gradient] = gradients(ops.sum(build(input)), [input]);
  if (!gradient) throw new Error('a gradient is required');
  assert.equal(gradient.shape, shape);
  const values = executeGraph(trace.finish({ gradient }), new Map([[input.id, x]]), extents);
  return Array.from(values.get(gradient.id)?.data ?? []);
}

test('a broadcast over symbolic dimensions is undone', () => {
  const trace = new Trace('test', symbols);
  const wide = trace.input('x', { dtype: 'f32', shape: ['batch', 3, 'length'] });
  assert.is(sumTo(wide, ['batch', 3, 'length']), wide);
  for (const shape of [[], ['length'], [3, 1], ['batch', 1, 'length'], ['batch', 1, 1]]) {
    assert.equal(sumTo(wide, shape).shape, shape);
  }
});

test('the mean of a symbolic batch has a gradient of one over its size', () => {
  const x = f32([4], [1, 2, 3, 4]);
  assert.equal(
    gradientAt(['batch'], { batch: 4 }, x, (x) => ops.mean(x)),
    [0.25, 0.25, 0.25, 0.25],
  );
});

test('a concatenation along a symbolic axis has a gradient', () => {
  const x = f32([2], [1, 2]);
  const build = (x: Tensor): Tensor => {
    const joined = ops.concat([ops.mul(x, 2), ops.mul(x, 3), x]);
    return ops.mul(joined, ops.cast(ops.iota(x.recorder, joined.shape), 'f32'));
  };
  // Places 0, 1 times 2; places 2, 3 times 3; places 4, 5.
  assert.equal(gradientAt(['batch'], { batch: 2 }, x, build), [0 * 2 + 2 * 3 + 4, 1 * 2 + 3 * 3 + 5]);
});

test('a slice that leaves a symbolic rest has a gradient', () => {
  const x = f32([5], [1, 2, 3, 4, 5]);
  assert.equal(
    gradientAt(['length+2'], { length: 3 }, x, (x) => ops.square(ops.slice(x, [1], [1]))),
    [0, 4, 0, 0, 0],
  );
});

test('an update at places from data has gradients for both', () => {
  const trace = new Trace('test', symbols);
  const x = trace.input('x', { dtype: 'f32', shape: [2, 3] });
  const update = trace.input('update', { dtype: 'f32', shape: [1, 2] });
  const place = trace.input('place', { dtype: 'i32', shape: [] });
  const y = ops.dynamicUpdateSlice(x, update, [place, 1]);
  const [dx, du] = gradients(ops.sum(ops.mul(y, ops.square(y))), [x, update]);
  if (!dx || !du) throw new Error('gradients are required');
  const given = new Map([
    [x.id, f32([2, 3], [1, 2, 3, 4, 5, 6])],
    [update.id, f32([1, 2], [7, 8])],
    [place.id, i32([], [1])],
  ]);
  const values = executeGraph(trace.finish({ dx, du }), given, {});
  assert.equal(Array.from(values.get(dx.id)?.data ?? []), [3, 12, 27, 48, 0, 0]);
  assert.equal(Array.from(values.get(du.id)?.data ?? []), [147, 192]);
});

test('a tie shares the gradient', () => {
  const x = f32([3], [2, 1, 2]);
  assert.equal(
    gradientAt([3], {}, x, (x) => ops.max(x)),
    [0.5, 0, 0.5],
  );
  assert.equal(
    gradientAt([3], {}, x, (x) => ops.maximum(x, 2)),
    [0.5, 0, 0.5],
  );
  assert.equal(
    gradientAt([3], {}, x, (x) => ops.minimum(x, 2)),
    [0.5, 1, 0.5],
  );
});

test('the gradient of a power is finite where the power is smooth', () => {
  const x = f32([3], [0, -2, 3]);
  assert.equal(
    gradientAt([3], {}, x, (x) => ops.pow(x, 2)),
    [0, -4, 6],
  );
  assert.equal(
    gradientAt([3], {}, x, (x) => ops.pow(x, 0)),
    [0, 0, 0],
  );
});

// What ships

test('the shape table carries no other facet', async () => {
  const table = fileURLToPath(new URL('../src/ops/tables/shape.js', import.meta.url));
  const { outputFiles } = await esbuild.build({
    entryPoints: [table],
    bundle: true,
    write: false,
    format: 'esm',
    minify: true,
  });
  const text = outputFiles[0]?.text ?? '';
  assert.match(text, 'dynamicUpdateSlice');
  for (const trace of ['differentiate', 'tolerance', 'gradients', 'multiplyAdds', '[reference]', 'Float64Array']) {
    assert.not.match(text, trace);
  }
});

test.run();
