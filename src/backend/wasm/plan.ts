/**
 * From a graph to a draft of its plan: records in order, buffers with their lives, and which buffers are one. Nothing
 * has an address yet; `layout.ts` gives them.
 */
import { bytesPerElement } from '../../core/dtype.js';
import { UnsupportedError } from '../../core/errors.js';
import { addDims, ceilDivDim, type Dim, evaluateDim, type Extents, mulDims, sizeOfShape } from '../../core/shape.js';
import type { Graph, Node, ValueId } from '../../graph/program.js';
import type { OpName } from '../../ops/schema.js';
import { groupsOf, type Touched } from './groups.js';
import { integerClusters } from './integer.js';
import { emitPlanes, isPlanar, type Planar } from './lower/conv-planes.js';
import { lowerCluster } from './lower/integer.js';
import type { Address, Argument, ArgumentsOf, Emitter, Flavour, KernelName, Lowerings, Operand } from './lowering.js';
import type { KernelTable, ModuleTraits } from './module.js';
import { type PooledConvolution, pooledConvolutions } from './pooled.js';
import type { Store } from './store.js';

/** One call of a kernel. `node` is the index of the node it works for; -1 for the bookkeeping around the graph. */
export interface RecordDraft {
  readonly kernel: KernelName;
  readonly units: Dim;
  readonly args: readonly Argument[];
  readonly node: number;
  /** Where unit i touches only the elements that it makes; the result first. */
  readonly blocks: readonly Address[];
}

/** A buffer of this plan alone. */
export interface ArenaBuffer {
  readonly bytes: number;
  first: number;
  last: number;
}

/** What must be packed again before the plan runs when `variable` has changed. */
export interface Preparation {
  readonly key: string;
  readonly records: readonly RecordDraft[];
}

export interface PlanDraft {
  readonly graph: Graph;
  readonly kernels: KernelTable;
  readonly prepare: readonly Preparation[];
  readonly body: readonly RecordDraft[];
  /** The body's records, those together that are walked as one. */
  readonly groups: readonly (readonly RecordDraft[])[];
  readonly arena: ReadonlyMap<number, ArenaBuffer>;
  readonly tables: ReadonlyMap<number, readonly Argument[]>;
  /** The buffer that really holds what is addressed as `buffer`, and the offset in it. */
  resolve(address: Address): Address;
  readonly addressOf: readonly Address[];
  /** Every buffer that a record touches, through its arguments and its tables. */
  touched(record: RecordDraft): Iterable<number>;
  readonly threadScratch: number;
  /** The nodes whose work is done where a node is: itself, and what is fused into it; the node that it computes first. */
  nodesOf(node: number): readonly number[];
}

const isAddress = (argument: Argument): argument is Address => typeof argument === 'object';

export function draftPlan(
  graph: Graph,
  store: Store,
  lowerings: Lowerings,
  bounds: Extents,
  traits: ModuleTraits,
): PlanDraft {
  const builder = new PlanBuilder(graph, store, bounds, traits);
  const missing = new Set<string>();
  const { clusters, absorbed } = integerClusters(graph);
  const pools = new Map<number, PooledConvolution>();
  const pooled = new Set<number>();
  for (const [index, pair] of pooledConvolutions(graph)) {
    const [convolution] = pair.nodes;
    if (clusters.has(convolution) || !isPlanar(planarOf(pair, builder), builder)) continue;
    pools.set(index, pair);
    pooled.add(convolution);
  }
  graph.nodes.forEach((node, index) => {
    if (absorbed.has(index) || pooled.has(index)) return;
    const cluster = clusters.get(index);
    const pair = pools.get(index);
    builder.beginNode(index);
    if (cluster) lowerCluster(cluster, (value) => builder.operand(value), builder);
    else if (pair) emitPlanes(planarOf(pair, builder), builder);
    else if (!builder.lower(node, lowerings)) missing.add(node.op);
  });
  if (missing.size > 0) {
    throw new UnsupportedError(
      'wasm',
      `ops that it has kernels for are required. Received ${[...missing].join(', ')}.`,
    );
  }
  if (builder.absent.size > 0) {
    const names = [...builder.absent].join(', ');
    throw new UnsupportedError(
      'wasm',
      `a training module is required for the kernels ${names}. Received an inference module.`,
    );
  }
  const nodesOf = (node: number): readonly number[] => {
    const fused = clusters.get(node)?.nodes.filter((each, i) => i === 0 || each === node || absorbed.has(each));
    return fused ?? pools.get(node)?.nodes ?? (node < 0 ? [] : [node]);
  };
  return { ...builder.finish(), nodesOf };
}

function planarOf({ convolution: { attrs, inputs }, pool }: PooledConvolution, builder: PlanBuilder): Planar {
  const [x = -1, kernel = -1, bias] = inputs;
  return {
    x: builder.operand(x),
    kernel: builder.operand(kernel),
    bias: bias === undefined ? undefined : builder.operand(bias),
    y: builder.operand(pool.outputs[0] ?? -1),
    attrs,
    isPooled: true,
  };
}

