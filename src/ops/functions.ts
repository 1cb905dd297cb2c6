/** The functions of symbolic tensors, for users: the namespace `ops` of the library reads as NumPy does. */
export {
  clip,
  elu,
  gelu,
  hardSigmoid,
  hardSilu,
  hardTanh,
  leakyRelu,
  mish,
  relu6,
  selu,
  silu,
  softplus,
  softsign,
} from './activations.js';
export { atan2 } from './angle.js';
export { floorDivide, fmod, mod, squaredDifference } from './arithmetic.js';
export {
  diagonal,
  type DiagonalOptions,
  expandDims,
  linspace,
  meshgrid,
  moveaxis,
  repeat,
  roll,
  split,
  squeeze,
  stack,
  swapaxes,
  tile,
  trace,
  unstack,
} from './arrange.js';
export { attention, attentionByScores, type AttentionOptions, type ByScoresOptions } from './attention.js';
export { avgPool2d } from './average-pool.js';
export { add, div, maximum, minimum, mul, pow, sub } from './binary.js';
export { cast } from './cast.js';
export {
  equal,
  greater,
  greaterEqual,
  less,
  lessEqual,
  logicalAnd,
  logicalNot,
  logicalOr,
  notEqual,
  where,
} from './compare.js';
export { conv1d, conv2d, conv3d } from './convolutions.js';
export { dot, einsum, outer, tensordot } from './einsum.js';
export { scatterElements, type ScatterOptions, takeAlongAxis } from './elements.js';
export {
  abs,
  checkNumerics,
  exp,
  floor,
  log,
  neg,
  reciprocal,
  relu,
  rsqrt,
  sigmoid,
  sign,
  sqrt,
  square,
  tanh,
} from './elementwise.js';
export { gather } from './gather.js';
export { matmul } from './linear.js';
export { exp2, hypot, log10, log2, logAddExp } from './logarithms.js';
export { sparseCategoricalCrossentropy } from './loss.js';
export { bandPart, oneHot, tril, triu } from './masks.js';
export { broadcastTo, reshape, transpose } from './move.js';
export {
  batchNormalization,
  channelMoments,
  groupNormalization,
  instanceNormalization,
  rmsNormalization,
  unitNormalization,
} from './normalizations.js';
export { layerNormalization, logSoftmax, softmax } from './normalize.js';
export {
  copySign,
  heaviside,
  isFinite,
  isInf,
  isNaN,
  logicalXor,
  nanToNum,
  type NanToNumOptions,
  signBit,
  trunc,
} from './numbers.js';
export { adam, sgd } from './optimizer.js';
export { pad, type PadMode, type PadOptions } from './padding.js';
export { maxPool2d } from './pool.js';
export {
  adaptiveAveragePool,
  adaptiveMaxPool,
  averagePool,
  globalAveragePool,
  globalMaxPool,
  lpPool,
  maxPool,
} from './pooling.js';
export { dequantize, quantize } from './quantize.js';
export { dropout, randomNormal, randomUniform } from './random.js';
export { argmax, max, mean, min, prod, type ReduceOptions, sum } from './reduce.js';
export { type Interpolation, repeatEach, resize, type ResizeOptions } from './resize.js';
export {
  type Cell,
  type CellOptions,
  gru,
  gruCell,
  lstm,
  lstmCell,
  type Recurred,
  type RecurrentOptions,
  type RecurrentWeights,
  reverseTime,
  rnn,
  type RnnOptions,
  simpleRnnCell,
} from './rnn.js';
export { cumsum, type CumsumOptions } from './scan.js';
export { gatherNd, scatterNd, segmentMax, segmentMean, segmentMin, segmentSum } from './scatter.js';
export { depthwiseConv1d, depthwiseConv2d, separableConv1d, separableConv2d } from './separable.js';
export { concat, dynamicUpdateSlice, slice } from './slice.js';
export { argsort, median, sort, type SortOptions, topK, type TopKOptions } from './sort.js';
export { constant, iota, type Operand, size } from './source.js';
export { ceil, cos, erf, expm1, log1p, round, sin } from './special.js';
export { all, any, argmin, countNonzero, logSumExp, norm, type NormOptions, ptp, std, variance } from './statistics.js';
export { flip, type Position, stridedSlice } from './strided.js';
export { conv1dTranspose, conv2dTranspose, conv3dTranspose } from './transposed.js';
export { acos, acosh, asin, asinh, atan, atanh, cosh, deg2rad, rad2deg, sinc, sinh, tan } from './trigonometry.js';
