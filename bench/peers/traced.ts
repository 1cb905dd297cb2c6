/** The tasks as graphs of Quern, for any backend. Weights are variables; inputs are copied in and outputs out at each run. */
import type { WasmExecutable } from '../../src/backend/wasm/executable.js';
import { type NDArray, ndarray } from '../../src/core/ndarray.js';
import type { Named } from '../../src/core/tree.js';
import { quantizeWeights } from '../../src/compress/weights.js';
import { ProgramBuilder, type Scope } from '../../src/graph/builder.js';
import type { Program } from '../../src/graph/program.js';
import { gelu } from '../../src/ops/activations.js';
import { attention } from '../../src/ops/attention.js';
import { add } from '../../src/ops/binary.js';
import { conv2d } from '../../src/ops/conv.js';
import { relu, tanh } from '../../src/ops/elementwise.js';
import { matmul } from '../../src/ops/linear.js';
import { reshape } from '../../src/ops/move.js';
import { layerNormalization, softmax } from '../../src/ops/normalize.js';
import { maxPool2d } from '../../src/ops/pool.js';
import { dequantize, quantize } from '../../src/ops/quantize.js';
import { lstm } from '../../src/ops/rnn.js';
import { depthwiseConv2d } from '../../src/ops/separable.js';
import type { Tensor } from '../../src/ops/tensor.js';
import { mnistWeights } from '../tasks/mnist.js';
import { integers, type MapName, normals, type Task } from '../tasks/work.js';
import { type Prepared, Unable } from './contender.js';

export const f32 = (shape: readonly number[], data: Float32Array): NDArray => ndarray('f32', shape, data);

/** A graph with these inputs; `kept` are variables. */
interface Traced {
  readonly feeds: Named<NDArray>;
  readonly kept: Named<NDArray>;
  readonly call: (feeds: Readonly<Record<string, Tensor>>, kept: (name: string) => Tensor, scope: Scope) => Tensor;
}

const input = (feeds: Readonly<Record<string, Tensor>>, name: string): Tensor => {
  const tensor = feeds[name];
  if (!tensor) throw new Error(`an input '${name}' is required`);
  return tensor;
};

const maps: { readonly [N in MapName]: (x: Tensor, kept: (name: string) => Tensor) => Tensor } = {
  softmax: (x) => softmax(x),
  layerNormalization: (x, kept) => layerNormalization(x, kept('gamma'), kept('beta'), { epsilon: 1e-5 }),
  gelu: (x) => gelu(x),
  tanh: (x) => tanh(x),
};

/** The weights of the network of `npm start`, as its model names them. */
export function mnistVariables(): Record<string, NDArray> {
  const values: Record<string, NDArray> = {};
  for (const [name, { kernel, bias }] of mnistWeights()) {
    values[`${name}/kernel`] = f32(kernel.shape, kernel.data);
    values[`${name}/bias`] = f32(bias.shape, bias.data);
  }
  return values;
}

function mnistOf(image: Tensor, batch: number, kept: (name: string) => Tensor): Tensor {
  const conv = (x: Tensor, name: string): Tensor => relu(add(conv2d(x, kept(`${name}/kernel`)), kept(`${name}/bias`)));
  const dense = (x: Tensor, name: string): Tensor => add(matmul(x, kept(`${name}/kernel`)), kept(`${name}/bias`));
  const pooled = maxPool2d(conv(maxPool2d(conv(image, 'conv2d')), 'conv2d_1'));
  const flat = reshape(conv(pooled, 'conv2d_2'), [batch, 576]);
  return softmax(dense(relu(dense(flat, 'dense')), 'dense_1'));
}

/** The same weights as integers, with their scales. */
function mnistIntegers(): Record<string, NDArray> {
  const values: Record<string, NDArray> = {};
  for (const [name, { kernel, bias }] of mnistWeights()) {
    const { integers: weights, scales } = quantizeWeights(f32(kernel.shape, kernel.data), kernel.shape.length - 1);
    values[`${name}/kernel`] = weights;
    values[`${name}/scales`] = scales;
    values[`${name}/bias`] = f32(bias.shape, bias.data);
  }
  return values;
}

