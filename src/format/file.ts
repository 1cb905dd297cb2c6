/** Files on Node: read range by range, saved whole or not at all. Not part of what ships to the edge. */
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  readSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { randomBytes } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { IoError } from '../core/errors.js';
import type { SyncByteSource } from './source.js';

/** An open file. */
export interface FileSource extends SyncByteSource {
  close(): void;
}

const reasonOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

/** Opens a file for reading; close it when everything has been read. Throws `IoError`. */
export function openFile(path: string): FileSource {
  const failed = (cause: unknown): IoError =>
    new IoError('open', `a file that can be read is required. Received '${path}': ${reasonOf(cause)}.`, { cause });
  let file: number;
  let size: number;
  try {
    const stats = statSync(path);
    if (!stats.isFile()) throw new Error('it is no regular file');
    size = stats.size;
    file = openSync(path, 'r');
  } catch (cause) {
    throw failed(cause);
  }
  const read = (offset: number, length: number): Uint8Array => {
    const bytes = new Uint8Array(length);
    try {
      for (let done = 0; done < length;) {
        const count = readSync(file, bytes, done, length - done, offset + done);
        if (count === 0) throw new Error(`it ended after ${done} of ${length} bytes from ${offset}`);
        done += count;
      }
    } catch (cause) {
      throw failed(cause);
    }
    return bytes;
  };
  return { size, read, close: () => closeSync(file) };
}

/** Reads a whole file. Throws `IoError`. */
export function loadFile(path: string): Uint8Array {
  const source = openFile(path);
  try {
    return source.read(0, source.size);
  } finally {
    source.close();
  }
}

/** Where a file that may be a link really lies. Throws `IoError` for what is no regular file. */
function homeOf(path: string): string {
  if (!existsSync(path)) return path;
  const home = realpathSync(path);
  if (statSync(home).isFile()) return home;
  const cause = new Error('what stands there is no regular file');
  throw new IoError('save', `a file that can be replaced is required. Received '${path}': ${cause.message}.`, {
    cause,
  });
}

/**
 * Saves a file whole: the bytes go to a new file beside it, reach the disk, and only then take its name. When anything
 * fails, the disk full among it, what stood at `path` stands there still and nothing is left behind. Throws `IoError`.
 */
export function saveFile(name: string, bytes: Uint8Array): void {
  const path = homeOf(name);
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const file = openSync(temporary, 'wx');
    try {
      for (let done = 0; done < bytes.length;) done += writeSync(file, bytes, done);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
  } catch (cause) {
    rmSync(temporary, { force: true });
    throw new IoError('save', `'${path}' could not be written and is as it was. ${reasonOf(cause)}.`, { cause });
  }
}

export const fileExists = (path: string): boolean => existsSync(path);

/** Removes the new files beside `path` of saves that were killed. Nobody else may be saving to `path`. */
export function removeLeftovers(path: string): void {
  const [folder, prefix] = [dirname(path), `${basename(path)}.`];
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder)) {
    const isLeftover = name.startsWith(prefix) && /^[0-9a-f]{12}\.tmp$/.test(name.slice(prefix.length));
    if (isLeftover) rmSync(join(folder, name), { force: true });
  }
}
