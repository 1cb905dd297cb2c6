/**
 * Products and sums over named axes, rewritten to transpositions, reshapes, elementwise products and matrix products:
 * operands are joined from left to right, and an axis is summed as soon as neither the result nor a later operand has it.
 */
import { ArgumentError, ShapeError } from '../core/errors.js';
import { type Dim, normalizeAxis, printShape, type Shape, sizeOfShape } from '../core/shape.js';
import { diagonal } from './arrange.js';
import { mul } from './binary.js';
import { matmul } from './linear.js';
import { reshape, transpose } from './move.js';
import { sum } from './reduce.js';
import type { Tensor } from './tensor.js';

/** A tensor whose axes have labels: letters, or a point and the distance from the right of an axis under an ellipsis. */
interface Labeled {
  readonly tensor: Tensor;
  readonly labels: readonly string[];
}

const dimsOf = ({ tensor, labels }: Labeled, chosen: readonly string[]): Shape =>
  chosen.map((label) => tensor.shape[labels.indexOf(label)] ?? 1);

const sameLabels = (a: readonly string[], b: readonly string[]): boolean => a.join() === b.join();

/** The axes in the order of `labels`. */
function ordered(operand: Labeled, labels: readonly string[]): Tensor {
  if (sameLabels(operand.labels, labels)) return operand.tensor;
  return transpose(
    operand.tensor,
    labels.map((label) => operand.labels.indexOf(label)),
  );
}

/** Without the axes that are not kept, which are summed. */
function summed({ tensor, labels }: Labeled, kept: (label: string) => boolean): Labeled {
  const axes = labels.flatMap((label, axis) => (kept(label) ? [] : [axis]));
  return axes.length === 0 ? { tensor, labels } : { tensor: sum(tensor, { axes }), labels: labels.filter(kept) };
}

/** The product of two, summed over the axes that both have and that are not kept. */
function join(a: Labeled, b: Labeled, kept: (label: string) => boolean): Labeled {
  const shared = a.labels.filter((label) => b.labels.includes(label));
  const batch = shared.filter(kept);
  const inner = shared.filter((label) => !kept(label));
  const ofA = a.labels.filter((label) => !shared.includes(label));
  const ofB = b.labels.filter((label) => !shared.includes(label));
  const isRow = ofA.length === 0 && ofB.length === 0 && batch.length > 0;
  if (inner.length === 0 || isRow) {
    const labels = [...a.labels, ...ofB];
    const right = labels.filter((label) => b.labels.includes(label));
    const wide = labels.map((label) => (right.includes(label) ? (dimsOf(b, [label])[0] ?? 1) : 1));
    const left = reshape(a.tensor, [...a.tensor.shape, ...ofB.map(() => 1)]);
    return summed({ tensor: mul(left, reshape(ordered(b, right), wide)), labels }, kept);
  }
  const [batchDims, m, n, k] = [dimsOf(a, batch), dimsOf(a, ofA), dimsOf(b, ofB), dimsOf(a, inner)];
  const [rows, columns, depth] = [m, n, k].map(sizeOfShape) as [Dim, Dim, Dim];
  // Matrices that are stored the other way round are multiplied so.
  const transposeA = ofA.length > 0 && sameLabels(a.labels, [...batch, ...inner, ...ofA]);
  const transposeB = ofB.length > 0 && sameLabels(b.labels, [...batch, ...ofB, ...inner]);
  const left = transposeA
    ? reshape(a.tensor, [...batchDims, depth, rows])
    : reshape(ordered(a, [...batch, ...ofA, ...inner]), [...batchDims, rows, depth]);
  const right = transposeB
    ? reshape(b.tensor, [...batchDims, columns, depth])
    : reshape(ordered(b, [...batch, ...inner, ...ofB]), [...batchDims, depth, columns]);
  const product = matmul(left, right, { transposeA, transposeB });
  return { tensor: reshape(product, [...batchDims, ...m, ...n]), labels: [...batch, ...ofA, ...ofB] };
}

