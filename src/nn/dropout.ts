/** Dropout (Srivastava et al., JMLR 2014), and that of whole channels (Tompson et al., CVPR 2015). */
import { mul } from '../ops/binary.js';
import { broadcastTo } from '../ops/move.js';
import { dropout as drop } from '../ops/random.js';
import { constant } from '../ops/source.js';
import { type Layer, type LayerKind, makeLayer, type Naming } from './layer.js';
import { fraction } from './options.js';
import { requireSpatial } from './spatial.js';

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

function spatialDropoutKind(kind: string, axes: number): LayerKind<DropoutOptions> {
  return {
    kind,
    fields: { rate: fraction },
    call: ({ rate }, x, scope, mode) => {
      requireSpatial(scope, x, axes);
      if (!mode.training) return x;
      const channels = x.shape.map((dim, axis) => (axis === 0 || axis === x.rank - 1 ? dim : 1));
      return mul(x, drop(broadcastTo(constant(x.recorder, 1), channels), mode.key(), rate, scope.stream()));
    },
  };
}

export const spatialDropout1dKind = spatialDropoutKind('spatialDropout1d', 1);
export const spatialDropout2dKind = spatialDropoutKind('spatialDropout2d', 2);
export const spatialDropout3dKind = spatialDropoutKind('spatialDropout3d', 3);

/** In training: dropout of whole channels of sequences [batch, length, channels]. */
export const spatialDropout1d = (options: DropoutOptions & Naming): Layer => makeLayer(spatialDropout1dKind, options);

/** In training: dropout of whole channels of images [batch, height, width, channels]. */
export const spatialDropout2d = (options: DropoutOptions & Naming): Layer => makeLayer(spatialDropout2dKind, options);

/** In training: dropout of whole channels of volumes [batch, depth, height, width, channels]. */
export const spatialDropout3d = (options: DropoutOptions & Naming): Layer => makeLayer(spatialDropout3dKind, options);
