/** The kinds of layers that files can name. */
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
import { type Layer, type LayerKind, makeLayer, makeMerge, type MergeKind, type MergeLayer } from './layer.js';
import {
  addKind,
  averageKind,
  concatenateKind,
  dotKind,
  maximumKind,
  minimumKind,
  multiplyKind,
  subtractKind,
} from './merge.js';
import { alphaDropoutKind, gaussianDropoutKind, gaussianNoiseKind } from './noise.js';
import {
  groupNormalizationKind,
  instanceNormalizationKind,
  layerNormalizationKind,
  rmsNormalizationKind,
  unitNormalizationKind,
} from './normalization.js';
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

const maker =
  <O>(kind: LayerKind<O>) =>
  (options: unknown): Layer =>
    makeLayer(kind, options);

const merger =
  <O>(kind: MergeKind<O>) =>
  (options: unknown): MergeLayer =>
    makeMerge(kind, options);

/** Makes a layer from its options, which may be a stranger's. Throws `ArgumentError`. */
export const makers = new Map<string, (options: unknown) => Layer | MergeLayer>(
  Object.entries({
    activation: maker(activationKind),
    adaptiveAveragePooling1d: maker(adaptiveAveragePooling1dKind),
    adaptiveAveragePooling2d: maker(adaptiveAveragePooling2dKind),
    adaptiveAveragePooling3d: maker(adaptiveAveragePooling3dKind),
    adaptiveMaxPooling1d: maker(adaptiveMaxPooling1dKind),
    adaptiveMaxPooling2d: maker(adaptiveMaxPooling2dKind),
    adaptiveMaxPooling3d: maker(adaptiveMaxPooling3dKind),
    add: merger(addKind),
    alphaDropout: maker(alphaDropoutKind),
    average: merger(averageKind),
    averagePooling1d: maker(averagePooling1dKind),
    averagePooling2d: maker(averagePooling2dKind),
    averagePooling3d: maker(averagePooling3dKind),
    batchNormalization: maker(batchNormalizationKind),
    bidirectional: maker(bidirectionalKind),
    conv1d: maker(conv1dKind),
    conv1dTranspose: maker(conv1dTransposeKind),
    concatenate: merger(concatenateKind),
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
    dot: merger(dotKind),
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
    maximum: merger(maximumKind),
    maxPooling1d: maker(maxPooling1dKind),
    maxPooling2d: maker(maxPooling2dKind),
    maxPooling3d: maker(maxPooling3dKind),
    minimum: merger(minimumKind),
    multiHeadAttention: maker(multiHeadAttentionKind),
    multiply: merger(multiplyKind),
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
    subtract: merger(subtractKind),
    unitNormalization: maker(unitNormalizationKind),
    upSampling1d: maker(upSampling1dKind),
    upSampling2d: maker(upSampling2dKind),
    upSampling3d: maker(upSampling3dKind),
    zeroPadding1d: maker(zeroPadding1dKind),
    zeroPadding2d: maker(zeroPadding2dKind),
    zeroPadding3d: maker(zeroPadding3dKind),
  }),
);
