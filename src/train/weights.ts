/**
 * What examples weigh in the loss, as Keras has it: the loss of a batch is the sum of each example's loss times its weight,
 * divided by the number of examples, not by their weights.
 */
import { ArgumentError, ShapeError } from '../core/errors.js';
import { type NDArray, ndarray, sizeOf } from '../core/ndarray.js';
import { byName, mapNamed, type Named } from '../core/tree.js';
import { rowsOf } from '../data/rows.js';
import { printType } from '../graph/names.js';
import type { TensorType } from '../ops/tensor.js';
import { checkFinite, checkRows } from './checks.js';
import { type Arrays, countOf, type Examples, isNDArray } from './examples.js';

/** A weight for each class; a class without one weighs 1. */
export type ClassWeight = Readonly<Record<number, number>>;

/** How examples are weighed; alike unless said. */
export interface Weighing {
  /** f32 [n]: for the losses of all outputs, or one by output (in order, or by name). */
  readonly sampleWeight?: Arrays | undefined;
  readonly classWeight?: ClassWeight | undefined;
}

const type: TensorType = { dtype: 'f32', shape: ['batch'] };

/** Throws unless the weights are f32 [n], finite and not negative. */
function checkWeights(where: string, weights: NDArray, rows: number): NDArray {
  const [count = 0, ...inner] = weights.shape;
  const flat = inner.every((extent) => extent === 1) ? { ...weights, shape: [count] } : weights;
  checkRows(where, type, flat);
  if (rowsOf(flat) !== rows) {
    throw new ShapeError(where, `${rows} weights are required, one for each example. Received ${rowsOf(flat)}.`);
  }
  checkFinite(where, flat);
  const negative = flat.data.findIndex((weight: number) => weight < 0);
  if (negative < 0) return flat;
  const received = `${flat.data[negative]} in row ${negative}`;
  throw new ArgumentError(where, `weights that are not negative are required. Received ${received}.`);
}

/** The weights for each output that has labels. */
function byOutput(outputs: readonly string[], given: Arrays, rows: number): Record<string, NDArray> {
  const where = 'sampleWeight';
  if (isNDArray(given)) {
    const weights = checkWeights(where, given, rows);
    return Object.fromEntries(outputs.map((output) => [output, weights]));
  }
  const arrays = byName(outputs, given, isNDArray);
  if (!arrays) {
    const received = Object.keys(given).join(', ') || 'none';
    throw new ArgumentError(where, `weights for each of ${outputs.join(', ')} are required. Received ${received}.`);
  }
  return Object.fromEntries(
    outputs.map((output, i) => [output, checkWeights(`${where}.${output}`, arrays[i] as NDArray, rows)]),
  );
}

/** The class of each example: of labels [n] or [n, 1], or one-hot [n, classes]. */
function classesOf(labels: NDArray): number[] {
  const [rows = 0, ...inner] = labels.shape;
  const width = sizeOf(inner);
  const isInteger = labels.data.every((label: number) => Number.isInteger(label));
  if (inner.length > 1 || !isInteger || (width > 1 && labels.dtype !== 'f32')) {
    throw new ArgumentError('classWeight', `labels that name one class are required. Received ${printType(labels)}.`);
  }
  if (width === 1) return Array.from(labels.data);
  return Array.from({ length: rows }, (_, row) => labels.data.subarray(row * width, (row + 1) * width).indexOf(1));
}

function byClass(outputs: Named<NDArray>, classWeight: ClassWeight): number[] {
  const [labels, ...others] = Object.values(outputs);
  if (!labels || others.length > 0) {
    const received = `labels of ${Object.keys(outputs).join(', ') || 'none'}`;
    throw new ArgumentError('classWeight', `a model with labels for one output is required. Received ${received}.`);
  }
  const classes = classesOf(labels);
  const present = new Set(classes);
  for (const [name, weight] of Object.entries(classWeight)) {
    if (!present.has(Number(name))) {
      const known = [...present].sort((a, b) => a - b).join(', ');
      throw new ArgumentError('classWeight', `classes among the labels are required (${known}). Received ${name}.`);
    }
    if (weight >= 0 && weight < Infinity) continue;
    throw new ArgumentError('classWeight', `a weight from 0 is required for class ${name}. Received ${weight}.`);
  }
  return classes.map((label) => classWeight[label] ?? 1);
}

/**
 * The examples with weights: those given, or those that they have, times those of their classes. Throws `ShapeError` for weights of another length,
 * `ArgumentError` for negative ones and for classes that no label names.
 */
export function weigh(examples: Examples, { sampleWeight, classWeight }: Weighing): Examples {
  if (sampleWeight === undefined && classWeight === undefined) return examples;
  const outputs = Object.keys(examples.labels);
  const rows = countOf(examples);
  const given = sampleWeight ? byOutput(outputs, sampleWeight, rows) : withWeights(examples).weights;
  if (!classWeight) return { ...examples, weights: given };
  const factors = byClass(examples.labels, classWeight);
  const times = ({ data }: NDArray): NDArray =>
    ndarray(
      'f32',
      [rows],
      factors.map((factor, i) => factor * (data[i] ?? NaN)),
    );
  return { ...examples, weights: mapNamed(given, times) };
}

const onesFor = (examples: Examples): Record<string, NDArray> => {
  const ones = ndarray('f32', [countOf(examples)], new Float32Array(countOf(examples)).fill(1));
  return Object.fromEntries(Object.keys(examples.labels).map((output) => [output, ones]));
};

export const isWeighed = ({ weights }: Examples): boolean => Object.keys(weights).length > 0;

/** The examples with weights where they have none: 1 each. */
export const withWeights = (examples: Examples): Examples =>
  isWeighed(examples) ? examples : { ...examples, weights: onesFor(examples) };
