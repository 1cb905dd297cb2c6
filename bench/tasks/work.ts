/**
 * The work that contenders are given, as plain data: every one makes the same arrays from it and must give the same
 * result. Images are NHWC and kernels HWIO here; who needs another order turns them before anything is timed.
 */
import { mulberry } from './random.js';

export type Task =
  /** a [m, k] fed, b [k, n] kept -> [m, n] */
  | { readonly kind: 'matmul'; readonly m: number; readonly k: number; readonly n: number }
  /** a [batch, m, k], b [batch, k, n], or [batch, n, k] where `transposeB`, both fed -> [batch, m, n] */
  | {
      readonly kind: 'batchedMatmul';
      readonly batch: number;
      readonly m: number;
      readonly k: number;
      readonly n: number;
      readonly transposeB: boolean;
    }
  /** a u8 [m, k] fed, b i8 [k, n] kept, both with zero point 0 -> f32 [m, n] = (a . b) / 2^16 */
  | { readonly kind: 'int8Matmul'; readonly m: number; readonly k: number; readonly n: number }
  /** x [n, size, size, channels] fed, kernel and bias kept, `same` padding, relu -> [n, size, size, filters] */
  | {
      readonly kind: 'conv2d';
      readonly n: number;
      readonly size: number;
      readonly channels: number;
      readonly filters: number;
      readonly window: number;
    }
  /** x [n, size, size, channels] fed, kernel [window, window, channels, 1] and bias kept, `same` padding, relu */
  | {
      readonly kind: 'depthwiseConv2d';
      readonly n: number;
      readonly size: number;
      readonly channels: number;
      readonly window: number;
    }
  /** x [rows, columns] fed -> the function of each row or element */
  | { readonly kind: MapName; readonly rows: number; readonly columns: number }
  /** x [batch, steps, units] fed, kernels [units, 4 units] and bias kept -> all states [batch, steps, units] */
  | { readonly kind: 'lstm'; readonly batch: number; readonly steps: number; readonly units: number }
  /** q, k, v [heads, tokens, size] fed -> [heads, tokens, size], scaled by 1 / sqrt(size) */
  | { readonly kind: 'attention'; readonly heads: number; readonly tokens: number; readonly size: number }
  /** image [batch, 28, 28, 1] fed -> probabilities [batch, 10] of the network of `npm start` */
  | { readonly kind: 'mnist'; readonly batch: number }
  /** The same network on integers: weights i8 with a scale for each channel, the activations between layers u8 */
  | { readonly kind: 'mnistInt8'; readonly batch: number }
  /** image and labels fed -> the losses of two steps of Adam on that network */
  | { readonly kind: 'mnistStep'; readonly batch: number };

export type MapName = 'softmax' | 'layerNormalization' | 'gelu' | 'tanh';

export type Suite = 'kernels' | 'models' | 'training' | 'threads';

export interface Work {
  readonly id: string;
  readonly suite: Suite;
  /** What a reader of the report sees. */
  readonly title: string;
  readonly task: Task;
  /** Multiply-adds of one run, by the definition of the work; 0 where the rate that counts is bytes. */
  readonly multiplyAdds: number;
  /** Bytes read and written at the least. */
  readonly bytes: number;
  /** How far two right results may be apart, as a share of the largest element. */
  readonly tolerance: number;
  /** A foreign process keeps a core busy while the work is timed. */
  readonly besideBusy?: true;
}

/** Normal numbers, the same for every contender: `stream` parts the arrays of one work. */
export function normals(length: number, stream: number, scale = 1): Float32Array {
  const next = mulberry(stream + 1);
  const values = new Float32Array(length);
  for (let i = 0; i < length; i++) {
    values[i] = scale * Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  }
  return values;
}

/** Integers in [low, high). */
export function integers(length: number, stream: number, low: number, high: number): Int32Array {
  const next = mulberry(stream + 1);
  return Int32Array.from({ length }, () => low + Math.floor(next() * (high - low)));
}

const size = (...extents: readonly number[]): number => extents.reduce((product, extent) => product * extent, 1);

function work(suite: Suite, id: string, title: string, task: Task, tolerance = 1e-4): Work {
  return { suite, id, title, task, tolerance, ...costOf(task) };
}

/** The multiply-adds of an image through the network of `npm start`. */
const mnistMultiplyAdds =
  size(26, 26, 9, 32) + size(11, 11, 9 * 32, 64) + size(3, 3, 9 * 64, 64) + size(576, 64) + size(64, 10);
const mnistParameters = 93_322;