/** All operands joined, with the axes of `output`, in its order. */
function contract(operands: readonly Labeled[], output: readonly string[]): Tensor {
  const joined = operands.reduce<Labeled | null>((left, right, i) => {
    const kept = (label: string): boolean =>
      output.includes(label) || operands.slice(i + 1).some(({ labels }) => labels.includes(label));
    const alone = (operand: Labeled, other: Labeled): Labeled =>
      summed(operand, (label) => kept(label) || other.labels.includes(label));
    return left ? join(alone(left, right), alone(right, left), kept) : summed(right, kept);
  }, null);
  return ordered(joined as Labeled, output);
}

const pattern = /^([A-Za-z]*)(\.\.\.)?([A-Za-z]*)$/;

const bad = (equation: string, required: string): ArgumentError =>
  new ArgumentError('einsum', `${required}. Received '${equation}'.`);

/** The labels of a term; its ellipsis stands for `hidden` axes. */
function labelsOf(equation: string, term: string, hidden: number): string[] {
  const [, before = '', dots, after = ''] = pattern.exec(term) ?? [];
  if (!pattern.test(term)) throw bad(equation, "letters with at most one '...' in each term are required");
  const ellipsis = dots ? Array.from({ length: hidden }, (_, i) => `.${hidden - 1 - i}`) : [];
  return [...before, ...ellipsis, ...after];
}

/** An operand by its term: axes of one label become their diagonal. */
function operandOf(equation: string, term: string, tensor: Tensor): Labeled {
  const letters = term.replace('...', '').length;
  const labels = labelsOf(equation, term, Math.max(0, tensor.rank - letters));
  if (labels.length !== tensor.rank) {
    const required = `an operand of ${term.includes('...') ? 'at least ' : ''}${letters} axes for '${term}' is required`;
    throw new ShapeError('einsum', `${required}. Received ${printShape(tensor.shape)}.`);
  }
  return withoutRepeats({ tensor, labels });
}

function withoutRepeats({ tensor, labels }: Labeled): Labeled {
  const second = labels.findIndex((label, axis) => labels.indexOf(label) !== axis);
  if (second < 0) return { tensor, labels };
  const label = labels[second] as string;
  const first = labels.indexOf(label);
  if (tensor.shape[first] !== tensor.shape[second]) {
    const required = `equal extents for both axes '${label}' are required`;
    throw new ShapeError('einsum', `${required}. Received ${printShape(tensor.shape)}.`);
  }
  const rest = labels.filter((_, axis) => axis !== first && axis !== second);
  return withoutRepeats({ tensor: diagonal(tensor, { axes: [first, second] }), labels: [...rest, label] });
}

/** Operands without the axes of one element along which they broadcast. */
function broadcastLabels(operands: readonly Labeled[]): Labeled[] {
  const extents = new Map<string, Dim>();
  for (const { tensor, labels } of operands) {
    labels.forEach((label, axis) => {
      const dim = tensor.shape[axis] ?? 1;
      const known = extents.get(label) ?? 1;
      if (known !== 1 && dim !== 1 && known !== dim) {
        const what = label.startsWith('.') ? "an axis of '...'" : `'${label}'`;
        throw new ShapeError('einsum', `one extent for ${what} is required. Received ${known} and ${dim}.`);
      }
      extents.set(label, known === 1 ? dim : known);
    });
  }
  return operands.map(({ tensor, labels }) => {
    const stays = (axis: number): boolean => tensor.shape[axis] !== 1 || extents.get(labels[axis] ?? '') === 1;
    return {
      tensor: reshape(
        tensor,
        tensor.shape.filter((_, axis) => stays(axis)),
      ),
      labels: labels.filter((_, axis) => stays(axis)),
    };
  });
}

