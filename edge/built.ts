/** Files that go into what is served. */
import { readFile } from 'node:fs/promises';
import { IoError } from '../src/core/errors.js';

/** Throws `IoError` that says what could not be read. */
export async function readBuilt(what: string, path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new IoError('build', `${what} that can be read is required. Received '${path}': ${reason}.`, { cause });
  }
}
