/**
 * A small model that has everything a file can hold, and a second, naive implementation of the container, so that the
 * format's tests do not take the format's word.
 */
import { crc32 } from 'node:zlib';
import { ndarray, type NDArray } from '../../src/core/ndarray.js';
import type { Graph, Program } from '../../src/graph/program.js';
import { isOpName } from '../../src/graph/attributes.js';
import type { OpName } from '../../src/ops/schema.js';
import { casesTable } from '../../src/ops/tables/cases.js';
import { shapeTable } from '../../src/ops/tables/shape.js';
import type { ModelContents } from '../../src/format/model.js';

const none = {};

/** Two graphs, a symbolic batch, fused attributes, literals (-0 among them), a session variable, every dtype. */
export const program: Program = {
  symbols: { batch: { max: 8 } },
  variables: {
    'dense/kernel': { dtype: 'i8', shape: [4, 3], scope: 'shared', trainable: false },
    'dense/scale': { dtype: 'f32', shape: [], scope: 'shared', trainable: false },
    'dense/bias': { dtype: 'f32', shape: [3], scope: 'shared', trainable: true },
    mask: { dtype: 'bool', shape: [3], scope: 'shared', trainable: false },
    steps: { dtype: 'i32', shape: [1, 1], scope: 'shared', trainable: false },
    bytes: { dtype: 'u8', shape: [5], scope: 'shared', trainable: false },
    empty: { dtype: 'f32', shape: [0, 5], scope: 'shared', trainable: false },
    cache: { dtype: 'f32', shape: [2, 3], scope: 'session', trainable: false },
  },
  graphs: {
    predict: {
      values: [
        { dtype: 'f32', shape: ['batch', 4] },
        { dtype: 'i8', shape: [4, 3] },
        { dtype: 'f32', shape: [] },
        { dtype: 'f32', shape: [3] },
        { dtype: 'i8', shape: [] },
        { dtype: 'f32', shape: [4, 3] },
        { dtype: 'f32', shape: ['batch', 3] },
        { dtype: 'f32', shape: [] },
        { dtype: 'f32', shape: ['batch', 3] },
        { dtype: 'f32', shape: ['3*batch'] },
      ],
      inputs: { x: 0 },
      variables: { 'dense/kernel': 1, 'dense/scale': 2, 'dense/bias': 3 },
      nodes: [
        { op: 'constant', attrs: { dtype: 'i8', shape: [], data: [0] }, inputs: [], outputs: [4], name: 'zero' },
        { op: 'dequantize', attrs: { axis: null }, inputs: [1, 2, 4], outputs: [5], name: 'dense/dequantize' },
        {
          op: 'matmul',
          attrs: { transposeA: false, transposeB: false, activation: 'linear' },
          inputs: [0, 5, 3],
          outputs: [6],
          name: 'dense/matmul',
        },
        { op: 'constant', attrs: { dtype: 'f32', shape: [], data: [-0] }, inputs: [], outputs: [7], name: 'minus' },
        { op: 'add', attrs: none, inputs: [6, 7], outputs: [8], name: 'dense/add' },
        { op: 'reshape', attrs: { shape: ['3*batch'] }, inputs: [8], outputs: [9], name: 'flat' },
      ],
      outputs: { y: 8, flat: 9 },
      updates: {},
    },
    remember: {
      values: [
        { dtype: 'f32', shape: [2, 3] },
        { dtype: 'f32', shape: [2, 3] },
        { dtype: 'f32', shape: [2, 3] },
      ],
      inputs: { x: 0 },
      variables: { cache: 1 },
      nodes: [{ op: 'add', attrs: none, inputs: [0, 1], outputs: [2], name: 'add' }],
      outputs: {},
      updates: { cache: 2 },
    },
  },
};

export const variables: ReadonlyMap<string, NDArray> = new Map<string, NDArray>([
  ['dense/kernel', ndarray('i8', [4, 3], [-128, 127, 3, 4, 5, -6, 7, 8, 9, -10, 11, 12])],
  ['dense/scale', ndarray('f32', [], [0.0078125])],
  ['dense/bias', ndarray('f32', [3], [NaN, -Infinity, 1.5])],
  ['mask', ndarray('bool', [3], [1, 0, 1])],
  ['steps', ndarray('i32', [1, 1], [-2147483648])],
  ['bytes', ndarray('u8', [5], [0, 255, 3, 4, 5])],
  ['empty', ndarray('f32', [0, 5])],
]);

