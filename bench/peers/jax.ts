/** jax-js: makes WebAssembly at run time, differentiates, trains. It reads results into new arrays only. */
import { mnistWeights } from '../tasks/mnist.js';
import { integers, normals, type Task } from '../tasks/work.js';
import {
  channelsFirst,
  channelsLast,
  type Contender,
  importPeer,
  outputsFirst,
  type Prepared,
  transposed,
  Unable,
} from './contender.js';

/** An array is used up by its first use: `ref` makes one more use of it. */
interface JaxArray {
  readonly ref: JaxArray;
  data(): Promise<Float32Array>;
  dataSync(): Float32Array;
  dispose(): void;
  reshape(shape: readonly number[]): JaxArray;
  add(other: JaxArray | number): JaxArray;
  sub(other: JaxArray | number): JaxArray;
  mul(other: JaxArray | number): JaxArray;
  div(other: JaxArray | number): JaxArray;
  transpose(axes: readonly number[]): JaxArray;
}

type Tree = Readonly<Record<string, JaxArray>>;

interface Jax {
  init(device: string): Promise<unknown>;
  defaultDevice(device: string): unknown;
  jit<A extends readonly unknown[], R>(fn: (...args: A) => R): (...args: A) => R;
  valueAndGrad<A extends readonly unknown[], G>(fn: (...args: A) => JaxArray): (...args: A) => [JaxArray, G];
  readonly numpy: {
    array(data: Float32Array | Int32Array, options?: object): JaxArray;
    matmul(a: JaxArray, b: JaxArray): JaxArray;
    tanh(x: JaxArray): JaxArray;
    sqrt(x: JaxArray): JaxArray;
    square(x: JaxArray): JaxArray;
    mean(x: JaxArray): JaxArray;
    sum(x: JaxArray, axis?: number): JaxArray;
    max(x: JaxArray): JaxArray;
  };
  readonly nn: {
    relu(x: JaxArray): JaxArray;
    softmax(x: JaxArray, axis?: number): JaxArray;
    logSoftmax(x: JaxArray, axis?: number): JaxArray;
    gelu(x: JaxArray, options?: object): JaxArray;
    standardize(x: JaxArray, axis: number, options: object): JaxArray;
    oneHot(x: JaxArray, classes: number): JaxArray;
    dotProductAttention(q: JaxArray, k: JaxArray, v: JaxArray): JaxArray;
  };
  readonly lax: {
    convGeneralDilated(
      x: JaxArray,
      kernel: JaxArray,
      strides: readonly number[],
      padding: string,
      options?: { featureGroupCount: number },
    ): JaxArray;
    reduceWindow(
      x: JaxArray,
      fn: (x: JaxArray) => JaxArray,
      size: readonly number[],
      strides: readonly number[],
    ): JaxArray;
  };
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, extent) => product * extent, 1);

/** A compiled function, its arrays, and the order of its result. */
interface Compiled {
  readonly call: (...arrays: readonly JaxArray[]) => JaxArray;
  readonly arrays: readonly JaxArray[];
  readonly ordered?: (output: Float32Array) => Float32Array;
}

function mnistTree(jax: Jax): Record<string, JaxArray> {
  const tree: Record<string, JaxArray> = {};
  for (const [name, { kernel, bias }] of mnistWeights()) {
    const [height = 0, width = 0, channels = 0, filters = 0] = kernel.shape;
    const isConvolution = kernel.shape.length === 4;
    const data = isConvolution ? outputsFirst(kernel.data, height * width, channels, filters) : kernel.data;
    const shape = isConvolution ? [filters, channels, height, width] : kernel.shape;
    tree[`${name}/kernel`] = jax.numpy.array(data).reshape(shape);
    tree[`${name}/bias`] = jax.numpy.array(bias.data).reshape(isConvolution ? [filters, 1, 1] : bias.shape);
  }
  return tree;
}

const taken = (tree: Tree, name: string): JaxArray => {
  const array = tree[name];
  if (!array) throw new Error(`an array '${name}' is required`);
  return array;
};

