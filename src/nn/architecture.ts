/**
 * Architectures: layers and what they are called on, as plain data. A sequence of layers is the one where each takes what
 * the last one gave. Values are numbered from 0: the inputs, then what each call gives; a call takes numbers before its own.
 */
import { ArgumentError } from '../core/errors.js';
import { mapNamed, type Named, type Several } from '../core/tree.js';
import type { Scope } from '../graph/builder.js';
import type { Tensor } from '../ops/tensor.js';
import { isLayerName } from './layer.js';
import {
  type Application,
  type Applied,
  type Input,
  type InputType,
  isSignal,
  type LayerParts,
  type Mode,
  requireSignal,
  type Signal,
} from './signal.js';

export interface NamedLayer extends LayerParts {
  readonly name: string;
}

/** One use of a layer. Calls of one layer share its variables. */
export interface Call {
  readonly layer: NamedLayer;
  readonly inputs: readonly number[];
}

export interface Architecture {
  /** The type of one example of each; undefined where it follows from the first examples. */
  readonly inputs: Named<InputType | undefined>;
  readonly calls: readonly Call[];
  readonly outputs: Named<number>;
}

/** The name of the output of a model that gives one and was not told another. */
const soleOutput = 'output';

/** Names as Keras makes them: `dense`, `dense_1`. */
function namer(taken: Set<string>): (kind: string) => string {
  return (kind) => {
    let name = kind;
    for (let i = 1; taken.has(name); i++) name = `${kind}_${i}`;
    taken.add(name);
    return name;
  };
}

function requireDifferent(where: string, what: string, names: readonly string[]): void {
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice === undefined) return;
  throw new ArgumentError(where, `${what} of different names are required. Received '${twice}' twice.`);
}

function requireNames(where: string, what: string, names: readonly string[]): void {
  const wrong = names.find((name) => !isLayerName(name));
  if (wrong === undefined) return;
  throw new ArgumentError(where, `names of ${what} are letters, digits and _ . : -. Received '${wrong}'.`);
}

const isInput = (value: unknown): value is Input => isSignal(value) && value.kind === 'input';

const isMany = <T>(given: Several<T>): given is readonly T[] => Array.isArray(given);

/** The inputs by name: that of the record, or their own, made unique. */
function namedInputs(where: string, given: Several<Input>): [string, Input][] {
  const listed = isInput(given) ? [given] : isMany(given) ? given : undefined;
  const entries = listed ? listed.map((head) => [head?.name, head] as const) : Object.entries(given as Named<Input>);
  if (entries.length === 0) throw new ArgumentError(where, 'at least one input is required. Received none.');
  for (const [, head] of entries) {
    if (!isInput(head))
      throw new ArgumentError(where, 'inputs made by input({ shape }) are required. Received another.');
  }
  const named = entries.flatMap(([name]) => name ?? []);
  requireDifferent(where, 'inputs', named);
  const nameOf = namer(new Set(named));
  const pairs = entries.map(([name, head]) => [name ?? nameOf('input'), head] as [string, Input]);
  const twice = pairs.find(([, head], i) => pairs.findIndex(([, other]) => other === head) !== i);
  if (twice) throw new ArgumentError(where, `different inputs are required. Received '${twice[0]}' twice.`);
  return Object.entries(Object.fromEntries(pairs));
}

/** The outputs with their names, where they were given any. */
function namedOutputs(where: string, given: Several<Signal>): (readonly [string | undefined, Signal])[] {
  const isAlone = isSignal(given) || typeof given !== 'object' || given === null;
  const listed = isAlone ? [given] : isMany(given) ? given : undefined;
  const entries = listed ? listed.map((end) => [undefined, end] as const) : Object.entries(given as Named<Signal>);
  if (entries.length === 0) throw new ArgumentError(where, 'at least one output is required. Received none.');
  return entries.map(([name, end]) => [name, requireSignal(where, end)] as const);
}

/** The uses of layers that outputs depend on, each behind those that it depends on, and the inputs among them. */
function sort(where: string, ends: readonly Signal[]): { applications: Application[]; inputs: Set<Input> } {
  const state = new Map<Application, 'open' | 'done'>();
  const applications: Application[] = [];
  const inputs = new Set<Input>();
  const visit = (signal: Signal): void => {
    if (signal.kind === 'input') return void inputs.add(signal);
    const { application } = signal;
    if (state.get(application) === 'done') return;
    if (state.has(application)) {
      const { kind, name = kind } = application.layer;
      throw new ArgumentError(where, `layers without a circle are required. '${name}' depends on itself.`);
    }
    state.set(application, 'open');
    application.inputs.forEach(visit);
    state.set(application, 'done');
    applications.push(application);
  };
  ends.forEach(visit);
  return { applications, inputs };
}

/** The layers in the order of their first calls. */
export const layersOf = ({ calls }: Architecture): readonly NamedLayer[] => [
  ...new Set(calls.map(({ layer }) => layer)),
];

/** The layer and, of a model that is a layer, those in it. */
const withInner = (layer: LayerParts): LayerParts[] => [
  layer,
  ...(layer.inner ? layersOf(layer.inner.architecture).flatMap(withInner) : []),
];

