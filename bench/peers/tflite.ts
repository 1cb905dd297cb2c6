/**
 * The tasks as .tflite models (version 3 of the schema), for LiteRT. Images are NHWC there too; kernels of convolutions are
 * [filters, height, width, channels], those of dense layers [units, inputs].
 */
import { mnistWeights } from '../tasks/mnist.js';
import { integers, normals, type Task } from '../tasks/work.js';
import { type Rounding, transposed, Unable } from './contender.js';
import { encodeTable, type Field, type Table } from './flatbuffers.js';

export interface TfliteTask {
  readonly model: Uint8Array;
  /** In the order of the model's inputs. */
  readonly feeds: readonly { readonly shape: readonly number[]; readonly data: Float32Array }[];
  readonly rounding?: Rounding;
}

/** BuiltinOperator, as the schema numbers them. */
const codes = {
  add: 0,
  conv2d: 3,
  depthwiseConv2d: 4,
  dequantize: 6,
  fullyConnected: 9,
  logistic: 14,
  maxPool2d: 17,
  mul: 18,
  reshape: 22,
  softmax: 25,
  tanh: 28,
  mean: 40,
  sub: 41,
  split: 49,
  slice: 65,
  rsqrt: 76,
  pack: 83,
  squaredDifference: 99,
  quantize: 114,
  batchMatmul: 126,
  gelu: 150,
} as const;

/** BuiltinOptions of those that have any. */
const optionTypes: Readonly<Partial<Record<keyof typeof codes, number>>> = {
  conv2d: 1,
  depthwiseConv2d: 2,
  maxPool2d: 5,
  fullyConnected: 8,
  softmax: 9,
  add: 11,
  reshape: 17,
  mul: 21,
  mean: 27,
  sub: 28,
  split: 35,
  dequantize: 38,
  slice: 48,
  pack: 59,
  quantize: 89,
  batchMatmul: 101,
  gelu: 116,
};

const [float32, int32, int8] = [0, 2, 9];
const [same, valid] = [0, 1];
const [linear, rectified] = [0, 1];

const i8 = (value: number): Field => ({ is: 'i8', value });
const i32 = (value: number): Field => ({ is: 'i32', value });
const i32s = (value: readonly number[]): Field => ({ is: 'i32s', value });
const tables = (value: readonly Table[]): Field => ({ is: 'tables', value });
const text = (value: string): Field => ({ is: 'text', value });

const size = (shape: readonly number[]): number => shape.reduce((product, extent) => product * extent, 1);

/** The quantization of a tensor, as a field of its table; of several scales each is that of a row. */
const scaled = (scales: readonly number[], zeroPoint: number): Table => ({
  4: {
    is: 'table',
    value: {
      2: { is: 'f32s', value: scales },
      3: { is: 'i64s', value: scales.map(() => zeroPoint) },
      6: i32(0),
    },
  },
});

/** Five standard deviations of a product of integers in 0 to 255 and -127 to 127, each over 2^8. */
const productDeviations = (5 * 255 * 127) / 3 / 2 ** 16;

/** A graph with one output. Values are numbers of tensors. */
class Graph {
  readonly #tensors: Table[] = [];
  /** The first is empty, for tensors that are computed. */
  readonly #buffers: Table[] = [{}];
  readonly #operators: Table[] = [];
  readonly #codes: (keyof typeof codes)[] = [];
  readonly #inputs: number[] = [];
  readonly feeds: TfliteTask['feeds'][number][] = [];

