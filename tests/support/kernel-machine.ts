/** A module and a memory, with kernels called by name on raw addresses: for what the cases of the ops cannot show. */
import { type DataOf, type DType, viewOf } from '../../src/core/dtype.js';
import { compileModule, type ModuleName } from '../../src/backend/wasm/modules-node.js';

const FIRST_ADDRESS = 4096;
const SCRATCH_BYTES = 1 << 18;
const PAGES = 64;

/** An array in the machine's memory, and where it lies. */
export interface Placed<D extends DType = DType> {
  readonly at: number;
  readonly data: DataOf<D>;
}

export class KernelMachine {
  private readonly memory = new WebAssembly.Memory({ initial: PAGES, maximum: 65536 });
  private readonly exports: WebAssembly.Exports;
  private top = FIRST_ADDRESS;

  constructor(readonly module: ModuleName) {
    this.exports = new WebAssembly.Instance(compileModule(module, false), { env: { memory: this.memory } }).exports;
    this.call('setup');
    this.call('setScratch', this.place('u8', SCRATCH_BYTES).at);
  }

  call(name: string, ...args: readonly number[]): unknown {
    const exported = this.exports[name];
    if (typeof exported !== 'function') throw new RangeError(`${this.module} does not export ${name}`);
    return (exported as (...args: readonly number[]) => unknown)(...args);
  }

  /** Room for so many elements, or for these. */
  place<D extends DType>(dtype: D, content: number | ArrayLike<number>): Placed<D> {
    const length = typeof content === 'number' ? content : content.length;
    const data = viewOf(dtype, this.memory.buffer, this.top, length);
    const at = this.top;
    this.top += (data.byteLength + 127) & ~63;
    if (typeof content !== 'number') data.set(content);
    return { at, data };
  }
}
