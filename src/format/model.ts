/**
 * The model file: a valid safetensors file that holds a program, its assets and the values of its shared variables. The
 * rules are in docs/format.md. Reading checks the header, the program and the assets; each variable is read, and held
 * against its checksum, when it is asked for: whoever loads a model from afar need not hold all of it.
 */
import { ArgumentError, FormatError } from '../core/errors.js';
import { bytesPerElement, type DType, viewOf } from '../core/dtype.js';
import { type NDArray, sizeOf } from '../core/ndarray.js';
import { isName } from '../graph/names.js';
import type { Program, Variable } from '../graph/program.js';
import { verify } from '../graph/verify.js';
import { crc32 } from './crc32.js';
import { brief, type Json, parseJson } from './json.js';
import { decodeProgram, encodeProgram, programDepth } from './program.js';
import {
  inFileOrder,
  readHeader,
  type Safetensors,
  type SafetensorsDType,
  type TensorBytes,
  type TensorEntry,
  writeSafetensors,
} from './safetensors.js';
import { type ByteSource, readAsync, type Reading, readSync, type SyncByteSource } from './source.js';

export const formatVersion = 1;
export const opsetVersion = 1;

/** Turns the JSON of a program of one version into that of the next. Pure. */
export type Upgrade = (program: Json) => Json;

/** Entry i turns version i + 1 into version i + 2: of the format, and of the op set. */
const formatUpgrades: readonly Upgrade[] = [];
const opsetUpgrades: readonly Upgrade[] = [];

/** What a model file holds: a program, the values of its shared variables, and assets. */
export interface ModelContents {
  readonly program: Program;
  /** A value for every shared variable; session variables start at zero and have none. */
  readonly variables: ReadonlyMap<string, NDArray>;
  /** Labels, vocabularies, preprocessing ...: bytes that the program's user needs. */
  readonly assets?: ReadonlyMap<string, Uint8Array>;
}

/** A model file that has been checked. `R` is an array, or the promise of one. */
export interface Model<R extends NDArray | Promise<NDArray> = NDArray | Promise<NDArray>> {
  readonly program: Program;
  readonly assets: ReadonlyMap<string, Uint8Array>;
  /** Reads a shared variable's value; over memory a view of it. Throws `FormatError` when its checksum does not fit. */
  read(variable: string): R;
}

const where = 'model';
const reserved = 'quern.';
const programName = `${reserved}program`;
const assetPrefix = `${reserved}asset.`;
const maxProgramBytes = 1 << 22;

const dtypeNames: Readonly<Record<DType, SafetensorsDType>> = {
  f32: 'F32',
  i32: 'I32',
  u8: 'U8',
  i8: 'I8',
  bool: 'BOOL',
};

/** The CRC-32 of a tensor: of the line `name dtype shape`, then of its bytes. */
export function checksumOf(tensor: Omit<TensorBytes, 'bytes'>, bytes: Uint8Array): number {
  const line = `${tensor.name} ${tensor.dtype} ${tensor.shape.join(',')}\n`;
  return crc32(bytes, crc32(new TextEncoder().encode(line)));
}

/** The bytes of a model file: the same contents make the same bytes. */
export function writeModel({ program, variables, assets = new Map<string, Uint8Array>() }: ModelContents): Uint8Array {
  verify(program);
  const tensors: TensorBytes[] = [];
  for (const [name, variable] of Object.entries(program.variables)) {
    if (variable.scope === 'shared') tensors.push(tensorOf(name, variable, variables.get(name)));
  }
  for (const name of variables.keys()) {
    if (!tensors.some((tensor) => tensor.name === name)) {
      throw new ArgumentError(where, `values of shared variables only are required. Received '${name}'.`);
    }
  }
  const encoded = new TextEncoder().encode(encodeProgram(program));
  // What is written is read back here, so that no file is made that could not be.
  decodeProgram(parseProgram(encoded));
  tensors.push(byteTensor(programName, encoded));
  for (const [name, bytes] of assets) {
    if (!isName(name)) throw new ArgumentError(where, `letters, digits and _ . : / - name assets. Received '${name}'.`);
    tensors.push(byteTensor(assetPrefix + name, bytes));
  }
  const checksums = inFileOrder(tensors).map((tensor) => hex(checksumOf(tensor, tensor.bytes)));
  const metadata = new Map([
    ['format', 'quern'],
    ['formatVersion', `${formatVersion}`],
    ['opsetVersion', `${opsetVersion}`],
    ['crc32', checksums.join(' ')],
  ]);
  return writeSafetensors(tensors, metadata);
}

