/** Every op's lowering. */
import type { LoweringTable } from '../lowering.js';
import * as attention from './attention.js';
import * as conv from './conv.js';
import * as depthwise from './depthwise.js';
import * as elementwise from './elementwise.js';
import * as loss from './loss.js';
import * as optimizer from './optimizer.js';
import * as pool from './pool.js';
import * as random from './random.js';
import * as recurrent from './recurrent.js';
import { inferenceLowerings } from './inference.js';

/** Lowerings of the ops that only training modules have kernels for. */
export const trainingLowerings = {
  ...elementwise.lowerTraining,
  ...recurrent.lowerTraining,
  ...attention.lowerTraining,
  ...conv.lowerTraining,
  ...depthwise.lowerTraining,
  ...pool.lowerTraining,
  ...loss.lowerTraining,
  ...random.lowerTraining,
  ...optimizer.lowerTraining,
};

export const lowerings: LoweringTable = { ...inferenceLowerings, ...trainingLowerings };
