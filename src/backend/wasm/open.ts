/**
 * From the bytes of a model file to something that runs, without I/O: checks the file, lays out the memory, reads each
 * variable straight into it. The host supplies the bytes and a compiled module.
 */
import { memorySource } from '../../format/source.js';
import { readModel } from '../../format/model.js';
import type { Program } from '../../graph/program.js';
import { createExecutable, type WasmExecutable, type WasmOptions } from './executable.js';
import { inferenceLowerings } from './lower/inference.js';

/** A model that runs. */
export interface OpenModel {
  readonly program: Program;
  readonly assets: ReadonlyMap<string, Uint8Array>;
  readonly executable: WasmExecutable;
}

/** Throws `FormatError` for a damaged or hostile file, `MemoryError` for a model beyond `memoryLimit`. */
export async function openModel(bytes: Uint8Array | ArrayBuffer, options: WasmOptions): Promise<OpenModel> {
  const { program, assets, read } = readModel(memorySource(bytes));
  const executable = createExecutable(program, options, inferenceLowerings);
  try {
    for (const [name, { scope }] of Object.entries(program.variables)) {
      if (scope === 'shared') executable.setVariable(name, read(name));
    }
  } catch (error) {
    executable.close();
    throw error;
  }
  return { program, assets, executable };
}
