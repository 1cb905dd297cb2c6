/** Optimizer updates, in place of their parameters. */
import { sizeOfShape } from '../../../core/shape.js';
import type { LoweringFacet } from '../lowering.js';
import { unitsOf } from './rows.js';

/** Only training modules have kernels for these. */
export const lowerTraining = {
  sgd: ({ attrs, inputs: [parameter, gradient, learningRate, velocity], outputs: [out, outVelocity] }, emit) => {
    if (!parameter || !gradient || !learningRate || !out) return;
    emit.inPlace(out, parameter);
    const count = sizeOfShape(parameter.shape);
    const common = {
      out: out.at,
      parameter: parameter.at,
      gradient: gradient.at,
      learningRate: learningRate.at,
      count,
    };
    if (!velocity || !outVelocity) {
      emit.record('sgd', unitsOf(count), common);
      return;
    }
    emit.inPlace(outVelocity, velocity);
    const { momentum, nesterov } = attrs;
    const moving = { outVelocity: outVelocity.at, velocity: velocity.at, momentum, nesterov: nesterov ? 1 : 0 };
    emit.record('sgdMomentum', unitsOf(count), { ...common, ...moving });
  },
  adam: ({ attrs, inputs: [parameter, gradient, learningRate, m, v, step], outputs: [out, outM, outV] }, emit) => {
    if (!parameter || !gradient || !learningRate || !m || !v || !step || !out || !outM || !outV) return;
    emit.inPlace(out, parameter);
    emit.inPlace(outM, m);
    emit.inPlace(outV, v);
    const count = sizeOfShape(parameter.shape);
    emit.record('adam', unitsOf(count), {
      out: out.at,
      outM: outM.at,
      outV: outV.at,
      parameter: parameter.at,
      gradient: gradient.at,
      m: m.at,
      v: v.at,
      learningRate: learningRate.at,
      step: step.at,
      count,
      decay1: 1 - attrs.beta1,
      decay2: 1 - attrs.beta2,
      epsilon: attrs.epsilon,
    });
  },
} satisfies LoweringFacet<'sgd' | 'adam'>;
