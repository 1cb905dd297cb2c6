/** The convolution over images. */
import { pairOf } from '../ops/conv.js';
import { conv2d as convolve } from '../ops/convolutions.js';
import type { Pair } from '../ops/schema.js';
import {
  channelsInGroup,
  channelsOf,
  convolutionFields,
  type ConvolutionOptions,
  finished,
  kernelOf,
} from './convolution.js';
import { type Layer, type LayerKind, makeLayer, type Naming } from './layer.js';
import { countPair } from './options.js';

/** Windows and steps are one number for both axes, or height and width. */
export type Conv2dOptions = ConvolutionOptions<Pair>;

export const conv2dKind: LayerKind<Conv2dOptions> = {
  kind: 'conv2d',
  fields: convolutionFields<Pair>(countPair),
  call: (options, x, scope) => {
    const { filters, kernelSize, groups } = options;
    const channels = channelsInGroup(channelsOf(x, 2, scope), groups, filters, scope);
    const kernel = kernelOf(scope, options, [...pairOf(kernelSize), channels, filters]);
    return finished(scope, options, convolve(x, kernel, options));
  },
};

/** activation(x * kernel + bias): images [batch, height, width, channels] -> [batch, height', width', filters]. */
export const conv2d = (options: Conv2dOptions & Naming): Layer => makeLayer(conv2dKind, options);
