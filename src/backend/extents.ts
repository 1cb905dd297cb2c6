/**
 * What the extents of a graph's symbols must satisfy beyond their bounds: no axis may come out negative, and no window be
 * larger than what it slides over. A symbolic shape tells neither, so the rules are found when a graph is compiled, as
 * plain data, and checked when the extents of a run are known.
 */
import { ShapeError } from '../core/errors.js';
import { addDims, type Dim, evaluateDim, type Extents, symbolsOf } from '../core/shape.js';
import type { Graph, Node } from '../graph/program.js';

/** A dimension that must be at least so large for the node, or the graph, of this name. */
export interface Requirement {
  readonly where: string;
  readonly dim: Dim;
  readonly least: number;
}

/** Every requirement that some extents could break. */
export function requirementsOf(name: string, graph: Graph): readonly Requirement[] {
  const requirements = [
    ...graph.values.flatMap(({ shape }) => shape.map((dim) => ({ where: name, dim, least: 0 }))),
    ...graph.nodes.flatMap((node) => windowsOf(node, graph)),
  ];
  const open = requirements.filter(({ dim, least }) => !holdsAlways(dim, least));
  return [...new Map(open.map((each) => [`${each.where} ${each.dim} ${each.least}`, each])).values()];
}

/** Whether a dimension only grows, and from large enough. */
function holdsAlways(dim: Dim, least: number): boolean {
  if (typeof dim === 'number') return dim >= least;
  const zeros = Object.fromEntries(symbolsOf(dim).map((symbol) => [symbol, 0]));
  return !dim.includes('-') && evaluateDim(dim, zeros) >= least;
}

/** A symbolic size has so many positions as one could count, which are none for a window that is a little too large. */
function windowsOf({ op, attrs, inputs }: Node, graph: Graph): readonly Requirement[] {
  if (!('padding' in attrs) || 'inputSize' in attrs || attrs.padding === 'same') return [];
  const [image, kernel] = inputs.map((id) => graph.values[id]?.shape ?? []);
  const window = 'poolSize' in attrs ? attrs.poolSize : 'kernelSize' in attrs ? attrs.kernelSize : (kernel ?? []);
  const [top = 0, bottom = 0, left = 0, right = 0] = attrs.padding === 'valid' ? [] : attrs.padding;
  const of = (axis: 0 | 1, zeros: number): Requirement => {
    return { where: op, dim: addDims(image?.[axis + 1] ?? 0, zeros), least: Number(window[axis]) };
  };
  return [of(0, top + bottom), of(1, left + right)];
}

/** Throws `ShapeError` for the first requirement that these extents break. */
export function checkExtents(requirements: readonly Requirement[], extents: Extents): void {
  for (const { where, dim, least } of requirements) {
    const received = evaluateDim(dim, extents);
    if (received >= least) continue;
    const given = Object.entries(extents).map(([symbol, extent]) => `${symbol} = ${extent}`);
    throw new ShapeError(where, `${dim} of at least ${least} is required. Received ${received}: ${given.join(', ')}.`);
  }
}
