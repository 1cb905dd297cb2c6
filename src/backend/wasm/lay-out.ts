/** Lays models out before they ship, for engines of this version. On Node, Deno and Bun. */
import type { NDArray } from '../../core/ndarray.js';
import { memorySource } from '../../format/source.js';
import { readModel } from '../../format/model.js';
import type { Program } from '../../graph/program.js';
import type { CompileOptions } from '../backend.js';
import { graphsOf } from '../compiling.js';
import { layOutProgram } from './executable.js';
import { encodeLayout, type Flavoured, writeLaidOut } from './laid-out-file.js';
import { inferenceLowerings } from './lower/inference.js';
import { int8Flavours } from './lowering.js';
import { engineOf, kernelsOf } from './module.js';
import { compileModule } from './modules-node.js';

/** What is decided when a model is laid out. */
export type LayOutOptions = Pick<CompileOptions, 'graphs' | 'bounds'>;

/**
 * The laid-out model of a model file: what `openLaidOut` runs on every engine of this version, with any number of threads
 * and sessions. Throws `FormatError` for a file that is none, `UnsupportedError` for ops that inference has no kernels for.
 */
export function layOutModel(bytes: Uint8Array | ArrayBuffer, options: LayOutOptions = {}): Uint8Array {
  const { program: whole, assets, read } = readModel(memorySource(bytes));
  const program = reduced(whole, options);
  // Modules with relaxed SIMD have the same kernels; every engine reads those without.
  const module = compileModule('infer-simd', false);
  const kernels = kernelsOf(module);
  const layouts: Flavoured[] = [];
  for (const int8 of int8Flavours) {
    const { laidOut } = layOutProgram(program, options, inferenceLowerings, { kernels, flavour: { int8 } });
    const same = layouts.findIndex((other) => isSame(other.laidOut, laidOut));
    const flavours = [...(layouts[same]?.flavours ?? []), int8];
    layouts.splice(same < 0 ? layouts.length : same, 1, { flavours, laidOut });
  }
  const variables = new Map<string, NDArray>();
  for (const [name, { scope }] of Object.entries(program.variables)) {
    if (scope === 'shared') variables.set(name, read(name));
  }
  return writeLaidOut({ engine: engineOf(module), layouts, variables, assets });
}

const isSame = (a: Flavoured['laidOut'], b: Flavoured['laidOut']): boolean =>
  JSON.stringify([encodeLayout(a), [...a.words]]) === JSON.stringify([encodeLayout(b), [...b.words]]);

/** The program with the graphs that are asked for, and the variables that they touch. */
function reduced(program: Program, options: LayOutOptions): Program {
  const graphs = graphsOf(program, options);
  const touched = new Set(
    Object.values(graphs).flatMap(({ variables, updates }) => [...Object.keys(variables), ...Object.keys(updates)]),
  );
  const variables = Object.entries(program.variables).filter(([name]) => touched.has(name));
  return { ...program, graphs, variables: Object.fromEntries(variables) };
}
