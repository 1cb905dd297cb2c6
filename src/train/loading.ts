/** Weights from elsewhere: those of a model or of a file, matched by name, all of them or the part that fits. */
import { ArgumentError } from '../core/errors.js';
import type { NDArray } from '../core/ndarray.js';
import { sameShape } from '../core/shape.js';
import type { Named } from '../core/tree.js';
import { readHeader } from '../format/safetensors.js';
import { readSync } from '../format/source.js';
import { printType } from '../graph/names.js';
import type { TensorType } from '../ops/tensor.js';
import { matcher } from '../nn/nested.js';
import { readContents } from './saving.js';

export interface LoadWeightsOptions {
  /** Take what fits and leave the rest as it is, instead of an error that lists what differs (default false). */
  readonly partial?: boolean;
  /** Only the model's weights of these names, or patterns in which `*` stands for any characters; all unless said. */
  readonly include?: string | readonly string[];
  /** The model's name for a weight of the source's name; the same unless said. */
  readonly rename?: (name: string) => string;
}

/** What became of weights, by the model's names. */
export interface LoadedWeights {
  readonly loaded: readonly string[];
  /** Weights of the model that the source has not. */
  readonly missing: readonly string[];
  /** Weights of the source that the model has not. */
  readonly unexpected: readonly string[];
  /** Weights that are of another type in the source. */
  readonly mismatched: readonly string[];
}

const where = 'loadWeights';

/**
 * The weights in a safetensors file: what `predict` reads in a Quern model, all tensors in the file of another tool. Throws
 * `IoError`, `FormatError`, and `UnsupportedError` for elements that have no dtype here.
 */
export async function readWeights(path: string): Promise<ReadonlyMap<string, NDArray>> {
  const { openFile } = await import('../format/file.js');
  const source = openFile(path);
  try {
    const { metadata } = readSync(source, readHeader(source.size));
    if (metadata.get('format') !== 'quern') {
      const { loadSafetensors } = await import('../data/safetensors.js');
      return loadSafetensors(path);
    }
  } finally {
    source.close();
  }
  const { program, variables } = await readContents(path);
  const read = program.graphs['predict']?.variables ?? {};
  return new Map([...variables].filter(([name]) => Object.hasOwn(read, name)));
}

function renamed(given: ReadonlyMap<string, NDArray>, rename: (name: string) => string): Map<string, NDArray> {
  const values = new Map<string, NDArray>();
  for (const [name, value] of given) {
    const own = rename(name);
    if (values.has(own)) {
      throw new ArgumentError(
        where,
        `a rename to different names is required. '${own}' stands for two, '${name}' too.`,
      );
    }
    values.set(own, value);
  }
  return values;
}

/**
 * Matches values with weights by name. Throws `ArgumentError`, listing all that differs, unless `partial` is true; then
 * only where nothing fits.
 */
export function matchWeights(
  weights: Named<TensorType>,
  given: ReadonlyMap<string, NDArray>,
  { partial = false, include = '*', rename = (name) => name }: LoadWeightsOptions,
): { readonly values: ReadonlyMap<string, NDArray>; readonly report: LoadedWeights } {
  const isIncluded = matcher(include);
  const values = new Map([...renamed(given, rename)].filter(([name]) => isIncluded(name)));
  const wanted = new Map(Object.entries(weights).filter(([name]) => isIncluded(name)));
  const [loaded, missing, mismatched]: [string[], string[], string[]] = [[], [], []];
  for (const [name, type] of wanted) {
    const value = values.get(name);
    const fits = value && value.dtype === type.dtype && sameShape(value.shape, type.shape);
    (fits ? loaded : value ? mismatched : missing).push(name);
  }
  const unexpected = [...values.keys()].filter((name) => !wanted.has(name));
  const print = (type: TensorType | undefined): string => (type ? printType(type) : 'none');
  const differing = [...missing, ...mismatched, ...unexpected];
  if (loaded.length === 0 || (!partial && differing.length > 0)) {
    const all = differing.map((name) => `${name}: ${print(wanted.get(name))}, given ${print(values.get(name))}`);
    const required = partial ? 'at least one weight that fits is' : "all of the model's weights, and no others, are";
    throw new ArgumentError(
      where,
      `${required} required. ${all.length} differ: ${all.join('; ') || 'nothing is included'}.`,
    );
  }
  const taken = [...values].filter(([name]) => loaded.includes(name));
  return { values: new Map(taken), report: { loaded, missing, unexpected, mismatched } };
}
