/**
 * Which groups of records wait for those before them. Threads pass from one group to the next while nobody waits, so groups
 * between two waits may be worked on at once: none of them writes what another touches. What a record writes follows
 * from its node: all that it touches but the node's inputs and tables.
 */
import type { PlanDraft, RecordDraft } from './plan.js';

/** Bytes that a record touches. */
interface Touch {
  readonly start: number;
  readonly end: number;
  readonly writes: boolean;
  /** It writes a variable: not before all that may still fail has not. */
  readonly updates: boolean;
}

const meet = (a: Touch, b: Touch): boolean =>
  a.updates !== b.updates || ((a.writes || b.writes) && a.start < b.end && b.start < a.end);

export interface Places {
  addressOf(buffer: number): number;
  isVariable(buffer: number): boolean;
}

/** For each group, in the order of the plan, whether it is begun only when those before it are complete. */
export function waitsOf(draft: PlanDraft, groups: PlanDraft['groups'], places: Places): readonly boolean[] {
  let open: readonly Touch[] = [];
  return groups.map((group) => {
    const touches = group.flatMap((record) => touchesOf(draft, record, places));
    const waits = touches.some((touch) => open.some((other) => meet(touch, other)));
    open = waits ? touches : [...open, ...touches];
    return waits;
  });
}

function touchesOf(draft: PlanDraft, record: RecordDraft, { addressOf, isVariable }: Places): readonly Touch[] {
  const node = draft.graph.nodes[record.node];
  const buffersOf = (values: readonly number[] = []): ReadonlySet<number> =>
    new Set(values.flatMap((value) => draft.addressOf[value] ?? []).map((address) => draft.resolve(address).buffer));
  const [inputs, outputs] = [buffersOf(node?.inputs), buffersOf(node?.outputs)];
  const buffers = [...draft.touched(record)];
  const writesTo = (buffer: number): boolean =>
    outputs.has(buffer) || !(inputs.has(buffer) || draft.tables.has(buffer));
  const updates = buffers.some((buffer) => isVariable(buffer) && writesTo(buffer));
  return buffers.map((buffer) => {
    const start = addressOf(buffer);
    return { start, end: start + (draft.arena.get(buffer)?.bytes ?? 1), writes: writesTo(buffer), updates };
  });
}
