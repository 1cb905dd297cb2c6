/**
 * Which records are walked together: for each unit all of them, so that what one wrote is still in the first-level cache
 * when the next one reads it, and threads meet once for all. That gives the same as one record after the other where unit
 * i of each touches only block i of whatever another one writes: in chains of elementwise kernels.
 */
import type { Address } from './lowering.js';
import type { RecordDraft } from './plan.js';

/** What a record touches, by the buffers that really hold it. */
export interface Touched {
  /** Of these its unit i touches block i only; the first is its result. There are none for kernels that do not say. */
  readonly blocks: readonly Address[];
  /** These it may touch anywhere. */
  readonly others: readonly number[];
}

interface Group {
  readonly records: RecordDraft[];
  /** What the group touches by blocks, and where in the buffer they begin. */
  readonly blocks: Map<number, Address['offset']>;
  readonly written: Set<number>;
  readonly others: Set<number>;
}

/** The records in groups, each of them some that follow each other. */
export function groupsOf(
  records: readonly RecordDraft[],
  touchedBy: (record: RecordDraft) => Touched,
): readonly (readonly RecordDraft[])[] {
  const groups: Group[] = [];
  for (const record of records) {
    const touched = touchedBy(record);
    let group = groups.at(-1);
    if (!group || record.units !== group.records[0]?.units || !joins(touched, group)) {
      group = { records: [], blocks: new Map(), written: new Set(), others: new Set() };
      groups.push(group);
    }
    group.records.push(record);
    for (const { buffer, offset } of touched.blocks) group.blocks.set(buffer, offset);
    for (const { buffer } of touched.blocks.slice(0, 1)) group.written.add(buffer);
    for (const buffer of touched.others) group.others.add(buffer);
  }
  return groups.map((group) => group.records);
}

/** Whether a record goes on with what the group made or read, and neither reads nor writes across its units. */
function joins({ blocks, others }: Touched, group: Group): boolean {
  const [result] = blocks;
  return (
    result !== undefined &&
    !group.others.has(result.buffer) &&
    !others.some((buffer) => buffer === result.buffer || group.written.has(buffer)) &&
    blocks.every(({ buffer, offset }) => (group.blocks.get(buffer) ?? offset) === offset) &&
    blocks.some(({ buffer }) => group.blocks.has(buffer))
  );
}
