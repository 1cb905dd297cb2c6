/**
 * Builds programs: functions on symbolic tensors become graphs over one store of variables.
 *
 *   const builder = new ProgramBuilder({ symbols: { batch: 64 }, seed: 1 });
 *   builder.trace('predict', { x: { dtype: 'f32', shape: ['batch', 784] } }, ({ x }, scope) => {
 *     const kernel = scope.variable('dense/kernel', { shape: [784, 10], initial: glorotUniform });
 *     return { y: softmax(matmul(x, kernel)) };
 *   });
 *   const program = builder.program();                // plain data
 *   const weights = builder.initialValues();          // Map<string, NDArray>, drawn from the seed
 *
 * In a traced function the scope declares and reads variables (`variable`), stores them (`assign`), makes constants and
 * names layers (`within`). A variable is declared by its first use in any graph; later uses must agree.
 */
import type { DType } from '../core/dtype.js';
import { ArgumentError, GraphError } from '../core/errors.js';
import { type NDArray, sizeOf } from '../core/ndarray.js';
import type { Key } from '../core/random.js';
import { sameShape, type Shape } from '../core/shape.js';
import { mapNamed, type Named } from '../core/tree.js';
import { constant } from '../ops/source.js';
import type { Tensor, TensorType } from '../ops/tensor.js';
import { checkName, printType } from './names.js';
import type { Bound, Graph, Program, Variable } from './program.js';
import { checkType, fixedShape, Trace } from './trace.js';
import { verify } from './verify.js';

/** Draws the first value of a variable, f32 or of the variable's dtype. */
export type Initializer = (shape: readonly number[], key: Key) => NDArray;

/** What a variable is: its shape, and unless said f32, shared, trainable and zero at first. */
export interface VariableSpec {
  readonly shape: Shape;
  /** f32 unless said. */
  readonly dtype?: DType;
  /** `shared` unless said. A `session` variable is zeroed when a session opens. */
  readonly scope?: Variable['scope'];
  /** Whether optimizers train it; shared f32 variables are, unless said. */
  readonly trainable?: boolean;
  /** Zeros unless said. Not for session variables. */
  readonly initial?: Initializer;
  /** What its value costs, an f32 scalar: training adds it to the loss. */
  readonly penalty?: ((value: Tensor) => Tensor) | undefined;
  /** What a value is brought back to after an update by an optimizer. */
  readonly projection?: ((value: Tensor) => Tensor) | undefined;
}

interface Declaration extends Pick<VariableSpec, 'initial' | 'penalty' | 'projection'> {
  readonly variable: Variable;
}

/** What a traced function may do besides calling ops on its tensors. */
export class Scope {
  #streams = 0;
  #isFrozen = false;

  constructor(
    /** Recorder for ops without operands, such as `iota`. */
    readonly trace: Trace,
    private readonly builder: ProgramBuilder,
  ) {}

  /** The path of the layer being recorded, empty at the top. */
  get path(): string {
    return this.trace.path;
  }

  /** Calls `fn` one level down: its nodes are named `name/op`, its variables `name/variable`. */
  within<T>(name: string, fn: () => T): T {
    checkName(this.trace.name, 'a layer', name);
    return this.trace.at(this.#absolute(name), fn);
  }

  /** Whether what is being recorded is not trained. */
  get isFrozen(): boolean {
    return this.#isFrozen;
  }

  /** Calls `fn`; the variables that it declares are not trainable. */
  frozen<T>(fn: () => T): T {
    const outer = this.#isFrozen;
    this.#isFrozen = true;
    try {
      return fn();
    } finally {
      this.#isFrozen = outer;
    }
  }

  /**
   * The tensor of a variable: its value at the start of the run. The name is below the current layer. `spec` may be
   * left out where the variable is declared already.
   */
  variable(name: string, spec?: VariableSpec): Tensor {
    const full = this.#absolute(name);
    const declared = spec && this.#isFrozen ? { ...spec, trainable: false } : spec;
    return this.trace.variable(full, declared ? this.builder.variable(full, declared) : this.builder.declared(full));
  }

  /** When the run has ended, the variable (its name below the current layer, or its tensor) holds `value`. */
  assign(variable: string | Tensor, value: Tensor): void {
    const name = typeof variable === 'string' ? this.#absolute(variable) : this.#nameOf(variable);
    checkType(this.trace.name, `variable '${name}'`, this.builder.declared(name), value);
    this.trace.update(name, value);
  }

  /**
   * When the run has ended, the variable holds what `next` makes of what it would hold: its own value, or the one assigned
   * before, as where a layer is called twice.
   */
  advance(variable: Tensor, next: (value: Tensor) => Tensor): void {
    const name = this.#nameOf(variable);
    const from = this.trace.updated(name) ?? variable;
    const value = next(from);
    checkType(this.trace.name, `variable '${name}'`, this.builder.declared(name), value);
    this.trace.update(name, value, from);
  }

  /** The trainable variables that this graph has read so far, by name; those below `path` where it is given. */
  trainables(path = ''): Record<string, Tensor> {
    const isBelow = (name: string): boolean => path === '' || name.startsWith(`${path}/`);
    const read = [...this.trace.variables];
    return Object.fromEntries(read.filter(([name]) => isBelow(name) && this.builder.declared(name).trainable));
  }

  /** Records what the trainable variables that this graph has read so far cost; one tensor for each that costs. */
  penalties(path = ''): Tensor[] {
    return Object.entries(this.trainables(path)).flatMap(([name, tensor]) => {
      const { penalty } = this.builder.declaration(name);
      return penalty ? [this.trace.at(name, () => penalty(tensor))] : [];
    });
  }

  /** Records what `value` is brought back to before it is assigned to the variable. */
  projected(variable: Tensor, value: Tensor): Tensor {
    const { projection } = this.builder.declaration(this.#nameOf(variable));
    return projection ? projection(value) : value;
  }

  /** A literal: a number (f32 unless said), or an array of the dtype it has. */
  constant(value: number | NDArray, dtype?: DType): Tensor {
    return constant(this.trace, value, dtype);
  }

  /** The next number of this graph's streams of random numbers, from 0: `dropout` takes one. */
  stream(): number {
    return this.#streams++;
  }

  #absolute(name: string): string {
    return this.path === '' ? name : `${this.path}/${name}`;
  }

  #nameOf(tensor: Tensor): string {
    for (const [name, variable] of this.trace.variables) if (variable === tensor) return name;
    throw new ArgumentError('assign', `a variable's name or tensor is required. Received ${printType(tensor)}.`);
  }
}

