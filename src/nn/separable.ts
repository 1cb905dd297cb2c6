/** Depthwise convolutions, which see each channel by itself, and separable ones, which then mix the channels. */
import { pairOf } from '../ops/conv.js';
import type { Pair } from '../ops/schema.js';
import * as ops from '../ops/separable.js';
import type { Scope } from '../graph/builder.js';
import type { Tensor } from '../ops/tensor.js';
import { type Constraint, constraint, projectionOf } from './constraints.js';
import {
  channelsOf,
  depthwiseFields,
  depthwiseKernelOf,
  type DepthwiseOptions,
  finished,
  type SumOptions,
  sumFields,
  windowFields,
  type WindowOptions,
} from './convolution.js';
import { type InitializerName, initializerName, initializers } from './initializers.js';
import { type Layer, type LayerKind, makeLayer, type Naming } from './layer.js';
import { count, countPair, type Field, optional, type Resolved } from './options.js';
import { penaltyOf, type Regularizer, regularizer } from './regularizers.js';

interface DepthwiseConvolutionOptions<Each> extends WindowOptions<Each>, DepthwiseOptions, SumOptions {}

/** Windows and steps are numbers of positions. */
export type DepthwiseConv1dOptions = DepthwiseConvolutionOptions<never>;
/** Windows and steps are one number for both axes, or height and width. */
export type DepthwiseConv2dOptions = DepthwiseConvolutionOptions<Pair>;

interface SeparableOptions<Each> extends DepthwiseConvolutionOptions<Each> {
  /** Channels of the output. */
  readonly filters: number;
  /** `glorotUniform` unless said. */
  readonly pointwiseInitializer?: InitializerName;
  /** Added to the loss in training; none unless said. */
  readonly pointwiseRegularizer?: Regularizer | null;
  /** Holds after each step of training; none unless said. */
  readonly pointwiseConstraint?: Constraint | null;
}

/** Windows and steps are numbers of positions. */
export type SeparableConv1dOptions = SeparableOptions<never>;
/** Windows and steps are one number for both axes, or height and width. */
export type SeparableConv2dOptions = SeparableOptions<Pair>;

const fieldsOf = <Each>(size: Field<number | Each>) => ({ ...windowFields(size), ...depthwiseFields, ...sumFields });

const separableFields = <Each>(size: Field<number | Each>) => ({
  filters: count,
  ...fieldsOf(size),
  pointwiseInitializer: optional(initializerName, 'glorotUniform'),
  pointwiseRegularizer: regularizer,
  pointwiseConstraint: constraint,
});

/** Declares the kernel that mixes what the windows gave. */
function pointwiseKernelOf<Each>(
  scope: Scope,
  options: Resolved<SeparableOptions<Each>>,
  window: readonly number[],
  channels: number,
): Tensor {
  return scope.variable('pointwiseKernel', {
    shape: [...window.map(() => 1), channels * options.depthMultiplier, options.filters],
    initial: initializers[options.pointwiseInitializer],
    penalty: penaltyOf(options.pointwiseRegularizer),
    projection: projectionOf(options.pointwiseConstraint),
  });
}

export const depthwiseConv1dKind: LayerKind<DepthwiseConv1dOptions> = {
  kind: 'depthwiseConv1d',
  fields: fieldsOf<never>(count),
  call: (options, x, scope) => {
    const kernel = depthwiseKernelOf(scope, 'kernel', options, [options.kernelSize], channelsOf(x, 1, scope));
    return finished(scope, options, ops.depthwiseConv1d(x, kernel, options));
  },
};

export const depthwiseConv2dKind: LayerKind<DepthwiseConv2dOptions> = {
  kind: 'depthwiseConv2d',
  fields: fieldsOf<Pair>(countPair),
  call: (options, x, scope) => {
    const kernel = depthwiseKernelOf(scope, 'kernel', options, pairOf(options.kernelSize), channelsOf(x, 2, scope));
    return finished(scope, options, ops.depthwiseConv2d(x, kernel, options));
  },
};

export const separableConv1dKind: LayerKind<SeparableConv1dOptions> = {
  kind: 'separableConv1d',
  fields: separableFields<never>(count),
  call: (options, x, scope) => {
    const channels = channelsOf(x, 1, scope);
    const window = [options.kernelSize];
    const depthwise = depthwiseKernelOf(scope, 'depthwiseKernel', options, window, channels);
    const pointwise = pointwiseKernelOf(scope, options, window, channels);
    return finished(scope, options, ops.separableConv1d(x, depthwise, pointwise, options));
  },
};

export const separableConv2dKind: LayerKind<SeparableConv2dOptions> = {
  kind: 'separableConv2d',
  fields: separableFields<Pair>(countPair),
  call: (options, x, scope) => {
    const channels = channelsOf(x, 2, scope);
    const window = pairOf(options.kernelSize);
    const depthwise = depthwiseKernelOf(scope, 'depthwiseKernel', options, window, channels);
    const pointwise = pointwiseKernelOf(scope, options, window, channels);
    return finished(scope, options, ops.separableConv2d(x, depthwise, pointwise, options));
  },
};

/**
 * activation(x * kernel + bias), each channel by itself: sequences [batch, length, channels] -> [batch, length', channels *
 * depthMultiplier].
 */
export const depthwiseConv1d = (options: DepthwiseConv1dOptions & Naming): Layer =>
  makeLayer(depthwiseConv1dKind, options);

/**
 * activation(x * kernel + bias), each channel by itself: images [batch, height, width, channels] -> [batch, height', width',
 * channels * depthMultiplier].
 */
export const depthwiseConv2d = (options: DepthwiseConv2dOptions & Naming): Layer =>
  makeLayer(depthwiseConv2dKind, options);

/** A depthwise convolution, then a mixing of channels: sequences [batch, length, channels] -> [batch, length', filters]. */
export const separableConv1d = (options: SeparableConv1dOptions & Naming): Layer =>
  makeLayer(separableConv1dKind, options);

/**
 * A depthwise convolution, then a mixing of channels: images [batch, height, width, channels] -> [batch, height', width',
 * filters].
 */
export const separableConv2d = (options: SeparableConv2dOptions & Naming): Layer =>
  makeLayer(separableConv2dKind, options);
