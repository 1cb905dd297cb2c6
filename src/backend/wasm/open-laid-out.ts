/**
 * From the bytes of a laid-out model to something that runs, without I/O. What it needs of Quern is the file and an
 * executor: no graph is read, no op lowered.
 */
import { memorySource } from '../../format/source.js';
import { Executor, type ExecutorOptions } from './executor.js';
import type { LaidOut } from './laid-out.js';
import { readLaidOut } from './laid-out-file.js';
import { engineOf, traitsOf } from './module.js';

/** A laid-out model that runs. */
export interface OpenLaidOut {
  readonly laidOut: LaidOut;
  readonly assets: ReadonlyMap<string, Uint8Array>;
  readonly executable: Executor;
}

/**
 * Opens what `layOutModel` made. Throws `FormatError` for a damaged file, `UnsupportedError` for one that was laid out for
 * another version of the engine, `MemoryError` for a model beyond `memoryLimit`.
 */
export function openLaidOut(bytes: Uint8Array | ArrayBuffer, options: ExecutorOptions): OpenLaidOut {
  const { module, threads } = options;
  const flavourOf = (): string => traitsOf(module, (threads?.count ?? 1) > 1).flavour.int8;
  const { laidOut, assets, read } = readLaidOut(memorySource(bytes), engineOf(module), flavourOf);
  const executable = new Executor(laidOut, options);
  try {
    for (const [name, { session }] of Object.entries(laidOut.variables)) {
      if (!session) executable.setVariable(name, read(name));
    }
  } catch (error) {
    executable.close();
    throw error;
  }
  return { laidOut, assets, executable };
}
