/**
 * Layers one after another, with names as Keras makes them (`conv2d`, `conv2d_1`). A stack is written to model files as
 * JSON, `[{ "kind": "dense", "name": "dense", "options": { "units": 10, ... } }, ...]`, and made again from it.
 */
import { ArgumentError, FormatError, QuernError } from '../core/errors.js';
import type { Scope } from '../graph/builder.js';
import type { Tensor } from '../ops/tensor.js';
import { activationKind, eluKind, leakyReluKind, preluKind, reluKind, softmaxKind } from './activation.js';
import { multiHeadAttentionKind } from './attention.js';
import { batchNormalizationKind } from './batch-normalization.js';
import { bidirectionalKind } from './bidirectional.js';
import {
  cropping1dKind,
  cropping2dKind,
  cropping3dKind,
  zeroPadding1dKind,
  zeroPadding2dKind,
  zeroPadding3dKind,
} from './borders.js';
import { conv1dKind } from './conv1d.js';
import { conv2dKind } from './conv2d.js';
import { conv3dKind } from './conv3d.js';
import { denseKind } from './dense.js';
import { dropoutKind, spatialDropout1dKind, spatialDropout2dKind, spatialDropout3dKind } from './dropout.js';
import { embeddingKind } from './embedding.js';
import { flattenKind, permuteKind, repeatVectorKind, reshapeKind } from './flatten.js';
import { type Input, makeInput } from './input.js';
import { type Layer, type LayerKind, makeLayer, type Mode } from './layer.js';
import { alphaDropoutKind, gaussianDropoutKind, gaussianNoiseKind } from './noise.js';
import {
  groupNormalizationKind,
  instanceNormalizationKind,
  layerNormalizationKind,
  rmsNormalizationKind,
  unitNormalizationKind,
} from './normalization.js';
import { isObject } from './options.js';
import {
  adaptiveAveragePooling1dKind,
  adaptiveAveragePooling2dKind,
  adaptiveAveragePooling3dKind,
  adaptiveMaxPooling1dKind,
  adaptiveMaxPooling2dKind,
  adaptiveMaxPooling3dKind,
  averagePooling1dKind,
  averagePooling2dKind,
  averagePooling3dKind,
  globalAveragePooling1dKind,
  globalAveragePooling2dKind,
  globalAveragePooling3dKind,
  globalMaxPooling1dKind,
  globalMaxPooling2dKind,
  globalMaxPooling3dKind,
  maxPooling1dKind,
  maxPooling2dKind,
  maxPooling3dKind,
} from './pooling.js';
import { normalizationKind, rescalingKind, resizingKind } from './preprocessing.js';
import { gruKind, lstmKind, simpleRnnKind } from './recurrent.js';
import { depthwiseConv1dKind, depthwiseConv2dKind, separableConv1dKind, separableConv2dKind } from './separable.js';
import { conv1dTransposeKind, conv2dTransposeKind, conv3dTransposeKind } from './transposed.js';
import { upSampling1dKind, upSampling2dKind, upSampling3dKind } from './up-sampling.js';

export interface NamedLayer extends Layer {
  readonly name: string;
}

export interface Stack {
  /** What the first layer takes, where it was said. */
  readonly input: Input | undefined;
  readonly layers: readonly NamedLayer[];
}

/** Names the layers; an `input` may stand first. Throws `ArgumentError` for two layers of one name. */
export function stack(items: readonly (Layer | Input)[]): Stack {
  const [first, ...others] = items;
  const isInput = (item: Layer | Input): item is Input => item.kind === 'input';
  const head = first && isInput(first) ? first : undefined;
  const layers: Layer[] = [];
  for (const item of head ? others : items) {
    if (isInput(item)) throw new ArgumentError('sequential', 'input stands first and once. Received it later.');
    layers.push(item);
  }
  if (layers.length === 0) throw new ArgumentError('sequential', 'at least one layer is required. Received none.');
  const taken = new Set(layers.flatMap(({ name }) => name ?? []));
  if (taken.size < layers.filter(({ name }) => name !== undefined).length) {
    const names = layers.map(({ name }) => name ?? '').filter((name, i, all) => name !== '' && all.indexOf(name) !== i);
    throw new ArgumentError('sequential', `layers of different names are required. Received '${names[0]}' twice.`);
  }
  const unique = (kind: string): string => {
    let name = kind;
    for (let i = 1; taken.has(name); i++) name = `${kind}_${i}`;
    taken.add(name);
    return name;
  };
  return { input: head, layers: layers.map((layer) => ({ ...layer, name: layer.name ?? unique(layer.kind) })) };
}

/** Records the layers on x; `visit` sees each one's output. */
export function applyStack(
  { layers }: Stack,
  x: Tensor,
  scope: Scope,
  mode: Mode,
  visit: (layer: NamedLayer, output: Tensor) => void = () => {},
): Tensor {
  return layers.reduce((tensor, layer) => {
    const output = scope.within(layer.name, () => layer.call(tensor, scope, mode));
    visit(layer, output);
    return output;
  }, x);
}

const maker =
  <O>(kind: LayerKind<O>) =>
  (options: unknown): Layer =>
    makeLayer(kind, options);