function logitsOf(jax: Jax, image: JaxArray, batch: number, tree: Tree): JaxArray {
  const { lax, nn, numpy } = jax;
  let x = image;
  for (const name of ['conv2d', 'conv2d_1', 'conv2d_2']) {
    const convolved = lax.convGeneralDilated(x, taken(tree, `${name}/kernel`), [1, 1], 'VALID');
    x = nn.relu(convolved.add(taken(tree, `${name}/bias`)));
    if (name !== 'conv2d_2') x = lax.reduceWindow(x, (window) => numpy.max(window), [1, 1, 2, 2], [1, 1, 2, 2]);
  }
  x = x.transpose([0, 2, 3, 1]).reshape([batch, 576]);
  x = nn.relu(numpy.matmul(x, taken(tree, 'dense/kernel')).add(taken(tree, 'dense/bias')));
  return numpy.matmul(x, taken(tree, 'dense_1/kernel')).add(taken(tree, 'dense_1/bias'));
}

function compiledOf(jax: Jax, task: Task): Compiled {
  const { lax, nn, numpy } = jax;
  const floats = (shape: readonly number[], stream: number): JaxArray =>
    numpy.array(normals(sizeOf(shape), stream)).reshape(shape);
  switch (task.kind) {
    case 'matmul':
      return {
        call: jax.jit((a: JaxArray, b: JaxArray) => numpy.matmul(a, b)) as Compiled['call'],
        arrays: [floats([task.m, task.k], 1), floats([task.k, task.n], 2)],
      };
    case 'batchedMatmul': {
      const { batch, m, k, n, transposeB } = task;
      return {
        call: jax.jit((a: JaxArray, b: JaxArray) =>
          numpy.matmul(a, transposeB ? b.transpose([0, 2, 1]) : b),
        ) as Compiled['call'],
        arrays: [floats([batch, m, k], 1), floats(transposeB ? [batch, n, k] : [batch, k, n], 2)],
      };
    }
    case 'conv2d':
    case 'depthwiseConv2d': {
      const { n, size, channels, window } = task;
      const isDepthwise = task.kind === 'depthwiseConv2d';
      const filters = isDepthwise ? channels : task.filters;
      const taps = window * window;
      const kernel = normals(taps * channels * (isDepthwise ? 1 : filters), 2);
      const turned = isDepthwise ? transposed(kernel, taps, channels) : outputsFirst(kernel, taps, channels, filters);
      const x = channelsFirst(normals(n * size * size * channels, 1), n, size * size, channels);
      const options = { featureGroupCount: isDepthwise ? channels : 1 };
      return {
        call: jax.jit((image: JaxArray, weights: JaxArray, bias: JaxArray) =>
          nn.relu(lax.convGeneralDilated(image, weights, [1, 1], 'SAME', options).add(bias)),
        ) as Compiled['call'],
        arrays: [
          numpy.array(x).reshape([n, channels, size, size]),
          numpy.array(turned).reshape([filters, isDepthwise ? 1 : channels, window, window]),
          numpy.array(normals(filters, 3)).reshape([filters, 1, 1]),
        ],
        ordered: (output) => channelsLast(output, n, filters, size * size),
      };
    }
    case 'softmax':
    case 'tanh':
    case 'gelu': {
      const { kind, rows, columns } = task;
      const maps = {
        softmax: (x: JaxArray) => nn.softmax(x, -1),
        tanh: (x: JaxArray) => numpy.tanh(x),
        gelu: (x: JaxArray) => nn.gelu(x, { approximate: false }),
      };
      return { call: jax.jit(maps[kind]) as Compiled['call'], arrays: [floats([rows, columns], 1)] };
    }
    case 'layerNormalization': {
      const { rows, columns } = task;
      return {
        call: jax.jit((x: JaxArray, gamma: JaxArray, beta: JaxArray) =>
          nn.standardize(x, -1, { epsilon: 1e-5 }).mul(gamma).add(beta),
        ) as Compiled['call'],
        arrays: [floats([rows, columns], 1), floats([columns], 2), floats([columns], 3)],
      };
    }
    case 'attention': {
      const { heads, tokens, size } = task;
      return {
        call: jax.jit((q: JaxArray, k: JaxArray, v: JaxArray) => {
          const weights = nn.softmax(numpy.matmul(q, k.transpose([0, 2, 1])).mul(1 / Math.sqrt(size)), -1);
          return numpy.matmul(weights, v);
        }) as Compiled['call'],
        arrays: [1, 2, 3].map((stream) => floats([heads, tokens, size], stream)),
      };
    }
    case 'mnist': {
      const { batch } = task;
      const tree = mnistTree(jax);
      const names = Object.keys(tree);
      return {
        call: jax.jit((image: JaxArray, ...weights: readonly JaxArray[]) => {
          const named = Object.fromEntries(names.map((name, i) => [name, weights[i] as JaxArray]));
          return nn.softmax(logitsOf(jax, image, batch, named), -1);
        }) as Compiled['call'],
        arrays: [floats([batch, 1, 28, 28], 1), ...Object.values(tree)],
      };
    }
    case 'int8Matmul':
    case 'mnistInt8':
      throw new Unable('no int8 arithmetic');
    case 'lstm':
      throw new Unable('no scan: a loop of JavaScript over the steps');
    case 'mnistStep':
      throw new Unable('trained by its own step');
  }
}

