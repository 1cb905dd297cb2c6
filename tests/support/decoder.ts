/** A causal decoder with one attention head, written with plain ops, with and without a key/value cache. */
import { ProgramBuilder, type Scope } from '../../src/graph/builder.js';
import { add, mul } from '../../src/ops/binary.js';
import { lessEqual, where } from '../../src/ops/compare.js';
import { gather } from '../../src/ops/gather.js';
import { matmul } from '../../src/ops/linear.js';
import { reshape } from '../../src/ops/move.js';
import { softmax } from '../../src/ops/normalize.js';
import { argmax } from '../../src/ops/reduce.js';
import { dynamicUpdateSlice } from '../../src/ops/slice.js';
import { iota } from '../../src/ops/source.js';
import type { Tensor } from '../../src/ops/tensor.js';
import { gaussian } from './initial.js';

const vocabulary = 29;
const width = 16;
export const maxLength = 64;

/** `remember` gives the keys and values that are attended to, and which of them each position may see. */
type Remember = (keys: Tensor, values: Tensor) => { keys: Tensor; values: Tensor; visible: Tensor };

export function decoderProgram(): ProgramBuilder {
  const builder = new ProgramBuilder({ symbols: { length: maxLength }, seed: 5 });

  const decoder = (scope: Scope, tokens: Tensor, positions: Tensor, remember: Remember) => {
    const weight = (name: string, ...shape: number[]) =>
      scope.variable(name, { shape, initial: gaussian(shape[0] === width ? 0.4 : 1) });
    const embedding = weight('embedding', vocabulary, width);
    const x = add(gather(embedding, tokens), gather(weight('position', maxLength, width), positions));
    const [query, key, value] = ['query', 'key', 'value'].map((name) => matmul(x, weight(name, width, width)));
    const { keys, values, visible } = remember(key as Tensor, value as Tensor);
    const scores = mul(matmul(query as Tensor, keys, { transposeB: true }), width ** -0.5);
    const attended = matmul(softmax(where(visible, scores, -1e9)), values);
    const logits = matmul(add(x, matmul(attended, weight('output', width, width))), embedding, { transposeB: true });
    return { logits, next: argmax(logits) };
  };

  builder.trace(
    'decode',
    { token: { dtype: 'i32', shape: [1] }, position: { dtype: 'i32', shape: [1] } },
    (inputs, scope) =>
      decoder(scope, inputs.token, inputs.position, (key, value) => {
        const cached = (name: string, row: Tensor) => {
          const cache = scope.variable(name, { shape: [maxLength, width], scope: 'session' });
          const updated = dynamicUpdateSlice(cache, row, [reshape(inputs.position, []), 0]);
          scope.assign(cache, updated);
          return updated;
        };
        const visible = lessEqual(iota(scope.trace, [1, maxLength], 1), inputs.position);
        return { keys: cached('cache/keys', key), values: cached('cache/values', value), visible };
      }),
  );

  builder.trace('whole', { tokens: { dtype: 'i32', shape: ['length'] } }, ({ tokens }, scope) =>
    decoder(scope, tokens, iota(scope.trace, ['length']), (keys, values) => {
      const square = ['length', 'length'];
      return { keys, values, visible: lessEqual(iota(scope.trace, square, 1), iota(scope.trace, square, 0)) };
    }),
  );
  return builder;
}