const makers = new Map(
  Object.entries({
    activation: maker(activationKind),
    adaptiveAveragePooling1d: maker(adaptiveAveragePooling1dKind),
    adaptiveAveragePooling2d: maker(adaptiveAveragePooling2dKind),
    adaptiveAveragePooling3d: maker(adaptiveAveragePooling3dKind),
    adaptiveMaxPooling1d: maker(adaptiveMaxPooling1dKind),
    adaptiveMaxPooling2d: maker(adaptiveMaxPooling2dKind),
    adaptiveMaxPooling3d: maker(adaptiveMaxPooling3dKind),
    alphaDropout: maker(alphaDropoutKind),
    averagePooling1d: maker(averagePooling1dKind),
    averagePooling2d: maker(averagePooling2dKind),
    averagePooling3d: maker(averagePooling3dKind),
    batchNormalization: maker(batchNormalizationKind),
    bidirectional: maker(bidirectionalKind),
    conv1d: maker(conv1dKind),
    conv1dTranspose: maker(conv1dTransposeKind),
    conv2d: maker(conv2dKind),
    conv2dTranspose: maker(conv2dTransposeKind),
    conv3d: maker(conv3dKind),
    conv3dTranspose: maker(conv3dTransposeKind),
    cropping1d: maker(cropping1dKind),
    cropping2d: maker(cropping2dKind),
    cropping3d: maker(cropping3dKind),
    dense: maker(denseKind),
    depthwiseConv1d: maker(depthwiseConv1dKind),
    depthwiseConv2d: maker(depthwiseConv2dKind),
    dropout: maker(dropoutKind),
    elu: maker(eluKind),
    embedding: maker(embeddingKind),
    flatten: maker(flattenKind),
    gaussianDropout: maker(gaussianDropoutKind),
    gaussianNoise: maker(gaussianNoiseKind),
    globalAveragePooling1d: maker(globalAveragePooling1dKind),
    globalAveragePooling2d: maker(globalAveragePooling2dKind),
    globalAveragePooling3d: maker(globalAveragePooling3dKind),
    globalMaxPooling1d: maker(globalMaxPooling1dKind),
    globalMaxPooling2d: maker(globalMaxPooling2dKind),
    globalMaxPooling3d: maker(globalMaxPooling3dKind),
    gru: maker(gruKind),
    groupNormalization: maker(groupNormalizationKind),
    instanceNormalization: maker(instanceNormalizationKind),
    layerNormalization: maker(layerNormalizationKind),
    leakyRelu: maker(leakyReluKind),
    lstm: maker(lstmKind),
    maxPooling1d: maker(maxPooling1dKind),
    maxPooling2d: maker(maxPooling2dKind),
    maxPooling3d: maker(maxPooling3dKind),
    multiHeadAttention: maker(multiHeadAttentionKind),
    normalization: maker(normalizationKind),
    permute: maker(permuteKind),
    prelu: maker(preluKind),
    relu: maker(reluKind),
    repeatVector: maker(repeatVectorKind),
    rescaling: maker(rescalingKind),
    reshape: maker(reshapeKind),
    resizing: maker(resizingKind),
    rmsNormalization: maker(rmsNormalizationKind),
    simpleRnn: maker(simpleRnnKind),
    separableConv1d: maker(separableConv1dKind),
    separableConv2d: maker(separableConv2dKind),
    softmax: maker(softmaxKind),
    spatialDropout1d: maker(spatialDropout1dKind),
    spatialDropout2d: maker(spatialDropout2dKind),
    spatialDropout3d: maker(spatialDropout3dKind),
    unitNormalization: maker(unitNormalizationKind),
    upSampling1d: maker(upSampling1dKind),
    upSampling2d: maker(upSampling2dKind),
    upSampling3d: maker(upSampling3dKind),
    zeroPadding1d: maker(zeroPadding1dKind),
    zeroPadding2d: maker(zeroPadding2dKind),
    zeroPadding3d: maker(zeroPadding3dKind),
  }),
);

/** The stack as JSON; undefined when a layer is of the user's own making. */
export function encodeStack({ input: head, layers }: Stack): string | undefined {
  if (layers.some(({ kind }) => !makers.has(kind))) return undefined;
  return JSON.stringify(
    [...(head ? [head] : []), ...layers].map(({ kind, name, options }) => ({ kind, name, options })),
  );
}

/** The stack that JSON describes. Throws `FormatError`. */
export function decodeStack(text: string): Stack {
  try {
    const items: unknown = JSON.parse(text);
    if (!Array.isArray(items)) throw new FormatError('layers', 'a list of layers is required.');
    return stack(items.map(decodeLayer));
  } catch (cause) {
    if (cause instanceof FormatError) throw cause;
    const reason = cause instanceof QuernError || cause instanceof SyntaxError ? cause.message : undefined;
    if (reason === undefined) throw cause;
    throw new FormatError('layers', `the description of a stack of layers is required. ${reason}`, { cause });
  }
}

function decodeLayer(item: unknown): Layer | Input {
  if (!isObject(item) || typeof item['kind'] !== 'string' || !isObject(item['options'])) {
    throw new FormatError('layers', 'a layer with kind, name and options is required.');
  }
  const { kind, name } = item;
  const options = { ...item['options'], name };
  if (kind === 'input') return makeInput(options);
  const make = makers.get(kind);
  if (!make) {
    const known = [...makers.keys()].join(', ');
    throw new FormatError('layers', `a layer among ${known} is required. Received '${kind}'.`);
  }
  return make(options);
}
