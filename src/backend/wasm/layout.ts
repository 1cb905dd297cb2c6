/**
 * Gives every buffer its address and turns drafts into plans: records in linear memory, with the list of words to
 * write again when extents or the session change.
 *
 *   [0, 64) never used   [64, 1024) control block   [1024, 4096) constants
 *   plans | sync words of the records | scratch of the threads | variables | packed copies | sessions | arena
 */
import { MemoryError } from '../../core/errors.js';
import { type Dim, evaluateDim, type Extents } from '../../core/shape.js';
import type { ThreadHost } from './threads.js';
import type { Address, Argument, KernelName } from './lowering.js';
import { aligned, layOut } from './memory.js';
import type { PlanDraft, RecordDraft } from './plan.js';
import type { Store } from './store.js';

const PLANS = 4096;
const HEADER = 24;
const SYNC_BYTES = 128;
export const PAGE = 65536;
const ADDRESSABLE = 65536 * PAGE;

/** A word that depends on the extents, on where the session lies, or on both. */
interface Patch {
  readonly at: number;
  readonly dim: Dim;
  readonly session: boolean;
}

/** One record of a plan. */
export interface Step {
  readonly at: number;
  readonly node: number;
  readonly kernel: KernelName;
  /** Whether threads begin it only when the records before it are complete. */
  readonly waits: boolean;
}

export interface Plan {
  readonly draft: PlanDraft;
  /** The records to run when some packed copy is stale start at `prepare`; otherwise at `body`. All end at `end`. */
  readonly prepare: number;
  readonly body: number;
  readonly end: number;
  readonly packedKeys: readonly string[];
  readonly patches: readonly Patch[];
  /** The words of `prepare` to `end` and of the tables, as first written (symbols at zero, session at offset zero). */
  readonly image: readonly (readonly [address: number, words: Uint32Array])[];
  /** Where each record of the body starts, its kernel, and the node it works for. */
  readonly steps: readonly Step[];
  /** The same for what packs. */
  readonly packing: readonly Step[];
  addressOf(address: Address): { readonly at: number; readonly session: boolean };
}

export interface Layout {
  readonly plans: ReadonlyMap<string, Plan>;
  /** For each record number, its plan and node, for messages. */
  readonly records: readonly { readonly graph: string; readonly node: number }[];
  readonly variables: ReadonlyMap<string, number>;
  readonly sync: number;
  readonly scratch: number;
  readonly scratchStride: number;
  readonly sessions: number;
  readonly sessionBytes: number;
  readonly bytes: number;
}

interface Options {
  readonly threads: number;
  /** Of the threads' host. */
  readonly waitsOf: ThreadHost['waitsOf'] | undefined;
  readonly sessions: number;
  readonly memoryLimit: number;
}

const recordBytes = (record: RecordDraft): number => HEADER + record.args.length * 4;

const sizeOf = (records: readonly RecordDraft[]): number =>
  records.reduce((sum, record) => sum + recordBytes(record), 0);

/** Lays out everything; throws `MemoryError` with the figures when it takes more than the limit. */
export function layOutAll(store: Store, drafts: ReadonlyMap<string, PlanDraft>, options: Options): Layout {
  const fixed = new Map<number, number>();
  let top = PLANS;
  const take = (bytes: number): number => {
    const at = top;
    top += aligned(bytes);
    return at;
  };

  const starts = new Map<string, { prepare: number; body: number; end: number; first: number }>();
  const records: { graph: string; node: number }[] = [];
  for (const [graph, draft] of drafts) {
    for (const [buffer, entries] of draft.tables) fixed.set(buffer, take(entries.length * 4));
    const prepare = draft.prepare.flatMap((each) => each.records);
    const at = take(sizeOf(prepare) + sizeOf(draft.body));
    const body = at + sizeOf(prepare);
    starts.set(graph, { prepare: at, body, end: body + sizeOf(draft.body), first: records.length });
    for (const record of [...prepare, ...draft.body]) records.push({ graph, node: record.node });
  }
  const plansEnd = top;
  const sync = take(options.threads > 1 ? records.length * SYNC_BYTES : 0);
  const scratchStride = aligned(Math.max(0, ...[...drafts.values()].map((draft) => draft.threadScratch)) + 128);
  const scratch = take(options.threads * scratchStride);

  const variables = new Map<string, number>();
  const variablesStart = top;
  for (const variable of store.variables.values()) {
    if (variable.scope === 'session') continue;
    const at = take(variable.bytes);
    variables.set(variable.name, at);
    fixed.set(variable.buffer, at);
  }
  const packedStart = top;
  for (const copy of store.packedCopies.values()) fixed.set(copy.buffer, take(copy.bytes));

  const sessions = top;
  const session = new Map<number, number>();
  let sessionBytes = 0;
  for (const variable of store.variables.values()) {
    if (variable.scope !== 'session') continue;
    session.set(variable.buffer, sessions + sessionBytes);
    variables.set(variable.name, sessions + sessionBytes);
    sessionBytes += aligned(variable.bytes);
  }
  take(sessionBytes * options.sessions);

  const arenaStart = top;
  const arenas = new Map<string, Map<number, number>>();
  let arenaBytes = 0;
  for (const [graph, draft] of drafts) {
    const used = [...draft.arena].filter(([, life]) => life.first <= life.last);
    const { offsets, bytes } = layOut(used.map(([, life]) => life));
    arenas.set(graph, new Map(used.map(([buffer], i) => [buffer, arenaStart + (offsets[i] ?? 0)])));
    arenaBytes = Math.max(arenaBytes, bytes);
  }
  take(arenaBytes);

  // Kernels read whole vectors: some bytes behind the last buffer, too.
  const bytes = Math.ceil((top + 64) / PAGE) * PAGE;
  const limit = Math.min(options.memoryLimit, ADDRESSABLE);
  if (bytes > limit) {
    const parts =
      `plans ${plansEnd}, scratch ${variablesStart - plansEnd}, variables ${packedStart - variablesStart}, packed copies ` +
      `${sessions - packedStart}, sessions ${arenaStart - sessions}, activations ${arenaBytes}`;
    throw new MemoryError(
      'wasm',
      `at most ${limit} bytes are allowed. Received a program that needs ${bytes} (${parts}). ` +
        'Lower the bounds of its symbols, or raise the limit.',
      { required: bytes, limit },
    );
  }

  const variableBuffers = new Set([...store.variables.values()].map(({ buffer }) => buffer));
  const plans = new Map<string, Plan>();
  for (const [graph, draft] of drafts) {
    const arena = arenas.get(graph) ?? new Map<number, number>();
    const addressOf = (address: Address): { at: number; session: boolean; dim: Dim } => {
      const { buffer, offset } = draft.resolve(address);
      const inSession = session.get(buffer);
      const base = inSession ?? fixed.get(buffer) ?? arena.get(buffer);
      if (base === undefined) throw new RangeError(`buffer ${buffer} was not laid out`);
      if (typeof offset === 'number') return { at: base + offset, session: inSession !== undefined, dim: 0 };
      return { at: base, session: inSession !== undefined, dim: offset };
    };
    plans.set(
      graph,
      encode(draft, starts.get(graph), fixed, addressOf, (buffer) => variableBuffers.has(buffer), options.waitsOf),
    );
  }
  return { plans, records, variables, sync, scratch, scratchStride, sessions, sessionBytes, bytes };
}

