/**
 * Quern: train, shrink and serve neural networks where JavaScript runs. Names and defaults are those of Keras, in
 * camelCase.
 *
 *   import { conv2d, dense, flatten, input, maxPooling2d, quantize, sequential } from 'quern';
 *
 *   const model = sequential([input({ shape: [28, 28, 1] }), conv2d({ filters: 32, kernelSize: 3, activation: 'relu' }),
 *     maxPooling2d(), flatten(), dense({ units: 10, activation: 'softmax' })]);
 *   model.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] });
 *   await model.fit(x, y, { epochs: 5, batchSize: 64 });
 *   const small = await quantize(model, { calibration: x });
 *   await small.save('model.safetensors');
 */

// Arrays and errors
export type { DataOf, DType } from './core/dtype.js';
export { type NDArray, ndarray } from './core/ndarray.js';
export {
  AbortedError,
  ArgumentError,
  DTypeError,
  type ErrorCode,
  FormatError,
  GraphError,
  IndexError,
  IoError,
  MemoryError,
  NumericsError,
  QuernError,
  ShapeError,
  UnsupportedError,
} from './core/errors.js';

// Layers
export {
  activation,
  elu,
  type EluOptions,
  leakyRelu,
  type LeakyReluOptions,
  prelu,
  type PreluOptions,
  relu,
  softmax,
} from './nn/activation.js';
export type { ActivationName } from './nn/activations.js';
export { multiHeadAttention, type MultiHeadAttentionOptions } from './nn/attention.js';
export { batchNormalization, type BatchNormalizationOptions } from './nn/batch-normalization.js';
export { bidirectional, type BidirectionalOptions } from './nn/bidirectional.js';
export {
  cropping1d,
  type Cropping1dOptions,
  cropping2d,
  type Cropping2dOptions,
  cropping3d,
  type Cropping3dOptions,
  zeroPadding1d,
  type ZeroPadding1dOptions,
  zeroPadding2d,
  type ZeroPadding2dOptions,
  zeroPadding3d,
  type ZeroPadding3dOptions,
} from './nn/borders.js';
export { conv1d, type Conv1dOptions } from './nn/conv1d.js';
export { conv2d, type Conv2dOptions } from './nn/conv2d.js';
export { conv3d, type Conv3dOptions } from './nn/conv3d.js';
export { type Constraint, maxNorm, nonNeg, unitNorm } from './nn/constraints.js';
export { dense, type DenseOptions } from './nn/dense.js';
export { dropout, type DropoutOptions, spatialDropout1d, spatialDropout2d, spatialDropout3d } from './nn/dropout.js';
export { embedding, type EmbeddingOptions } from './nn/embedding.js';
export {
  flatten,
  permute,
  type PermuteOptions,
  repeatVector,
  type RepeatVectorOptions,
  reshape,
  type ReshapeOptions,
} from './nn/flatten.js';
export { type InitializerName, initializers } from './nn/initializers.js';
export { input, type InputOptions } from './nn/input.js';
export { layer, mergeLayer } from './nn/custom.js';
export type { Layer, MergeLayer, Mode } from './nn/layer.js';
export {
  add,
  average,
  concatenate,
  type ConcatenateOptions,
  dot,
  type DotOptions,
  maximum,
  minimum,
  multiply,
  subtract,
} from './nn/merge.js';
export {
  alphaDropout,
  type AlphaDropoutOptions,
  gaussianDropout,
  type GaussianDropoutOptions,
  gaussianNoise,
  type GaussianNoiseOptions,
} from './nn/noise.js';
export {
  groupNormalization,
  type GroupNormalizationOptions,
  instanceNormalization,
  type InstanceNormalizationOptions,
  layerNormalization,
  type LayerNormalizationOptions,
  rmsNormalization,
  type RmsNormalizationOptions,
  unitNormalization,
  type UnitNormalizationOptions,
} from './nn/normalization.js';
export {
  adaptiveAveragePooling1d,
  adaptiveAveragePooling2d,
  adaptiveAveragePooling3d,
  adaptiveMaxPooling1d,
  adaptiveMaxPooling2d,
  adaptiveMaxPooling3d,
  type AdaptivePoolingOptions,
  averagePooling1d,
  averagePooling2d,
  averagePooling3d,
  globalAveragePooling1d,
  globalAveragePooling2d,
  globalAveragePooling3d,
  globalMaxPooling1d,
  globalMaxPooling2d,
  globalMaxPooling3d,
  type GlobalPoolingOptions,
  maxPooling1d,
  maxPooling2d,
  maxPooling3d,
  type PoolingOptions,
} from './nn/pooling.js';
export {
  momentsOf,
  normalization,
  type NormalizationOptions,
  rescaling,
  type RescalingOptions,
  resizing,
  type ResizingOptions,
} from './nn/preprocessing.js';
export { gru, type GruOptions, lstm, type LstmOptions, simpleRnn, type SimpleRnnOptions } from './nn/recurrent.js';
export { l1, l1L2, l2, type Regularizer } from './nn/regularizers.js';
export {
  depthwiseConv1d,
  type DepthwiseConv1dOptions,
  depthwiseConv2d,
  type DepthwiseConv2dOptions,
  separableConv1d,
  type SeparableConv1dOptions,
  separableConv2d,
  type SeparableConv2dOptions,
} from './nn/separable.js';
export {
  conv1dTranspose,
  type Conv1dTransposeOptions,
  conv2dTranspose,
  type Conv2dTransposeOptions,
  conv3dTranspose,
  type Conv3dTransposeOptions,
} from './nn/transposed.js';
export type { Input, Signal } from './nn/signal.js';
export { upSampling1d, upSampling2d, upSampling3d, type UpSamplingOptions } from './nn/up-sampling.js';

