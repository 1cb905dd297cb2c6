/** A tiny generative adversarial network: two graphs, two losses and two optimizers over shared variables. */
import { gradients } from '../../src/graph/autodiff.js';
import { ProgramBuilder, type Scope } from '../../src/graph/builder.js';
import { add, maximum } from '../../src/ops/binary.js';
import { abs, exp, log, neg, relu, tanh } from '../../src/ops/elementwise.js';
import { matmul } from '../../src/ops/linear.js';
import { mean } from '../../src/ops/reduce.js';
import { adam, sgd } from '../../src/ops/optimizer.js';
import type { Tensor } from '../../src/ops/tensor.js';
import { gaussian } from './initial.js';

const width = 16;

export function ganProgram(): ProgramBuilder {
  const builder = new ProgramBuilder({ symbols: { batch: 128 }, seed: 11 });

  const dense = (scope: Scope, name: string, x: Tensor, from: number, to: number) =>
    scope.within(name, () => {
      const kernel = scope.variable('kernel', { shape: [from, to], initial: gaussian(from ** -0.5) });
      return add(matmul(x, kernel), scope.variable('bias', { shape: [to] }));
    });
  const generator = (scope: Scope, noise: Tensor) =>
    scope.within('generator', () => dense(scope, 'sample', tanh(dense(scope, 'hidden', noise, 2, width)), width, 1));
  const discriminator = (scope: Scope, x: Tensor) =>
    scope.within('discriminator', () => dense(scope, 'logit', relu(dense(scope, 'hidden', x, 1, width)), width, 1));

  /** Cross-entropy of logits for the label 1 (the sign turned: for 0): log(1 + exp(-logit)), which never overflows. */
  const loss = (logits: Tensor) => mean(add(maximum(neg(logits), 0), log(add(exp(neg(abs(logits))), 1))));
  const trained = (scope: Scope, network: string) =>
    Object.entries(scope.trainables()).filter(([name]) => name.startsWith(network));

  const noise = { dtype: 'f32', shape: ['batch', 2] } as const;
  builder.trace('sample', { noise }, ({ noise }, scope) => ({ x: generator(scope, noise) }));

  builder.trace('trainDiscriminator', { noise, real: { dtype: 'f32', shape: ['batch', 1] } }, (inputs, scope) => {
    const right = loss(discriminator(scope, inputs.real));
    const total = add(right, loss(neg(discriminator(scope, generator(scope, inputs.noise)))));
    const weights = trained(scope, 'discriminator');
    const grads = gradients(
      total,
      weights.map(([, weight]) => weight),
    );
    const count = scope.variable('adam/step', { shape: [], dtype: 'i32' });
    const step = add(count, 1);
    scope.assign(count, step);
    weights.forEach(([name, weight], i) => {
      const moment = (kind: string) =>
        scope.variable(`adam/${kind}/${name}`, { shape: weight.shape, trainable: false });
      const [m, v] = [moment('m'), moment('v')];
      const next = adam(weight, grads[i] as Tensor, 0.03, { m, v, step });
      scope.assign(weight, next.parameter);
      scope.assign(m, next.m);
      scope.assign(v, next.v);
    });
    return { loss: total };
  });

  builder.trace('trainGenerator', { noise }, ({ noise }, scope) => {
    const total = loss(discriminator(scope, generator(scope, noise)));
    const weights = trained(scope, 'generator');
    const grads = gradients(
      total,
      weights.map(([, weight]) => weight),
    );
    weights.forEach(([name, weight], i) => {
      const velocity = scope.variable(`sgd/${name}`, { shape: weight.shape, trainable: false });
      const next = sgd(weight, grads[i] as Tensor, 0.03, velocity, { momentum: 0.3 });
      scope.assign(weight, next.parameter);
      scope.assign(velocity, next.velocity as Tensor);
    });
    return { loss: total };
  });
  return builder;
}