  #tensor(shape: readonly number[], type: number, buffer: number, quantization: Table = {}): number {
    const name = text(`t${this.#tensors.length}`);
    return this.#tensors.push({ 0: i32s(shape), 1: i8(type), 2: i32(buffer), 3: name, ...quantization }) - 1;
  }

  input(shape: readonly number[], stream: number): number {
    return this.fed(shape, normals(size(shape), stream));
  }

  fed(shape: readonly number[], data: Float32Array): number {
    this.feeds.push({ shape, data });
    const value = this.#tensor(shape, float32, 0);
    this.#inputs.push(value);
    return value;
  }

  #buffer(data: Float32Array | Int8Array): number {
    return this.#buffers.push({ 0: { is: 'bytes', value: data } }) - 1;
  }

  kept(shape: readonly number[], data: Float32Array): number {
    return this.#tensor(shape, float32, this.#buffer(data));
  }

  /** Integers that say how: axes, a shape. */
  numbers(values: readonly number[]): number {
    const { buffer } = Int32Array.from(values);
    return this.#tensor([values.length], int32, this.#buffer(new Int8Array(buffer)));
  }

  /** Bytes of one scale for each row. */
  bytes(shape: readonly [number, number], data: Int8Array, scale: number): number {
    return this.#tensor(shape, int8, this.#buffer(data), scaled(Array<number>(shape[0]).fill(scale), 0));
  }

  node(op: keyof typeof codes, inputs: readonly number[], shape: readonly number[], options: Table = {}): number {
    const output = this.#tensor(shape, float32, 0);
    this.#record(op, inputs, [output], options);
    return output;
  }

  /** The parts of a value along an axis, each of this shape. */
  parts(value: number, axis: number, count: number, shape: readonly number[]): readonly number[] {
    const outputs = Array.from({ length: count }, () => this.#tensor(shape, float32, 0));
    this.#record('split', [this.numbers([axis]), value], outputs, { 0: i32(count) });
    return outputs;
  }

  /** With an output in int8. */
  nodeBytes(
    op: keyof typeof codes,
    inputs: readonly number[],
    shape: readonly number[],
    { scale, zeroPoint }: { readonly scale: number; readonly zeroPoint: number },
  ): number {
    const output = this.#tensor(shape, int8, 0, scaled([scale], zeroPoint));
    this.#record(op, inputs, [output], {});
    return output;
  }

  #record(op: keyof typeof codes, inputs: readonly number[], outputs: readonly number[], options: Table): void {
    if (!this.#codes.includes(op)) this.#codes.push(op);
    const type = optionTypes[op];
    this.#operators.push({
      0: i32(this.#codes.indexOf(op)),
      1: i32s(inputs),
      2: i32s(outputs),
      ...(type === undefined ? {} : { 3: i8(type), 4: { is: 'table', value: options } }),
    });
  }

  encode(output: number): Promise<Uint8Array> {
    const subgraph: Table = {
      0: tables(this.#tensors),
      1: i32s(this.#inputs),
      2: i32s([output]),
      3: tables(this.#operators),
      4: text('main'),
    };
    const operatorCodes = this.#codes.map((op): Table => {
      // The first field holds what fits into a byte, the last all; dense layers of one scale for each row are version 9.
      return { 0: i8(Math.min(codes[op], 127)), 2: i32(1), 3: i32(codes[op]) };
    });
    const model: Table = {
      0: i32(3),
      1: tables(operatorCodes),
      2: tables([subgraph]),
      3: text('task'),
      4: tables(this.#buffers),
    };
    return encodeTable(model, 'TFL3');
  }
}

function dense(
  graph: Graph,
  x: number,
  rows: number,
  kernel: readonly number[],
  kept: readonly Float32Array[],
  activation: number,
): number {
  const [inputs = 0, units = 0] = kernel;
  const [weights = new Float32Array(), bias] = kept;
  const w = graph.kept([units, inputs], transposed(weights, inputs, units));
  const b = bias ? graph.kept([units], bias) : -1;
  return graph.node('fullyConnected', [x, w, b], [rows, units], { 0: i8(activation) });
}

interface Conv {
  readonly shape: readonly [n: number, height: number, width: number, filters: number];
  readonly kernel: readonly number[];
  readonly weights: Float32Array;
  readonly bias: Float32Array;
  readonly padding: number;
}

/** Rectified. */
function conv(graph: Graph, x: number, { shape, kernel, weights, bias, padding }: Conv): number {
  const [height = 0, width = 0, channels = 0, filters = 0] = kernel;
  // [taps, channels, filters] -> [filters, taps, channels]
  const turned = transposed(weights, height * width * channels, filters);
  const w = graph.kept([filters, height, width, channels], turned);
  return graph.node('conv2d', [x, w, graph.kept([filters], bias)], shape, {
    0: i8(padding),
    1: i32(1),
    2: i32(1),
    3: i8(rectified),
  });
}

function mnist(graph: Graph, batch: number): number {
  let side = 28;
  let x = graph.input([batch, 28, 28, 1], 1);
  for (const [name, { kernel, bias }] of mnistWeights()) {
    if (kernel.shape.length === 4) {
      const filters = kernel.shape[3] ?? 0;
      side -= 2;
      const shape = [batch, side, side, filters] as const;
      x = conv(graph, x, { shape, kernel: kernel.shape, weights: kernel.data, bias: bias.data, padding: valid });
      if (name === 'conv2d_2') x = graph.node('reshape', [x, graph.numbers([batch, 576])], [batch, 576]);
      else {
        side = Math.floor(side / 2);
        const window: Table = { 0: i8(valid), 1: i32(2), 2: i32(2), 3: i32(2), 4: i32(2) };
        x = graph.node('maxPool2d', [x], [batch, side, side, filters], window);
      }
    } else {
      x = dense(graph, x, batch, kernel.shape, [kernel.data, bias.data], name === 'dense' ? rectified : linear);
    }
  }
  return graph.node('softmax', [x], [batch, 10], { 0: { is: 'f32', value: 1 } });
}

/** Step by step, as Keras unrolls a layer: LiteRT.js loads no variables, which its own LSTM operator keeps its state in. */
function lstm(graph: Graph, { batch, steps, units }: Extract<Task, { kind: 'lstm' }>): number {
  const [state, gates] = [
    [batch, units],
    [batch, 4 * units],
  ];
  const scale = 1 / Math.sqrt(units);
  const weights = (stream: number): number =>
    graph.kept([4 * units, units], transposed(normals(4 * units * units, stream, scale), units, 4 * units));
  const x = graph.input([batch, steps, units], 1);
  const flat = graph.node('reshape', [x, graph.numbers([batch * steps, units])], [batch * steps, units]);
  const bias = graph.kept([4 * units], normals(4 * units, 4));
  const products = graph.node('fullyConnected', [flat, weights(2), bias], [batch * steps, 4 * units]);
  const all = [batch, steps, 4 * units];
  const projected = graph.node('reshape', [products, graph.numbers(all)], all);
  const recurrent = weights(3);
  const states: number[] = [];
  let cell: number | undefined;
  for (let step = 0; step < steps; step++) {
    const bounds = [graph.numbers([0, step, 0]), graph.numbers([batch, 1, 4 * units])];
    const slice = graph.node('slice', [projected, ...bounds], [batch, 1, 4 * units]);
    const own = graph.node('reshape', [slice, graph.numbers(gates)], gates);
    const before = states.at(-1);
    const sum =
      before === undefined
        ? own
        : graph.node('add', [graph.node('fullyConnected', [before, recurrent, -1], gates), own], gates);
    const [input = -1, forget = -1, candidate = -1, output = -1] = graph.parts(sum, 1, 4, state);
    const gate = (value: number): number => graph.node('logistic', [value], state);
    const mul = (a: number, b: number): number => graph.node('mul', [a, b], state);
    const added = mul(gate(input), graph.node('tanh', [candidate], state));
    cell = cell === undefined ? added : graph.node('add', [mul(gate(forget), cell), added], state);
    states.push(mul(gate(output), graph.node('tanh', [cell], state)));
  }
  return graph.node('pack', states, [batch, steps, units], { 0: i32(steps), 1: i32(1) });
}

/** Throws `Unable` for a task that has no such model. */
export async function tfliteOf(task: Task): Promise<TfliteTask> {
  const graph = new Graph();
  const made = async (result: number): Promise<TfliteTask> => ({
    model: await graph.encode(result),
    feeds: graph.feeds,
  });
  switch (task.kind) {
    case 'matmul': {
      const { m, k, n } = task;
      return made(dense(graph, graph.input([m, k], 1), m, [k, n], [normals(k * n, 2)], linear));
    }
    case 'batchedMatmul': {
      const { batch, m, k, n, transposeB } = task;
      const a = graph.input([batch, m, k], 1);
      const b = graph.input(transposeB ? [batch, n, k] : [batch, k, n], 2);
      return made(graph.node('batchMatmul', [a, b], [batch, m, n], transposeB ? { 1: i8(1) } : {}));
    }
    case 'int8Matmul': {
      const { m, k, n } = task;
      const weights = Float32Array.from(integers(k * n, 2, -127, 128));
      const w = graph.bytes([n, k], Int8Array.from(transposed(weights, k, n)), 2 ** -8);
      // Floats that are bytes of that scale. LiteRT.js takes no int8 from outside, and is slower from bytes without a sign.
      const x = graph.fed(
        [m, k],
        Float32Array.from(integers(m * k, 1, 0, 256), (value) => value * 2 ** -8),
      );
      const bytes = graph.nodeBytes('quantize', [x], [m, k], { scale: 2 ** -8, zeroPoint: -128 });
      const most = productDeviations * Math.sqrt(k);
      const y = graph.nodeBytes('fullyConnected', [bytes, w, -1], [m, n], { scale: most / 127, zeroPoint: 0 });
      const rounding = { note: 'rounds its output to 8 bits', tolerance: 1e-2 };
      return { ...(await made(graph.node('dequantize', [y], [m, n]))), rounding };
    }
    case 'conv2d': {
      const { n, size: side, channels, filters, window } = task;
      const kernel = [window, window, channels, filters];
      const [weights, bias] = [normals(size(kernel), 2), normals(filters, 3)];
      const x = graph.input([n, side, side, channels], 1);
      return made(conv(graph, x, { shape: [n, side, side, filters], kernel, weights, bias, padding: same }));
    }
    case 'depthwiseConv2d': {
      const { n, size: side, channels, window } = task;
      const shape = [n, side, side, channels];
      const w = graph.kept([1, window, window, channels], normals(window * window * channels, 2));
      const b = graph.kept([channels], normals(channels, 3));
      const options: Table = { 0: i8(same), 1: i32(1), 2: i32(1), 3: i32(1), 4: i8(rectified) };
      return made(graph.node('depthwiseConv2d', [graph.input(shape, 1), w, b], shape, options));
    }
    case 'softmax': {
      const shape = [task.rows, task.columns];
      return made(graph.node('softmax', [graph.input(shape, 1)], shape, { 0: { is: 'f32', value: 1 } }));
    }
    case 'tanh':
    case 'gelu': {
      const shape = [task.rows, task.columns];
      return made(graph.node(task.kind, [graph.input(shape, 1)], shape));
    }
    case 'layerNormalization': {
      const { rows, columns } = task;
      const [shape, column] = [
        [rows, columns],
        [rows, 1],
      ];
      const x = graph.input(shape, 1);
      const mean = (value: number): number => graph.node('mean', [value, graph.numbers([1])], column, { 0: i8(1) });
      const centre = mean(x);
      const variance = mean(graph.node('squaredDifference', [x, centre], shape));
      const scale = graph.node(
        'rsqrt',
        [graph.node('add', [variance, graph.kept([1], Float32Array.of(1e-5))], column)],
        column,
      );
      const unit = graph.node('mul', [graph.node('sub', [x, centre], shape), scale], shape);
      const scaled = graph.node('mul', [unit, graph.kept([columns], normals(columns, 2))], shape);
      return made(graph.node('add', [scaled, graph.kept([columns], normals(columns, 3))], shape));
    }
    case 'attention': {
      const { heads, tokens, size: depth } = task;
      const [shape, square] = [
        [heads, tokens, depth],
        [heads, tokens, tokens],
      ];
      const [q, k, v] = [graph.input(shape, 1), graph.input(shape, 2), graph.input(shape, 3)];
      const scores = graph.node('batchMatmul', [q, k], square, { 1: i8(1) });
      const scaled = graph.node('mul', [scores, graph.kept([1], Float32Array.of(1 / Math.sqrt(depth)))], square);
      const weights = graph.node('softmax', [scaled], square, { 0: { is: 'f32', value: 1 } });
      return made(graph.node('batchMatmul', [weights, v], shape));
    }
    case 'mnist':
      return made(mnist(graph, task.batch));
    case 'lstm':
      return made(lstm(graph, task));
    case 'mnistInt8':
      throw new Unable('not written here');
    case 'mnistStep':
      throw new Unable('cannot train');
  }
}
