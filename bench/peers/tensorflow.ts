/**
 * TensorFlow.js: WebAssembly for inference, its plain JavaScript for the training that WebAssembly has no kernels for. It
 * reads results into new arrays only.
 */
import { mnistWeights } from '../tasks/mnist.js';
import { integers, normals, type Task } from '../tasks/work.js';
import { type Contender, type ContenderMaker, importPeer, type Prepared, Unable } from './contender.js';

interface Tensor {
  dataSync(): Float32Array;
  dispose(): void;
}

interface Optimizer {
  minimize(loss: () => Tensor, returnCost: boolean): Tensor;
}

interface Tf {
  readonly version_core: string;
  setBackend(name: string): Promise<boolean>;
  ready(): Promise<void>;
  tensor(data: Float32Array | Int32Array, shape: readonly number[], dtype?: 'int32'): Tensor;
  variable(initial: Tensor): Tensor;
  tidy<T>(fn: () => T): T;
  matMul(a: Tensor, b: Tensor, transposeA?: boolean, transposeB?: boolean): Tensor;
  softmax(x: Tensor): Tensor;
  tanh(x: Tensor): Tensor;
  erf(x: Tensor): Tensor;
  add(a: Tensor, b: Tensor | number): Tensor;
  sub(a: Tensor, b: Tensor | number): Tensor;
  mul(a: Tensor, b: Tensor | number): Tensor;
  div(a: Tensor, b: Tensor | number): Tensor;
  sqrt(x: Tensor): Tensor;
  rsqrt(x: Tensor): Tensor;
  square(x: Tensor): Tensor;
  mean(x: Tensor, axis?: number, keepDims?: boolean): Tensor;
  neg(x: Tensor): Tensor;
  sum(x: Tensor, axis?: number): Tensor;
  relu(x: Tensor): Tensor;
  reshape(x: Tensor, shape: readonly number[]): Tensor;
  oneHot(labels: Tensor, depth: number): Tensor;
  logSoftmax(x: Tensor): Tensor;
  conv2d(x: Tensor, kernel: Tensor, strides: number, padding: string): Tensor;
  maxPool(x: Tensor, size: number, strides: number, padding: string): Tensor;
  readonly fused: {
    conv2d(options: object): Tensor;
    depthwiseConv2d(options: object): Tensor;
    matMul(options: object): Tensor;
  };
  readonly train: { adam(learningRate: number, beta1: number, beta2: number, epsilon: number): Optimizer };
}

type Forward = () => Tensor;

/** The network before its softmax, on layers that training differentiates. */
function logitsOf(
  tf: Tf,
  image: Tensor,
  batch: number,
  weights: ReadonlyMap<string, readonly [Tensor, Tensor]>,
): Tensor {
  let x = image;
  for (const [name, [kernel, bias]] of weights) {
    if (name.startsWith('conv2d')) {
      x = tf.relu(tf.add(tf.conv2d(x, kernel, 1, 'valid'), bias));
      x = name === 'conv2d_2' ? tf.reshape(x, [batch, 576]) : tf.maxPool(x, 2, 2, 'valid');
    } else {
      x = tf.add(tf.matMul(x, kernel), bias);
      if (name === 'dense') x = tf.relu(x);
    }
  }
  return x;
}

