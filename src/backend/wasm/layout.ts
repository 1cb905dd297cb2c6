/**
 * Gives every buffer its address and turns drafts into what runs: records as words, with the list of those to write again
 * when extents or the session change. `laid-out.ts` says in which order things lie.
 */
import type { Dim } from '../../core/shape.js';
import { mapNamed, type Named } from '../../core/tree.js';
import type { ValueId } from '../../graph/program.js';
import { requirementsOf } from '../extents.js';
import { waitsOf } from './barriers.js';
import { type LaidOut, type LaidOutGraph, type Patch, type PlacedValue, PLANS } from './laid-out.js';
import type { Address, Argument, KernelName } from './lowering.js';
import { aligned, layOut } from './memory.js';
import type { PlanDraft, RecordDraft } from './plan.js';
import type { Store } from './store.js';

const HEADER = 24;

/** One record of a plan. */
export interface Step {
  readonly at: number;
  readonly node: number;
  readonly kernel: KernelName;
  /** Whether threads begin it only when the records before it are complete. */
  readonly waits: boolean;
}

/** What a plan was made of, and where that went: for whoever looks inside. */
export interface Plan {
  readonly draft: PlanDraft;
  /** The records that pack, then those of the body. */
  readonly packing: readonly Step[];
  readonly steps: readonly Step[];
  placeOf(value: ValueId): PlacedValue;
}

export interface Layout {
  readonly laidOut: LaidOut;
  readonly plans: ReadonlyMap<string, Plan>;
}

/** Where a buffer lies, and what an address in it adds that depends on symbols. */
interface Home {
  readonly at: number;
  readonly dim: Dim;
  readonly session: boolean;
}

const recordBytes = (record: RecordDraft): number => HEADER + record.args.length * 4;

const sizeOf = (records: readonly RecordDraft[]): number =>
  records.reduce((sum, record) => sum + recordBytes(record), 0);

const packingOf = (draft: PlanDraft): readonly RecordDraft[] => draft.prepare.flatMap((each) => each.records);

/** Takes addresses from the lowest on. */
class Allocator {
  readonly addresses = new Map<number, number>();

  constructor(public top: number) {}

  take(bytes: number, buffer?: number): number {
    const at = this.top;
    this.top += aligned(bytes);
    if (buffer !== undefined) this.addresses.set(buffer, at);
    return at;
  }

  /** The bytes that `fill` takes. */
  region(fill: () => void): number {
    const start = this.top;
    fill();
    return this.top - start;
  }
}

/** Lays out everything: the graphs of `drafts`, over the variables of one store, at the bounds of their symbols. */
export function layOutAll(store: Store, drafts: ReadonlyMap<string, PlanDraft>, bounds: Named<number>): Layout {
  const fixed = new Allocator(PLANS);
  const starts = new Map<string, number>();
  const plans = fixed.region(() => {
    for (const [graph, draft] of drafts) {
      for (const [buffer, entries] of draft.tables) fixed.take(entries.length * 4, buffer);
      starts.set(graph, fixed.take(sizeOf(packingOf(draft)) + sizeOf(draft.body)));
    }
  });
  const variables = [...store.variables.values()];
  const packedCopies = [...store.packedCopies.values()];
  const shared = fixed.region(() => {
    for (const { scope, bytes, buffer } of variables) if (scope === 'shared') fixed.take(bytes, buffer);
  });
  const packed = fixed.region(() => packedCopies.forEach(({ bytes, buffer }) => fixed.take(bytes, buffer)));

  const arenas = new Map<string, ReadonlyMap<number, number>>();
  const activations = Math.max(
    0,
    ...[...drafts].map(([graph, { arena }]) => {
      const used = [...arena].filter(([, life]) => life.first <= life.last);
      const { offsets, bytes } = layOut(used.map(([, life]) => life));
      arenas.set(graph, new Map(used.map(([buffer], i) => [buffer, fixed.top + (offsets[i] ?? 0)])));
      return bytes;
    }),
  );
  fixed.take(activations);

  const sessions = new Allocator(fixed.top);
  const session = sessions.region(() => {
    for (const { scope, bytes, buffer } of variables) if (scope === 'session') sessions.take(bytes, buffer);
  });

  const homeOf = (graph: string, { buffer, offset }: Address): Home => {
    const inSession = sessions.addresses.get(buffer);
    const base = inSession ?? fixed.addresses.get(buffer) ?? arenas.get(graph)?.get(buffer);
    if (base === undefined) throw new RangeError(`buffer ${buffer} was not laid out`);
    const isFixed = typeof offset === 'number';
    return { at: isFixed ? base + offset : base, dim: isFixed ? 0 : offset, session: inSession !== undefined };
  };

  const variableBuffers = new Set(variables.map(({ buffer }) => buffer));
  const words = new Uint32Array(plans / 4);
  const made = new Map<string, Plan>();
  const graphs: Record<string, LaidOutGraph> = {};
  let records = 0;
  for (const [name, draft] of drafts) {
    const { patches, packing, steps } = encode({
      draft,
      start: starts.get(name) ?? PLANS,
      first: records,
      homeOf: (address) => homeOf(name, draft.resolve(address)),
      isVariable: (buffer) => variableBuffers.has(buffer),
      words,
    });
    const placeOf = (value: ValueId): PlacedValue => {
      const [type, address] = [draft.graph.values[value], draft.addressOf[value]];
      if (!type || !address) throw new RangeError(`value ${value} is not in the plan`);
      const { at, session: inSession } = homeOf(name, draft.resolve(address));
      return { ...type, at, session: inSession };
    };
    const all = [...packing, ...steps];
    const end = (starts.get(name) ?? PLANS) + sizeOf(packingOf(draft)) + sizeOf(draft.body);
    const numbersOf = (copies: readonly object[]): number[] =>
      packedCopies.flatMap((copy, number) => (copies.includes(copy) ? number : []));
    graphs[name] = {
      inputs: mapNamed(draft.graph.inputs, placeOf),
      outputs: mapNamed(draft.graph.outputs, placeOf),
      requirements: requirementsOf(name, draft.graph),
      prepare: all[0]?.at ?? end,
      body: steps[0]?.at ?? end,
      end,
      patches,
      reads: numbersOf(draft.prepare.flatMap(({ key }) => store.packedCopies.get(key) ?? [])),
      spoils: numbersOf(store.copiesOf(Object.keys(draft.graph.updates))),
      first: records,
      names: all.map(({ node }) => draft.graph.nodes[node]?.name ?? name),
    };
    records += all.length;
    made.set(name, { draft, packing, steps, placeOf });
  }
  const placed = variables.map(({ name, dtype, shape, scope, buffer }) => {
    const at = (scope === 'session' ? sessions : fixed).addresses.get(buffer) ?? 0;
    return [name, { dtype, shape, at, session: scope === 'session' }] as const;
  });
  const scratch = aligned(Math.max(0, ...[...drafts.values()].map((draft) => draft.threadScratch)) + 128);
  const laidOut: LaidOut = {
    bounds,
    variables: Object.fromEntries(placed),
    graphs,
    copies: packedCopies.length,
    records,
    regions: { plans, variables: shared, packed, activations: aligned(activations), session, scratch },
    words,
  };
  return { laidOut, plans: made };
}