class PlanBuilder implements Emitter {
  /** Kernels that were asked for and that the module does not carry. */
  readonly absent = new Set<KernelName>();
  readonly flavour: Flavour;
  readonly #buffers = new Map<number, ArenaBuffer>();
  readonly #tables = new Map<number, readonly Argument[]>();
  readonly #views = new Map<number, Address>();
  readonly #values: Address[];
  readonly #body: RecordDraft[] = [];
  readonly #preparations = new Map<string, RecordDraft[]>();
  readonly #candidates: { readonly node: number; readonly output: number; readonly input: Address }[] = [];
  #target: RecordDraft[] = this.#body;
  #node = -1;
  #scratchBytes = 0;

  constructor(
    private readonly graph: Graph,
    private readonly store: Store,
    private readonly bounds: Extents,
    private readonly traits: ModuleTraits,
  ) {
    this.flavour = traits.flavour;
    const variables = new Map(Object.entries(graph.variables).map(([name, value]) => [value, name]));
    this.#values = graph.values.map((type, value) => {
      const variable = variables.get(value);
      if (variable !== undefined) return { buffer: store.variable(variable).buffer, offset: 0 };
      return this.scratch(mulDims(sizeOfShape(type.shape), bytesPerElement[type.dtype]));
    });
  }

  beginNode(index: number): void {
    this.#node = index;
  }

  operand(value: ValueId): Operand {
    const type = this.graph.values[value];
    const at = this.#values[value];
    if (!type || !at) throw new RangeError(`value ${value} is not in the graph`);
    return { dtype: type.dtype, shape: type.shape, at };
  }

  lower<N extends OpName>(node: Node<N>, lowerings: Lowerings): boolean {
    const lowering = lowerings[node.op];
    if (!lowering) return false;
    const inputs = node.inputs.map((value) => this.operand(value));
    const outputs = node.outputs.map((value) => this.operand(value));
    lowering({ attrs: node.attrs, inputs, outputs }, this);
    return true;
  }

  record<K extends KernelName>(kernel: K, units: Dim, args: ArgumentsOf<K>, blocks: readonly Operand[] = []): void {
    if (units === 0) return;
    const named: Readonly<Record<string, Argument>> = args;
    const known = this.traits.kernels(kernel);
    if (!known) return void this.absent.add(kernel);
    const ordered = known.parameters.map((name) => named[name] as Argument);
    this.#target.push({ kernel, units, args: ordered, node: this.#node, blocks: blocks.map(({ at }) => at) });
  }

  scratch(bytes: Dim): Address {
    const buffer = this.store.nextBuffer();
    this.#buffers.set(buffer, { bytes: this.bound(bytes), first: Infinity, last: -Infinity });
    return { buffer, offset: 0 };
  }

  threadScratch(bytes: number): void {
    this.#scratchBytes = Math.max(this.#scratchBytes, bytes);
  }

  table(entries: readonly Argument[]): Address {
    const buffer = this.store.nextBuffer();
    this.#tables.set(buffer, entries);
    return { buffer, offset: 0 };
  }

  packed(operand: Operand, layout: string, bytes: number, pack: (destination: Address) => void): Address {
    const variable = this.store.sharedVariableAt(this.resolve(operand.at).buffer);
    if (variable === undefined) {
      const destination = this.scratch(bytes);
      pack(destination);
      return destination;
    }
    const key = `${variable}\n${layout}`;
    const destination: Address = { buffer: this.store.packed(key, variable, bytes), offset: 0 };
    if (!this.#preparations.has(key)) {
      const records: RecordDraft[] = [];
      this.#preparations.set(key, records);
      this.#target = records;
      pack(destination);
      this.#target = this.#body;
    }
    return destination;
  }

  kept(operand: Operand): boolean {
    return this.store.sharedVariableAt(this.resolve(operand.at).buffer) !== undefined;
  }

  alias(output: Operand, input: Operand): void {
    this.#views.set(output.at.buffer, input.at);
    this.#buffers.delete(output.at.buffer);
  }

  inPlace(output: Operand, input: Operand): void {
    this.#candidates.push({ node: this.#node, output: output.at.buffer, input: input.at });
  }

  bound(dim: Dim): number {
    return evaluateDim(dim, this.bounds);
  }

  /** Follows views to the buffer that holds the bytes. */
  resolve(address: Address): Address {
    let { buffer, offset } = address;
    for (let view = this.#views.get(buffer); view; view = this.#views.get(buffer)) {
      buffer = view.buffer;
      offset = addDims(offset, view.offset);
    }
    return { buffer, offset };
  }

  finish(): Omit<PlanDraft, 'nodesOf'> {
    this.beginNode(-1);
    const last = this.#shareBuffers();
    this.#storeUpdates(last);
    const groups = groupsOf(this.#body, (record) => this.#touchedBy(record));
    this.#measureLives(groups);
    return {
      graph: this.graph,
      kernels: this.traits.kernels,
      prepare: [...this.#preparations].map(([key, records]) => ({ key, records })),
      body: this.#body,
      groups,
      arena: this.#buffers,
      tables: this.#tables,
      resolve: (address) => this.resolve(address),
      addressOf: this.#values,
      touched: (record) => this.#touched(record),
      threadScratch: this.#scratchBytes,
    };
  }

  /** Every buffer that a record touches, through its arguments and its tables; all of them or those that it does not say. */
  *#touched(record: RecordDraft, said: readonly Address[] = []): Generator<number> {
    for (const argument of record.args) {
      if (!isAddress(argument) || said.includes(argument)) continue;
      const { buffer } = this.resolve(argument);
      yield buffer;
      for (const entry of this.#tables.get(buffer) ?? []) if (isAddress(entry)) yield this.resolve(entry).buffer;
    }
  }

  #touchedBy(record: RecordDraft): Touched {
    const blocks = record.blocks.map((address) => this.resolve(address));
    return { blocks, others: [...this.#touched(record, record.blocks)] };
  }

  /** The node after which no node touches a buffer; Infinity for what must outlive the run. */
  #lastNodes(): Map<number, number> {
    const last = new Map<number, number>();
    for (const record of this.#body) {
      for (const buffer of this.#touched(record)) last.set(buffer, Math.max(last.get(buffer) ?? -1, record.node));
    }
    for (const value of Object.values(this.graph.outputs))
      last.set(this.resolve(this.#address(value)).buffer, Infinity);
    for (const [name, value] of Object.entries(this.graph.updates)) {
      const { buffer } = this.resolve(this.#address(value));
      if (buffer !== this.store.variable(name).buffer) last.set(buffer, Infinity);
    }
    return last;
  }

  /** Decides which outputs take the memory of an input. Returns the last node of each buffer. */
  #shareBuffers(): Map<number, number> {
    const last = this.#lastNodes();
    const updatedBy = new Map(
      Object.entries(this.graph.updates).map(([name, value]) => [
        this.store.variable(name).buffer,
        this.#address(value).buffer,
      ]),
    );
    for (const { node, output, input } of this.#candidates) {
      if (this.#views.has(output)) continue;
      const home = this.resolve(input);
      if (home.offset !== 0 || (last.get(home.buffer) ?? node) > node) continue;
      const bytes = this.#buffers.get(output)?.bytes;
      const owned = this.#buffers.get(home.buffer);
      if (owned ? owned.bytes !== bytes : updatedBy.get(home.buffer) !== output) continue;
      const outputLast = last.get(output) ?? node;
      this.#views.set(output, home);
      this.#buffers.delete(output);
      last.set(home.buffer, owned ? outputLast : Math.max(node, outputLast === Infinity ? node : outputLast));
    }
    return last;
  }

  /** Appends what puts every updated variable's new value in its place, and keeps outputs that show an old one. */
  #storeUpdates(last: Map<number, number>): void {
    const updated = new Set(Object.keys(this.graph.updates).map((name) => this.store.variable(name).buffer));
    const keep = (value: ValueId, name?: string): void => {
      const home = this.resolve(this.#address(value));
      if (!updated.has(home.buffer) || (name !== undefined && home.buffer === this.store.variable(name).buffer)) return;
      const isNew = Object.entries(this.graph.updates).some(
        ([other, v]) => v === value && this.store.variable(other).buffer === home.buffer,
      );
      if (isNew && name === undefined) return;
      const type = this.operand(value);
      const bytes = mulDims(sizeOfShape(type.shape), bytesPerElement[type.dtype]);
      const snapshot = this.scratch(bytes);
      this.#copy(snapshot, type.at, bytes);
      this.#values[value] = snapshot;
      last.set(snapshot.buffer, Infinity);
    };
    for (const value of Object.values(this.graph.outputs)) keep(value);
    for (const [name, value] of Object.entries(this.graph.updates)) keep(value, name);
    for (const [name, value] of Object.entries(this.graph.updates)) {
      const variable = this.store.variable(name);
      const from = this.#address(value);
      if (this.resolve(from).buffer !== variable.buffer) {
        this.#copy({ buffer: variable.buffer, offset: 0 }, from, variable.bytes);
      }
    }
  }

  #copy(destination: Address, source: Address, bytes: Dim): void {
    this.record('copy', ceilDivDim(bytes, 65536), { destination, source, bytes });
  }

  #address(value: ValueId): Address {
    return this.operand(value).at;
  }

  /** Lives by the numbers of the groups: inputs from before the first one, outputs to after the last. */
  #measureLives(groups: PlanDraft['groups']): void {
    const touch = (buffer: number, at: number): void => {
      const life = this.#buffers.get(buffer);
      if (!life) return;
      life.first = Math.min(life.first, at);
      life.last = Math.max(life.last, at);
    };
    for (const value of Object.values(this.graph.inputs)) touch(this.resolve(this.#address(value)).buffer, -1);
    groups.forEach((group, at) => {
      for (const record of group) for (const buffer of this.#touched(record)) touch(buffer, at);
    });
    for (const value of Object.values(this.graph.outputs)) {
      touch(this.resolve(this.#address(value)).buffer, this.#body.length);
    }
  }
}
