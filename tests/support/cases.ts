/** The cases of the op tables as arrays, as one-node graphs, and as readable text. */
import type { NDArray } from '../../src/core/ndarray.js';
import { printType } from '../../src/graph/names.js';
import { ProgramBuilder } from '../../src/graph/builder.js';
import type { Program } from '../../src/graph/program.js';
import type { Case } from '../../src/ops/definition.js';
import { fill } from '../../src/ops/fill.js';
import type { OpName } from '../../src/ops/schema.js';
import { casesTable } from '../../src/ops/tables/cases.js';

export const opNames = Object.keys(casesTable) as OpName[];

/** The inputs of case number `index`, by position: each from a key of its own. */
export function inputsOf<N extends OpName>({ inputs }: Case<N>, index: number): NDArray[] {
  return inputs.map((input, position) => fill(input, [index, position]));
}

/** `matmul case 3 {"transposeA":false} f32 [2, 3], f32 [3, 4]` */
export function describe<N extends OpName>(op: N, { attrs, inputs }: Case<N>, index: number): string {
  const text = JSON.stringify(attrs);
  return `${op} case ${index} ${text.length > 200 ? `${text.slice(0, 200)}...` : text} ${inputs.map(printType).join(', ')}`;
}

/**
 * How the case's inputs reach the node: all are fed, or all but the first are variables, as weights are (kernels may
 * then use packed copies).
 */
export type Feeding = 'fed' | 'weights';

export const isVariable = (feeding: Feeding, position: number): boolean => feeding === 'weights' && position > 0;

/** A program with a graph `case<i>` for each case of an op; its inputs are `x<position>`, its outputs `y<position>`. */
export function programOf<N extends OpName>(op: N, cases: readonly Case<N>[], feeding: Feeding): Program {
  const builder = new ProgramBuilder();
  cases.forEach(({ attrs, inputs }, index) => {
    const named = inputs.map((input, position) => [`x${position}`, input] as const);
    const fed = Object.fromEntries(named.filter((_, position) => !isVariable(feeding, position)));
    builder.trace(`case${index}`, fed, (tensors, scope) => {
      const operands = named.map(([name, { dtype, shape }], position) =>
        isVariable(feeding, position) ? scope.variable(`case${index}/${name}`, { dtype, shape }) : tensors[name],
      );
      const outputs = scope.trace.record(
        op,
        attrs,
        operands.filter((operand) => operand !== undefined),
      );
      return Object.fromEntries(outputs.map((output, position) => [`y${position}`, output]));
    });
  });
  return builder.program();
}