/** The labels of the result: the term behind the arrow or, as in NumPy, those that stand once, in alphabetical order. */
function outputOf(equation: string, term: string | undefined, operands: readonly Labeled[], terms: string): string[] {
  const known = [...new Set(operands.flatMap(({ labels }) => labels))];
  const hidden = known.filter((label) => label.startsWith('.'));
  const ellipsis = hidden.map((_, i) => `.${hidden.length - 1 - i}`);
  if (term === undefined) {
    const once = [...new Set(terms.replace(/[.,]/g, ''))].filter((letter) => terms.split(letter).length === 2);
    return [...ellipsis, ...once.sort()];
  }
  const labels = labelsOf(equation, term, hidden.length);
  if (new Set(labels).size !== labels.length || !labels.every((label) => known.includes(label))) {
    throw bad(equation, 'a result of different letters, each of an operand, is required');
  }
  if (hidden.some((label) => !labels.includes(label))) throw bad(equation, "'...' in the result is required");
  return labels;
}

/**
 * Einstein's summation, as numpy.einsum: `einsum('bij,bjk->bik', a, b)` is the product of the matrices of a batch. A letter
 * names an axis; axes whose letter the result lacks are summed; a letter twice in one operand is the diagonal; `...` stands
 * for any axes, which broadcast; without `->` the result has the letters that stand once, in alphabetical order. Sums and
 * products of matrices are of f32. Throws `ArgumentError` for an equation that says nothing, `ShapeError` for operands that
 * do not fit it.
 */
export function einsum(equation: string, ...tensors: readonly Tensor[]): Tensor {
  const [left = '', output, ...more] = equation.replace(/\s/g, '').split('->');
  const terms = left.split(',');
  if (more.length > 0) throw bad(equation, "at most one '->' is required");
  if (terms.length !== tensors.length || tensors.length === 0) {
    throw bad(equation, `a term for each of ${tensors.length} operands is required`);
  }
  const operands = terms.map((term, i) => operandOf(equation, term, tensors[i] as Tensor));
  const labels = outputOf(equation, output, operands, left);
  return contract(broadcastLabels(operands), labels);
}

/** The product of two, summed over pairs of axes: the last of `a` with the first of `b`, so many, or those named. */
export function tensordot(
  a: Tensor,
  b: Tensor,
  axes: number | readonly [readonly number[], readonly number[]] = 2,
): Tensor {
  const [left, right] =
    typeof axes === 'number'
      ? [Array.from({ length: axes }, (_, i) => a.rank - axes + i), Array.from({ length: axes }, (_, i) => i)]
      : [
          axes[0].map((axis) => normalizeAxis('tensordot', axis, a.rank)),
          axes[1].map((axis) => normalizeAxis('tensordot', axis, b.rank)),
        ];
  const fit = left.every((axis, i) => a.shape[axis] !== undefined && a.shape[axis] === b.shape[right[i] ?? -1]);
  if (left.length !== right.length || !fit) {
    const received = `[${left.join(', ')}] of ${printShape(a.shape)}, [${right.join(', ')}] of ${printShape(b.shape)}`;
    throw new ShapeError(
      'tensordot',
      `as many axes of equal extents on both sides are required. Received ${received}.`,
    );
  }
  const ofA = a.shape.map((_, axis) => (left.includes(axis) ? `s${left.indexOf(axis)}` : `a${axis}`));
  const ofB = b.shape.map((_, axis) => (right.includes(axis) ? `s${right.indexOf(axis)}` : `b${axis}`));
  const output = [...ofA, ...ofB].filter((label) => !label.startsWith('s'));
  return contract(
    [
      { tensor: a, labels: ofA },
      { tensor: b, labels: ofB },
    ],
    output,
  );
}

/** As numpy.dot: of vectors their inner product, else the sum over the last axis of `a` and the last but one of `b`. */
export function dot(a: Tensor, b: Tensor): Tensor {
  if (a.rank === 0 || b.rank === 0) return mul(a, b);
  return tensordot(a, b, [[-1], [b.rank === 1 ? 0 : -2]]);
}

/** The products of every element of `a` with every element of `b`: [elements of a, elements of b]. */
export const outer = (a: Tensor, b: Tensor): Tensor => mul(reshape(a, [-1, 1]), reshape(b, [1, -1]));
