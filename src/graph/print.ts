/** Graphs for people: as text, one line for each node, and as a picture in Graphviz's language. */
import { printType } from './names.js';
import type { Graph, Node, Program, ValueId } from './program.js';

/** `%3 f32 [batch, 10] = matmul(%0, %2) transposeB=true    # dense/matmul` */
export function printGraph(graph: Graph): string {
  const typed = (id: ValueId) => `%${id} ${printType(graph.values[id] ?? { dtype: 'f32', shape: ['?'] })}`;
  const named = (record: Readonly<Record<string, ValueId>>) =>
    Object.entries(record).map(([name, id]) => `${name} = %${id}`);
  return [
    ...Object.entries(graph.inputs).map(([name, id]) => `${typed(id)} = input ${name}`),
    ...Object.entries(graph.variables).map(([name, id]) => `${typed(id)} = variable ${name}`),
    ...graph.nodes.map((node) => {
      const call = `${node.op}(${node.inputs.map((id) => `%${id}`).join(', ')})`;
      return `${node.outputs.map(typed).join(', ')} = ${call}${printAttrs(node)}    # ${node.name}`;
    }),
    ...named(graph.outputs).map((line) => `output ${line}`),
    ...named(graph.updates).map((line) => `update ${line}`),
  ].join('\n');
}

/** Every graph and variable of a program. */
export function printProgram({ symbols, variables, graphs }: Program): string {
  return [
    ...Object.entries(symbols).map(([name, { max }]) => `symbol ${name} <= ${max}`),
    ...Object.entries(variables).map(([name, variable]) => {
      return `variable ${name}: ${printType(variable)} ${variable.scope}${variable.trainable ? ' trainable' : ''}`;
    }),
    ...Object.entries(graphs).map(([name, graph]) => `\ngraph ${name}\n${printGraph(graph)}`),
  ].join('\n');
}

/** A directed graph for `dot -Tsvg`: boxes are nodes, grouped by layer; arrows carry types. */
export function dotGraph(graph: Graph): string {
  const from = new Map<ValueId, string>();
  const lines: string[] = [];
  const leaf = (kind: string, name: string, id: ValueId, shape: string) => {
    from.set(id, `${kind}${id}`);
    lines.push(`${kind}${id} [label=${quote(name)}, shape=${shape}];`);
  };
  for (const [name, id] of Object.entries(graph.inputs)) leaf('input', name, id, 'oval');
  for (const [name, id] of Object.entries(graph.variables)) leaf('variable', name, id, 'cylinder');
  graph.nodes.forEach((node, i) => {
    lines.push(`node${i} [label=${quote(node.op)}, tooltip=${quote(`${node.name}${printAttrs(node)}`)}, shape=box];`);
    for (const id of node.outputs) from.set(id, `node${i}`);
  });
  const arrow = (id: ValueId, to: string) => {
    const type = graph.values[id];
    lines.push(`${from.get(id)} -> ${to} [label=${quote(type ? printType(type) : '')}];`);
  };
  graph.nodes.forEach((node, i) => node.inputs.forEach((id) => arrow(id, `node${i}`)));
  for (const [layer, members] of layersOf(graph)) {
    lines.push(`subgraph ${quote(`cluster ${layer}`)} { label=${quote(layer)}; ${members.join('; ')}; }`);
  }
  Object.entries({ output: graph.outputs, update: graph.updates }).forEach(([kind, record]) => {
    Object.entries(record).forEach(([name, id], i) => {
      lines.push(`${kind}${i} [label=${quote(`${kind} ${name}`)}, shape=oval];`);
      arrow(id, `${kind}${i}`);
    });
  });
  return `digraph {\n${lines.map((line) => `  ${line}`).join('\n')}\n}\n`;
}

const quote = (text: string): string => JSON.stringify(text);

function printAttrs(node: Node): string {
  return Object.entries(node.attrs)
    .map(([name, value]) => {
      const long = Array.isArray(value) && value.length > 8;
      return ` ${name}=${long ? `[${value.slice(0, 8).join(',')},...]` : JSON.stringify(value)}`;
    })
    .join('');
}

function layersOf(graph: Graph): Map<string, string[]> {
  const layers = new Map<string, string[]>();
  graph.nodes.forEach((node, i) => {
    const layer = node.name.slice(0, Math.max(0, node.name.indexOf('/')));
    if (layer !== '') layers.set(layer, [...(layers.get(layer) ?? []), `node${i}`]);
  });
  return layers;
}
