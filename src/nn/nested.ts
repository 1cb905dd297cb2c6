/** A model that is a layer of another, and what is said of layers by their paths: `encoder/dense`. */
import { ArgumentError, ShapeError } from '../core/errors.js';
import type { NDArray } from '../core/ndarray.js';
import { printShape, sameShape } from '../core/shape.js';
import type { Tensor } from '../ops/tensor.js';
import { applyArchitecture, type Architecture, type Call, layersOf, type NamedLayer } from './architecture.js';
import type { InputType, LayerParts } from './signal.js';

function requireType(path: string, name: string, type: InputType | undefined, { dtype, shape }: Tensor): void {
  if (!type || (type.dtype === dtype && sameShape(type.shape, shape.slice(1)))) return;
  const required = `${type.dtype} ${printShape(['batch', ...type.shape])} is required for '${name}'`;
  throw new ShapeError(path, `${required}. Received ${dtype} ${printShape(shape)}.`);
}

/** An architecture as a layer; `values` are what its variables begin with in a model that it becomes a part of. */
export function nested(
  architecture: Architecture,
  name: string | undefined,
  values: () => ReadonlyMap<string, NDArray> = () => new Map(),
): LayerParts {
  const inputs = Object.entries(architecture.inputs);
  return {
    kind: 'model',
    name,
    trainable: true,
    options: {},
    takes: inputs.length,
    gives: Object.keys(architecture.outputs).length,
    inner: { architecture, values },
    record: (tensors, scope, mode) => {
      const given = inputs.map(([input, type], at) => {
        const tensor = tensors[at] as Tensor;
        requireType(scope.path, input, type, tensor);
        return [input, tensor] as const;
      });
      return Object.values(applyArchitecture(architecture, Object.fromEntries(given), scope, mode));
    },
  };
}

/** The values that variables of models inside begin with, by their names in the whole. */
export function innerValues(architecture: Architecture, path = ''): Map<string, NDArray> {
  const values = new Map<string, NDArray>();
  for (const { name, inner } of layersOf(architecture)) {
    if (!inner) continue;
    for (const [variable, value] of innerValues(inner.architecture, `${path}${name}/`)) values.set(variable, value);
    for (const [variable, value] of inner.values()) values.set(`${path}${name}/${variable}`, value);
  }
  return values;
}

/** The paths of all layers, of models inside with what is in them. */
const pathsOf = (architecture: Architecture, path = ''): string[] =>
  layersOf(architecture).flatMap(({ name, inner }) => {
    const own = `${path}${name}`;
    return [own, ...(inner ? pathsOf(inner.architecture, `${own}/`) : [])];
  });

/** Whether a name is one of the patterns, in which `*` stands for any characters. */
export function matcher(patterns: string | readonly string[]): (name: string) => boolean {
  const escape = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
  const tests = [patterns].flat().map((pattern) => new RegExp(`^${pattern.split('*').map(escape).join('.*')}$`));
  return (name) => tests.some((test) => test.test(name));
}

/**
 * The architecture with the layers of these names, and all that is in them, trainable or not; all layers unless said.
 * Throws `ArgumentError` for a name or pattern of no layer.
 */
export function withTrainable(
  architecture: Architecture,
  trainable: boolean,
  patterns: string | readonly string[] = '*',
): Architecture {
  const paths = pathsOf(architecture);
  for (const pattern of [patterns].flat()) {
    if (paths.some(matcher(pattern))) continue;
    const known = paths.join(', ');
    throw new ArgumentError(
      trainable ? 'unfreeze' : 'freeze',
      `layers among ${known} are required. Received '${pattern}'.`,
    );
  }
  const isNamed = matcher(patterns);
  const changed = (given: Architecture, path: string, isWithin: boolean): Architecture => {
    const layers = new Map(
      layersOf(given).map((layer): [NamedLayer, NamedLayer] => {
        const { name, inner } = layer;
        const isHit = isWithin || isNamed(`${path}${name}`);
        if (!inner) return [layer, isHit ? { ...layer, trainable } : layer];
        const within = changed(inner.architecture, `${path}${name}/`, isHit);
        return [layer, { ...nested(within, name, inner.values), name }];
      }),
    );
    const calls = given.calls.map(({ layer, inputs }): Call => ({ layer: layers.get(layer) ?? layer, inputs }));
    return { ...given, calls };
  };
  return changed(architecture, '', false);
}
