/**
 * The container of our files: a safetensors file whose metadata say which format it is of, in which version, and the
 * CRC-32 of every tensor. A tensor is held against its checksum when it is read.
 */
import { bytesPerElement, type DType, viewOf } from '../core/dtype.js';
import { FormatError } from '../core/errors.js';
import { type NDArray, sizeOf } from '../core/ndarray.js';
import { isName } from '../graph/names.js';
import { crc32 } from './crc32.js';
import { brief } from './json.js';
import {
  inFileOrder,
  readHeader,
  type Safetensors,
  type SafetensorsDType,
  type TensorBytes,
  type TensorEntry,
  writeSafetensors,
} from './safetensors.js';
import type { Reading } from './source.js';

const where = 'model';

/** Names of tensors that are none of the program's variables start so. */
export const reserved = 'quern.';
const assetPrefix = `${reserved}asset.`;

/** What safetensors calls a dtype. */
export const dtypeNames: Readonly<Record<DType, SafetensorsDType>> = {
  f32: 'F32',
  i32: 'I32',
  u8: 'U8',
  i8: 'I8',
  bool: 'BOOL',
};

/** A file whose header has been checked. */
export interface Container extends Safetensors {
  readonly checksums: ReadonlyMap<string, string>;
}

/** What a tensor must be to hold a value. */
interface Holder {
  readonly dtype: DType;
  readonly shape: readonly number[];
}

/** The CRC-32 of a tensor: of the line `name dtype shape`, then of its bytes. */
export function checksumOf(tensor: Omit<TensorBytes, 'bytes'>, bytes: Uint8Array): number {
  const line = `${tensor.name} ${tensor.dtype} ${tensor.shape.join(',')}\n`;
  return crc32(bytes, crc32(new TextEncoder().encode(line)));
}

const hex = (checksum: number): string => checksum.toString(16).padStart(8, '0');

/** The bytes of a file of these tensors: the same ones make the same bytes. */
export function writeContainer(
  format: string,
  tensors: readonly TensorBytes[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const checksums = inFileOrder(tensors).map((tensor) => hex(checksumOf(tensor, tensor.bytes)));
  return writeSafetensors(tensors, new Map(Object.entries({ format, ...metadata, crc32: checksums.join(' ') })));
}

/** Bytes as a tensor. */
export const byteTensor = (name: string, bytes: Uint8Array): TensorBytes => ({
  name,
  dtype: 'U8',
  shape: [bytes.length],
  bytes,
});

/** An array as a tensor. */
export function arrayTensor(name: string, { dtype, shape, data }: NDArray): TensorBytes {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return { name, dtype: dtypeNames[dtype], shape, bytes };
}

/** Whether a tensor of this name is an asset. */
export const isAsset = (name: string): boolean => name.startsWith(assetPrefix);

/** An asset as a tensor. */
export const assetTensor = (name: string, bytes: Uint8Array): TensorBytes => byteTensor(assetPrefix + name, bytes);

/** Reads and checks the header of a file of `size` bytes, which must be of this format. */
export function* readContainer(size: number, format: string): Reading<Container> {
  const file = yield* readHeader(size);
  const received = file.metadata.get('format');
  if (received !== format) {
    const other = received ? `one of the format '${brief(received)}'` : 'another safetensors file';
    throw new FormatError(where, `a file of the format '${format}' is required. Received ${other}.`);
  }
  const listed = (file.metadata.get('crc32') ?? '').split(' ');
  const names = [...file.tensors.keys()];
  if (listed.length !== names.length) {
    throw new FormatError(where, `${names.length} checksums are required. Received ${listed.length}.`);
  }
  return { ...file, checksums: new Map(names.map((name, i) => [name, listed[i] ?? ''])) };
}

/** A version of the metadata. */
export function versionOf(file: Safetensors, key: string): number {
  const text = file.metadata.get(key) ?? '';
  if (!/^[1-9]\d{0,5}$/.test(text))
    throw new FormatError(where, `metadata '${key}' must be a version. Received '${brief(text)}'.`);
  return Number(text);
}

/** The bytes of a tensor, which must have its checksum. */
export function* readTensor({ checksums }: Container, entry: TensorEntry): Reading<Uint8Array> {
  const bytes = yield entry;
  const required = checksums.get(entry.name) ?? '';
  const received = hex(checksumOf(entry, bytes));
  if (received === required) return bytes;
  throw new FormatError(
    where,
    `tensor '${brief(entry.name)}': CRC-32 ${brief(required)} is required. Received ${received}: the file is damaged.`,
  );
}

/** The bytes of a tensor of this name, at most so many. */
export function* readBytes(file: Container, name: string, most: number): Reading<Uint8Array> {
  const entry = file.tensors.get(name);
  if (!entry) throw new FormatError(where, `a tensor '${name}' is required. Received none.`);
  requireBytes(entry);
  if (entry.length > most) {
    throw new FormatError(where, `'${name}' of at most ${most} bytes is required. Received ${entry.length}.`);
  }
  return yield* readTensor(file, entry);
}

function requireBytes(entry: TensorEntry): void {
  if (entry.dtype !== 'U8' || entry.shape.length !== 1) {
    throw new FormatError(where, `tensor '${brief(entry.name)}' must be U8 of one dimension. Received ${entry.dtype}.`);
  }
}

/** The assets of a file, by name. */
export function* readAssets(file: Container): Reading<ReadonlyMap<string, Uint8Array>> {
  const assets = new Map<string, Uint8Array>();
  for (const entry of file.tensors.values()) {
    if (!isAsset(entry.name)) continue;
    requireBytes(entry);
    const name = entry.name.slice(assetPrefix.length);
    if (!isName(name))
      throw new FormatError(where, `tensor '${brief(entry.name)}' must carry a legal name of an asset.`);
    assets.set(name, yield* readTensor(file, entry));
  }
  return assets;
}

/** Throws unless a tensor is of this dtype and shape. */
export function requireTensor({ name, dtype, shape }: TensorEntry, holder: Holder): void {
  if (dtypeNames[holder.dtype] === dtype && `${holder.shape}` === `${shape}`) return;
  const required = `${dtypeNames[holder.dtype]} [${holder.shape.join(', ')}]`;
  throw new FormatError(where, `tensor '${name}' must be ${required}. Received ${dtype} [${brief(shape.join(', '))}].`);
}

/** A view of `bytes`, or of a copy where they are not aligned to their elements. */
export function arrayOf({ dtype, shape }: Holder, bytes: Uint8Array, name: string): NDArray {
  if (dtype === 'bool' && bytes.some((byte) => byte > 1)) {
    throw new FormatError(where, `tensor '${name}': bytes that are 0 or 1 are required of a BOOL.`);
  }
  const aligned = bytes.byteOffset % bytesPerElement[dtype] === 0 ? bytes : bytes.slice();
  return { dtype, shape, data: viewOf(dtype, aligned.buffer, aligned.byteOffset, sizeOf(shape)) };
}
