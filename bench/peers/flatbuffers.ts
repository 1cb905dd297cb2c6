/** Tables of FlatBuffers as plain data, written with the package of that name. */
import { importPeer } from './contender.js';

/** Fields by their numbers in the schema; one that is left out has its default. */
export type Table = Readonly<Record<number, Field>>;

export type Field =
  | { readonly is: 'i8' | 'i32' | 'f32'; readonly value: number }
  | { readonly is: 'text'; readonly value: string }
  | { readonly is: 'table'; readonly value: Table }
  | { readonly is: 'tables'; readonly value: readonly Table[] }
  | { readonly is: 'i32s' | 'f32s' | 'i64s'; readonly value: readonly number[] }
  /** A multiple of 4 bytes, aligned to 16. */
  | { readonly is: 'bytes'; readonly value: Float32Array | Int8Array };

interface Builder {
  startObject(fields: number): void;
  endObject(): number;
  addFieldInt8(field: number, value: number, standard: null): void;
  addFieldInt32(field: number, value: number, standard: null): void;
  addFieldFloat32(field: number, value: number, standard: null): void;
  addFieldOffset(field: number, value: number, standard: number): void;
  startVector(size: number, count: number, alignment: number): void;
  endVector(): number;
  addInt32(value: number): void;
  addInt64(value: bigint): void;
  addFloat32(value: number): void;
  addOffset(value: number): void;
  createString(text: string): number;
  finish(root: number, identifier: string): void;
  asUint8Array(): Uint8Array;
}

interface Flatbuffers {
  readonly Builder: new (size: number) => Builder;
}

/** Vectors are written from their ends. */
function vector(builder: Builder, size: number, count: number, alignment: number, add: (at: number) => void): number {
  builder.startVector(size, count, alignment);
  for (let at = count - 1; at >= 0; at--) add(at);
  return builder.endVector();
}

function bytesOf(builder: Builder, { buffer, byteOffset, byteLength }: Float32Array | Int8Array): number {
  const words = new Int32Array(buffer, byteOffset, byteLength / 4);
  builder.startVector(1, byteLength, 16);
  for (let at = words.length - 1; at >= 0; at--) builder.addInt32(words[at] ?? 0);
  return builder.endVector();
}

/** What lies outside of its table, written before it; undefined for numbers. */
function offsetOf(builder: Builder, field: Field): number | undefined {
  switch (field.is) {
    case 'text':
      return builder.createString(field.value);
    case 'table':
      return tableOf(builder, field.value);
    case 'tables': {
      const offsets = field.value.map((table) => tableOf(builder, table));
      return vector(builder, 4, offsets.length, 4, (at) => builder.addOffset(offsets[at] ?? 0));
    }
    case 'i32s':
      return vector(builder, 4, field.value.length, 4, (at) => builder.addInt32(field.value[at] ?? 0));
    case 'f32s':
      return vector(builder, 4, field.value.length, 4, (at) => builder.addFloat32(field.value[at] ?? 0));
    case 'i64s':
      return vector(builder, 8, field.value.length, 8, (at) => builder.addInt64(BigInt(field.value[at] ?? 0)));
    case 'bytes':
      return bytesOf(builder, field.value);
    default:
      return undefined;
  }
}

function tableOf(builder: Builder, table: Table): number {
  const fields = Object.entries(table).map(([number, field]) => {
    return { number: Number(number), field, offset: offsetOf(builder, field) };
  });
  builder.startObject(Math.max(0, ...fields.map(({ number }) => number + 1)));
  for (const { number, field, offset } of fields) {
    if (offset !== undefined) builder.addFieldOffset(number, offset, 0);
    else if (field.is === 'i8') builder.addFieldInt8(number, field.value, null);
    else if (field.is === 'i32') builder.addFieldInt32(number, field.value, null);
    else if (field.is === 'f32') builder.addFieldFloat32(number, field.value, null);
  }
  return builder.endObject();
}

/** A file with a table at its root. Throws `Unable` where the package is not installed. */
export async function encodeTable(root: Table, identifier: string): Promise<Uint8Array> {
  const { Builder } = await importPeer<Flatbuffers>('flatbuffers');
  const builder = new Builder(1024);
  builder.finish(tableOf(builder, root), identifier);
  return builder.asUint8Array();
}