function forwardOf(tf: Tf, task: Task): Forward {
  const floats = (shape: readonly number[], stream: number): Tensor =>
    tf.tensor(
      normals(
        shape.reduce((product, extent) => product * extent, 1),
        stream,
      ),
      shape,
    );
  switch (task.kind) {
    case 'matmul': {
      const [a, b] = [floats([task.m, task.k], 1), floats([task.k, task.n], 2)];
      return () => tf.matMul(a, b);
    }
    case 'batchedMatmul': {
      const { batch, m, k, n, transposeB } = task;
      const [a, b] = [floats([batch, m, k], 1), floats(transposeB ? [batch, n, k] : [batch, k, n], 2)];
      return () => tf.matMul(a, b, false, transposeB);
    }
    case 'conv2d': {
      const { n, size, channels, filters, window } = task;
      const x = floats([n, size, size, channels], 1);
      const [filter, bias] = [floats([window, window, channels, filters], 2), floats([filters], 3)];
      return () => tf.fused.conv2d({ x, filter, strides: 1, pad: 'same', bias, activation: 'relu' });
    }
    case 'depthwiseConv2d': {
      const { n, size, channels, window } = task;
      const x = floats([n, size, size, channels], 1);
      const [filter, bias] = [floats([window, window, channels, 1], 2), floats([channels], 3)];
      return () => tf.fused.depthwiseConv2d({ x, filter, strides: 1, pad: 'same', bias, activation: 'relu' });
    }
    case 'softmax':
    case 'tanh': {
      const { kind, rows, columns } = task;
      const x = floats([rows, columns], 1);
      return () => tf[kind](x);
    }
    case 'gelu': {
      const x = floats([task.rows, task.columns], 1);
      return () => tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1));
    }
    case 'layerNormalization': {
      const { rows, columns } = task;
      const [x, gamma, beta] = [floats([rows, columns], 1), floats([columns], 2), floats([columns], 3)];
      return () => {
        const centred = tf.sub(x, tf.mean(x, 1, true));
        const scale = tf.rsqrt(tf.add(tf.mean(tf.square(centred), 1, true), 1e-5));
        return tf.add(tf.mul(tf.mul(centred, scale), gamma), beta);
      };
    }
    case 'attention': {
      const { heads, tokens, size } = task;
      const [q, k, v] = [
        floats([heads, tokens, size], 1),
        floats([heads, tokens, size], 2),
        floats([heads, tokens, size], 3),
      ];
      return () => tf.matMul(tf.softmax(tf.mul(tf.matMul(q, k, false, true), 1 / Math.sqrt(size))), v);
    }
    case 'mnist': {
      const { batch } = task;
      const image = floats([batch, 28, 28, 1], 1);
      const weights = [...mnistWeights()].map(([name, { kernel, bias }]) => {
        return { name, filter: tf.tensor(kernel.data, kernel.shape), bias: tf.tensor(bias.data, bias.shape) };
      });
      return () => {
        let x = image;
        for (const { name, filter, bias } of weights) {
          if (name.startsWith('conv2d')) {
            x = tf.fused.conv2d({ x, filter, strides: 1, pad: 'valid', bias, activation: 'relu' });
            x = name === 'conv2d_2' ? tf.reshape(x, [batch, 576]) : tf.maxPool(x, 2, 2, 'valid');
          } else {
            x = tf.fused.matMul({ a: x, b: filter, bias, activation: name === 'dense' ? 'relu' : 'linear' });
          }
        }
        return tf.softmax(x);
      };
    }
    case 'int8Matmul':
    case 'mnistInt8':
      throw new Unable('no int8 arithmetic');
    case 'lstm':
      throw new Unable('no fused LSTM: a loop of JavaScript over the steps');
    case 'mnistStep':
      throw new Unable('cannot train convolutions');
  }
}

function stepOf(tf: Tf, batch: number): () => number {
  const image = tf.tensor(normals(batch * 784, 1), [batch, 28, 28, 1]);
  const labels = tf.oneHot(tf.tensor(integers(batch, 2, 0, 10), [batch], 'int32'), 10);
  const variables = new Map(
    [...mnistWeights()].map(([name, { kernel, bias }]) => {
      const variable = ({ data, shape }: typeof kernel): Tensor => tf.variable(tf.tensor(data, shape));
      return [name, [variable(kernel), variable(bias)] as const] as const;
    }),
  );
  const optimizer = tf.train.adam(1e-3, 0.9, 0.999, 1e-7);
  return () =>
    tf.tidy(() => {
      const loss = (): Tensor =>
        tf.neg(tf.mean(tf.sum(tf.mul(tf.logSoftmax(logitsOf(tf, image, batch, variables)), labels), 1)));
      return optimizer.minimize(loss, true).dataSync()[0] ?? NaN;
    });
}

export function tensorflowMaker(backend: 'wasm' | 'cpu'): ContenderMaker {
  return async (): Promise<Contender> => {
    const tf = await importPeer<Tf>('@tensorflow/tfjs-core');
    await importPeer(`@tensorflow/tfjs-backend-${backend}`);
    await tf.setBackend(backend);
    await tf.ready();
    const version = `tfjs-${backend} ${tf.version_core}`;
    const prepare = async (task: Task): Promise<Prepared> => {
      if (backend === 'cpu') {
        if (task.kind !== 'mnistStep') throw new Unable('timed for training only');
        const step = stepOf(tf, task.batch);
        return {
          run: step,
          isAsync: false,
          result: () => Promise.resolve(Float32Array.of(step(), step())),
          close: () => undefined,
        };
      }
      const forward = forwardOf(tf, task);
      // Not read inside of tidy, which would walk over what it returns, element by element.
      const run = (): Float32Array => {
        const output = tf.tidy(forward);
        const data = output.dataSync();
        output.dispose();
        return data;
      };
      return { run, isAsync: false, result: () => Promise.resolve(run()), close: () => undefined };
    };
    return { version, prepare };
  };
}
