/**
 * Architectures as JSON in model files; docs/format.md has the rules. What comes from a file is connected like a user's
 * own model, so that one place checks both.
 */
import { FormatError, QuernError } from '../core/errors.js';
import { mapNamed, type Named } from '../core/tree.js';
import { type Architecture, architectureOf, layersOf, type NamedLayer } from './architecture.js';
import { makeInput } from './input.js';
import { makers } from './kinds.js';
import { isLayerName } from './layer.js';
import { nested } from './nested.js';
import { isObject } from './options.js';
import { connect, type Input, type LayerParts, type Signal } from './signal.js';

const where = 'layers';

/** The most calls of a model, those of models inside each time that they are called. */
const maxCalls = 65_536;

/** How deep models may stand in models. */
const maxDepth = 16;

function encodeLayer({ kind, name, options, trainable, inner }: NamedLayer): object {
  const encoded = inner ? describe(inner.architecture) : options;
  return { kind, name, options: encoded, ...(trainable ? {} : { trainable }) };
}

function describe(architecture: Architecture): object {
  const { inputs, calls, outputs } = architecture;
  return {
    inputs: mapNamed(inputs, (type) => type ?? null),
    layers: layersOf(architecture).map(encodeLayer),
    calls: calls.map(({ layer, inputs: from }) => [layer.name, from]),
    outputs,
  };
}

const isKnown = ({ calls }: Architecture): boolean =>
  calls.every(({ layer: { kind, inner } }) => (inner ? isKnown(inner.architecture) : makers.has(kind)));

/** The architecture as JSON; undefined when a layer is of the user's own making. */
export const encodeArchitecture = (architecture: Architecture): string | undefined =>
  isKnown(architecture) ? JSON.stringify(describe(architecture)) : undefined;

/** The architecture that JSON describes. Throws `FormatError`. */
export function decodeArchitecture(text: string): Architecture {
  try {
    return decode(upgrade(JSON.parse(text)), 0);
  } catch (cause) {
    if (cause instanceof FormatError) throw cause;
    const reason = cause instanceof QuernError || cause instanceof SyntaxError ? cause.message : undefined;
    if (reason === undefined) throw cause;
    throw new FormatError(where, `the description of layers is required. ${reason}`, { cause });
  }
}

/** The list of layers one after another, an input perhaps first, that files of version 1 hold, in the form of today. */
function upgrade(value: unknown): unknown {
  if (!Array.isArray(value)) return value;
  const items: readonly unknown[] = value;
  const isInput = (item: unknown): boolean => isObject(item) && item['kind'] === 'input';
  const head = isInput(items[0]) ? (items[0] as Named<unknown>) : { name: 'input', options: null };
  const layers = isInput(items[0]) ? items.slice(1) : items;
  return {
    inputs: Object.fromEntries([[head['name'], head['options']]]),
    layers,
    calls: layers.map((layer, at) => [isObject(layer) ? layer['name'] : undefined, [at]]),
    outputs: { output: layers.length },
  };
}

const refuse = (required: string, received?: unknown): FormatError =>
  new FormatError(where, `${required} is required.${received === undefined ? '' : ` Received '${String(received)}'.`}`);

function decode(value: unknown, depth: number): Architecture {
  const names = ['inputs', 'layers', 'calls', 'outputs'];
  if (!isObject(value) || Object.keys(value).length !== 4 || !names.every((name) => Object.hasOwn(value, name))) {
    throw refuse('an object of inputs, layers, calls and outputs');
  }
  const { inputs, layers, calls, outputs } = value;
  if (depth > maxDepth) throw refuse(`a model of models at most ${maxDepth} deep`);
  if (!isObject(inputs) || !isObject(outputs)) throw refuse('inputs and outputs by name');
  if (!Array.isArray(layers) || !Array.isArray(calls)) throw refuse('lists of layers and of calls');
  if (calls.length > maxCalls) throw refuse(`a list of at most ${maxCalls} calls`);
  const heads = Object.entries(inputs).map(([name, type]) => [name, decodeInput(name, type)] as const);
  const known = new Map<string, LayerParts>();
  for (const item of layers) {
    const layer = decodeLayer(item, depth);
    const { name = '' } = layer;
    if (known.has(name)) throw refuse('layers of different names', name);
    known.set(name, layer);
  }
  const values: Signal[] = heads.map(([, head]) => head);
  const take = (at: unknown): Signal => {
    const signal = typeof at === 'number' ? values[at] : undefined;
    if (signal) return signal;
    throw refuse('a number of a value made before', at);
  };
  let count = 0;
  for (const call of calls as readonly unknown[]) {
    const [name, from]: readonly unknown[] = Array.isArray(call) && call.length === 2 ? call : [];
    const layer = typeof name === 'string' ? known.get(name) : undefined;
    if (!layer || !Array.isArray(from)) throw refuse('a call of a layer: its name and numbers of values');
    values.push(...connect(layer, from.map(take)));
    count += callsOf(layer);
    if (count > maxCalls) throw refuse(`a model of at most ${maxCalls} calls`);
  }
  return architectureOf(where, Object.fromEntries(heads), mapNamed(outputs, take));
}

const counted = new WeakMap<Architecture, number>();

/** How many calls a call of the layer is. */
function callsOf({ inner }: LayerParts): number {
  if (!inner) return 1;
  const { architecture } = inner;
  const known = counted.get(architecture);
  if (known !== undefined) return known;
  const count = architecture.calls.reduce((total, { layer }) => total + callsOf(layer), 1);
  counted.set(architecture, count);
  return count;
}

function decodeInput(name: string, type: unknown): Input {
  if (!isLayerName(name)) throw refuse('a name of letters, digits and _ . : - for an input', name);
  if (type === null) return { kind: 'input', name, options: undefined };
  if (!isObject(type)) throw refuse('the type of an input');
  return makeInput({ ...type, name });
}

function decodeLayer(item: unknown, depth: number): LayerParts {
  if (!isObject(item) || typeof item['kind'] !== 'string' || !isObject(item['options'])) {
    throw refuse('a layer with kind, name and options');
  }
  const { kind, name, options, trainable = true } = item;
  if (!isLayerName(name)) throw refuse('a name of letters, digits and _ . : - for a layer', name);
  if (kind === 'model') return nested(decode(options, depth + 1), name);
  const make = makers.get(kind);
  if (!make) throw refuse(`a layer among ${[...makers.keys()].join(', ')}`, kind);
  return make({ ...options, name, trainable });
}
