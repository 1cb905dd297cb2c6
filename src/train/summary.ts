/** A model as text. */
import { bytesPerElement } from '../core/dtype.js';
import { sizeOf } from '../core/ndarray.js';
import { evaluateShape, printShape } from '../core/shape.js';
import type { Stats } from '../backend/backend.js';
import type { Graph, Node, Program } from '../graph/program.js';
import type { OpName } from '../ops/schema.js';
import { costTable } from '../ops/tables/cost.js';
import type { Built, LayerSummary } from './build.js';
import { batchSymbol } from './runtime.js';

/** The layer that a path of a variable or node begins with. */
const layerOf = (path: string): string => path.split('/')[0] ?? '';

function multiplyAddsOf<N extends OpName>({ values }: Graph, { op, attrs, inputs, outputs }: Node<N>): number {
  const typesOf = (ids: readonly number[]) =>
    ids.flatMap((id) => {
      const type = values[id];
      return type ? [{ dtype: type.dtype, shape: evaluateShape(type.shape, { [batchSymbol]: 1 }) }] : [];
    });
  return costTable[op](attrs, typesOf(inputs), typesOf(outputs)).multiplyAdds;
}

/** The sums of what belongs to each layer. */
function sums(entries: Iterable<readonly [path: string, value: number]>): ReadonlyMap<string, number> {
  const totals = new Map<string, number>();
  for (const [path, value] of entries) totals.set(layerOf(path), (totals.get(layerOf(path)) ?? 0) + value);
  return totals;
}

/** The multiply-adds of `predict` for one example, by layer. */
export function multiplyAddsByLayer({ graphs }: Program): ReadonlyMap<string, number> {
  const graph = graphs['predict'];
  return sums(graph ? graph.nodes.map((node) => [node.name, multiplyAddsOf(graph, node)] as const) : []);
}

const total = (values: Iterable<number>): number => [...values].reduce((sum, value) => sum + value, 0);

/** Whether each layer takes what the one before it made. */
const isChain = (layers: readonly LayerSummary[]): boolean =>
  layers.every(({ from }, i) => from.length === 1 && (i === 0 || from[0] === layers[i - 1]?.name));

/**
 * A table of the layers with the shapes of their outputs, their parameters and their multiply-adds for one example, and
 * what each is called on unless that is the one before it; `stats` are those of a model that has run.
 */
export function summarize({ program, layers }: Built, title: string, stats: Stats | undefined): string {
  const { predict } = program.graphs;
  const read = Object.entries(program.variables).filter(([name]) => Object.hasOwn(predict?.variables ?? {}, name));
  const sizes = sums(read.map(([name, { shape }]) => [name, sizeOf(shape)] as const));
  const work = multiplyAddsByLayer(program);
  const hasConnections = !isChain(layers);
  const header = ['Layer (kind)', 'Output shape', 'Parameters', 'Multiply-adds'];
  const rows = layers.map(({ name, kind, isFrozen, shape, from }) => [
    `${name} (${kind}${isFrozen ? ', frozen' : ''})`,
    printShape(shape),
    count(sizes.get(name) ?? 0),
    count(work.get(name) ?? 0),
    ...(hasConnections ? [from.join(', ')] : []),
  ]);
  const lines = table([...header, ...(hasConnections ? ['Called on'] : [])], rows);
  const trainable = total(read.map(([, { trainable, shape }]) => (trainable ? sizeOf(shape) : 0)));
  const all = total(sizes.values());
  const bytes = total(read.map(([, { dtype, shape }]) => sizeOf(shape) * bytesPerElement[dtype]));
  return [
    `Model: ${title}`,
    ...lines,
    `Total parameters: ${count(all)} (${(bytes / 1024).toFixed(2)} KiB)`,
    `Trainable: ${count(trainable)}, not trainable: ${count(all - trainable)}`,
    `Multiply-adds of one example: ${count(total(work.values()))}`,
    ...(stats ? [`Memory: ${count(stats.peakBytes)} bytes at the most, ${stats.description}`] : []),
  ].join('\n');
}

/** Texts to the left, the numbers of the third and fourth column to the right. */
function table(header: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = header.map((text, i) => Math.max(text.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row
      .map((text, i) => (i === 2 || i === 3 ? text.padStart(widths[i] ?? 0) : text.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd();
  const rule = '\u2500'.repeat(widths.reduce((sum, width) => sum + width + 2, -2));
  return [rule, line(header), rule, ...rows.map(line), rule];
}

const count = (value: number): string => value.toLocaleString('en-US');