const hex = (checksum: number): string => checksum.toString(16).padStart(8, '0');

const byteTensor = (name: string, bytes: Uint8Array): TensorBytes => ({
  name,
  dtype: 'U8',
  shape: [bytes.length],
  bytes,
});

function tensorOf(name: string, variable: Variable, value: NDArray | undefined): TensorBytes {
  if (name.startsWith(reserved)) {
    throw new ArgumentError(where, `names of variables must not start with '${reserved}'. Received '${name}'.`);
  }
  if (!value) throw new ArgumentError(where, `a value for variable '${name}' is required. Received none.`);
  const { dtype, shape, data } = value;
  if (dtype !== variable.dtype || `${shape}` !== `${variable.shape}` || data.length !== sizeOf(shape)) {
    const required = `${variable.dtype} [${variable.shape.join(', ')}]`;
    throw new ArgumentError(where, `${required} is required for '${name}'. Received ${dtype} [${shape.join(', ')}].`);
  }
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return { name, dtype: dtypeNames[dtype], shape, bytes };
}

/** Reads and checks a model whose bytes are at hand. Throws `FormatError`. */
export function readModel(source: SyncByteSource): Model<NDArray> {
  const { read, ...parts } = readSync(source, model(source.size));
  return { ...parts, read: (variable) => readSync(source, read(variable)) };
}

/** Reads and checks a model from afar. Throws `FormatError`. */
export async function readModelAsync(source: ByteSource): Promise<Model<Promise<NDArray>>> {
  const { read, ...parts } = await readAsync(source, model(source.size));
  return { ...parts, read: (variable) => readAsync(source, read(variable)) };
}

interface Parts {
  readonly program: Program;
  readonly assets: ReadonlyMap<string, Uint8Array>;
  readonly read: (variable: string) => Reading<NDArray>;
}

function* model(size: number): Reading<Parts> {
  const file = yield* readHeader(size);
  if (file.metadata.get('format') !== 'quern') {
    throw new FormatError(where, "metadata with the format 'quern' is required. This is another safetensors file.");
  }
  const versions = { format: versionOf(file, 'formatVersion'), opset: versionOf(file, 'opsetVersion') };
  const upgrades = [
    ...upgradesFrom(versions.format, formatUpgrades, 'formatVersion'),
    ...upgradesFrom(versions.opset, opsetUpgrades, 'opsetVersion'),
  ];
  const checksums = checksumsOf(file);
  const program = decodeProgram(upgrade(parseProgram(yield* programBytes(file, checksums)), upgrades));
  const assets = new Map<string, Uint8Array>();
  const values = new Map<string, Variable>();
  for (const entry of file.tensors.values()) {
    if (entry.name === programName) continue;
    if (entry.name.startsWith(assetPrefix)) {
      requireBytes(entry);
      const name = entry.name.slice(assetPrefix.length);
      if (!isName(name))
        throw new FormatError(where, `tensor '${brief(entry.name)}' must carry a legal name of an asset.`);
      assets.set(name, yield* readTensor(entry, checksums));
    } else {
      values.set(entry.name, variableOf(entry, program));
    }
  }
  for (const [name, { scope }] of Object.entries(program.variables)) {
    if (scope === 'shared' && !values.has(name)) {
      throw new FormatError(where, `a tensor for variable '${name}' is required. Received none.`);
    }
  }
  return { program, assets, read };

  function* read(name: string): Reading<NDArray> {
    const entry = file.tensors.get(name);
    const variable = values.get(name);
    if (!entry || !variable) throw new ArgumentError(where, `a shared variable is required. Received '${name}'.`);
    return arrayOf(variable, yield* readTensor(entry, checksums), name);
  }
}

