/**
 * What the layers of convolutions share, with the names and defaults of Keras: their options, how they declare kernels, and
 * what follows the sums. Axes are channels last; a kernel is [...window, channels, filters].
 */
import { ArgumentError, ShapeError } from '../core/errors.js';
import { printShape } from '../core/shape.js';
import type { Scope } from '../graph/builder.js';
import { add } from '../ops/binary.js';
import type { Padding } from '../ops/schema.js';
import type { Tensor } from '../ops/tensor.js';
import { type ActivationName, activate, activationName } from './activations.js';
import { type Constraint, constraint, projectionOf } from './constraints.js';
import { type InitializerName, initializerName, initializers } from './initializers.js';
import { count, type Field, flag, oneOf, optional, type Resolved } from './options.js';
import { penaltyOf, type Regularizer, regularizer } from './regularizers.js';

/** How a window lies and moves; `Each` is what gives a number for each of its axes, `never` where it has one axis. */
export interface WindowOptions<Each> {
  /** The size of the window; one number for all of its axes, or one for each. */
  readonly kernelSize: number | Each;
  /** 1 unless said. */
  readonly strides?: number | Each;
  /** `valid` unless said. */
  readonly padding?: Padding;
  /** Steps from one tap to the next: 1 unless said. Above 1 not together with strides above 1. */
  readonly dilationRate?: number | Each;
}

/** What comes after the sums. */
export interface SumOptions {
  /** `linear` unless said. */
  readonly activation?: ActivationName;
  /** True unless said. */
  readonly useBias?: boolean;
  /** `zeros` unless said. */
  readonly biasInitializer?: InitializerName;
}

export interface KernelOptions {
  /** `glorotUniform` unless said. */
  readonly kernelInitializer?: InitializerName;
  /** Added to the loss in training; none unless said. */
  readonly kernelRegularizer?: Regularizer | null;
  /** Holds after each step of training; none unless said. */
  readonly kernelConstraint?: Constraint | null;
}

/** A kernel for each channel. */
export interface DepthwiseOptions {
  /** How many outputs each channel has: 1 unless said. */
  readonly depthMultiplier?: number;
  /** `glorotUniform` unless said. */
  readonly depthwiseInitializer?: InitializerName;
  /** Added to the loss in training; none unless said. */
  readonly depthwiseRegularizer?: Regularizer | null;
  /** Holds after each step of training; none unless said. */
  readonly depthwiseConstraint?: Constraint | null;
}

export interface ConvolutionOptions<Each> extends WindowOptions<Each>, SumOptions, KernelOptions {
  /** Channels of the output. */
  readonly filters: number;
  /** Into how many parts the channels are divided, each seen by its own filters; 1 unless said. */
  readonly groups?: number;
}

export interface TransposedOptions<Each> extends WindowOptions<Each>, SumOptions, KernelOptions {
  /** Channels of the output. */
  readonly filters: number;
  /** What the output has beyond the smallest that the input can come from, below the strides; see `ops.conv2dTranspose`. */
  readonly outputPadding?: number | Each | null;
}

export const padding = optional(oneOf('valid', 'same'), 'valid');

export const windowFields = <Each>(size: Field<number | Each>) => ({
  kernelSize: size,
  strides: optional(size, 1),
  padding,
  dilationRate: optional(size, 1),
});

export const sumFields = {
  activation: optional(activationName, 'linear'),
  useBias: optional(flag, true),
  biasInitializer: optional(initializerName, 'zeros'),
};

export const kernelFields = {
  kernelInitializer: optional(initializerName, 'glorotUniform'),
  kernelRegularizer: regularizer,
  kernelConstraint: constraint,
};

export const depthwiseFields = {
  depthMultiplier: optional(count, 1),
  depthwiseInitializer: optional(initializerName, 'glorotUniform'),
  depthwiseRegularizer: regularizer,
  depthwiseConstraint: constraint,
};

export const convolutionFields = <Each>(size: Field<number | Each>) => ({
  filters: count,
  ...windowFields(size),
  groups: optional(count, 1),
  ...sumFields,
  ...kernelFields,
});

const axes = ['length', 'height, width', 'depth, height, width'] as const;

/** The channels of a batch of sequences, images or volumes. Throws `ShapeError` for anything else. */
export function channelsOf(x: Tensor, rank: 1 | 2 | 3, scope: Scope): number {
  const channels = x.shape.at(-1);
  if (x.rank === rank + 2 && typeof channels === 'number') return channels;
  const wanted = `${['sequences', 'images', 'volumes'][rank - 1]} [batch, ${axes[rank - 1]}, channels]`;
  throw new ShapeError(scope.path, `${wanted} are required. Received ${printShape(x.shape)}.`);
}

/** The channels that a filter sees. */
export function channelsInGroup(channels: number, groups: number, filters: number, scope: Scope): number {
  if (channels % groups === 0 && filters % groups === 0) return channels / groups;
  const received = `groups ${groups}, ${channels} channels, ${filters} filters`;
  throw new ArgumentError(scope.path, `groups that divide channels and filters are required. Received ${received}.`);
}

/** Declares the kernel. */
export const kernelOf = (scope: Scope, options: Resolved<KernelOptions>, shape: readonly number[]): Tensor =>
  scope.variable('kernel', {
    shape,
    initial: initializers[options.kernelInitializer],
    penalty: penaltyOf(options.kernelRegularizer),
    projection: projectionOf(options.kernelConstraint),
  });

/** Declares the kernel of windows for each channel. */
export const depthwiseKernelOf = (
  scope: Scope,
  name: string,
  options: Resolved<DepthwiseOptions>,
  window: readonly number[],
  channels: number,
): Tensor =>
  scope.variable(name, {
    shape: [...window, channels, options.depthMultiplier],
    initial: initializers[options.depthwiseInitializer],
    penalty: penaltyOf(options.depthwiseRegularizer),
    projection: projectionOf(options.depthwiseConstraint),
  });

/** The activation of the sums with their bias. */
export function finished(scope: Scope, options: Resolved<SumOptions>, sums: Tensor): Tensor {
  const { activation, useBias, biasInitializer } = options;
  if (!useBias) return activate(activation, sums);
  const bias = scope.variable('bias', { shape: sums.shape.slice(-1), initial: initializers[biasInitializer] });
  return activate(activation, add(sums, bias));
}
