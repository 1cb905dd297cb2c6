/** NPZ files: what NumPy writes, stored and deflated, and archives that are broken, damaged or hostile. Also safetensors. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import { deflateRawSync } from 'node:zlib';
import * as assert from 'uvu/assert';
import { FormatError, IoError, QuernError, UnsupportedError } from '../src/core/errors.js';
import { ndarray } from '../src/core/ndarray.js';
import { randomWords } from '../src/core/random.js';
import { writeNpy } from '../src/data/npy.js';
import { readNpz } from '../src/data/npz.js';
import { loadSafetensors } from '../src/data/safetensors.js';
import { crc32 } from '../src/format/crc32.js';
import { writeSafetensors } from '../src/format/safetensors.js';

const isError =
  (type: new (...args: never[]) => Error, message: RegExp) =>
  (error: unknown): boolean =>
    error instanceof type && message.test(error.message);

interface Entry {
  readonly name: string;
  readonly content: Uint8Array;
  readonly method?: number;
  /** What the directory says instead of the truth. */
  readonly size?: number;
  readonly packed?: number;
  readonly crc?: number;
  readonly flags?: number;
  readonly offset?: number;
}

/** An archive, or nearly one. */
function zip(entries: readonly Entry[], comment = ''): Uint8Array {
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let at = 0;
  for (const { name, content, method = 0, flags = 0, ...told } of entries) {
    const packed = method === 8 ? deflateRawSync(content) : content;
    const local = new Uint8Array(30 + name.length);
    new DataView(local.buffer).setUint32(0, 0x04034b50, true);
    new DataView(local.buffer).setUint16(26, name.length, true);
    local.set(new TextEncoder().encode(name), 30);
    const entry = new Uint8Array(46 + name.length);
    const view = new DataView(entry.buffer);
    view.setUint32(0, 0x02014b50, true);
    view.setUint16(8, flags, true);
    view.setUint16(10, method, true);
    view.setUint32(16, told.crc ?? crc32(content), true);
    view.setUint32(20, told.packed ?? packed.length, true);
    view.setUint32(24, told.size ?? content.length, true);
    view.setUint16(28, name.length, true);
    view.setUint32(42, told.offset ?? at, true);
    entry.set(new TextEncoder().encode(name), 46);
    directory.push(entry);
    parts.push(local, packed);
    at += local.length + packed.length;
  }
  const end = new Uint8Array(22 + comment.length);
  const view = new DataView(end.buffer);
  view.setUint32(0, 0x06054b50, true);
  view.setUint16(10, entries.length, true);
  view.setUint32(16, at, true);
  view.setUint16(20, comment.length, true);
  end.set(new TextEncoder().encode(comment), 22);
  return new Uint8Array(Buffer.concat([...parts, ...directory, end]));
}

const array = ndarray('f32', [2, 2], [1, 2, 3, 4]);
const npy = writeNpy(array);

/** numpy.savez_compressed(x=numpy.arange(6, dtype='<f4').reshape(2, 3) / 2, y=numpy.array([1, 0])), byte for byte. */
const saved = Buffer.from(
  'UEsDBC0AAAAIAAAAIQALwLB2//////////8FABQAeC5ucHkBABAAmAAAAAAAAABXAAAAAAAAAJvsF+obEMnIUMZQrZ6SWpxcpG6loG6TZqKuo6Cell9UUpSYF59flJIKEndLzClOBYoXZyQWpAL5GkY6CsaaOgq1CmQDLgYIsGdgaADiA0DM4MDAoOAAAFBLAwQtAAAACAAAACEAcfs5q///////////BQAUAHkubnB5AQAQAJAAAAAAAAAASAAAAAAAAACb7BfqGxDJyFDGUK2eklqcXKRupaBuk2mhrqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RpGOpo6CrUKFAAuRgZUAABQSwECLQMtAAAACAAAACEAC8CwdlcAAACYAAAABQAAAAAAAAAAAAAAgAEAAAAAeC5ucHlQSwECLQMtAAAACAAAACEAcfs5q0gAAACQAAAABQAAAAAAAAAAAAAAgAGOAAAAeS5ucHlQSwUGAAAAAAIAAgBmAAAADQEAAAAA',
  'base64',
);

test('the archive that NumPy writes is read', () => {
  const arrays = readNpz(saved);
  assert.equal([...arrays.keys()], ['x', 'y']);
  assert.equal(arrays.get('x'), ndarray('f32', [2, 3], [0, 0.5, 1, 1.5, 2, 2.5]));
  assert.equal(arrays.get('y'), ndarray('i32', [2], [1, 0]));
});