function versionOf(file: Safetensors, key: string): number {
  const text = file.metadata.get(key) ?? '';
  if (!/^[1-9]\d{0,5}$/.test(text))
    throw new FormatError(where, `metadata '${key}' must be a version. Received '${brief(text)}'.`);
  return Number(text);
}

/** The upgrades that lead from a version to the newest. */
export function upgradesFrom(version: number, upgrades: readonly Upgrade[], what: string): readonly Upgrade[] {
  const newest = upgrades.length + 1;
  if (version > newest) {
    throw new FormatError(
      where,
      `${what} of at most ${newest} is required. Received ${version}: a newer Quern reads it.`,
    );
  }
  return upgrades.slice(version - 1);
}

export const upgrade = (program: Json, upgrades: readonly Upgrade[]): Json =>
  upgrades.reduce((json, next) => next(json), program);

/** The checksum of each tensor by its name; the metadata lists them in the order of the tensors' bytes. */
function checksumsOf(file: Safetensors): ReadonlyMap<string, string> {
  const listed = (file.metadata.get('crc32') ?? '').split(' ');
  const names = [...file.tensors.keys()];
  if (listed.length !== names.length) {
    throw new FormatError(where, `${names.length} checksums are required. Received ${listed.length}.`);
  }
  return new Map(names.map((name, i) => [name, listed[i] ?? '']));
}

function* readTensor(entry: TensorEntry, checksums: ReadonlyMap<string, string>): Reading<Uint8Array> {
  const bytes = yield entry;
  const required = checksums.get(entry.name) ?? '';
  const received = hex(checksumOf(entry, bytes));
  if (received === required) return bytes;
  throw new FormatError(
    where,
    `tensor '${brief(entry.name)}': CRC-32 ${brief(required)} is required. Received ${received}: the file is damaged.`,
  );
}

function requireBytes(entry: TensorEntry): void {
  if (entry.dtype !== 'U8' || entry.shape.length !== 1) {
    throw new FormatError(where, `tensor '${brief(entry.name)}' must be U8 of one dimension. Received ${entry.dtype}.`);
  }
}

function* programBytes(file: Safetensors, checksums: ReadonlyMap<string, string>): Reading<Uint8Array> {
  const entry = file.tensors.get(programName);
  if (!entry) throw new FormatError(where, `a tensor '${programName}' is required. Received none.`);
  requireBytes(entry);
  if (entry.length > maxProgramBytes) throw tooLarge(entry.length);
  return yield* readTensor(entry, checksums);
}

const tooLarge = (bytes: number): FormatError =>
  new FormatError(
    where,
    `a program of at most ${maxProgramBytes} bytes is required. Received ${bytes}. Keep large literals in variables.`,
  );

function parseProgram(bytes: Uint8Array): Json {
  if (bytes.length > maxProgramBytes) throw tooLarge(bytes.length);
  return parseJson(programName, bytes, programDepth);
}

/** The variable whose value a tensor holds. */
function variableOf(entry: TensorEntry, program: Program): Variable {
  const { name, dtype, shape } = entry;
  const variable = Object.hasOwn(program.variables, name) ? program.variables[name] : undefined;
  if (!variable || variable.scope !== 'shared') {
    throw new FormatError(where, `tensor '${brief(name)}' must be a shared variable of the program.`);
  }
  if (dtypeNames[variable.dtype] !== dtype || `${variable.shape}` !== `${shape}`) {
    const required = `${dtypeNames[variable.dtype]} [${variable.shape.join(', ')}]`;
    throw new FormatError(
      where,
      `tensor '${name}' must be ${required}. Received ${dtype} [${brief(shape.join(', '))}].`,
    );
  }
  return variable;
}

/** A view of `bytes`, or of a copy where they are not aligned to their elements. */
function arrayOf({ dtype, shape }: Variable, bytes: Uint8Array, name: string): NDArray {
  if (dtype === 'bool' && bytes.some((byte) => byte > 1)) {
    throw new FormatError(where, `tensor '${name}': bytes that are 0 or 1 are required of a BOOL.`);
  }
  const aligned = bytes.byteOffset % bytesPerElement[dtype] === 0 ? bytes : bytes.slice();
  return { dtype, shape, data: viewOf(dtype, aligned.buffer, aligned.byteOffset, sizeOf(shape)) };
}