export const assets: ReadonlyMap<string, Uint8Array> = new Map([
  ['labels', new TextEncoder().encode('["zero","one","zwei"]')],
  ['nothing', new Uint8Array(0)],
]);

export const sample: ModelContents = { program, variables, assets };

/** The graphs of one node that the cases of an op make. */
function graphsOf<N extends OpName>(op: N): Graph[] {
  return casesTable[op]().map(({ attrs, inputs }) => {
    const types = inputs.map(({ dtype, shape }) => ({ dtype, shape }));
    const made = shapeTable[op](attrs, types);
    const operands = types.map((_, i) => i);
    const outputs = made.map((_, i) => types.length + i);
    return {
      values: [...types, ...made],
      inputs: Object.fromEntries(operands.map((id) => [`x${id}`, id])),
      variables: {},
      nodes: [{ op, attrs, inputs: operands, outputs, name: op }],
      outputs: Object.fromEntries(outputs.map((id) => [`y${id}`, id])),
      updates: {},
    };
  });
}

/** Programs of one graph of one node, for every op and each of its cases. */
export function programsOfOps(): readonly (readonly [op: OpName, program: Program])[] {
  const ops = Object.keys(casesTable).filter(isOpName);
  return ops.flatMap((op) =>
    graphsOf(op).map((graph) => [op, { symbols: {}, variables: {}, graphs: { [op]: graph } }] as const),
  );
}

export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

export interface RawTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

export interface RawFile {
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: ReadonlyMap<string, RawTensor>;
}

/** Reads a safetensors file as naively as its specification allows. */
export function rawRead(file: Uint8Array): RawFile {
  const length = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + length))) as Record<string, unknown>;
  const tensors = new Map<string, RawTensor>();
  for (const [name, value] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    const entry = value as { dtype: string; shape: number[]; data_offsets: [number, number] };
    const [begin, end] = entry.data_offsets;
    const bytes = file.slice(8 + length + begin, 8 + length + end);
    tensors.set(name, { dtype: entry.dtype, shape: entry.shape, bytes });
  }
  return { metadata: (header['__metadata__'] ?? {}) as Record<string, string>, tensors };
}

/** The container around the text of a header. */
export function rawFile(header: string | Uint8Array, data: Uint8Array, length?: bigint): Uint8Array {
  const text = typeof header === 'string' ? utf8(header) : header;
  const file = new Uint8Array(8 + text.length + data.length);
  new DataView(file.buffer).setBigUint64(0, length ?? BigInt(text.length), true);
  file.set(text, 8);
  file.set(data, 8 + text.length);
  return file;
}

/** A file of `tensors` in their order, with right checksums whatever they hold. */
export function rawModel(
  tensors: ReadonlyMap<string, RawTensor>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const sums: string[] = [];
  const entries: string[] = [];
  let end = 0;
  for (const [name, { dtype, shape, bytes }] of tensors) {
    sums.push(
      crc32(bytes, crc32(`${name} ${dtype} ${shape.join(',')}\n`))
        .toString(16)
        .padStart(8, '0'),
    );
    entries.push(
      `${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [end, (end += bytes.length)] })}`,
    );
  }
  const all = { format: 'quern', formatVersion: '1', opsetVersion: '1', crc32: sums.join(' '), ...metadata };
  const data = new Uint8Array(end);
  let at = 0;
  for (const { bytes } of tensors.values()) {
    data.set(bytes, at);
    at += bytes.length;
  }
  return rawFile(`{${[`"__metadata__":${JSON.stringify(all)}`, ...entries].join(',')}}`, data);
}

/** A file of `tensors` and the text of a program, checksums and all. */
export function withProgram(tensors: ReadonlyMap<string, RawTensor>, text: string): Uint8Array {
  const bytes = utf8(text);
  return rawModel(new Map([...tensors, ['quern.program', { dtype: 'U8', shape: [bytes.length], bytes }]]));
}

export const programText = (file: Uint8Array): string =>
  new TextDecoder().decode(rawRead(file).tensors.get('quern.program')?.bytes);
