/**
 * The laid-out model: a file for one version of the engine that holds what was laid out, the values of the variables and
 * the assets. It is a safetensors file like the model it was made of, with records where that has graphs; docs/format.md
 * has the rules. Its records are a program: they reach no further than the memory of the model, but what they compute
 * there is up to who made the file.
 */
import { bytesPerElement } from '../../core/dtype.js';
import { FormatError, UnsupportedError } from '../../core/errors.js';
import { type NDArray, sizeOf } from '../../core/ndarray.js';
import { type Dim, evaluateDim, evaluateShape } from '../../core/shape.js';
import { mapNamed, type Named } from '../../core/tree.js';
import {
  type Check,
  dtype,
  entries,
  extent,
  fields,
  fixedShape,
  flag,
  held,
  integer,
  list,
  named,
  Place,
  refuse,
  shape,
  text,
} from '../../format/checks.js';
import {
  arrayOf,
  arrayTensor,
  assetTensor,
  byteTensor,
  type Container,
  readAssets,
  readBytes,
  readContainer,
  readTensor,
  requireTensor,
  reserved,
  versionOf,
  writeContainer,
} from '../../format/container.js';
import { parseJson } from '../../format/json.js';
import { memorySource, readSync, type SyncByteSource } from '../../format/source.js';
import type { Requirement } from '../extents.js';
import {
  type LaidOut,
  type LaidOutGraph,
  type Patch,
  type PlacedValue,
  type PlacedVariable,
  PLANS,
  type Regions,
} from './laid-out.js';

const where = 'laid-out model';
const format = 'quern-laid-out';
const version = 1;
const layoutName = `${reserved}layout`;
const wordsName = `${reserved}words`;
const mostBytes = 1 << 24;
const depth = 9;
const most = 1 << 20;

/** One layout, and the flavours of engines that it is for. */
export interface Flavoured {
  readonly flavours: readonly string[];
  readonly laidOut: LaidOut;
}

/** What a laid-out model holds. */
export interface LaidOutContents {
  /** Whose records they are: `engineOf` a module. */
  readonly engine: string;
  readonly layouts: readonly Flavoured[];
  /** A value for every variable that is shared. */
  readonly variables: ReadonlyMap<string, NDArray>;
  readonly assets: ReadonlyMap<string, Uint8Array>;
}

const encodeValue = ({ dtype: type, shape: dims, at, session }: PlacedValue) => [type, dims, at, session];

const encodeGraph = (graph: LaidOutGraph) => ({
  inputs: mapNamed(graph.inputs, encodeValue),
  outputs: mapNamed(graph.outputs, encodeValue),
  requirements: graph.requirements.map((each) => [each.where, each.dim, each.least]),
  records: [graph.prepare, graph.body, graph.end, graph.first],
  names: graph.names,
  patches: graph.patches.map(({ at, dim, base, session }) => [at, dim, base, session]),
  reads: graph.reads,
  spoils: graph.spoils,
});

/** All but the words. */
export const encodeLayout = ({ bounds, variables, graphs, copies, records, regions }: LaidOut): object => ({
  bounds,
  variables: mapNamed(variables, encodeValue),
  graphs: mapNamed(graphs, encodeGraph),
  counts: [copies, records],
  regions: [regions.plans, regions.variables, regions.packed, regions.activations, regions.session, regions.scratch],
});

/** The bytes of a laid-out model: the same contents make the same bytes. */
export function writeLaidOut({ engine, layouts, variables, assets }: LaidOutContents): Uint8Array {
  const json = layouts.map(({ flavours, laidOut }) => ({ flavours, ...encodeLayout(laidOut) }));
  const words = layouts.flatMap(({ laidOut }) => [...laidOut.words]);
  const data = Int32Array.from(words);
  const file = writeContainer(
    format,
    [
      ...[...variables].map(([name, value]) => arrayTensor(name, value)),
      ...[...assets].map(([name, bytes]) => assetTensor(name, bytes)),
      arrayTensor(wordsName, { dtype: 'i32', shape: [data.length], data }),
      byteTensor(layoutName, new TextEncoder().encode(JSON.stringify(json))),
    ],
    { formatVersion: `${version}`, engine },
  );
  // What is written is read back here, so that no file is made that could not be.
  readLaidOut(memorySource(file), engine, () => layouts[0]?.flavours[0] ?? '');
  return file;
}

