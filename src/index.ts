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
export { activation, relu, softmax } from './nn/activation.js';
export type { ActivationName } from './nn/activations.js';
export { conv2d, type Conv2dOptions } from './nn/conv2d.js';
export { dense, type DenseOptions } from './nn/dense.js';
export { dropout, type DropoutOptions } from './nn/dropout.js';
export { embedding, type EmbeddingOptions } from './nn/embedding.js';
export { flatten } from './nn/flatten.js';
export { type InitializerName, initializers } from './nn/initializers.js';
export { type Input, input, type InputOptions } from './nn/input.js';
export type { Layer, Mode } from './nn/layer.js';
export { layerNormalization, type LayerNormalizationOptions } from './nn/normalization.js';
export { maxPooling2d, type MaxPooling2dOptions } from './nn/pooling.js';

// Losses and metrics
export {
  binaryCrossentropy,
  categoricalCrossentropy,
  type Loss,
  type LossName,
  meanSquaredError,
  sparseCategoricalCrossentropy,
} from './nn/losses.js';
export {
  accuracy,
  binaryAccuracy,
  meanAbsoluteError,
  type Metric,
  type MetricName,
  sparseCategoricalAccuracy,
} from './nn/metrics.js';

// Models and training
export type { Callback, History } from './train/fit.js';
export { type EvaluateOptions, type FrozenModel, loadFrozenModel, type LoadOptions } from './train/frozen.js';
export {
  type CompileOptions,
  type FitOptions,
  loadModel,
  type Model,
  type ModelOptions,
  type SaveOptions,
  sequential,
} from './train/model.js';
export {
  adam,
  type AdamOptions,
  type Optimizer,
  type OptimizerName,
  sgd,
  type SgdOptions,
} from './train/optimizers.js';

// Compression
export { quantize, type QuantizeOptions } from './compress/quantize.js';

// Data
export { readIdx } from './data/idx.js';
export { type Dataset, loadMnist, type MnistPart } from './data/mnist.js';

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
export type { Backend, Executable, RunOptions, Session, Stats } from './backend/backend.js';
export { referenceBackend } from './backend/reference/reference.js';
export { wasmBackend, type WasmBackendOptions } from './backend/wasm/backend.js';