export interface ProgramOptions {
  /** The largest extent of each symbolic dimension. */
  readonly symbols?: Named<number>;
  /** For initial values. 0 unless said. */
  readonly seed?: number;
}

/** Makes programs: traces functions on tensors into graphs over shared variables. */
export class ProgramBuilder {
  readonly #symbols: Named<Bound>;
  readonly #seed: number;
  readonly #declarations = new Map<string, Declaration>();
  readonly #graphs = new Map<string, Graph>();
  readonly #initial = new Map<string, NDArray>();

  constructor({ symbols = {}, seed = 0 }: ProgramOptions = {}) {
    this.#symbols = mapNamed(symbols, (max) => ({ max }));
    this.#seed = seed;
  }

  /** Declares a variable, or checks that it was declared alike. */
  variable(name: string, spec: VariableSpec): Variable {
    const { dtype = 'f32', scope = 'shared', initial, penalty, projection } = spec;
    const { trainable = dtype === 'f32' && scope === 'shared' } = spec;
    const variable: Variable = { dtype, shape: fixedShape(name, spec.shape), scope, trainable };
    const known = this.#declarations.get(name);
    if (!known) {
      checkName(name, 'a variable', name);
      if (scope === 'session' && initial) {
        throw new ArgumentError(name, 'a session variable starts at zero. Received an initializer.');
      }
      this.#declarations.set(name, { variable, penalty, projection, ...(initial ? { initial } : {}) });
      return variable;
    }
    if (!same(known.variable, variable)) {
      throw new GraphError(
        name,
        `every use of a variable must agree with its declaration, ${print(known.variable)}. Received ${print(variable)}.`,
      );
    }
    return known.variable;
  }

  /** A variable that has been declared. */
  declared(name: string): Variable {
    return this.declaration(name).variable;
  }

  /** A variable and what was said of it where it was declared. */
  declaration(name: string): Declaration {
    const known = this.#declarations.get(name);
    if (known) return known;
    throw new GraphError(name, 'the first use of a variable must say its shape. Received none.');
  }

  /** Records `fn` as graph `name`: called once, with a tensor for each input; what it returns is the outputs. */
  trace<const I extends Named<TensorType>>(
    name: string,
    inputs: I,
    fn: (inputs: { readonly [K in keyof I]: Tensor }, scope: Scope) => Named<Tensor>,
  ): Graph {
    checkName(name, 'a graph', name);
    if (this.#graphs.has(name)) throw new GraphError(name, 'one graph of a name is required. Received two.');
    const trace = new Trace(name, this.#symbols);
    const tensors = mapNamed(inputs, (type, input) => trace.input(input, type));
    const outputs = fn(tensors as { readonly [K in keyof I]: Tensor }, new Scope(trace, this));
    const graph = trace.finish(outputs);
    this.#graphs.set(name, graph);
    return graph;
  }

  /** The program so far, verified. */
  program(): Program {
    const variables = [...this.#declarations].map(([name, { variable }]) => [name, variable] as const);
    const program: Program = {
      symbols: this.#symbols,
      variables: Object.fromEntries(variables),
      graphs: Object.fromEntries(this.#graphs),
    };
    verify(program);
    return program;
  }

  /** The first value of every variable that has an initializer; the others start at zero. Each is drawn once. */
  initialValues(): Map<string, NDArray> {
    for (const [name, { variable, initial }] of this.#declarations) {
      if (!initial || this.#initial.has(name)) continue;
      const value = initial(variable.shape, [this.#seed, hash(name)]);
      checkType(name, 'the variable', variable, value);
      if (value.data.length !== sizeOf(variable.shape)) {
        throw new GraphError(name, `${sizeOf(variable.shape)} elements are required. Received ${value.data.length}.`);
      }
      this.#initial.set(name, value);
    }
    return new Map(this.#initial);
  }
}

const same = (a: Variable, b: Variable): boolean =>
  a.dtype === b.dtype && sameShape(a.shape, b.shape) && a.scope === b.scope && a.trainable === b.trainable;

const print = (variable: Variable): string =>
  `${printType(variable)} (${variable.scope}${variable.trainable ? ', trainable' : ''})`;

/** FNV-1a (Fowler, Noll, Vo) over the UTF-16 code units. */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h | 0;
}