/** Gives every layer a name of its own. */
function nameLayers(where: string, applications: readonly Application[]): Map<LayerParts, NamedLayer> {
  const layers = [...new Set(applications.map(({ layer }) => layer))];
  const given = layers.flatMap(({ name }) => name ?? []);
  requireDifferent(where, 'layers', given);
  const all = layers.flatMap(withInner);
  const shared = all.find(({ record }, i) => all.findIndex((other) => other.record === record) !== i);
  if (shared) {
    const received = `'${shared.name ?? shared.kind}' also inside a model that is a layer`;
    throw new ArgumentError(where, `layers that are in one model are required. Received ${received}.`);
  }
  const nameOf = namer(new Set(given));
  return new Map(layers.map((layer) => [layer, { ...layer, name: layer.name ?? nameOf(layer.kind) }]));
}

/**
 * The layers between inputs and outputs; each one signal, a list, or a record by name. Throws `ArgumentError` for two
 * layers, inputs or outputs of one name, an input that outputs depend on and that is not given, and one that leads nowhere.
 */
export function architectureOf(where: string, inputs: Several<Input>, outputs: Several<Signal>): Architecture {
  const heads = namedInputs(where, inputs);
  const ends = namedOutputs(where, outputs);
  const { applications, inputs: reached } = sort(
    where,
    ends.map(([, end]) => end),
  );
  if (applications.length === 0) throw new ArgumentError(where, 'at least one layer is required. Received none.');
  const values = new Map<Input | Application, number>(heads.map(([, head], at) => [head, at]));
  for (const head of reached) {
    if (values.has(head)) continue;
    const received = `one that depends on ${head.name === undefined ? 'another input' : `'${head.name}'`} too`;
    const names = heads.map(([name]) => `'${name}'`).join(', ');
    throw new ArgumentError(where, `outputs that follow from ${names} are required. Received ${received}.`);
  }
  const loose = heads.find(([, head]) => !reached.has(head));
  if (loose) throw new ArgumentError(where, `inputs that lead to an output are required. '${loose[0]}' leads to none.`);

  const named = nameLayers(where, applications);
  const numberOf = (signal: Signal): number =>
    signal.kind === 'input' ? (values.get(signal) ?? NaN) : (values.get(signal.application) ?? NaN) + signal.output;
  let count = heads.length;
  const calls = applications.map((application) => {
    const { layer, inputs: from } = application;
    const call = { layer: named.get(layer) as NamedLayer, inputs: from.map(numberOf) };
    values.set(application, count);
    count += layer.gives;
    return call;
  });
  const ownName = (end: Signal): string =>
    end.kind === 'input'
      ? (heads.find(([, head]) => head === end)?.[0] ?? soleOutput)
      : outputName(named.get(end.application.layer), end);
  const results = ends.map(([name, end]) => {
    return [name ?? (ends.length === 1 ? soleOutput : ownName(end)), numberOf(end)] as const;
  });
  const resultNames = results.map(([name]) => name);
  requireDifferent(where, 'outputs', resultNames);
  requireNames(
    where,
    'inputs',
    heads.map(([name]) => name),
  );
  requireNames(where, 'outputs', resultNames);
  return {
    inputs: Object.fromEntries(heads.map(([name, { options }]) => [name, options])),
    calls,
    outputs: Object.fromEntries(results),
  };
}

/** The layer's name, or that of the output of a model that is a layer. */
function outputName(layer: NamedLayer | undefined, { output }: Applied): string {
  const inner = Object.keys(layer?.inner?.architecture.outputs ?? {});
  return (inner.length > 1 ? inner[output] : layer?.name) ?? soleOutput;
}

/** Layers one after another; an input may stand first. Throws `ArgumentError`, as `architectureOf` does. */
export function sequence(items: readonly (Input | ((x: Signal) => Signal))[]): Architecture {
  const [first, ...others] = items;
  const head: Input = isInput(first) ? first : { kind: 'input', name: undefined, options: undefined };
  const layers = (isInput(first) ? others : items).map((item) => {
    if (typeof item === 'function') return item;
    throw new ArgumentError('sequential', 'layers are required, and an input only first and once. Received another.');
  });
  const end = layers.reduce<Signal>((signal, layer) => layer(signal), head);
  return architectureOf('sequential', head, end);
}

/** Records the layers on a tensor for each input; `visit` sees what each call made. Returns the outputs. */
export function applyArchitecture(
  { inputs, calls, outputs }: Architecture,
  given: Named<Tensor>,
  scope: Scope,
  mode: Mode,
  visit: (call: Call, made: readonly Tensor[]) => void = () => {},
): Record<string, Tensor> {
  const values = Object.keys(inputs).map((name) => given[name] as Tensor);
  const take = (numbers: readonly number[]): Tensor[] => numbers.map((at) => values[at] as Tensor);
  for (const call of calls) {
    const { layer } = call;
    const record = () => layer.record(take(call.inputs), scope, mode);
    const made = scope.within(layer.name, () => (layer.trainable ? record() : scope.frozen(record)));
    values.push(...made);
    visit(call, made);
  }
  return mapNamed(outputs, (at) => values[at] as Tensor);
}
