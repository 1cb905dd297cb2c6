/**
 * Post-training static quantization. Every conv2d and matmul whose second operand is a variable gets integers on both
 * sides, written with `quantize` and `dequantize` nodes that a backend fuses into integer kernels:
 *
 *   x -> quantize u8 -> dequantize -> conv2d(., dequantize(i8 variable, scales [channels])) -> + bias -> relu
 *
 * The activations' scales are found by running examples. What only moves or pools the activation on its way into the op
 * comes behind the quantization, where it moves bytes; maximum and rounding commute, so nothing changes.
 */
import type { Backend } from '../backend/backend.js';
import { ArgumentError, GraphError } from '../core/errors.js';
import { type NDArray, ndarray } from '../core/ndarray.js';
import { mapNamed } from '../core/tree.js';
import { namedBatches } from '../data/rows.js';
import type { ModelContents } from '../format/model.js';
import { ProgramBuilder, type Scope } from '../graph/builder.js';
import { replay } from '../graph/inline.js';
import { usesOf } from '../graph/passes/rewrite.js';
import type { Graph, Node, Program, ValueId } from '../graph/program.js';
import { dequantize, quantize as quantizeOp } from '../ops/quantize.js';
import type { OpName } from '../ops/schema.js';
import type { Tensor } from '../ops/tensor.js';
import { signatureOf } from '../train/evaluation.js';
import { type Arrays, checkInputs, countOf } from '../train/examples.js';
import { FrozenModel } from '../train/frozen.js';
import { Runtime } from '../train/runtime.js';
import { type Affine, type Extremes, extend, Histogram } from './ranges.js';
import { quantizeWeights } from './weights.js';

export interface QuantizeOptions {
  /** Examples like those that the model will see, some hundreds: the ranges of activations are taken from them. */
  readonly calibration: Arrays;
  /** Examples in one run (default 32). */
  readonly batchSize?: number;
}

/** What can be quantized: a `Model` or a `FrozenModel`. */
export interface Quantizable {
  contents(): ModelContents;
  readonly backend: () => Promise<Backend>;
}

/**
 * The model with int8 weights and activations, to predict, evaluate, save and serve; float32 where it is not worth it and
 * at its output. Throws `ArgumentError` for a model in which there is nothing to quantize.
 */
export async function quantize(
  model: Quantizable,
  { calibration, batchSize = 32 }: QuantizeOptions,
): Promise<FrozenModel> {
  const contents = model.contents();
  const plan = planOf(contents.program);
  const backend = await model.backend();
  const ranges = await calibrate(contents, plan, backend, calibration, batchSize);
  return new FrozenModel(rewrite(contents, plan, ranges), { backend });
}

/** What is to be quantized in `predict`. */
interface Plan {
  readonly graph: Graph;
  /** Weights: the variable's name and channel axis, by the value that holds it. */
  readonly weights: ReadonlyMap<ValueId, { readonly name: string; readonly axis: number }>;
  /** Activations that are quantized where they are made. */
  readonly sites: ReadonlySet<ValueId>;
}

/** The channel axis of the weights of an op that has an integer kernel. */
function channelAxis(node: Node, rank: number): number | null {
  if (node.op === 'conv2d') return rank === 4 ? 3 : null;
  if (node.op !== 'matmul' || rank !== 2) return null;
  const { transposeA, transposeB } = (node as Node<'matmul'>).attrs;
  return transposeA ? null : transposeB ? 0 : 1;
}

/** Ops that are the same on integers as on the floats that they stand for. */
const movers: ReadonlySet<OpName> = new Set<OpName>(['maxPool2d', 'reshape', 'slice', 'transpose']);

function planOf(program: Program): Plan {
  const graph = program.graphs['predict'];
  if (!graph) throw new GraphError('quantize', "a program with a graph 'predict' is required.");
  const uses = usesOf(graph);
  const makers = new Map(graph.nodes.flatMap((node) => node.outputs.map((id) => [id, node] as const)));
  const names = new Map(Object.entries(graph.variables).map(([name, id]) => [id, name]));
  const weights = new Map<ValueId, { readonly name: string; readonly axis: number }>();
  const sites = new Set<ValueId>();
  const siteOf = (id: ValueId): ValueId => {
    const maker = makers.get(id);
    const [from] = maker?.inputs ?? [];
    return maker && from !== undefined && movers.has(maker.op) && uses[id] === 1 ? siteOf(from) : id;
  };
  for (const node of graph.nodes) {
    const [activation, weight] = node.inputs;
    const name = weight === undefined ? undefined : names.get(weight);
    const type = weight === undefined ? undefined : graph.values[weight];
    if (activation === undefined || weight === undefined || name === undefined || type?.dtype !== 'f32') continue;
    const axis = channelAxis(node, type.shape.length);
    if (axis === null || uses[weight] !== 1) continue;
    weights.set(weight, { name, axis });
    sites.add(siteOf(activation));
  }
  if (weights.size > 0) return { graph, weights, sites };
  throw new ArgumentError('quantize', 'a model with a conv2d or matmul of f32 weights is required. Received none.');
}