/** What reaches beyond any memory is for the executor to refuse, which says how much is needed. */
const address = integer(0, Number.MAX_SAFE_INTEGER);

const count = integer(0, most);

const numbers = list(address, most);

const value: Check<PlacedValue> = (json, place) => {
  const entry = entries(json, place, 4);
  return { dtype: entry(0, dtype), shape: entry(1, shape), at: entry(2, address), session: entry(3, flag) };
};

const variable: Check<PlacedVariable> = (json, place) => {
  const entry = entries(json, place, 4);
  return { ...value(json, place), shape: entry(1, fixedShape) };
};

/** A dimension, which evaluates at the bounds. */
const dimAt =
  (bounds: Named<number>): Check<Dim> =>
  (json, place) => {
    if (typeof json === 'number') return extent(json, place);
    const dim = text(json, place);
    held(place, () => evaluateDim(dim, bounds));
    return dim;
  };

const requirement =
  (bounds: Named<number>): Check<Requirement> =>
  (json, place) => {
    const entry = entries(json, place, 3);
    return { where: entry(0, text), dim: entry(1, dimAt(bounds)), least: entry(2, extent) };
  };

const patch =
  (bounds: Named<number>, regions: Regions): Check<Patch> =>
  (json, place) => {
    const entry = entries(json, place, 4);
    const at = entry(0, integer(PLANS, PLANS + regions.plans - 4));
    return { at, dim: entry(1, dimAt(bounds)), base: entry(2, address), session: entry(3, flag) };
  };

const graph =
  (bounds: Named<number>, regions: Regions, copies: number): Check<LaidOutGraph> =>
  (json, place) => {
    const field = fields(
      json,
      place,
      ...['inputs', 'outputs', 'requirements', 'records', 'names', 'patches', 'reads', 'spoils'],
    );
    const [prepare = 0, body = 0, end = 0, first = 0] = field('records', numbers);
    if (!(PLANS <= prepare && prepare <= body && body <= end && end <= PLANS + regions.plans)) {
      throw refuse(place, 'records in their order, within the plans, are', json);
    }
    const copiesOf = list(integer(0, copies - 1), most);
    return {
      inputs: field('inputs', named(value)),
      outputs: field('outputs', named(value)),
      requirements: field('requirements', list(requirement(bounds), most)),
      prepare,
      body,
      end,
      first,
      names: field('names', list(text, most)),
      patches: field('patches', list(patch(bounds, regions), most)),
      reads: field('reads', copiesOf),
      spoils: field('spoils', copiesOf),
    };
  };

/** How many copies and records there are. */
const countsOf: Check<Pick<LaidOut, 'copies' | 'records'>> = (json, place) => {
  const entry = entries(json, place, 2);
  return { copies: entry(0, count), records: entry(1, count) };
};

const regionsOf: Check<Regions> = (json, place) => {
  const entry = entries(json, place, 6);
  const [plans, variables, packed] = [entry(0, address), entry(1, address), entry(2, address)];
  const [activations, session, scratch] = [entry(3, address), entry(4, address), entry(5, address)];
  return { plans, variables, packed, activations, session, scratch };
};