function costOf(task: Task): { readonly multiplyAdds: number; readonly bytes: number } {
  switch (task.kind) {
    case 'matmul':
    case 'int8Matmul': {
      const { m, k, n } = task;
      const operands = size(m, k) + size(k, n);
      return {
        multiplyAdds: size(m, k, n),
        bytes: (task.kind === 'matmul' ? 4 * operands : operands) + 4 * size(m, n),
      };
    }
    case 'batchedMatmul': {
      const { batch, m, k, n } = task;
      return { multiplyAdds: size(batch, m, k, n), bytes: 4 * batch * (size(m, k) + size(k, n) + size(m, n)) };
    }
    case 'conv2d': {
      const { n, size: side, channels, filters, window } = task;
      const pixels = size(n, side, side);
      const kernel = size(window, window, channels, filters);
      return { multiplyAdds: pixels * kernel, bytes: 4 * (pixels * (channels + filters) + kernel) };
    }
    case 'depthwiseConv2d': {
      const { n, size: side, channels, window } = task;
      const elements = size(n, side, side, channels);
      return { multiplyAdds: elements * window * window, bytes: 8 * elements };
    }
    case 'lstm': {
      const { batch, steps, units } = task;
      return {
        multiplyAdds: size(batch, steps, 8, units, units),
        bytes: 4 * (2 * size(batch, steps, units) + 8 * size(units, units)),
      };
    }
    case 'attention': {
      const { heads, tokens, size: depth } = task;
      return { multiplyAdds: 2 * size(heads, tokens, tokens, depth), bytes: 16 * size(heads, tokens, depth) };
    }
    case 'mnist':
      return {
        multiplyAdds: task.batch * mnistMultiplyAdds,
        bytes: 4 * (mnistParameters + task.batch * (784 + 10)),
      };
    case 'mnistInt8':
      return {
        multiplyAdds: task.batch * mnistMultiplyAdds,
        bytes: mnistParameters + 4 * task.batch * (784 + 10),
      };
    case 'mnistStep':
      // Forward, and twice as much backward but for the gradient of the images.
      return {
        multiplyAdds: task.batch * (3 * mnistMultiplyAdds - size(26, 26, 9, 32)),
        bytes: 4 * (7 * mnistParameters + task.batch * 785),
      };
    default:
      return { multiplyAdds: 0, bytes: 8 * size(task.rows, task.columns) };
  }
}

const cube = (n: number): Work =>
  work('kernels', `matmul-${n}`, `matmul ${n} x ${n} x ${n}`, { kind: 'matmul', m: n, k: n, n });

const threaded = (id: string, title: string): Work =>
  work('threads', id, title, { kind: 'matmul', m: 512, k: 512, n: 512 });

const step = (suite: Suite, id: string, title: string): Work =>
  work(suite, id, title, { kind: 'mnistStep', batch: 64 }, 1e-3);

const map = (kind: MapName): Work =>
  work('kernels', kind, `${kind} of 1024 x 1024`, { kind, rows: 1024, columns: 1024 }, 1e-5);

/** Every row of the report, in its order. */
export const works: readonly Work[] = [
  ...[16, 32, 64, 128, 256, 512, 1024].map(cube),
  work('kernels', 'matvec-1024', 'matmul 1 x 1024 x 1024', { kind: 'matmul', m: 1, k: 1024, n: 1024 }),
  work('kernels', 'scores-128', 'matmul 12 of 128 x 64 x 128, transposed', {
    kind: 'batchedMatmul',
    batch: 12,
    m: 128,
    k: 64,
    n: 128,
    transposeB: true,
  }),
  work('kernels', 'mix-128', 'matmul 12 of 128 x 128 x 64', {
    kind: 'batchedMatmul',
    batch: 12,
    m: 128,
    k: 128,
    n: 64,
    transposeB: false,
  }),
  work('kernels', 'int8-512', 'int8 matmul 512 x 512 x 512', { kind: 'int8Matmul', m: 512, k: 512, n: 512 }, 0),
  work('kernels', 'conv-3x3', 'conv 3x3, 64 to 64, 56 x 56', {
    kind: 'conv2d',
    n: 1,
    size: 56,
    channels: 64,
    filters: 64,
    window: 3,
  }),
  work('kernels', 'conv-1x1', 'conv 1x1, 128 to 128, 28 x 28', {
    kind: 'conv2d',
    n: 1,
    size: 28,
    channels: 128,
    filters: 128,
    window: 1,
  }),
  work('kernels', 'depthwise', 'depthwise 3x3, 128, 56 x 56', {
    kind: 'depthwiseConv2d',
    n: 1,
    size: 56,
    channels: 128,
    window: 3,
  }),
  map('softmax'),
  map('layerNormalization'),
  map('gelu'),
  map('tanh'),
  ...[1, 32].map((batch) =>
    work('kernels', `lstm-${batch}`, `LSTM, 100 steps, 128 units, batch ${batch}`, {
      kind: 'lstm',
      batch,
      steps: 100,
      units: 128,
    }),
  ),
  ...[128, 512].map((tokens) =>
    work('kernels', `attention-${tokens}`, `attention, 12 heads of 64, ${tokens} tokens`, {
      kind: 'attention',
      heads: 12,
      tokens,
      size: 64,
    }),
  ),
  ...[1, 64].map((batch) =>
    work('models', `mnist-${batch}`, `MNIST network, batch ${batch}`, { kind: 'mnist', batch }),
  ),
  ...[1, 64].map((batch) =>
    work('models', `mnist-int8-${batch}`, `MNIST network in int8, batch ${batch}`, { kind: 'mnistInt8', batch }, 1e-5),
  ),
  step('training', 'mnist-step', 'MNIST network, training step of 64'),
  threaded('matmul-512-threads', 'matmul 512 x 512 x 512'),
  { ...threaded('matmul-512-busy', 'matmul 512 x 512 x 512, beside a busy process'), besideBusy: true },
  step('threads', 'mnist-step-threads', 'MNIST network, training step of 64'),
  { ...step('threads', 'mnist-step-busy', 'MNIST network, training step, beside a busy process'), besideBusy: true },
];
