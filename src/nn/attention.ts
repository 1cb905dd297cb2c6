/** Attention with several heads (Vaswani et al., NeurIPS 2017), with the names, layouts and defaults of Keras 3. */
import { ShapeError } from '../core/errors.js';
import { type Dim, mulDims, printShape } from '../core/shape.js';
import type { Scope } from '../graph/builder.js';
import { attention, attentionByScores } from '../ops/attention.js';
import { add } from '../ops/binary.js';
import { matmul } from '../ops/linear.js';
import { reshape, transpose } from '../ops/move.js';
import { dropout as drop } from '../ops/random.js';
import type { Tensor } from '../ops/tensor.js';
import { type InitializerName, initializerName, initializers } from './initializers.js';
import { type Layer, type LayerKind, makeLayer, type Naming } from './layer.js';
import { count, flag, fraction, optional, type Resolved } from './options.js';

export interface MultiHeadAttentionOptions {
  /** How many mixtures are made side by side. */
  readonly numHeads: number;
  /** The length of each head's queries and keys. */
  readonly keyDim: number;
  /** The length of each head's values; `keyDim` unless said (null). */
  readonly valueDim?: number | null;
  /** The share of the probabilities that become 0 in training; 0 unless said. Any other needs the matrix of them. */
  readonly dropout?: number;
  /** True unless said. */
  readonly useBias?: boolean;
  /** Whether a step sees none after itself; false unless said. */
  readonly useCausalMask?: boolean;
  /** `glorotUniform` unless said. */
  readonly kernelInitializer?: InitializerName;
  /** `zeros` unless said. */
  readonly biasInitializer?: InitializerName;
}

type Options = Resolved<MultiHeadAttentionOptions>;

/** x [batch, time, features] times a kernel of its own [features, heads, width], as [batch, heads, time, width]. */
function headsOf(name: string, x: Tensor, features: number, width: number, options: Options, scope: Scope): Tensor {
  const { numHeads, useBias, kernelInitializer, biasInitializer } = options;
  const [b = 0, t = 0] = x.shape;
  return scope.within(name, () => {
    const kernel = scope.variable('kernel', {
      shape: [features, numHeads, width],
      initial: initializers[kernelInitializer],
    });
    const product = matmul(x, reshape(kernel, [features, numHeads * width]));
    const initial = initializers[biasInitializer];
    const bias = useBias ? scope.variable('bias', { shape: [numHeads, width], initial }) : undefined;
    const projected = bias ? add(product, reshape(bias, [numHeads * width])) : product;
    return transpose(reshape(projected, [b, t, numHeads, width]), [0, 2, 1, 3]);
  });
}

/** y [batch, heads, time, width] times a kernel [heads, width, features]: [batch, time, features]. */
function joined(y: Tensor, features: number, width: number, options: Options, scope: Scope): Tensor {
  const { numHeads, useBias, kernelInitializer, biasInitializer } = options;
  const [b = 0, , t = 0] = y.shape as readonly Dim[];
  return scope.within('attentionOutput', () => {
    const kernel = scope.variable('kernel', {
      shape: [numHeads, width, features],
      initial: initializers[kernelInitializer],
    });
    const rows = reshape(transpose(y, [0, 2, 1, 3]), [b, t, mulDims(numHeads, width)]);
    const product = matmul(rows, reshape(kernel, [numHeads * width, features]));
    if (!useBias) return product;
    return add(product, scope.variable('bias', { shape: [features], initial: initializers[biasInitializer] }));
  });
}

export const multiHeadAttentionKind: LayerKind<MultiHeadAttentionOptions> = {
  kind: 'multiHeadAttention',
  fields: {
    numHeads: count,
    keyDim: count,
    valueDim: (value, where, name) => (value === undefined || value === null ? null : count(value, where, name)),
    dropout: optional(fraction, 0),
    useBias: optional(flag, true),
    useCausalMask: optional(flag, false),
    kernelInitializer: optional(initializerName, 'glorotUniform'),
    biasInitializer: optional(initializerName, 'zeros'),
  },
  call: (options, x, scope, mode) => {
    const { keyDim, dropout, useCausalMask: causal } = options;
    const valueDim = options.valueDim ?? keyDim;
    const features = x.shape.at(-1);
    if (x.rank !== 3 || typeof features !== 'number') {
      throw new ShapeError(scope.path, `x [batch, time, features] is required. Received ${printShape(x.shape)}.`);
    }
    const query = headsOf('query', x, features, keyDim, options, scope);
    const key = headsOf('key', x, features, keyDim, options, scope);
    const value = headsOf('value', x, features, valueDim, options, scope);
    if (!mode.training || dropout === 0) {
      return joined(attention(query, key, value, { causal }), features, valueDim, options, scope);
    }
    const onProbabilities = (p: Tensor): Tensor => drop(p, mode.key(), dropout, scope.stream());
    const attended = attentionByScores(query, key, value, { causal, onProbabilities });
    return joined(attended, features, valueDim, options, scope);
  },
};

/**
 * Self-attention: each step asks all steps, in each head, and the heads' answers are joined: [batch, time, features] stays.
 */
export const multiHeadAttention = (options: MultiHeadAttentionOptions & Naming): Layer =>
  makeLayer(multiHeadAttentionKind, options);