// Losses and metrics
export {
  binaryCrossentropy,
  binaryFocalCrossentropy,
  type BinaryFocalCrossentropyOptions,
  categoricalCrossentropy,
  cosineSimilarity,
  type CrossentropyOptions,
  hinge,
  huber,
  klDivergence,
  type Loss,
  type LossName,
  meanAbsoluteError,
  meanSquaredError,
  sparseCategoricalCrossentropy,
} from './nn/losses.js';
export {
  accuracy,
  auc,
  type AucOptions,
  binaryAccuracy,
  categoricalAccuracy,
  f1Score,
  type MeanMetric,
  type Metric,
  type MetricName,
  precision,
  r2Score,
  recall,
  rootMeanSquaredError,
  sparseCategoricalAccuracy,
  sparseTopKCategoricalAccuracy,
  type ThresholdOptions,
  topKCategoricalAccuracy,
  type TotalMetric,
} from './nn/metrics.js';

// Models and training
export type { Callback, History, Run } from './train/callback.js';
export {
  earlyStopping,
  type EarlyStoppingOptions,
  modelCheckpoint,
  type ModelCheckpointOptions,
  reduceLROnPlateau,
  type ReduceLROnPlateauOptions,
} from './train/callbacks.js';
export type { CheckpointOptions } from './train/checkpoint.js';
export {
  crossValidate,
  type CrossValidation,
  type CrossValidationOptions,
  type FoldPlace,
  type FoldResult,
} from './train/cross-validation.js';
export type { GivenBatch, Source } from './train/feeding.js';
export { csvLogger, jsonLogger } from './train/loggers.js';
export * as scores from './train/scores.js';
export type { MonitorOptions } from './train/monitor.js';
export { type Profile, profile, type ProfileOptions } from './train/profile.js';
export {
  cosineDecay,
  type CosineDecayOptions,
  cosineDecayRestarts,
  type CosineDecayRestartsOptions,
  type DecayOptions,
  exponentialDecay,
  inverseTimeDecay,
  type LearningRateSchedule,
  oneCycle,
  type OneCycleOptions,
  piecewiseConstantDecay,
  type PiecewiseConstantDecayOptions,
  polynomialDecay,
  type PolynomialDecayOptions,
  warmup,
  type WarmupOptions,
} from './train/schedules.js';
export type { Prediction } from './train/evaluation.js';
export type { Arrays } from './train/examples.js';
export {
  type EvaluateOptions,
  type FrozenModel,
  loadFrozenModel,
  type LoadOptions,
  type PredictOptions,
} from './train/frozen.js';
export { type StepFunction, type StepTools, type Trainer, trainer, type TrainerOptions } from './train/trainer.js';
export type { ClassWeight } from './train/weights.js';
export type { LoadedWeights, LoadWeightsOptions } from './train/loading.js';
export type { Measures } from './train/measures.js';
export {
  type CompileOptions,
  type FitOptions,
  loadModel,
  model,
  type Model,
  type ModelOptions,
  type PredictionOf,
  type SaveOptions,
  type SignalsOf,
  sequential,
} from './train/model.js';
export {
  adagrad,
  type AdagradOptions,
  adam,
  type AdamOptions,
  adamW,
  lion,
  type LionOptions,
  type Optimizer,
  type OptimizerName,
  type OptimizerOptions,
  rmsprop,
  type RmspropOptions,
  sgd,
  type SgdOptions,
} from './train/optimizers.js';