/** The network on integers, as compression writes it; ranges are those of its float activations, roughly. */
function mnistInt8Of(image: Tensor, batch: number, kept: (name: string) => Tensor, scope: Scope): Tensor {
  const parameters = (scale: number, zeroPoint: number) =>
    [scope.constant(scale), scope.constant(zeroPoint, 'u8')] as const;
  const layer = (x: Tensor, range: readonly [Tensor, Tensor], name: string, units: number): Tensor => {
    const axis = kept(`${name}/kernel`).rank - 1;
    const zeros = scope.constant(ndarray('i8', [units], new Int8Array(units)));
    const weights = dequantize(kept(`${name}/kernel`), kept(`${name}/scales`), zeros, { axis });
    const operand = dequantize(x, ...range);
    return add(axis === 3 ? conv2d(operand, weights) : matmul(operand, weights), kept(`${name}/bias`));
  };
  const [pixels, first, others] = [parameters(8 / 255, 128), parameters(6 / 255, 0), parameters(12 / 255, 0)];
  const x = quantize(image, ...pixels);
  const y = maxPool2d(quantize(relu(layer(x, pixels, 'conv2d', 32)), ...first));
  const z = maxPool2d(quantize(relu(layer(y, first, 'conv2d_1', 64)), ...others));
  const flat = reshape(quantize(relu(layer(z, others, 'conv2d_2', 64)), ...others), [batch, 576]);
  const hidden = quantize(relu(layer(flat, others, 'dense', 64)), ...others);
  return softmax(layer(hidden, others, 'dense_1', 10));
}

function tracedOf(task: Task): Traced {
  switch (task.kind) {
    case 'matmul': {
      const { m, k, n } = task;
      return {
        feeds: { a: f32([m, k], normals(m * k, 1)) },
        kept: { b: f32([k, n], normals(k * n, 2)) },
        call: (feeds, kept) => matmul(input(feeds, 'a'), kept('b')),
      };
    }
    case 'batchedMatmul': {
      const { batch, m, k, n, transposeB } = task;
      return {
        feeds: {
          a: f32([batch, m, k], normals(batch * m * k, 1)),
          b: f32(transposeB ? [batch, n, k] : [batch, k, n], normals(batch * k * n, 2)),
        },
        kept: {},
        call: (feeds) => matmul(input(feeds, 'a'), input(feeds, 'b'), { transposeB }),
      };
    }
    case 'int8Matmul': {
      const { m, k, n } = task;
      return {
        feeds: { a: ndarray('u8', [m, k], Uint8Array.from(integers(m * k, 1, 0, 256))) },
        kept: { b: ndarray('i8', [k, n], Int8Array.from(integers(k * n, 2, -127, 128))) },
        call: (feeds, kept, scope) => {
          const zero = (dtype: 'u8' | 'i8'): Tensor => scope.constant(ndarray(dtype, [], [0]));
          const a = dequantize(input(feeds, 'a'), scope.constant(2 ** -8), zero('u8'));
          return matmul(a, dequantize(kept('b'), scope.constant(2 ** -8), zero('i8')));
        },
      };
    }
    case 'conv2d': {
      const { n, size, channels, filters, window } = task;
      return {
        feeds: { x: f32([n, size, size, channels], normals(n * size * size * channels, 1)) },
        kept: {
          kernel: f32([window, window, channels, filters], normals(window * window * channels * filters, 2)),
          bias: f32([filters], normals(filters, 3)),
        },
        call: (feeds, kept) => relu(add(conv2d(input(feeds, 'x'), kept('kernel'), { padding: 'same' }), kept('bias'))),
      };
    }
    case 'softmax':
    case 'layerNormalization':
    case 'gelu':
    case 'tanh': {
      const { kind, rows, columns } = task;
      const affine = { gamma: f32([columns], normals(columns, 2)), beta: f32([columns], normals(columns, 3)) };
      return {
        feeds: { x: f32([rows, columns], normals(rows * columns, 1)) },
        kept: kind === 'layerNormalization' ? affine : {},
        call: (feeds, kept) => maps[kind](input(feeds, 'x'), kept),
      };
    }
    case 'depthwiseConv2d': {
      const { n, size, channels, window } = task;
      return {
        feeds: { x: f32([n, size, size, channels], normals(n * size * size * channels, 1)) },
        kept: {
          kernel: f32([window, window, channels, 1], normals(window * window * channels, 2)),
          bias: f32([channels], normals(channels, 3)),
        },
        call: (feeds, kept) =>
          relu(add(depthwiseConv2d(input(feeds, 'x'), kept('kernel'), { padding: 'same' }), kept('bias'))),
      };
    }
    case 'lstm': {
      const { batch, steps, units } = task;
      const scale = 1 / Math.sqrt(units);
      return {
        feeds: { x: f32([batch, steps, units], normals(batch * steps * units, 1)) },
        kept: {
          kernel: f32([units, 4 * units], normals(4 * units * units, 2, scale)),
          recurrentKernel: f32([units, 4 * units], normals(4 * units * units, 3, scale)),
          bias: f32([4 * units], normals(4 * units, 4)),
        },
        call: (feeds, kept) => {
          const weights = { kernel: kept('kernel'), recurrentKernel: kept('recurrentKernel'), bias: kept('bias') };
          return lstm(input(feeds, 'x'), weights).sequences;
        },
      };
    }
    case 'attention': {
      const { heads, tokens, size } = task;
      const operand = (stream: number): NDArray =>
        f32([1, heads, tokens, size], normals(heads * tokens * size, stream));
      return {
        feeds: { q: operand(1), k: operand(2), v: operand(3) },
        kept: {},
        call: (feeds) => attention(input(feeds, 'q'), input(feeds, 'k'), input(feeds, 'v')),
      };
    }
    case 'mnist': {
      const { batch } = task;
      return {
        feeds: { image: f32([batch, 28, 28, 1], normals(batch * 784, 1)) },
        kept: mnistVariables(),
        call: (feeds, kept) => mnistOf(input(feeds, 'image'), batch, kept),
      };
    }
    case 'mnistInt8': {
      const { batch } = task;
      return {
        feeds: { image: f32([batch, 28, 28, 1], normals(batch * 784, 1)) },
        kept: mnistIntegers(),
        call: (feeds, kept, scope) => mnistInt8Of(input(feeds, 'image'), batch, kept, scope),
      };
    }
    case 'mnistStep':
      throw new Unable('training is measured in Node');
  }
}

