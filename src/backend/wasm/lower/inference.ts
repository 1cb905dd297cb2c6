/** Lowerings of the ops that inference modules have kernels for: what the edge carries. */
import * as attention from './attention.js';
import * as binary from './binary.js';
import * as conv from './conv.js';
import * as depthwise from './depthwise.js';
import * as elements from './elements.js';
import * as elementwise from './elementwise.js';
import * as gather from './gather.js';
import * as matmul from './matmul.js';
import * as move from './move.js';
import * as normalize from './normalize.js';
import * as pool from './pool.js';
import * as quantize from './quantize.js';
import * as recurrent from './recurrent.js';
import * as reduce from './reduce.js';
import * as sort from './sort.js';
import * as source from './source.js';

export const inferenceLowerings = {
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
  ...quantize.lower,
};