/** The quantization of every site, from what the examples make there. */
async function calibrate(
  { program, variables }: ModelContents,
  { graph, sites }: Plan,
  backend: Backend,
  calibration: Arrays,
  batchSize: number,
): Promise<ReadonlyMap<ValueId, Affine>> {
  const examples = checkInputs(signatureOf(program).inputs, calibration, 'calibration');
  const probes = new Map([...sites].map((id) => [`site${id}`, id]));
  const probing: Graph = { ...graph, outputs: Object.fromEntries(probes), updates: {} };
  const runtime = new Runtime(async () => backend, { ...program, graphs: { probing } }, variables);
  const eachBatch = async (see: (id: ValueId, data: NDArray['data']) => void): Promise<void> => {
    for (const { arrays } of namedBatches(examples, batchSize)) {
      const seen = await runtime.run(Math.min(batchSize, countOf({ inputs: examples })), 'probing', arrays);
      for (const [name, id] of probes) see(id, seen[name]?.data ?? new Float32Array());
    }
  };
  try {
    const ranges = new Map<ValueId, Extremes>();
    await eachBatch((id, data) => ranges.set(id, extend(ranges.get(id) ?? { low: 0, high: 0 }, data)));
    const histograms = new Map([...ranges].map(([id, range]) => [id, new Histogram(range)]));
    await eachBatch((id, data) => histograms.get(id)?.add(data));
    return new Map([...histograms].map(([id, histogram]) => [id, histogram.best()]));
  } finally {
    runtime.close();
  }
}

/** The model with its graph written again, weights as integers. Assets that describe trainable layers are left out. */
function rewrite(contents: ModelContents, plan: Plan, ranges: ReadonlyMap<ValueId, Affine>): ModelContents {
  const { graph, weights } = plan;
  const { symbols, variables } = contents.program;
  const builder = new ProgramBuilder({ symbols: mapNamed(symbols, ({ max }) => max) });
  const values = new Map<string, NDArray>();
  const valueOf = (name: string): NDArray => {
    const value = contents.variables.get(name);
    if (!value) throw new GraphError('quantize', `a value of variable '${name}' is required.`);
    return value;
  };

  const inputs = mapNamed(graph.inputs, (id) => graph.values[id] ?? { dtype: 'f32' as const, shape: [] });
  builder.trace('predict', inputs, (given, scope) => {
    const tensors = new Map<ValueId, Tensor>();
    const put = (id: ValueId, tensor: Tensor): void => {
      const affine = ranges.get(id);
      tensors.set(id, affine ? throughIntegers(scope, tensor, affine) : tensor);
    };
    for (const [name, id] of Object.entries(graph.inputs)) put(id, given[name] as Tensor);
    for (const [name, id] of Object.entries(graph.variables)) {
      if (weights.has(id)) continue;
      values.set(name, valueOf(name));
      tensors.set(id, scope.variable(name, variables[name]));
    }
    const operand = (id: ValueId): Tensor => {
      const weight = weights.get(id);
      const tensor = weight ? readWeights(scope, weight.name, weight.axis) : tensors.get(id);
      if (!tensor)
        throw new GraphError('quantize', `a value that is made before it is used is required. Received ${id}.`);
      return tensor;
    };
    for (const node of graph.nodes) {
      scope.trace.at(node.name.split('/').slice(0, -1).join('/'), () => {
        const outputs = replay(scope, node, node.inputs.map(operand));
        node.outputs.forEach((id, i) => put(id, outputs[i] as Tensor));
      });
    }
    return mapNamed(graph.outputs, operand);
  });
  return { program: builder.program(), variables: values };

  /** The weights that integers in the file stand for. */
  function readWeights(scope: Scope, name: string, axis: number): Tensor {
    const { integers, scales } = quantizeWeights(valueOf(name), axis);
    const declare = (suffix: string, value: NDArray): Tensor => {
      const { dtype, shape } = value;
      values.set(name + suffix, value);
      return scope.trace.at('', () => scope.variable(name + suffix, { dtype, shape, trainable: false }));
    };
    const zeroPoint = scope.constant(ndarray('i8', scales.shape));
    return dequantize(declare('', integers), declare('/scale', scales), zeroPoint, { axis });
  }
}

/** The tensor, rounded to what 256 integers can stand for. */
function throughIntegers(scope: Scope, tensor: Tensor, { scale, zeroPoint }: Affine): Tensor {
  const parameters = [scope.constant(scale), scope.constant(zeroPoint, 'u8')] as const;
  return dequantize(quantizeOp(tensor, ...parameters), ...parameters);
}