const outputOf = (outputs: Record<string, NDArray>): Float32Array => {
  const [first] = Object.values(outputs);
  if (!(first?.data instanceof Float32Array)) throw new Error('an output of floats is required');
  return first.data;
};

/** Every run writes its outputs into the arrays of the first, as one does who runs a graph again and again. */
export function prepared(executable: WasmExecutable, graph: string, feeds: Named<NDArray>): Prepared {
  const outputs = executable.runSync(graph, feeds);
  const options = { outputs };
  const run = (): Record<string, NDArray> => executable.runSync(graph, feeds, options);
  return {
    run,
    isAsync: false,
    result: () => {
      const written = outputOf(outputs).fill(NaN);
      run();
      return Promise.resolve(written);
    },
    close: () => executable.close(),
  };
}

/** A task as a graph, compiled by `compile`. Throws `Unable` for a training step, which is a model's. */
export async function prepareTraced(
  task: Task,
  compile: (program: Program) => WasmExecutable | Promise<WasmExecutable>,
): Promise<Prepared> {
  const { feeds, kept, call } = tracedOf(task);
  const builder = new ProgramBuilder();
  builder.trace('main', feeds, (tensors, scope) => {
    const variable = (name: string): Tensor => {
      const value = kept[name];
      if (!value) throw new Error(`a variable '${name}' is required`);
      return scope.variable(name, { dtype: value.dtype, shape: value.shape });
    };
    return { y: call(tensors, variable, scope) };
  });
  const executable = await compile(builder.program());
  for (const [name, value] of Object.entries(kept)) executable.setVariable(name, value);
  return prepared(executable, 'main', feeds);
}
