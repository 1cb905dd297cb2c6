/** What all plans of an executable share: variables, packed copies, and the numbering of buffers. */
import { bytesPerElement } from '../../core/dtype.js';
import { ArgumentError } from '../../core/errors.js';
import { sizeOf } from '../../core/ndarray.js';
import type { Program, Variable } from '../../graph/program.js';

export interface StoredVariable extends Variable {
  readonly name: string;
  readonly buffer: number;
  readonly bytes: number;
}

/** A variable in another layout. */
export interface PackedCopy {
  readonly variable: string;
  readonly buffer: number;
  readonly bytes: number;
}

export class Store {
  readonly variables: ReadonlyMap<string, StoredVariable>;
  readonly packedCopies = new Map<string, PackedCopy>();
  #buffers = 0;

  constructor(program: Program) {
    this.variables = new Map(
      Object.entries(program.variables).map(([name, variable]) => {
        const bytes = sizeOf(variable.shape) * bytesPerElement[variable.dtype];
        return [name, { ...variable, name, bytes, buffer: this.nextBuffer() }];
      }),
    );
  }

  nextBuffer(): number {
    return this.#buffers++;
  }

  variable(name: string): StoredVariable {
    const variable = this.variables.get(name);
    if (!variable) throw new ArgumentError('wasm', `a variable of the program is required. Received '${name}'.`);
    return variable;
  }

  /** The name of the shared variable that lies in a buffer, if one does. */
  sharedVariableAt(buffer: number): string | undefined {
    for (const variable of this.variables.values()) {
      if (variable.buffer === buffer && variable.scope === 'shared') return variable.name;
    }
    return undefined;
  }

  /** The buffer of a variable's packed copy; one for each key. */
  packed(key: string, variable: string, bytes: number): number {
    const known = this.packedCopies.get(key);
    if (known) return known.buffer;
    const buffer = this.nextBuffer();
    this.packedCopies.set(key, { variable, buffer, bytes });
    return buffer;
  }

  /** What is packed from variables of these names. */
  copiesOf(variables: Iterable<string>): PackedCopy[] {
    const names = new Set(variables);
    return [...this.packedCopies.values()].filter(({ variable }) => names.has(variable));
  }
}