/** A step of Adam on every array of a tree, as one compiled function. */
function stepOf(jax: Jax, batch: number): () => Promise<number> {
  const { nn, numpy } = jax;
  const image = numpy.array(normals(batch * 784, 1)).reshape([batch, 1, 28, 28]);
  const labels = nn.oneHot(numpy.array(integers(batch, 2, 0, 10)), 10);
  let weights: Tree = mnistTree(jax);
  const names = Object.keys(weights);
  const zeros = (): Tree => Object.fromEntries(names.map((name) => [name, taken(weights, name).ref.mul(0)]));
  let m = zeros();
  let v = zeros();
  let count = 0;
  const lossOf = (tree: Tree, x: JaxArray, y: JaxArray): JaxArray =>
    numpy.mean(numpy.sum(nn.logSoftmax(logitsOf(jax, x, batch, tree), -1).mul(y), 1)).mul(-1);
  const step = jax.jit(
    (tree: Tree, first: Tree, second: Tree, x: JaxArray, y: JaxArray, rate: JaxArray, root: JaxArray) => {
      const refs = Object.fromEntries(names.map((name) => [name, taken(tree, name).ref]));
      const [loss, gradients] = jax.valueAndGrad<[Tree, JaxArray, JaxArray], Tree>(lossOf)(refs, x, y);
      const [w2, m2, v2]: [Record<string, JaxArray>, Record<string, JaxArray>, Record<string, JaxArray>] = [{}, {}, {}];
      names.forEach((name, i) => {
        const last = i === names.length - 1;
        const g = taken(gradients, name);
        const mean = taken(first, name).mul(0.9).add(g.ref.mul(0.1));
        const square = taken(second, name).mul(0.999).add(numpy.square(g).mul(0.001));
        const scale = numpy
          .sqrt(square.ref)
          .mul(last ? root : root.ref)
          .add(1e-7);
        w2[name] = taken(tree, name).sub(mean.ref.mul(last ? rate : rate.ref).div(scale));
        m2[name] = mean;
        v2[name] = square;
      });
      return [loss, w2, m2, v2] as const;
    },
  );
  return async () => {
    count++;
    const rate = numpy.array(Float32Array.of(1e-3 / (1 - 0.9 ** count))).reshape([]);
    const root = numpy.array(Float32Array.of(1 / Math.sqrt(1 - 0.999 ** count))).reshape([]);
    const [loss, w2, m2, v2] = step(weights, m, v, image.ref, labels.ref, rate, root);
    [weights, m, v] = [w2, m2, v2];
    return (await loss.data())[0] ?? NaN;
  };
}

export async function jaxMaker(version: string): Promise<Contender> {
  const jax = await importPeer<Jax>('@jax-js/jax');
  await jax.init('wasm');
  jax.defaultDevice('wasm');
  const prepare = async (task: Task): Promise<Prepared> => {
    if (task.kind === 'mnistStep') {
      const step = stepOf(jax, task.batch);
      const result = async (): Promise<Float32Array> => Float32Array.of(await step(), await step());
      return { run: step, isAsync: true, result, close: () => undefined };
    }
    const { call, arrays, ordered = (output) => output } = compiledOf(jax, task);
    const run = (): Float32Array => call(...arrays.map((array) => array.ref)).dataSync();
    return {
      run,
      isAsync: false,
      result: () => Promise.resolve(ordered(run())),
      close: () => arrays.forEach((array) => array.dispose()),
    };
  };
  return { version, prepare };
}