const layout: Check<Omit<LaidOut, 'words'> & { readonly flavours: readonly string[] }> = (json, place) => {
  const field = fields(json, place, 'flavours', 'bounds', 'variables', 'graphs', 'counts', 'regions');
  const bounds = field('bounds', named(extent));
  const regions = field('regions', regionsOf);
  const { copies, records } = field('counts', countsOf);
  const variables = field('variables', named(variable));
  const graphs = field('graphs', named(graph(bounds, regions, copies)));
  const end = PLANS + regions.plans + regions.variables + regions.packed + regions.activations + regions.session;
  for (const [name, each] of [
    variables,
    ...Object.values(graphs).flatMap(({ inputs, outputs }) => [inputs, outputs]),
  ].flatMap((values) => Object.entries<PlacedValue>(values))) {
    const size = held(place, () => sizeOf(evaluateShape(each.shape, bounds))) * bytesPerElement[each.dtype];
    const isWithin = each.at >= PLANS && size >= 0 && each.at + size <= end;
    if (!isWithin || each.at % bytesPerElement[each.dtype] !== 0) {
      throw new FormatError(where, `'${name}' must lie within the memory.`);
    }
  }
  return { flavours: field('flavours', list(text, most)), bounds, variables, graphs, copies, records, regions };
};

/** A laid-out model that has been checked. */
export interface OpenedFile {
  readonly laidOut: LaidOut;
  readonly assets: ReadonlyMap<string, Uint8Array>;
  /** Reads a shared variable's value: a view. Throws `FormatError` when its checksum does not fit. */
  read(variable: string): NDArray;
}

/**
 * Reads a laid-out model for an engine of this name; its flavour is asked for where that makes a difference. Throws
 * `FormatError`, or `UnsupportedError` when it was laid out for another version of the engine.
 */
export function readLaidOut(source: SyncByteSource, engine: string, flavourOf: () => string): OpenedFile {
  const file = readSync(source, readContainer(source.size, format));
  const made = file.metadata.get('engine');
  if (versionOf(file, 'formatVersion') !== version || made !== engine) {
    throw new UnsupportedError(
      where,
      `one that was laid out for the engine ${engine} is required. Received one for ${made ?? 'none'}: lay the model out again.`,
    );
  }
  const json = parseJson(layoutName, readSync(source, readBytes(file, layoutName, mostBytes)), depth);
  const layouts = list(layout, 16)(json, new Place(layoutName));
  const at = layouts.length === 1 ? 0 : indexFor(flavourOf(), layouts);
  const chosen = layouts[at];
  if (!chosen) throw new FormatError(where, 'a layout is required. Received none.');
  const lengths = layouts.map(({ regions }) => regions.plans / 4);
  const start = lengths.slice(0, at).reduce((sum, length) => sum + length, 0);
  const words = wordsOf(
    source,
    file,
    lengths.reduce((sum, length) => sum + length, 0),
  );
  const { flavours: _, ...laidOut } = chosen;
  return {
    laidOut: { ...laidOut, words: words.subarray(start, start + (lengths[at] ?? 0)) },
    assets: readSync(source, readAssets(file)),
    read: (name) => valueOf(source, file, name, chosen.variables[name]),
  };
}

function indexFor(flavour: string, layouts: readonly { readonly flavours: readonly string[] }[]): number {
  const at = layouts.findIndex(({ flavours }) => flavours.includes(flavour));
  if (at < 0) throw new UnsupportedError(where, `a layout for engines of the flavour '${flavour}' is required.`);
  return at;
}

function wordsOf(source: SyncByteSource, file: Container, length: number): Uint32Array {
  const { data } = valueOf(source, file, wordsName, { dtype: 'i32', shape: [length] });
  return new Uint32Array(data.buffer, data.byteOffset, data.length);
}

function valueOf(
  source: SyncByteSource,
  file: Container,
  name: string,
  type: Pick<PlacedVariable, 'dtype' | 'shape'> | undefined,
): NDArray {
  const entry = file.tensors.get(name);
  if (!entry || !type) throw new FormatError(where, `a tensor '${name}' is required. Received none.`);
  requireTensor(entry, type);
  return arrayOf(type, readSync(source, readTensor(file, entry)), name);
}
