/** Dropout (Srivastava et al., JMLR 2014). */
import { dropout as drop } from '../ops/random.js';
import { type Layer, type LayerKind, makeLayer, type Naming } from './layer.js';
import { fraction } from './options.js';

export interface DropoutOptions {
  /** The share of elements that become 0, in [0, 1). */
  readonly rate: number;
}

export const dropoutKind: LayerKind<DropoutOptions> = {
  kind: 'dropout',
  fields: { rate: fraction },
  call: ({ rate }, x, scope, mode) => (mode.training ? drop(x, mode.key(), rate, scope.stream()) : x),
};

/** In training: zeros a share of the elements and scales the others by 1 / (1 - rate). Otherwise nothing. */
export const dropout = (options: DropoutOptions & Naming): Layer => makeLayer(dropoutKind, options);
