/** The tasks as ONNX models (opset 20), written with onnx-proto. Images are channels first, as ONNX has them. */
import { mnistWeights } from '../tasks/mnist.js';
import { integers, normals, type Task } from '../tasks/work.js';
import { channelsFirst, channelsLast, importPeer, outputsFirst, transposed, Unable } from './contender.js';

type DataType = 'float32' | 'uint8' | 'int8' | 'int32';

const elementTypes: Readonly<Record<DataType, number>> = { float32: 1, uint8: 2, int8: 3, int32: 6 };

export interface Feed {
  readonly type: DataType;
  readonly shape: readonly number[];
  readonly data: Float32Array | Uint8Array | Int8Array;
}

export interface OnnxTask {
  readonly model: Uint8Array;
  readonly feeds: Readonly<Record<string, Feed>>;
  /** Turns the output into the order that the task states. */
  readonly ordered: (output: Float32Array) => Float32Array;
}

interface OnnxProto {
  readonly default: {
    readonly onnx: {
      readonly ModelProto: { create(model: object): object; encode(model: object): { finish(): Uint8Array } };
    };
  };
}

type Attribute = number | string | readonly number[];

function attribute(name: string, value: Attribute): object {
  if (typeof value === 'string') return { name, type: 3, s: new TextEncoder().encode(value) };
  if (typeof value !== 'number') return { name, type: 7, ints: value };
  return Number.isInteger(value) ? { name, type: 2, i: value } : { name, type: 1, f: value };
}

/** A graph with one output `y`. */
class Graph {
  readonly #nodes: object[] = [];
  readonly #initializers: object[] = [];
  readonly #inputs: object[] = [];
  readonly feeds: Record<string, Feed> = {};
  #values = 0;

  input(name: string, feed: Feed): string {
    this.feeds[name] = feed;
    const shape = { dim: feed.shape.map((dimValue) => ({ dimValue })) };
    this.#inputs.push({ name, type: { tensorType: { elemType: elementTypes[feed.type], shape } } });
    return name;
  }

  kept(shape: readonly number[], data: Float32Array | Int8Array | BigInt64Array): string {
    const name = `w${this.#initializers.length}`;
    const dataType = data instanceof Float32Array ? 1 : data instanceof Int8Array ? 3 : 7;
    const rawData = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    this.#initializers.push({ name, dataType, dims: shape, rawData });
    return name;
  }

  node(opType: string, inputs: readonly string[], attributes: Readonly<Record<string, Attribute>> = {}): string {
    const output = `v${this.#values++}`;
    const list = Object.entries(attributes).map(([name, value]) => attribute(name, value));
    this.#nodes.push({ opType, input: inputs, output: [output], attribute: list });
    return output;
  }

  async encode(result: string): Promise<Uint8Array> {
    const { onnx } = (await importPeer<OnnxProto>('onnx-proto')).default;
    this.#nodes.push({ opType: 'Identity', input: [result], output: ['y'] });
    const graph = {
      name: 'task',
      node: this.#nodes,
      initializer: this.#initializers,
      input: this.#inputs,
      output: [{ name: 'y', type: { tensorType: { elemType: 1 } } }],
    };
    const model = onnx.ModelProto.create({ irVersion: 9, opsetImport: [{ domain: '', version: 20 }], graph });
    return onnx.ModelProto.encode(model).finish();
  }
}

const floats = (shape: readonly number[], stream: number): Feed => ({
  type: 'float32',
  shape,
  data: normals(
    shape.reduce((product, extent) => product * extent, 1),
    stream,
  ),
});

const same = (output: Float32Array): Float32Array => output;

function mnist(graph: Graph, batch: number): string {
  let x = graph.input('image', floats([batch, 1, 28, 28], 1));
  for (const [name, { kernel, bias }] of mnistWeights()) {
    const [height = 0, width = 0, channels = 0, filters = 0] = kernel.shape;
    if (kernel.shape.length === 4) {
      const w = graph.kept(
        [filters, channels, height, width],
        outputsFirst(kernel.data, height * width, channels, filters),
      );
      x = graph.node('Relu', [graph.node('Conv', [x, w, graph.kept(bias.shape, bias.data)])]);
      if (name !== 'conv2d_2') x = graph.node('MaxPool', [x], { kernel_shape: [2, 2], strides: [2, 2] });
      else x = graph.node('Flatten', [graph.node('Transpose', [x], { perm: [0, 2, 3, 1] })]);
    } else {
      const y = graph.node('Gemm', [x, graph.kept(kernel.shape, kernel.data), graph.kept(bias.shape, bias.data)]);
      x = name === 'dense' ? graph.node('Relu', [y]) : graph.node('Softmax', [y]);
    }
  }
  return x;
}

/** Our gates are input, forget, cell, output; those of ONNX input, output, forget, cell. [rows, 4 units] -> [4 units, rows]. */
function gatesOf(kernel: Float32Array, rows: number, units: number): Float32Array {
  const turned = transposed(kernel, rows, 4 * units);
  const block = units * rows;
  return Float32Array.from([0, 3, 1, 2].flatMap((gate) => [...turned.subarray(gate * block, (gate + 1) * block)]));
}

