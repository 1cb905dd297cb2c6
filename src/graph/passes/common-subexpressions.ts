/** Computes once what several nodes compute: equal op, attributes and inputs. Random ops are functions of their key. */
import type { Graph, Node, ValueId } from '../program.js';
import { rewrite } from './rewrite.js';

export function commonSubexpressions(graph: Graph): Graph {
  const known = new Map<string, readonly ValueId[]>();
  return rewrite(graph, (node, edit) => {
    const key = keyOf(node);
    const outputs = known.get(key);
    if (!outputs) {
      known.set(key, node.outputs);
      return [node];
    }
    node.outputs.forEach((id, i) => edit.replace(id, outputs[i] as ValueId));
    return [];
  });
}

/** As JSON, but -0 is not 0. */
const keyOf = ({ op, attrs, inputs }: Node): string =>
  JSON.stringify([op, attrs, inputs], (_, value: unknown) => (Object.is(value, -0) ? '-0' : value));
