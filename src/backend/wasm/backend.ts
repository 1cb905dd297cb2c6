/** The WebAssembly backend on Node, Deno and Bun: reads the module that fits the engine, starts threads, compiles. */
import { availableParallelism } from 'node:os';
import type { Program } from '../../graph/program.js';
import type { Backend, CompileOptions } from '../backend.js';
import { createExecutable, type WasmExecutable } from './executable.js';
import { lowerings } from './lower/table.js';
import { chooseModule, compileModule, type ModuleName } from './modules-node.js';
import { nodeThreads } from './threads-node.js';

export interface WasmBackendOptions {
  /** Whether programs will train; decides the module unless `module` names it (default false). */
  readonly training?: boolean;
  /** Threads for each run, the caller's included (default: 1; `'auto'`: one for each processor). */
  readonly threads?: number | 'auto';
  /** The module to run; the best that the engine takes unless said. */
  readonly module?: ModuleName;
  /** Bytes that each compiled program may take; above it compilation throws `MemoryError` with the figures. */
  readonly memoryLimit?: number;
}

export interface WasmBackend extends Backend {
  compile(program: Program, options?: CompileOptions): Promise<WasmExecutable>;
}

/** The WebAssembly backend. Throws `UnsupportedError` for a module that this engine refuses, `IoError` where there is none. */
export function wasmBackend(options: WasmBackendOptions = {}): WasmBackend {
  const name = options.module ?? chooseModule(options.training ? 'train' : 'infer');
  const { memoryLimit = Infinity } = options;
  const threads = options.threads === 'auto' ? availableParallelism() : (options.threads ?? 1);
  return {
    name: `wasm ${name}, ${threads} thread${threads === 1 ? '' : 's'}`,
    async compile(program, compileOptions = {}) {
      const module = compileModule(name, threads > 1);
      const parallel = threads > 1 ? { threads: { count: threads, host: nodeThreads } } : {};
      const all = { memoryLimit, ...compileOptions, ...parallel, module, description: `wasm ${name}` };
      return createExecutable(program, all, lowerings);
    },
  };
}
