/**
 * ZIP archives, as far as NPZ files are made of them (APPNOTE.TXT, PKWARE 6.3): entries stored or deflated, found through
 * the central directory. No number of the file is trusted before it has been checked: entries lie within the file, and
 * none may unfold to more than it says, nor all to more than `maxUnfolded`.
 */
import { inflateRawSync } from 'node:zlib';
import { FormatError, UnsupportedError } from '../core/errors.js';
import { crc32 } from '../format/crc32.js';

/** All entries of an archive, unfolded. */
const maxUnfolded = 2 ** 32;

const endBytes = 22;
const directoryBytes = 46;
const localBytes = 30;
const signatures = { end: 0x06054b50, directory: 0x02014b50, local: 0x04034b50 } as const;

interface Entry {
  readonly name: string;
  readonly isEncrypted: boolean;
  readonly method: number;
  readonly crc: number;
  /** Bytes in the file. */
  readonly packed: number;
  /** Bytes of the entry. */
  readonly size: number;
  /** Of its local header. */
  readonly offset: number;
}

/** Reads every entry, by its name. Throws `FormatError`, and `UnsupportedError` for what is valid but not done here. */
export function readZip(bytes: Uint8Array, where: string): Map<string, Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const entries = [...directoryOf(view, bytes, where)];
  const total = entries.reduce((sum, { size }) => sum + size, 0);
  if (total > maxUnfolded) {
    throw new UnsupportedError(where, `entries of at most ${maxUnfolded} bytes are required. Received ${total}.`);
  }
  const files = new Map<string, Uint8Array>();
  for (const entry of entries) {
    if (files.has(entry.name)) {
      throw new FormatError(where, `entries of different names are required. Two are '${entry.name}'.`);
    }
    files.set(entry.name, unfold(view, bytes, entry, where));
  }
  return files;
}

function* directoryOf(view: DataView, bytes: Uint8Array, where: string): Generator<Entry, void, void> {
  const end = endOf(view);
  if (end < 0) throw new FormatError(where, 'a ZIP archive with its directory at the end is required. Received none.');
  const count = view.getUint16(end + 10, true);
  let at = view.getUint32(end + 16, true);
  if (count === 0xffff || at === 0xffffffff) {
    throw new UnsupportedError(where, 'an archive of less than 4 GiB and 65,535 entries is required. Received ZIP64.');
  }
  for (let i = 0; i < count; i++) {
    if (at + directoryBytes > end || view.getUint32(at, true) !== signatures.directory) {
      throw new FormatError(where, `a directory of ${count} entries is required. Entry ${i} is broken.`);
    }
    const nameLength = view.getUint16(at + 28, true);
    const next = at + directoryBytes + nameLength + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
    const name = new TextDecoder().decode(
      bytes.slice(at + directoryBytes, Math.min(at + directoryBytes + nameLength, end)),
    );
    yield {
      name,
      isEncrypted: (view.getUint16(at + 8, true) & 1) === 1,
      method: view.getUint16(at + 10, true),
      crc: view.getUint32(at + 16, true),
      packed: view.getUint32(at + 20, true),
      size: view.getUint32(at + 24, true),
      offset: view.getUint32(at + 42, true),
    };
    at = next;
  }
}

/** Where the record that ends the archive begins: a comment of up to 65,535 bytes may follow it. */
function endOf(view: DataView): number {
  const last = view.byteLength - endBytes;
  for (let at = last; at >= Math.max(0, last - 0xffff); at--) {
    if (
      view.getUint32(at, true) === signatures.end &&
      at + endBytes + view.getUint16(at + 20, true) === view.byteLength
    )
      return at;
  }
  return -1;
}

function unfold(view: DataView, bytes: Uint8Array, entry: Entry, where: string): Uint8Array {
  const { name, isEncrypted, method, crc, packed, size, offset } = entry;
  const broken = (rule: string, options?: ErrorOptions): FormatError =>
    new FormatError(where, `entry '${name}': ${rule}`, options);
  if (isEncrypted) throw new UnsupportedError(where, `entry '${name}': an entry that is not encrypted is required.`);
  if (packed === 0xffffffff || size === 0xffffffff || offset === 0xffffffff) {
    throw new UnsupportedError(where, `entry '${name}': less than 4 GiB are required. Received ZIP64.`);
  }
  if (offset + localBytes > bytes.length || view.getUint32(offset, true) !== signatures.local) {
    throw broken(`a header at ${offset} is required. Received none.`);
  }
  const start = offset + localBytes + view.getUint16(offset + 26, true) + view.getUint16(offset + 28, true);
  if (start + packed > bytes.length) throw broken(`${packed} bytes are required. The file ends before.`);
  const content = bytes.subarray(start, start + packed);
  const unfolded = method === 0 ? content : method === 8 ? inflate(content, size, broken) : undefined;
  if (!unfolded) {
    throw new UnsupportedError(where, `entry '${name}': stored or deflated is required. Received method ${method}.`);
  }
  if (unfolded.length !== size) throw broken(`${size} bytes are required. Received ${unfolded.length}.`);
  if (crc32(unfolded) !== crc) throw broken('bytes of its checksum are required: the file is damaged.');
  return unfolded;
}

function inflate(
  content: Uint8Array,
  size: number,
  broken: (rule: string, options: ErrorOptions) => FormatError,
): Uint8Array {
  try {
    return inflateRawSync(content, { maxOutputLength: Math.max(size, 1) });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw broken(`deflated bytes that unfold to ${size} are required: ${reason}.`, { cause });
  }
}
