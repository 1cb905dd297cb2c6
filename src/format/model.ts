/**
 * The model file: a valid safetensors file that holds a program, its assets and the values of its shared variables. The
 * rules are in docs/format.md. Reading checks the header, the program and the assets; each variable is read, and held
 * against its checksum, when it is asked for: whoever loads a model from afar need not hold all of it.
 */
import { ArgumentError, FormatError } from '../core/errors.js';
import { type NDArray, sizeOf } from '../core/ndarray.js';
import { isName } from '../graph/names.js';
import type { Program, Variable } from '../graph/program.js';
import { verify } from '../graph/verify.js';
import {
  arrayOf,
  arrayTensor,
  assetTensor,
  byteTensor,
  isAsset,
  readAssets,
  readBytes,
  readContainer,
  readTensor,
  requireTensor,
  reserved,
  versionOf,
  writeContainer,
} from './container.js';
import { brief, type Json, parseJson } from './json.js';
import { decodeProgram, encodeProgram, programDepth } from './program.js';
import type { TensorBytes, TensorEntry } from './safetensors.js';
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
const format = 'quern';
const programName = `${reserved}program`;
const maxProgramBytes = 1 << 22;

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
    tensors.push(assetTensor(name, bytes));
  }
  return writeContainer(format, tensors, { formatVersion: `${formatVersion}`, opsetVersion: `${opsetVersion}` });
}

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
  return arrayTensor(name, value);
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
  const file = yield* readContainer(size, format);
  const upgrades = [
    ...upgradesFrom(versionOf(file, 'formatVersion'), formatUpgrades, 'formatVersion'),
    ...upgradesFrom(versionOf(file, 'opsetVersion'), opsetUpgrades, 'opsetVersion'),
  ];
  const encoded = yield* readBytes(file, programName, maxProgramBytes);
  const program = decodeProgram(upgrade(parseProgram(encoded), upgrades));
  const assets = yield* readAssets(file);
  const values = new Map<string, Variable>();
  for (const entry of file.tensors.values()) {
    const { name } = entry;
    if (name !== programName && !isAsset(name)) values.set(name, variableOf(entry, program));
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
    return arrayOf(variable, yield* readTensor(file, entry), name);
  }
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

function parseProgram(bytes: Uint8Array): Json {
  if (bytes.length > maxProgramBytes) {
    const most = `a program of at most ${maxProgramBytes} bytes is required`;
    throw new FormatError(where, `${most}. Received ${bytes.length}. Keep large literals in variables.`);
  }
  return parseJson(programName, bytes, programDepth);
}

/** The variable whose value a tensor holds. */
function variableOf(entry: TensorEntry, program: Program): Variable {
  const { name } = entry;
  const variable = Object.hasOwn(program.variables, name) ? program.variables[name] : undefined;
  if (!variable || variable.scope !== 'shared') {
    throw new FormatError(where, `tensor '${brief(name)}' must be a shared variable of the program.`);
  }
  requireTensor(entry, variable);
  return variable;
}