export async function onnxOf(task: Task): Promise<OnnxTask> {
  const graph = new Graph();
  const made = async (result: string, ordered = same): Promise<OnnxTask> => ({
    model: await graph.encode(result),
    feeds: graph.feeds,
    ordered,
  });
  switch (task.kind) {
    case 'matmul': {
      const { m, k, n } = task;
      const b = graph.kept([k, n], normals(k * n, 2));
      return made(graph.node('MatMul', [graph.input('a', floats([m, k], 1)), b]));
    }
    case 'batchedMatmul': {
      const { batch, m, k, n, transposeB } = task;
      const a = graph.input('a', floats([batch, m, k], 1));
      const b = graph.input('b', floats(transposeB ? [batch, n, k] : [batch, k, n], 2));
      return made(graph.node('MatMul', [a, transposeB ? graph.node('Transpose', [b], { perm: [0, 2, 1] }) : b]));
    }
    case 'int8Matmul': {
      const { m, k, n } = task;
      const data = Uint8Array.from(integers(m * k, 1, 0, 256));
      const a = graph.input('a', { type: 'uint8', shape: [m, k], data });
      const b = graph.kept([k, n], Int8Array.from(integers(k * n, 2, -127, 128)));
      const sums = graph.node('Cast', [graph.node('MatMulInteger', [a, b])], { to: 1 });
      return made(graph.node('Mul', [sums, graph.kept([], Float32Array.of(2 ** -16))]));
    }
    case 'conv2d':
    case 'depthwiseConv2d': {
      const { n, size, channels, window } = task;
      const isDepthwise = task.kind === 'depthwiseConv2d';
      const filters = isDepthwise ? channels : task.filters;
      const inputs = isDepthwise ? 1 : channels;
      const taps = window * window;
      const kernel = normals(taps * channels * (isDepthwise ? 1 : filters), 2);
      const turned = isDepthwise ? transposed(kernel, taps, channels) : outputsFirst(kernel, taps, channels, filters);
      const x = graph.input('x', {
        type: 'float32',
        shape: [n, channels, size, size],
        data: channelsFirst(normals(n * size * size * channels, 1), n, size * size, channels),
      });
      const w = graph.kept([filters, inputs, window, window], turned);
      const convolved = graph.node('Conv', [x, w, graph.kept([filters], normals(filters, 3))], {
        auto_pad: 'SAME_UPPER',
        ...(isDepthwise ? { group: channels } : {}),
      });
      return made(graph.node('Relu', [convolved]), (output) => channelsLast(output, n, filters, size * size));
    }
    case 'softmax':
    case 'layerNormalization':
    case 'gelu':
    case 'tanh': {
      const { kind, rows, columns } = task;
      const x = graph.input('x', floats([rows, columns], 1));
      if (kind === 'softmax') return made(graph.node('Softmax', [x]));
      if (kind === 'tanh') return made(graph.node('Tanh', [x]));
      if (kind === 'gelu') return made(graph.node('Gelu', [x]));
      const affine = [graph.kept([columns], normals(columns, 2)), graph.kept([columns], normals(columns, 3))];
      return made(graph.node('LayerNormalization', [x, ...affine], { epsilon: 1e-5 }));
    }
    case 'lstm': {
      const { batch, steps, units } = task;
      const x = graph.input('x', {
        type: 'float32',
        shape: [steps, batch, units],
        data: channelsFirst3(normals(batch * steps * units, 1), batch, steps, units),
      });
      const scale = 1 / Math.sqrt(units);
      const w = graph.kept([1, 4 * units, units], gatesOf(normals(4 * units * units, 2, scale), units, units));
      const r = graph.kept([1, 4 * units, units], gatesOf(normals(4 * units * units, 3, scale), units, units));
      const bias = new Float32Array(8 * units);
      bias.set(gatesOf(normals(4 * units, 4), 1, units));
      const y = graph.node('LSTM', [x, w, r, graph.kept([1, 8 * units], bias)], { hidden_size: units });
      return made(y, (output) => channelsFirst3(output, steps, batch, units));
    }
    case 'attention': {
      const { heads, tokens, size } = task;
      const [q, k, v] = [1, 2, 3].map((stream) => graph.input(`x${stream}`, floats([heads, tokens, size], stream)));
      if (!q || !k || !v) throw new Error('three inputs are required');
      const scores = graph.node('MatMul', [q, graph.node('Transpose', [k], { perm: [0, 2, 1] })]);
      const scaled = graph.node('Mul', [scores, graph.kept([], Float32Array.of(1 / Math.sqrt(size)))]);
      return made(graph.node('MatMul', [graph.node('Softmax', [scaled]), v]));
    }
    case 'mnist':
      return made(mnist(graph, task.batch));
    case 'mnistInt8':
      throw new Unable('not written here');
    case 'mnistStep':
      throw new Unable('cannot train');
  }
}

/** [a, b, inner] -> [b, a, inner] */
function channelsFirst3(data: Float32Array, a: number, b: number, inner: number): Float32Array {
  const turned = new Float32Array(data.length);
  for (let i = 0; i < a; i++) {
    for (let j = 0; j < b; j++) {
      turned.set(data.subarray((i * b + j) * inner, (i * b + j + 1) * inner), (j * a + i) * inner);
    }
  }
  return turned;
}
