/**
 * Scaling of columns, with figures taken from the examples that are trained on and used for all others too.
 *
 *   const scaler = standardScaler(train.x);
 *   await model.fit(scaler.transform(train.x), train.y);
 *   await model.evaluate(scaler.transform(test.x), test.y);
 */
import { ArgumentError, DTypeError, NumericsError, ShapeError } from '../core/errors.js';
import { type NDArray, ndarray } from '../core/ndarray.js';
import { rowsOf } from './rows.js';

/** (x - offset) / scale, column by column. The figures are plain numbers, to be kept beside the model. */
export interface Scaler {
  readonly offset: readonly number[];
  /** Never zero. */
  readonly scale: readonly number[];
  /** f32 [n, columns] -> f32 [n, columns]. */
  readonly transform: (x: NDArray) => NDArray<'f32'>;
  /** What `transform` was given. */
  readonly inverse: (x: NDArray) => NDArray<'f32'>;
}

interface ColumnFigures {
  readonly mean: number;
  /** Of the population: the mean of the squares, not their sum by n - 1. */
  readonly deviation: number;
  readonly least: number;
  readonly most: number;
}

function columnsOf(where: string, { dtype, shape }: NDArray): number {
  if (dtype !== 'f32') throw new DTypeError(where, `f32 [n, columns] is required. Received ${dtype}.`);
  const [, columns] = shape;
  if (shape.length === 2 && columns !== undefined) return columns;
  throw new ShapeError(where, `f32 [n, columns] is required. Received [${shape.join(', ')}].`);
}

/** Figures of every column, in two passes and in float64. */
function figuresOf(where: string, x: NDArray): ColumnFigures[] {
  const [columns, rows] = [columnsOf(where, x), rowsOf(x)];
  if (rows === 0) throw new ArgumentError(where, 'at least one example is required. Received none.');
  return Array.from({ length: columns }, (_, column) => {
    let [sum, least, most] = [0, Infinity, -Infinity];
    for (let row = 0; row < rows; row++) {
      const value = x.data[row * columns + column] ?? NaN;
      if (!Number.isFinite(value)) {
        throw new NumericsError(
          where,
          `finite numbers are required. Received ${value} in row ${row}, column ${column}.`,
        );
      }
      sum += value;
      least = Math.min(least, value);
      most = Math.max(most, value);
    }
    const mean = sum / rows;
    let squares = 0;
    for (let row = 0; row < rows; row++) squares += ((x.data[row * columns + column] ?? NaN) - mean) ** 2;
    return { mean, deviation: Math.sqrt(squares / rows), least, most };
  });
}

function scalerOf(where: string, offset: readonly number[], scale: readonly number[]): Scaler {
  const apply = (x: NDArray, change: (value: number, offset: number, scale: number) => number): NDArray<'f32'> => {
    const columns = columnsOf(where, x);
    if (columns !== offset.length) {
      throw new ShapeError(where, `${offset.length} columns are required. Received ${columns}.`);
    }
    const data = new Float32Array(x.data.length);
    for (let i = 0; i < data.length; i++) {
      const column = i % columns;
      data[i] = change(x.data[i] ?? NaN, offset[column] ?? 0, scale[column] ?? 1);
    }
    return ndarray('f32', x.shape, data);
  };
  return {
    offset,
    scale,
    transform: (x) => apply(x, (value, from, by) => (value - from) / by),
    inverse: (x) => apply(x, (value, from, by) => value * by + from),
  };
}

/** To mean 0 and deviation 1; a column that is constant, to 0. */
export function standardScaler(x: NDArray): Scaler {
  const figures = figuresOf('standardScaler', x);
  return scalerOf(
    'standardScaler',
    figures.map(({ mean, least, most }) => (least === most ? least : mean)),
    figures.map(({ deviation, least, most }) => (least === most ? 1 : deviation)),
  );
}

/** From the least and the most of each column to `low` and `high`, 0 and 1 unless said; a constant column, to `low`. */
export function minMaxScaler(x: NDArray, { low = 0, high = 1 } = {}): Scaler {
  if (!(low < high && high - low < Infinity)) {
    throw new ArgumentError('minMaxScaler', `low below high is required. Received ${low} and ${high}.`);
  }
  const figures = figuresOf('minMaxScaler', x);
  const scale = figures.map(({ least, most }) => (least === most ? 1 : (most - least) / (high - low)));
  return scalerOf(
    'minMaxScaler',
    figures.map(({ least }, column) => least - low * (scale[column] ?? 1)),
    scale,
  );
}
