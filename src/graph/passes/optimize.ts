/** What a backend does to a graph before it lowers it. The order is fixed: fusion last, on graphs without dead readers. */
import type { Graph } from '../program.js';
import { commonSubexpressions } from './common-subexpressions.js';
import { deadCode } from './dead-code.js';
import { foldConstants } from './fold-constants.js';
import { fuse } from './fuse.js';
import { sinkDequantize } from './sink-dequantize.js';

export const passes: readonly ((graph: Graph) => Graph)[] = [
  deadCode,
  foldConstants,
  commonSubexpressions,
  sinkDequantize,
  fuse,
];

export const optimize = (graph: Graph): Graph => passes.reduce((optimized, pass) => pass(optimized), graph);