interface Encoding {
  readonly draft: PlanDraft;
  /** The address of its first record, and that record's number. */
  readonly start: number;
  readonly first: number;
  readonly homeOf: (address: Address) => Home;
  readonly isVariable: (buffer: number) => boolean;
  /** The words from `PLANS` on. */
  readonly words: Uint32Array;
}

/** Writes a draft's records and tables. */
function encode({ draft, start, first, homeOf, isVariable, words }: Encoding): {
  readonly patches: readonly Patch[];
  readonly packing: readonly Step[];
  readonly steps: readonly Step[];
} {
  const patches: Patch[] = [];
  const bits = new DataView(new ArrayBuffer(4));
  const put = (at: number, argument: Argument, isFloat = false): void => {
    words[(at - PLANS) / 4] = wordOf(argument, isFloat, at);
  };
  const wordOf = (argument: Argument, isFloat: boolean, at: number): number => {
    if (typeof argument === 'object') {
      const { at: place, dim, session } = homeOf(argument);
      if (session || dim !== 0) patches.push({ at, dim, base: place, session });
      return place;
    }
    if (typeof argument === 'string') {
      patches.push({ at, dim: argument, base: 0, session: false });
      return 0;
    }
    if (isFloat) bits.setFloat32(0, argument);
    else bits.setInt32(0, argument);
    return bits.getUint32(0);
  };

  for (const [buffer, entries] of draft.tables) {
    const { at } = homeOf({ buffer, offset: 0 });
    entries.forEach((entry, i) => put(at + i * 4, entry));
  }
  const packing = packingOf(draft);
  const groups = [...packing.map((record) => [record]), ...draft.groups];
  const places = { addressOf: (buffer: number) => homeOf({ buffer, offset: 0 }).at, isVariable };
  const headers = headersOf(groups, waitsOf(draft, groups, places));
  let at = start;
  const steps = [...packing, ...draft.body].map((record, index): Step => {
    const kernel = draft.kernels(record.kernel);
    const header = headers[index];
    if (!kernel || !header) throw new RangeError(`kernel ${record.kernel} is not in the module`);
    const step = { at, node: record.node, kernel: record.kernel, waits: header.waits };
    put(at, kernel.id);
    put(at + 4, record.units);
    put(at + 8, recordBytes(record));
    put(at + 12, first + index);
    put(at + 16, header.waits ? 1 : 0);
    put(at + 20, header.span);
    record.args.forEach((argument, i) => put(at + HEADER + i * 4, argument, kernel.isFloat[i] === true));
    at += recordBytes(record);
    return step;
  });
  return { patches, packing: steps.slice(0, packing.length), steps: steps.slice(packing.length) };
}

/** For each record whether it waits, as all but the first of a group do, and the bytes up to the end of its group. */
function headersOf(groups: PlanDraft['groups'], waits: readonly boolean[]) {
  return groups.flatMap((group, at) =>
    group.map((_, i) => ({ waits: i > 0 || waits[at] === true, span: sizeOf(group.slice(i)) })),
  );
}
