/**
 * Attention and its gradient. Forward, eight queries are a unit and nothing is packed; the gradient packs what lies on the
 * right of products, and cuts the queries, or the keys, into blocks.
 */
import { bytesPerElement } from '../../../core/dtype.js';
import { ceilDivDim, type Dim, mulDims, sizeOfShape } from '../../../core/shape.js';
import type { Attention } from '../../../ops/schema.js';
import type { Address, Emitter, LoweringFacet, Operand } from '../lowering.js';
import { packB } from './matmul.js';

/** As in assembly/attention.ts. */
const ROWS = 24;
const COLUMNS = 128;
const BLOCKS = 448;

/** As in assembly/kernels/attention.ts: queries of a unit, keys of a block, and bytes of a unit's state. */
const QUERIES = 8;
const KEYS = 256;
const STATE = 64;

/** Up to this many queries take keys and values row by row: most of eight would be empty. */
const FEW_QUERIES = 4;

interface Sizes {
  readonly matrices: Dim;
  readonly heads: Dim;
  readonly m: Dim;
  readonly n: Dim;
  readonly d: Dim;
  readonly dv: Dim;
}

function sizesOf(q: Operand, v: Operand): Sizes {
  const [b = 0, heads = 0, m = 0, d = 0] = q.shape;
  const [, , n = 0, dv = 0] = v.shape;
  return { matrices: mulDims(b, heads), heads, m, n, d, dv };
}

/** The kernels' words for a mask; `flipped` where keys are rows and queries columns. */
function maskOf(
  mask: Operand | undefined,
  flipped: boolean,
  emit: Emitter,
): { readonly mask: Address | 0; readonly lengths: Address | 0 } {
  if (!mask) return { mask: 0, lengths: 0 };
  if (mask.dtype === 'i32') return { mask: 0, lengths: mask.at };
  const bytes = bytesPerElement[mask.dtype];
  const [batch = 0, head = 0, query = 0, key = 0] = [0, 1, 2, 3].map((place) => {
    const axis = place - 4 + mask.shape.length;
    return (mask.shape[axis] ?? 1) === 1 ? 0 : mulDims(sizeOfShape(mask.shape.slice(axis + 1)), bytes);
  });
  return { mask: emit.table([mask.at, bytes, batch, head, ...(flipped ? [key, query] : [query, key])]), lengths: 0 };
}

/** Scratch for `scores` blocks of scores and the rows of a block. */
function reserve(scores: number, d: Dim, emit: Emitter): void {
  emit.threadScratch(BLOCKS + 4 * ROWS * (scores * COLUMNS + Math.ceil(emit.bound(d) / 4) * 4));
}

const flagsOf = ({ scale, causal }: Attention): { readonly scale: number; readonly causal: number } => ({
  scale,
  causal: causal ? 1 : 0,
});

export const lower = {
  attention: ({ attrs, inputs: [q, k, v, mask], outputs: [y, logSum] }, emit) => {
    if (!q || !k || !v || !y || !logSum) return;
    const { matrices, ...sizes } = sizesOf(q, v);
    const { m, d, dv } = sizes;
    const few = emit.bound(m) <= FEW_QUERIES && typeof dv === 'number' && dv % 8 === 0;
    if (few) reserve(1, d, emit);
    else emit.threadScratch(STATE + 4 * QUERIES * (emit.bound(d) + emit.bound(dv) + KEYS));
    emit.record(few ? 'attentionFew' : 'attention', few ? matrices : mulDims(matrices, ceilDivDim(m, QUERIES)), {
      y: y.at,
      logSum: logSum.at,
      q: q.at,
      keys: k.at,
      values: v.at,
      ...maskOf(mask, false, emit),
      ...sizes,
      ...flagsOf(attrs),
    });
  },
} satisfies LoweringFacet<'attention'>;

/** What only training modules have kernels for. */
export const lowerTraining = {
  attentionGrad: ({ attrs, inputs: [q, k, v, dy, logSum, delta, mask], outputs: [dq, dk, dv] }, emit) => {
    if (!q || !k || !v || !dy || !logSum || !delta || !dq || !dk || !dv) return;
    const { matrices, heads, m, n, d, dv: e } = sizesOf(q, v);
    const shared = { logSum: logSum.at, delta: delta.at, heads, d, dv: e, ...flagsOf(attrs) };
    reserve(2, d, emit);
    emit.record('attentionGrad', mulDims(matrices, ceilDivDim(m, ROWS)), {
      dx: dq.at,
      du: 0,
      x: q.at,
      u: dy.at,
      others: packB(k, true, matrices, n, d, emit).at,
      partners: packB(v, true, matrices, n, e, emit).at,
      otherColumns: packB(k, false, matrices, d, n, emit).at,
      partnerColumns: 0,
      ...maskOf(mask, false, emit),
      ...shared,
      m,
      n,
      flipped: 0,
    });
    emit.record('attentionGrad', mulDims(matrices, ceilDivDim(n, ROWS)), {
      dx: dk.at,
      du: dv.at,
      x: k.at,
      u: v.at,
      others: packB(q, true, matrices, m, d, emit).at,
      partners: packB(dy, true, matrices, m, e, emit).at,
      otherColumns: packB(q, false, matrices, d, m, emit).at,
      partnerColumns: packB(dy, false, matrices, e, m, emit).at,
      ...maskOf(mask, true, emit),
      ...shared,
      m: n,
      n: m,
      flipped: 1,
    });
  },
} satisfies LoweringFacet<'attentionGrad'>;
