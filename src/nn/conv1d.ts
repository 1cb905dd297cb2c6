/** The convolution over sequences. */
import { conv1d as convolve } from '../ops/convolutions.js';
import {
  channelsInGroup,
  channelsOf,
  convolutionFields,
  type ConvolutionOptions,
  finished,
  kernelOf,
} from './convolution.js';
import { type Layer, type LayerKind, makeLayer, type Naming } from './layer.js';
import { count, oneOf, optional } from './options.js';

export interface Conv1dOptions extends Omit<ConvolutionOptions<never>, 'padding'> {
  /** `valid` unless said; `causal` pads before the sequence, so that no output sees what comes later. */
  readonly padding?: 'valid' | 'same' | 'causal';
}

export const conv1dKind: LayerKind<Conv1dOptions> = {
  kind: 'conv1d',
  fields: { ...convolutionFields(count), padding: optional(oneOf('valid', 'same', 'causal'), 'valid') },
  call: (options, x, scope) => {
    const { filters, kernelSize, groups } = options;
    const channels = channelsInGroup(channelsOf(x, 1, scope), groups, filters, scope);
    const kernel = kernelOf(scope, options, [kernelSize, channels, filters]);
    return finished(scope, options, convolve(x, kernel, options));
  },
};

/** activation(x * kernel + bias): sequences [batch, length, channels] -> [batch, length', filters]. */
export const conv1d = (options: Conv1dOptions & Naming): Layer => makeLayer(conv1dKind, options);
