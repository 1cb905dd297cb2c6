/** Transposed convolutions: layers that enlarge. Their kernels are [...window, filters, channels], as in Keras. */
import { pairOf } from '../ops/conv.js';
import { tripleOf, type Triple } from '../ops/convolutions.js';
import type { Pair } from '../ops/schema.js';
import * as ops from '../ops/transposed.js';
import { countTriple, natural, naturalPair, naturalTriple } from './axis-options.js';
import {
  channelsOf,
  finished,
  kernelFields,
  kernelOf,
  sumFields,
  type TransposedOptions,
  windowFields,
} from './convolution.js';
import { type Layer, type LayerKind, makeLayer, type Naming } from './layer.js';
import { count, countPair, type Field } from './options.js';

/** Windows and steps are numbers of positions. */
export type Conv1dTransposeOptions = TransposedOptions<never>;
/** Windows and steps are one number for both axes, or height and width. */
export type Conv2dTransposeOptions = TransposedOptions<Pair>;
/** Windows and steps are one number for all axes, or depth, height and width. */
export type Conv3dTransposeOptions = TransposedOptions<Triple>;

const fieldsOf = <Each>(size: Field<number | Each>, extra: Field<number | Each>) => {
  const outputPadding: Field<number | Each | null> = (value, where, name) =>
    value === undefined || value === null ? null : extra(value, where, name);
  return { filters: count, ...windowFields(size), outputPadding, ...sumFields, ...kernelFields };
};

export const conv1dTransposeKind: LayerKind<Conv1dTransposeOptions> = {
  kind: 'conv1dTranspose',
  fields: fieldsOf<never>(count, natural),
  call: (options, x, scope) => {
    const shape = [options.kernelSize, options.filters, channelsOf(x, 1, scope)];
    return finished(scope, options, ops.conv1dTranspose(x, kernelOf(scope, options, shape), options));
  },
};

export const conv2dTransposeKind: LayerKind<Conv2dTransposeOptions> = {
  kind: 'conv2dTranspose',
  fields: fieldsOf<Pair>(countPair, naturalPair),
  call: (options, x, scope) => {
    const shape = [...pairOf(options.kernelSize), options.filters, channelsOf(x, 2, scope)];
    return finished(scope, options, ops.conv2dTranspose(x, kernelOf(scope, options, shape), options));
  },
};

export const conv3dTransposeKind: LayerKind<Conv3dTransposeOptions> = {
  kind: 'conv3dTranspose',
  fields: fieldsOf<Triple>(countTriple, naturalTriple),
  call: (options, x, scope) => {
    const shape = [...tripleOf(options.kernelSize), options.filters, channelsOf(x, 3, scope)];
    return finished(scope, options, ops.conv3dTranspose(x, kernelOf(scope, options, shape), options));
  },
};

/**
 * The transpose of `conv1d`: sequences [batch, length, channels] -> [batch, length', filters]. With `same` padding length' is
 * length * strides, with `valid` (length - 1) * strides + max(kernelSize, strides).
 */
export const conv1dTranspose = (options: Conv1dTransposeOptions & Naming): Layer =>
  makeLayer(conv1dTransposeKind, options);

/**
 * The transpose of `conv2d`: images [batch, height, width, channels] -> [batch, height', width', filters], each axis as that
 * of `conv1dTranspose`.
 */
export const conv2dTranspose = (options: Conv2dTransposeOptions & Naming): Layer =>
  makeLayer(conv2dTransposeKind, options);

/**
 * The transpose of `conv3d`: volumes [batch, depth, height, width, channels] -> [batch, depth', height', width', filters],
 * each axis as that of `conv1dTranspose`.
 */
export const conv3dTranspose = (options: Conv3dTransposeOptions & Naming): Layer =>
  makeLayer(conv3dTransposeKind, options);
