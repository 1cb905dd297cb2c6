/** A model as text. */
import { sizeOf } from '../core/ndarray.js';
import { printShape } from '../core/shape.js';
import type { Built } from './build.js';

/** A table of the layers with their shapes and parameters, as Keras prints it. */
export function summarize({ program, layers }: Built, title: string): string {
  const sizes = new Map(layers.map(({ name }) => [name, 0]));
  const totals = { trainable: 0, other: 0 };
  const read = program.graphs['predict']?.variables ?? {};
  for (const name of Object.keys(read)) {
    const variable = program.variables[name];
    if (!variable) continue;
    const size = sizeOf(variable.shape);
    const [layer = ''] = name.split('/');
    sizes.set(layer, (sizes.get(layer) ?? 0) + size);
    totals[variable.trainable ? 'trainable' : 'other'] += size;
  }
  const rows = layers.map(({ name, kind, shape }) => [
    `${name} (${kind})`,
    printShape(shape),
    count(sizes.get(name) ?? 0),
  ]);
  const header = ['Layer (kind)', 'Output shape', 'Parameters'];
  const widths = header.map((text, i) => Math.max(text.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = ([name = '', shape = '', size = '']: readonly string[]): string =>
    `${name.padEnd(widths[0] ?? 0)}  ${shape.padEnd(widths[1] ?? 0)}  ${size.padStart(widths[2] ?? 0)}`;
  const rule = widths.map((width) => '\u2500'.repeat(width)).join('\u2500\u2500');
  const total = totals.trainable + totals.other;
  return [
    `Model: ${title}`,
    rule,
    line(header),
    rule,
    ...rows.map(line),
    rule,
    `Total parameters: ${count(total)} (${(total / 256).toFixed(2)} KiB)`,
    `Trainable: ${count(totals.trainable)}, not trainable: ${count(totals.other)}`,
  ].join('\n');
}

const count = (value: number): string => value.toLocaleString('en-US');
