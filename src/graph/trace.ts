/**
 * The recorder: ops that are called on its tensors become the nodes of one graph.
 *
 *   trace.input(name, type)        a tensor that the caller feeds
 *   trace.variable(name, type)     the variable's tensor: its value at the start of the run
 *   trace.record(op, attrs, inputs) what every op's user function ends in (`Recorder`)
 *   trace.update(name, value)      what the variable holds when the run has ended
 *   trace.at(path, fn)             nodes recorded by `fn` are named `path/op`
 *   trace.finish(outputs)          the graph
 */
import { GraphError } from '../core/errors.js';
import { canonical, isFixed, printShape, sameShape, type Shape, symbolsOf } from '../core/shape.js';
import type { Named } from '../core/tree.js';
import type { OpAttrs, OpName } from '../ops/schema.js';
import { shapeTable } from '../ops/tables/shape.js';
import { type Recorder, Tensor, type TensorType } from '../ops/tensor.js';
import { checkName, printType } from './names.js';
import type { Bound, Graph, Node, ValueId } from './program.js';

export class Trace implements Recorder {
  readonly #tensors: Tensor[] = [];
  readonly #nodes: Node[] = [];
  readonly #inputs = new Map<string, ValueId>();
  readonly #variables = new Map<string, Tensor>();
  readonly #updates = new Map<string, ValueId>();
  readonly #named = new Map<string, number>();
  #path = '';

  /** `name` is the graph's, for messages. */
  constructor(
    readonly name: string,
    readonly symbols: Named<Bound>,
  ) {}

  /** The nodes so far, in order of execution. */
  get nodes(): readonly Node[] {
    return this.#nodes;
  }

  /** The variables that have been read so far. */
  get variables(): ReadonlyMap<string, Tensor> {
    return this.#variables;
  }

  /** Where nodes are recorded now: the path of a layer, empty at the top. */
  get path(): string {
    return this.#path;
  }

  tensor(id: ValueId): Tensor {
    const tensor = this.#tensors[id];
    if (!tensor) throw new GraphError(this.name, `a value below ${this.#tensors.length} is required. Received ${id}.`);
    return tensor;
  }

  input(name: string, type: TensorType): Tensor {
    checkName(this.name, 'an input', name);
    if (this.#inputs.has(name)) throw new GraphError(this.name, `one input '${name}' is required. Received two.`);
    const tensor = this.#value({ dtype: type.dtype, shape: type.shape.map(canonical) });
    this.#inputs.set(name, tensor.id);
    return tensor;
  }

  variable(name: string, type: TensorType): Tensor {
    const known = this.#variables.get(name);
    if (known) return known;
    const tensor = this.#value(type);
    this.#variables.set(name, tensor);
    return tensor;
  }

  record<N extends OpName>(op: N, attrs: OpAttrs[N], inputs: readonly Tensor[]): readonly Tensor[] {
    const types = shapeTable[op](attrs, inputs);
    const outputs = types.map((type) => this.#value(type));
    const ids = (tensors: readonly Tensor[]) => tensors.map((tensor) => tensor.id);
    this.#nodes.push({ op, attrs, inputs: ids(inputs), outputs: ids(outputs), name: this.#nameOf(op) });
    return outputs;
  }

  /** What the variable holds at the end of a run, as recorded so far. */
  updated(name: string): Tensor | undefined {
    const id = this.#updates.get(name);
    return id === undefined ? undefined : this.tensor(id);
  }

  /** At the end of a run the variable holds `value`. Once for each variable, but for what goes on `from` the last update. */
  update(name: string, value: Tensor, from?: Tensor): void {
    if (value.recorder !== this) throw new GraphError(this.name, `variable '${name}' takes a tensor of this trace.`);
    if (this.#updates.has(name) && from?.id !== this.#updates.get(name)) {
      throw new GraphError(this.name, `one update of variable '${name}' in a graph is required. Received two.`);
    }
    this.#updates.set(name, value.id);
  }

  /** Calls `fn` with `path` as the path of the nodes that it records. */
  at<T>(path: string, fn: () => T): T {
    const outer = this.#path;
    this.#path = path;
    try {
      return fn();
    } finally {
      this.#path = outer;
    }
  }

  finish(outputs: Named<Tensor>): Graph {
    for (const [name, tensor] of Object.entries(outputs)) {
      checkName(this.name, 'an output', name);
      if (tensor.recorder !== this) throw new GraphError(this.name, `output '${name}' must be a tensor of this trace.`);
    }
    return {
      values: this.#tensors.map(({ dtype, shape }) => ({ dtype, shape })),
      inputs: Object.fromEntries(this.#inputs),
      variables: Object.fromEntries([...this.#variables].map(([name, tensor]) => [name, tensor.id])),
      nodes: [...this.#nodes],
      outputs: Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [name, tensor.id])),
      updates: Object.fromEntries(this.#updates),
    };
  }

  #value({ dtype, shape }: TensorType): Tensor {
    this.#checkSymbols(shape);
    const tensor = new Tensor(this, this.#tensors.length, dtype, shape);
    this.#tensors.push(tensor);
    return tensor;
  }

  #checkSymbols(shape: Shape): void {
    for (const symbol of shape.flatMap(symbolsOf)) {
      if (Object.hasOwn(this.symbols, symbol)) continue;
      const known = Object.keys(this.symbols).join(', ') || 'none';
      throw new GraphError(
        this.name,
        `symbols that the program declares are required (${known}). Received ${printShape(shape)}.`,
      );
    }
  }

  #nameOf(op: OpName): string {
    const name = this.#path === '' ? op : `${this.#path}/${op}`;
    const uses = this.#named.get(name) ?? 0;
    this.#named.set(name, uses + 1);
    return uses === 0 ? name : `${name}_${uses}`;
  }
}

/** Throws unless `value` may be stored where `type` is asked for: equal dtype and shape. */
export function checkType(where: string, what: string, type: TensorType, value: TensorType): void {
  if (type.dtype === value.dtype && sameShape(type.shape, value.shape)) return;
  throw new GraphError(where, `${what} takes ${printType(type)}. Received ${printType(value)}.`);
}

/** The fixed shape of a variable. */
export function fixedShape(where: string, shape: Shape): readonly number[] {
  if (isFixed(shape)) return shape;
  throw new GraphError(where, `a variable has a fixed shape. Received ${printShape(shape)}.`);
}
