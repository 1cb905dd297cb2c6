/** A recurrent layer in both directions (Schuster and Paliwal 1997). */
import type { Scope } from '../graph/builder.js';
import { add, mul } from '../ops/binary.js';
import { reverseTime } from '../ops/rnn.js';
import { concat } from '../ops/slice.js';
import type { Tensor } from '../ops/tensor.js';
import { type Layer, type LayerKind, makeLayer, type Mode, type Naming } from './layer.js';
import { type Field, isObject, oneOf, optional, readOptions, refuse } from './options.js';
import { gruKind, lstmKind, type SimpleRnnOptions, simpleRnnKind } from './recurrent.js';

/** A recurrent layer, or the data that a model file keeps of one. */
type RecurrentLayer = Pick<Layer, 'kind' | 'options'>;

export interface BidirectionalOptions {
  /** `lstm`, `gru` or `simpleRnn` with its options. */
  readonly layer: RecurrentLayer;
  /** How the outputs of both directions become one: side by side (`concat`) unless said. */
  readonly mergeMode?: 'ave' | 'concat' | 'mul' | 'sum';
}

interface Directed {
  readonly returnSequences: boolean;
  readonly call: (x: Tensor, scope: Scope, mode: Mode) => Tensor;
}

/** A layer with its options, checked. `turned`: from the other end of the sequence. */
function directed({ kind, options }: RecurrentLayer, turned: boolean): Directed {
  const bound = <O extends SimpleRnnOptions>(layer: LayerKind<O>): Directed => {
    const resolved = readOptions(layer.kind, layer.fields, options);
    const oriented = { ...resolved, goBackwards: resolved.goBackwards !== turned };
    return {
      returnSequences: resolved.returnSequences === true,
      call: (x, scope, mode) => layer.call(oriented, x, scope, mode),
    };
  };
  if (kind === 'lstm') return bound(lstmKind);
  return kind === 'gru' ? bound(gruKind) : bound(simpleRnnKind);
}

const recurrentLayer: Field<RecurrentLayer> = (value, where, name) => {
  const isLayer = (typeof value === 'object' || typeof value === 'function') && value !== null;
  const kind: unknown = isLayer && 'kind' in value ? value.kind : undefined;
  const options: unknown = isLayer && 'options' in value ? value.options : undefined;
  if ((kind === 'lstm' || kind === 'gru' || kind === 'simpleRnn') && isObject(options)) {
    const layer = { kind, options };
    directed(layer, false);
    return layer;
  }
  return refuse(where, name, "a layer 'gru', 'lstm' or 'simpleRnn'", kind);
};

export const bidirectionalKind: LayerKind<BidirectionalOptions> = {
  kind: 'bidirectional',
  fields: { layer: recurrentLayer, mergeMode: optional(oneOf('ave', 'concat', 'mul', 'sum'), 'concat') },
  call: ({ layer, mergeMode }, x, scope, mode) => {
    const forward = directed(layer, false);
    const ahead = scope.within('forward', () => forward.call(x, scope, mode));
    const back = scope.within('backward', () => directed(layer, true).call(x, scope, mode));
    const behind = forward.returnSequences ? reverseTime(back) : back;
    if (mergeMode === 'concat') return concat([ahead, behind], -1);
    if (mergeMode === 'mul') return mul(ahead, behind);
    const sum = add(ahead, behind);
    return mergeMode === 'sum' ? sum : mul(sum, 0.5);
  },
};

/**
 * A recurrent layer and its like from the other end, with weights of its own: [batch, time, features] -> [batch, 2 units]
 * when put side by side, [batch, units] otherwise; with `returnSequences` for each step.
 */
export const bidirectional = (options: BidirectionalOptions & Naming): Layer => makeLayer(bidirectionalKind, options);