test('entries are stored or deflated, in any place, with a comment behind them', () => {
  for (const method of [0, 8]) {
    const entries = ['a', 'b'].map((name) => ({ name: `${name}.npy`, content: npy, method }));
    const bytes = zip(entries, 'by hand');
    const inside = new Uint8Array(bytes.length + 3);
    inside.set(bytes, 3);
    assert.equal([...readNpz(inside.subarray(3))], [['a', array] as const, ['b', array] as const]);
  }
  assert.is(readNpz(zip([])).size, 0);
});

test('what is no archive of arrays is refused, and the entry is named', () => {
  const entry = { name: 'a.npy', content: npy };
  const refused: readonly (readonly [Uint8Array, new (...args: never[]) => Error, RegExp])[] = [
    [new Uint8Array(), FormatError, /ZIP archive/],
    [npy, FormatError, /ZIP archive/],
    [zip([entry]).subarray(1), FormatError, /broken|header/],
    [zip([entry]).slice(0, -1), FormatError, /ZIP archive/],
    [zip([{ ...entry, name: 'notes.txt' }]), FormatError, /\*\.npy are required. Received 'notes.txt'/],
    [zip([entry, entry]), FormatError, /Two are 'a\.npy'/],
    [zip([{ ...entry, crc: 1 }]), FormatError, /'a\.npy': .*damaged/],
    [zip([{ ...entry, offset: 2 ** 31 }]), FormatError, /'a\.npy': a header at/],
    [zip([{ ...entry, packed: 2 ** 30 }]), FormatError, /'a\.npy': 1073741824 bytes/],
    [zip([{ ...entry, size: 7 }]), FormatError, /'a\.npy': 7 bytes/],
    [zip([{ ...entry, method: 8, size: npy.length + 1 }]), FormatError, /Received 144/],
    [zip([{ ...entry, size: 0xffffffff }]), UnsupportedError, /ZIP64/],
    [zip([{ ...entry, method: 12 }]), UnsupportedError, /method 12/],
    [zip([{ ...entry, flags: 1 }]), UnsupportedError, /encrypted/],
    [zip([{ ...entry, content: new Uint8Array(20) }]), FormatError, /npz: a\.npy\] an NPY file begins/],
  ];
  for (const [bytes, type, message] of refused) assert.throws(() => readNpz(bytes), isError(type, message));
});

test('an entry that unfolds to more than it says is stopped there, and so is an archive of too much', () => {
  const bomb = { name: 'a.npy', content: new Uint8Array(1 << 24), method: 8 };
  assert.throws(() => readNpz(zip([{ ...bomb, size: 100 }])), isError(FormatError, /unfold to 100/));
  const many = Array.from({ length: 3 }, (_, i) => ({ name: `${i}.npy`, content: npy, size: 2 ** 31 }));
  assert.throws(() => readNpz(zip(many)), isError(UnsupportedError, /at most 4294967296 bytes/));
});

test('a bit that is wrong anywhere is found, or is of no matter', () => {
  const bytes = zip([{ name: 'a.npy', content: npy, method: 8 }]);
  for (const word of randomWords([5, 5], 0, 400)) {
    const broken = bytes.slice();
    const at = word % (8 * bytes.length);
    broken[at >> 3] = (broken[at >> 3] ?? 0) ^ (1 << (at & 7));
    try {
      for (const read of readNpz(broken).values()) assert.equal(read, array);
    } catch (error) {
      assert.instance(error, QuernError);
    }
  }
});

test('a safetensors file is read as arrays', () => {
  const folder = mkdtempSync(join(tmpdir(), 'quern-safetensors-'));
  try {
    const path = join(folder, 'data.safetensors');
    const raw = (data: ArrayBufferView): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const write = (tensors: Parameters<typeof writeSafetensors>[0]): void =>
      writeFileSync(path, writeSafetensors(tensors, new Map()));
    write([
      { name: 'x', dtype: 'F32', shape: [2, 2], bytes: raw(array.data) },
      { name: 'y', dtype: 'I32', shape: [2], bytes: raw(Int32Array.of(-1, 5)) },
      { name: 'seen', dtype: 'BOOL', shape: [3], bytes: Uint8Array.of(0, 1, 1) },
    ]);
    const read = loadSafetensors(path);
    assert.equal(read.get('x'), array);
    assert.equal(read.get('y'), ndarray('i32', [2], [-1, 5]));
    assert.equal(read.get('seen'), ndarray('bool', [3], [0, 1, 1]));
    write([{ name: 'half', dtype: 'F16', shape: [1], bytes: new Uint8Array(2) }]);
    assert.throws(() => loadSafetensors(path), isError(UnsupportedError, /'half' is F16/));
    write([{ name: 'odd', dtype: 'BOOL', shape: [1], bytes: Uint8Array.of(2) }]);
    assert.throws(() => loadSafetensors(path), isError(FormatError, /'odd'/));
    assert.throws(() => loadSafetensors(join(folder, 'none')), isError(IoError, /none/));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.run();
