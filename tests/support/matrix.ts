/**
 * The support matrix, from the tables: what each op is on each backend, found by compiling its cases, differentiating them
 * and quantizing them. `npm run docs` writes it to docs/support.md; tests/support-matrix.test.ts holds the file against it.
 */
import { format } from 'prettier';
import { integerClusters } from '../../src/backend/wasm/integer.js';
import { lowerings } from '../../src/backend/wasm/lower/table.js';
import { wasmBackend } from '../../src/backend/wasm/backend.js';
import { QuernError, UnsupportedError } from '../../src/core/errors.js';
import { ndarray, sizeOf } from '../../src/core/ndarray.js';
import { gradients } from '../../src/graph/autodiff.js';
import { ProgramBuilder } from '../../src/graph/builder.js';
import { Trace } from '../../src/graph/trace.js';
import { mul } from '../../src/ops/binary.js';
import type { Case } from '../../src/ops/definition.js';
import { dequantize } from '../../src/ops/quantize.js';
import { sum } from '../../src/ops/reduce.js';
import type { OpName } from '../../src/ops/schema.js';
import { casesTable } from '../../src/ops/tables/cases.js';
import { gradientTable } from '../../src/ops/tables/gradient.js';
import { referenceTable } from '../../src/ops/tables/reference.js';
import type { Tensor } from '../../src/ops/tensor.js';
import { opNames, programOf } from './cases.js';

/** Whether `wasm` with a module runs all cases. */
async function compiles<N extends OpName>(op: N, module: 'infer-simd' | 'train-simd'): Promise<boolean> {
  try {
    (await wasmBackend({ module }).compile(programOf(op, casesTable[op](), 'fed'))).close();
    return true;
  } catch (error) {
    if (error instanceof UnsupportedError) return false;
    throw error;
  }
}

/** How often some case can be differentiated: 0, 1 or 2. */
function orders<N extends OpName>(op: N): number {
  if (!gradientTable[op]) return 0;
  return Math.max(...casesTable[op]().map((each) => ordersOf(op, each)));
}

function ordersOf<N extends OpName>(op: N, { attrs, inputs, differentiate }: Case<N>): number {
  const trace = new Trace(op, {});
  const given = inputs.map((type, position) => trace.input(`x${position}`, type));
  const positions = differentiate ?? inputs.flatMap(({ dtype }, position) => (dtype === 'f32' ? [position] : []));
  const wrt = positions.map((position) => given[position] as Tensor);
  let values = trace.record(op, attrs, given).filter(({ dtype }) => dtype === 'f32');
  for (let order = 0; order < 2; order++) {
    try {
      const squares = values.map((value) => sum(mul(value, value)));
      values = squares.flatMap((square) => gradients(square, wrt));
    } catch (error) {
      if (error instanceof QuernError) return order;
      throw error;
    }
  }
  return 2;
}

/** How an op works on 8-bit integers: fused with the dequantization of its operands, on the integers alone, or not. */
function onIntegers<N extends OpName>(op: N): string {
  const cases: readonly Case<N>[] = casesTable[op]();
  if (cases.some((each) => isFused(op, each))) return 'fused';
  return cases.some(({ inputs }) => inputs.some(({ dtype }) => dtype === 'u8' || dtype === 'i8')) ? 'yes' : '';
}

function isFused<N extends OpName>(op: N, { attrs, inputs }: Case<N>): boolean {
  const [x, weight, ...others] = inputs;
  if (x?.dtype !== 'f32' || weight?.dtype !== 'f32' || weight.shape.length < 2 || others.length > 0) return false;
  const builder = new ProgramBuilder();
  builder.trace('predict', { x: { dtype: 'u8', shape: x.shape } }, (given, scope) => {
    const variable = scope.variable('weight', { dtype: 'i8', shape: weight.shape });
    const integers = (tensor: Tensor, dtype: 'u8' | 'i8'): Tensor =>
      dequantize(tensor, scope.constant(1), scope.constant(ndarray(dtype, [])));
    const operands = [integers(given.x, 'u8'), integers(variable, 'i8')];
    const [y] = scope.trace.record(op, attrs, operands);
    return { y: y as Tensor };
  });
  const graph = builder.program().graphs['predict'];
  return graph !== undefined && sizeOf(weight.shape) > 0 && integerClusters(graph).clusters.size > 0;
}

/** docs/support.md. */
export async function supportMatrix(): Promise<string> {
  const rows: string[] = [];
  const mark = (is: boolean): string => (is ? 'yes' : '');
  for (const op of opNames) {
    const [inference, training] = [await compiles(op, 'infer-simd'), await compiles(op, 'train-simd')];
    const [first, second] = [orders(op) >= 1, orders(op) >= 2];
    const marks = [referenceTable[op] !== null, lowerings[op] !== null && training, inference, first, second].map(mark);
    rows.push(`| \`${op}\` | ${[...marks, onIntegers(op), casesTable[op]().length].join(' | ')} |`);
  }
  const text = `# Support matrix

Made by \`npm run docs\` from the table of cases; do not edit. Every case named here is a test on every backend and module
(\`tests/conformance.test.ts\`), and every gradient is held against central differences (\`tests/gradients.test.ts\`).

- _reference_: float64, the oracle. _wasm training_, _wasm inference_: the modules \`train-*\` and \`infer-*\`, with SIMD or
  relaxed SIMD, with threads or without; the edge (Workers, browsers) carries an inference module.
- _gradient_, _second order_: the op can be differentiated once, and its gradient once more.
- _8-bit_: \`yes\` where the op takes 8-bit integers; \`fused\` where it also computes in integers between \`dequantize\` and
  \`quantize\`.
- Functions of \`ops\` that are not here are written with those that are, and have what these have.

| op | reference | wasm training | wasm inference, edge | gradient | second order | 8-bit | cases |
| --- | --- | --- | --- | --- | --- | --- | --: |
${rows.join('\n')}
`;
  return format(text, { parser: 'markdown', printWidth: 120, singleQuote: true });
}