// Reports
export { type Tested } from './report/outcome.js';
export type { ReportContents } from './report/page.js';
export { type Recorder, recorder, report, type ReportOptions, writeReport } from './report/report.js';
export { type TimedBackend, timeSteps } from './report/steps.js';

// Compression
export { quantize, type QuantizeOptions } from './compress/quantize.js';

// Data
export { augment, type Augmentation, type Draw, type Picture } from './data/augmentation.js';
export {
  affine,
  type AffineOptions,
  brightness,
  type BrightnessOptions,
  type CropOptions,
  cutout,
  type CutoutOptions,
  type FlipOptions,
  horizontalFlip,
  type NoiseOptions,
  pixelNoise,
  randomCrop,
} from './data/augmentations.js';
export {
  type Column,
  type ColumnType,
  type CsvOptions,
  matrixOf,
  type Missing,
  readCsv,
  type Table,
} from './data/csv.js';
export { readIdx } from './data/idx.js';
export type { ColorMode } from './data/images/decode.js';
export {
  type ImageDataset,
  type ImageFolder,
  imageFolder,
  type ImageFolderOptions,
  loadImageFolder,
} from './data/images/folder.js';
export type { ImageSize } from './data/images/resize.js';
export { irisColumns, irisSpecies, loadIris } from './data/iris.js';
export { oneHot } from './data/labels.js';
export { mixup, type MixupOptions } from './data/mixup.js';
export { type Dataset, loadMnist, type MnistPart } from './data/mnist.js';
export { readNpy, writeNpy } from './data/npy.js';
export { readNpz } from './data/npz.js';
export { type BatchMap, type BatchPlace, dataset, type Pipeline } from './data/pipeline.js';
export { takeRows } from './data/rows.js';
export { loadSafetensors } from './data/safetensors.js';
export { minMaxScaler, type Scaler, standardScaler } from './data/scale.js';
export type { Batches, BatchSource, DataBatch } from './data/source.js';
export {
  type Fold,
  type FoldOptions,
  kFold,
  split,
  type Split,
  type SplitOptions,
  stratifiedKFold,
} from './data/split.js';

// Programs: what models are made of, for whoever writes graphs by hand
export * as ops from './ops/functions.js';
export { Tensor, type TensorType } from './ops/tensor.js';
export { gradients } from './graph/autodiff.js';
export { type Initializer, ProgramBuilder, Scope, type VariableSpec } from './graph/builder.js';
export { dotGraph, printGraph, printProgram } from './graph/print.js';
export type { Graph, Node, Program, Variable } from './graph/program.js';
export { type ModelContents, readModel, writeModel } from './format/model.js';
export { memorySource } from './format/source.js';

// Backends
export type { Backend, Executable, RunOptions, Session, Stats, Timing, TimingOptions } from './backend/backend.js';
export { referenceBackend } from './backend/reference/reference.js';
export { wasmBackend, type WasmBackendOptions } from './backend/wasm/backend.js';
export { layOutModel, type LayOutOptions } from './backend/wasm/lay-out.js';