function encode(
  draft: PlanDraft,
  start: { prepare: number; body: number; end: number; first: number } | undefined,
  fixed: ReadonlyMap<number, number>,
  addressOf: (address: Address) => { at: number; session: boolean; dim: Dim },
  isVariable: (buffer: number) => boolean,
  waitsOf: Options['waitsOf'],
): Plan {
  if (!start) throw new RangeError('the plan was not laid out');
  const patches: Patch[] = [];
  const bits = new DataView(new ArrayBuffer(4));
  const word = (argument: Argument, isFloat: boolean, at: number): number => {
    if (typeof argument === 'object') {
      const place = addressOf(argument);
      if (place.session || place.dim !== 0)
        patches.push({ at, dim: plusDim(place.at, place.dim), session: place.session });
      return place.at;
    }
    if (typeof argument === 'string') {
      patches.push({ at, dim: argument, session: false });
      return 0;
    }
    if (isFloat) bits.setFloat32(0, argument);
    else bits.setInt32(0, argument);
    return bits.getUint32(0);
  };

  const image: [number, Uint32Array][] = [];
  for (const [buffer, entries] of draft.tables) {
    const at = fixed.get(buffer) ?? 0;
    image.push([at, Uint32Array.from(entries, (entry, i) => word(entry, false, at + i * 4))]);
  }
  const words = new Uint32Array((start.end - start.prepare) / 4);
  let at = start.prepare;
  const records = [...draft.prepare.flatMap((each) => each.records), ...draft.body];
  const packs = records.length - draft.body.length;
  const places = { addressOf: (buffer: number) => addressOf({ buffer, offset: 0 }).at, isVariable };
  const groups = [...records.slice(0, packs).map((record) => [record]), ...draft.groups];
  const headers = headersOf(groups, waitsOf?.(draft, groups, places) ?? []);
  const put = (record: RecordDraft, index: number): Step => {
    const { waits, span } = headers[index] ?? { waits: true, span: 0 };
    const step = { at, node: record.node, kernel: record.kernel, waits };
    const kernel = draft.kernels(record.kernel);
    if (!kernel) throw new RangeError(`kernel ${record.kernel} is not in the module`);
    const base = (at - start.prepare) / 4;
    words[base] = kernel.id;
    words[base + 1] = word(record.units, false, at + 4);
    words[base + 2] = recordBytes(record);
    words[base + 3] = start.first + index;
    words[base + 4] = waits ? 1 : 0;
    words[base + 5] = span;
    record.args.forEach((argument, i) => {
      words[base + 6 + i] = word(argument, kernel.isFloat[i] === true, at + HEADER + i * 4);
    });
    at += recordBytes(record);
    return step;
  };
  const steps = records.map(put);
  image.push([start.prepare, words]);
  const packedKeys = draft.prepare.map((each) => each.key);
  return {
    draft,
    prepare: start.prepare,
    body: start.body,
    end: start.end,
    packedKeys,
    patches,
    image,
    steps: steps.slice(packs),
    packing: steps.slice(0, packs),
    addressOf,
  };
}

/** For each record whether it waits, as all but the first of a group do, and the bytes up to the end of its group. */
function headersOf(groups: PlanDraft['groups'], waits: readonly boolean[]) {
  return groups.flatMap((group, at) =>
    group.map((_, i) => ({ waits: i > 0 || waits[at] === true, span: sizeOf(group.slice(i)) })),
  );
}

const plusDim = (at: number, dim: Dim): Dim => (dim === 0 ? at : `${dim}+${at}`);

/** Writes the words that depend on the extents and on the session. */
export function patch(plan: Plan, memory: DataView, extents: Extents, sessionOffset: number): void {
  const known = new Map<Dim, number>();
  for (const { at, dim, session } of plan.patches) {
    let value = known.get(dim);
    if (value === undefined) known.set(dim, (value = evaluateDim(dim, extents)));
    memory.setInt32(at, session ? value + sessionOffset : value, true);
  }
}
