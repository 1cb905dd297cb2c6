/** Every op's lowering. */
import type { LoweringTable } from '../lowering.js';
import * as attention from './attention.js';
import * as binary from './binary.js';
import * as conv from './conv.js';
import * as depthwise from './depthwise.js';
import * as elements from './elements.js';
import * as elementwise from './elementwise.js';
import * as gather from './gather.js';
import * as loss from './loss.js';
import * as matmul from './matmul.js';
import * as move from './move.js';
import * as normalize from './normalize.js';
import * as optimizer from './optimizer.js';
import * as pool from './pool.js';
import * as quantize from './quantize.js';
import * as random from './random.js';
import * as recurrent from './recurrent.js';
import * as reduce from './reduce.js';
import * as sort from './sort.js';
import * as source from './source.js';

export const lowerings: LoweringTable = {
  ...source.lower,
  ...elementwise.lower,
  ...binary.lower,
  ...reduce.lower,
  ...sort.lower,
  ...matmul.lower,
  ...recurrent.lower,
  ...attention.lower,
  ...conv.lower,
  ...depthwise.lower,
  ...pool.lower,
  ...move.lower,
  ...gather.lower,
  ...elements.lower,
  ...normalize.lower,
  ...loss.lower,
  ...random.lower,
  ...quantize.lower,
  ...optimizer.lower,
};
