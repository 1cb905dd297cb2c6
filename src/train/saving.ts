/** Model files on disk, whole. */
import type { NDArray } from '../core/ndarray.js';
import { type ModelContents, readModel, writeModel } from '../format/model.js';
import { memorySource } from '../format/source.js';

/** Writes a model file: when anything fails, what stood at `path` stands there still. Throws `IoError`. */
export async function saveModel(path: string, contents: ModelContents): Promise<void> {
  const { saveFile } = await import('../format/file.js');
  saveFile(path, writeModel(contents));
}

/** Reads a model file with all of its values. Throws `IoError` or `FormatError`. */
export async function readContents(path: string): Promise<Required<ModelContents>> {
  const { loadFile } = await import('../format/file.js');
  const { program, assets, read } = readModel(memorySource(loadFile(path)));
  const variables = new Map<string, NDArray>();
  for (const [name, { scope }] of Object.entries(program.variables)) {
    if (scope === 'shared') variables.set(name, read(name));
  }
  return { program, variables, assets };
}
