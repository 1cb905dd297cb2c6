/** The convolution over volumes. */
import { conv3d as convolve, tripleOf, type Triple } from '../ops/convolutions.js';
import { countTriple } from './axis-options.js';
import {
  channelsInGroup,
  channelsOf,
  convolutionFields,
  type ConvolutionOptions,
  finished,
  kernelOf,
} from './convolution.js';
import { type Layer, type LayerKind, makeLayer, type Naming } from './layer.js';

/** Windows and steps are one number for all axes, or depth, height and width. */
export type Conv3dOptions = ConvolutionOptions<Triple>;

export const conv3dKind: LayerKind<Conv3dOptions> = {
  kind: 'conv3d',
  fields: convolutionFields<Triple>(countTriple),
  call: (options, x, scope) => {
    const { filters, kernelSize, groups } = options;
    const channels = channelsInGroup(channelsOf(x, 3, scope), groups, filters, scope);
    const kernel = kernelOf(scope, options, [...tripleOf(kernelSize), channels, filters]);
    return finished(scope, options, convolve(x, kernel, options));
  },
};

/**
 * activation(x * kernel + bias): volumes [batch, depth, height, width, channels] -> [batch, depth', height', width',
 * filters].
 */
export const conv3d = (options: Conv3dOptions & Naming): Layer => makeLayer(conv3dKind, options);
