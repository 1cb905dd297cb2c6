/** What is written is read back, by us and by others; what cannot be saved leaves what was. */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as zlib from 'node:zlib';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { bytesPerElement, type DType, dtypes, viewOf } from '../src/core/dtype.js';
import { ArgumentError, FormatError, GraphError, IoError } from '../src/core/errors.js';
import { ndarray, type NDArray, sizeOf } from '../src/core/ndarray.js';
import { crc32 } from '../src/format/crc32.js';
import { loadFile, openFile, saveFile } from '../src/format/file.js';
import { parseJson } from '../src/format/json.js';
import { readModel, readModelAsync, upgrade, upgradesFrom, writeModel } from '../src/format/model.js';
import { readHeader, type TensorBytes, writeSafetensors } from '../src/format/safetensors.js';
import { memorySource, readSync } from '../src/format/source.js';
import type { Program } from '../src/graph/program.js';
import { shapeTable } from '../src/ops/tables/shape.js';
import { assets, program, programsOfOps, rawModel, rawRead, sample, utf8, variables } from './support/format-sample.js';

const read = (file: Uint8Array) => readModel(memorySource(file));
/** NaN and all. */
function sameBits(actual: NDArray, expected: NDArray): void {
  assert.equal([actual.dtype, actual.shape, bytesOf(actual)], [expected.dtype, expected.shape, bytesOf(expected)]);
}

const bytesOf = ({ data }: NDArray): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

test('crc32 gives the known answer, in one piece, in two, and what zlib gives', () => {
  assert.is(crc32(utf8('123456789')), 0xcbf43926);
  assert.is(crc32(utf8('56789'), crc32(utf8('1234'))), 0xcbf43926);
  assert.is(crc32(new Uint8Array(0)), 0);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(9), (bytes, from) => {
      assert.is(crc32(bytes.subarray(from)), zlib.crc32(bytes.subarray(from)));
    }),
    { seed: 1 },
  );
});

test('strict JSON reads what JSON.stringify writes', () => {
  const plain = (value: unknown): unknown => {
    if (value instanceof Map) return Object.fromEntries([...value].map(([name, item]) => [name, plain(item)]));
    return Array.isArray(value) ? value.map(plain) : value;
  };
  const wellFormed = fc.string({ unit: 'binary' }).filter((name) => !(name in {}));
  fc.assert(
    fc.property(
      fc.jsonValue({ depthSize: 'small', maxDepth: 5, stringUnit: 'binary' }),
      fc.constantFrom(0, 2),
      (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        assert.equal(plain(parseJson('test', utf8(text), 8)), JSON.parse(text));
      },
    ),
    { seed: 2 },
  );
  fc.assert(
    fc.property(wellFormed, (name) => {
      assert.equal(parseJson('test', utf8(JSON.stringify({ [name]: name })), 1), new Map([[name, name]]));
    }),
    { seed: 3 },
  );
  assert.equal(parseJson('test', utf8(' [ -0 , 1e+21, "\\u0041\\n\\"" ] '), 1), [-0, 1e21, 'A\n"']);
});

const safetensorsDTypes = ['F64', 'I64', 'F32', 'I32', 'F16', 'BF16', 'I16', 'F8_E4M3', 'U8', 'I8', 'BOOL'] as const;
const width = { F64: 8, I64: 8, F32: 4, I32: 4, F16: 2, BF16: 2, I16: 2, F8_E4M3: 1, U8: 1, I8: 1, BOOL: 1 };
const shapes = fc.array(fc.nat(4), { maxLength: 5 });

const tensor: fc.Arbitrary<TensorBytes> = fc
  .tuple(
    fc.string({ unit: 'binary', maxLength: 12 }).filter((name) => !(name in {}) && name !== '__metadata__'),
    fc.constantFrom(...safetensorsDTypes),
    shapes,
    fc.nat(255),
  )
  .map(([name, dtype, shape, fill]) => {
    return { name, dtype, shape, bytes: new Uint8Array(sizeOf(shape) * width[dtype]).fill(fill) };
  });

test('any tensors make a valid safetensors file, aligned, ordered, the same in any order', () => {
  const tensors = fc.uniqueArray(tensor, { selector: ({ name }) => name, maxLength: 12 });
  const metadata = fc.dictionary(
    fc.string().filter((name) => !(name in {})),
    fc.string({ unit: 'binary' }),
  );
  fc.assert(
    fc.property(tensors, metadata, (given, pairs) => {
      const file = writeSafetensors(given, new Map(Object.entries(pairs)));
      assert.equal(writeSafetensors([...given].reverse(), new Map(Object.entries(pairs))), file);

      const others = rawRead(file);
      assert.equal({ ...others.metadata }, { ...pairs });
      assert.equal(others.tensors.size, given.length);
      for (const { name, dtype, shape, bytes } of given)
        assert.equal(others.tensors.get(name), { dtype, shape, bytes });

      const ours = readSync(memorySource(file), readHeader(file.length));
      assert.equal(Object.fromEntries(ours.metadata), { ...pairs });
      const order = [...ours.tensors.values()];
      assert.equal(order.map(({ name }) => name).sort(), given.map(({ name }) => name).sort());
      const dataOffset = 8 + Number(new DataView(file.buffer).getBigUint64(0, true));
      assert.is(dataOffset % 64, 0);
      order.forEach(({ name, dtype, offset, length }, i) => {
        const before = order[i - 1];
        assert.is(offset, before ? before.offset + before.length : dataOffset);
        assert.is((offset - dataOffset) % width[dtype as keyof typeof width], 0);
        if (before) {
          const wide = width[before.dtype as keyof typeof width] - width[dtype as keyof typeof width];
          assert.ok(wide > 0 || (wide === 0 && before.name < name));
        }
        assert.equal(file.subarray(offset, offset + length), given.find((item) => item.name === name)?.bytes);
      });
    }),
    { seed: 4, numRuns: 300 },
  );
});

test('a model is read as it was written: program, assets, values', () => {
  const file = writeModel(sample);
  const model = read(file);
  assert.equal(model.program, program);
  assert.equal(model.assets, assets);
  for (const [name, value] of variables) sameBits(model.read(name), value);
  const zero = model.program.graphs['predict']?.nodes[3]?.attrs;
  assert.ok(Object.is(zero && 'data' in zero ? zero.data[0] : 0, -0), 'the sign of zero is kept');
});

test('every op with every attribute of its cases is read as it was written', () => {
  const programs = programsOfOps();
  for (const [op, given] of programs) {
    assert.equal(read(writeModel({ program: given, variables: new Map() })).program, given, op);
  }
  assert.equal(new Set(programs.map(([op]) => op)), new Set(Object.keys(shapeTable)));
});

test('a model is the same bytes whatever the order of its parts, and again when read and written', () => {
  const file = writeModel(sample);
  const reversed = <T>(map: ReadonlyMap<string, T>) => new Map([...map].reverse());
  assert.equal(writeModel({ program, variables: reversed(variables), assets: reversed(assets) }), file);
  const model = read(file);
  const values = new Map([...variables.keys()].map((name) => [name, model.read(name)]));
  assert.equal(writeModel({ program: model.program, variables: values, assets: model.assets }), file);
});

test('any reader of safetensors reads the weights', () => {
  const { metadata, tensors } = rawRead(writeModel(sample));
  assert.is(metadata['format'], 'quern');
  const names = { f32: 'F32', i32: 'I32', u8: 'U8', i8: 'I8', bool: 'BOOL' };
  for (const [name, value] of variables) {
    assert.equal(tensors.get(name), { dtype: names[value.dtype], shape: value.shape, bytes: bytesOf(value) });
  }
  assert.is(tensors.get('cache'), undefined, 'session variables have no tensor');
  assert.equal(tensors.get('quern.asset.labels')?.bytes, assets.get('labels'));
  assert.type(JSON.parse(new TextDecoder().decode(tensors.get('quern.program')?.bytes)), 'object');
});

test('a file of another writer, in any order of tensors and unaligned, is read as well', () => {
  const { tensors } = rawRead(writeModel(sample));
  const file = rawModel(new Map([...tensors].reverse()));
  for (let shift = 0; shift < 4; shift++) {
    const buffer = new Uint8Array(file.length + shift);
    buffer.set(file, shift);
    const model = read(buffer.subarray(shift));
    assert.equal(model.program, program);
    for (const [name, value] of variables) sameBits(model.read(name), value);
  }
});

const variable = fc
  .tuple(
    fc.constantFrom(...dtypes),
    fc.array(fc.nat(5), { maxLength: 8 }),
    fc.infiniteStream(fc.nat(255)),
    fc.boolean(),
  )
  .map(([dtype, shape, stream, trainable]) => {
    const size = sizeOf(shape);
    const bytes = Uint8Array.from({ length: size * bytesPerElement[dtype] }, () => {
      const byte: number = stream.next().value;
      return dtype === 'bool' ? byte & 1 : byte;
    });
    const value: NDArray = { dtype, shape, data: viewOf<DType>(dtype, bytes.buffer, 0, size) };
    return { value, trainable };
  });

test('variables of any dtype and shape, NaN payloads and all, come back bit for bit', () => {
  const name = fc
    .stringMatching(/^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,20}$/)
    .filter((text) => !(text in {}) && !text.startsWith('quern.'));
  fc.assert(
    fc.property(fc.dictionary(name, variable, { maxKeys: 6 }), (given) => {
      const named = Object.entries(given);
      const declared: Program = {
        symbols: {},
        variables: Object.fromEntries(
          named.map(([at, { value, trainable }]) => [
            at,
            { dtype: value.dtype, shape: value.shape, scope: 'shared', trainable },
          ]),
        ),
        graphs: {},
      };
      const file = writeModel({ program: declared, variables: new Map(named.map(([at, { value }]) => [at, value])) });
      const model = read(file);
      assert.equal(model.program, declared);
      for (const [at, { value }] of named) {
        sameBits(model.read(at), value);
      }
    }),
    { seed: 5, numRuns: 200 },
  );
});

test('from memory values are views, not copies; from afar they are promises of the same', async () => {
  const file = writeModel(sample);
  const model = read(file);
  for (const [name, value] of variables) {
    if (sizeOf(value.shape) > 0) assert.is(model.read(name).data.buffer, file.buffer);
  }
  const ranges: number[] = [];
  const afar = {
    size: file.length,
    read: async (offset: number, length: number) => {
      ranges.push(length);
      return file.slice(offset, offset + length);
    },
  };
  const other = await readModelAsync(afar);
  assert.equal(other.program, program);
  assert.equal(other.assets, assets);
  const before = ranges.length;
  for (const [name, value] of variables) sameBits(await other.read(name), value);
  assert.equal(
    ranges.slice(before),
    [...variables.values()].map((value) => bytesOf(value).length),
  );
});

test('numbers of values need not be in order in memory; the file numbers them afresh', () => {
  const graph = program.graphs['remember'];
  assert.ok(graph);
  const swapped = {
    ...program,
    graphs: {
      remember: {
        ...graph,
        inputs: { x: 2 },
        variables: { cache: 0 },
        nodes: graph.nodes.map((node) => ({ ...node, inputs: [2, 0], outputs: [1] })),
        updates: { cache: 1 },
      },
    },
  };
  assert.equal(read(writeModel({ program: swapped, variables })).program.graphs['remember'], graph);
});

test('contents that are no model are refused when they are written', () => {
  const without = new Map(variables);
  without.delete('mask');
  const extra = new Map([...variables, ['other', ndarray('f32', [1])]]);
  const session = new Map([...variables, ['cache', ndarray('f32', [2, 3])]]);
  const dtype = new Map([...variables, ['mask', ndarray('u8', [3])]]);
  const shape = new Map([...variables, ['mask', ndarray('bool', [1, 3])]]);
  for (const [given, rule] of [
    [without, /a value for variable 'mask' is required/],
    [extra, /Received 'other'/],
    [session, /Received 'cache'/],
    [dtype, /bool \[3\] is required for 'mask'. Received u8 \[3\]/],
    [shape, /Received bool \[1, 3\]/],
  ] as const) {
    assert.throws(
      () => writeModel({ program, variables: given }),
      (error: unknown) => {
        return error instanceof ArgumentError && rule.test(error.message);
      },
    );
  }
  const named = (asset: string) => () =>
    writeModel({ program, variables, assets: new Map([[asset, new Uint8Array(1)]]) });
  for (const asset of ['', '__proto__', 'a b', '\ud800']) assert.throws(named(asset), /name assets/);
  const wrong = { ...program, symbols: {} };
  assert.throws(
    () => writeModel({ program: wrong, variables }),
    (error: unknown) => error instanceof GraphError,
  );
  const reserved = {
    ...program,
    variables: {
      ...program.variables,
      'quern.program': { dtype: 'u8', shape: [1], scope: 'shared', trainable: false },
    },
  } as const;
  const values = new Map([...variables, ['quern.program', ndarray('u8', [1])]]);
  assert.throws(() => writeModel({ program: reserved, variables: values }), /must not start with 'quern\.'/);
});

test('newer versions are refused by number, older ones go through each upgrade in turn', () => {
  const { tensors } = rawRead(writeModel(sample));
  assert.throws(() => read(rawModel(tensors, { formatVersion: '2' })), /formatVersion of at most 1 .* Received 2/);
  assert.throws(() => read(rawModel(tensors, { opsetVersion: '7' })), /opsetVersion of at most 1 .* Received 7/);
  for (const version of ['', '0', '01', '1.0', '-1', ' 1', '1e0', '9999999']) {
    assert.throws(() => read(rawModel(tensors, { formatVersion: version })), /'formatVersion' must be a version/);
  }
  const steps = [1, 2, 3].map((step) => (json: unknown) => [json, step].flat() as number[]);
  assert.equal(upgrade(0, upgradesFrom(1, steps, 'version')), [0, 1, 2, 3]);
  assert.equal(upgrade(0, upgradesFrom(3, steps, 'version')), [0, 3]);
  assert.equal(upgrade(0, upgradesFrom(4, steps, 'version')), 0);
  assert.throws(
    () => upgradesFrom(5, steps, 'version'),
    (error: unknown) => error instanceof FormatError,
  );
});

/** Runs `fn` with a folder of its own. */
function inFolder(fn: (folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'quern-'));
  try {
    fn(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const isIoError = (error: unknown): error is IoError => error instanceof IoError && error.cause !== undefined;

test('a file is saved, replaced and read range by range', () => {
  inFolder((folder) => {
    const path = join(folder, 'model.safetensors');
    saveFile(path, utf8('old'));
    const file = writeModel(sample);
    saveFile(path, file);
    assert.equal(new Uint8Array(readFileSync(path)), file);
    assert.equal(loadFile(path), file);
    assert.equal(readdirSync(folder), ['model.safetensors']);
    const source = openFile(path);
    const model = readModel(source);
    assert.equal(model.program, program);
    for (const [name, value] of variables) sameBits(model.read(name), value);
    source.close();
    assert.throws(() => model.read('mask'), isIoError);
  });
});

test('a missing file, a folder, a closed folder and a file that shrinks are IoErrors with their cause', () => {
  inFolder((folder) => {
    const path = join(folder, 'model');
    assert.throws(
      () => openFile(path),
      (error: unknown) => isIoError(error) && /ENOENT/.test(error.message) && error.message.includes(path),
    );
    assert.throws(() => loadFile(folder), isIoError);
    assert.throws(() => saveFile(join(folder, 'no', 'model'), utf8('x')), isIoError);
    mkdirSync(path);
    assert.throws(() => saveFile(path, utf8('x')), isIoError);
    assert.equal(readdirSync(folder), ['model'], 'nothing is left behind');
    const [target, link] = [join(folder, 'target'), join(folder, 'link')];
    writeFileSync(target, 'old');
    symlinkSync(target, link);
    saveFile(link, utf8('new'));
    assert.is(readFileSync(target, 'utf8'), 'new', 'a link leads to the file that is saved');
    assert.ok(lstatSync(link).isSymbolicLink());
    if (process.getuid?.() !== 0) {
      chmodSync(path, 0o500);
      assert.throws(() => saveFile(join(path, 'model'), utf8('x')), isIoError);
    }
    const other = join(folder, 'other');
    const file = writeModel(sample);
    writeFileSync(other, file);
    const source = openFile(other);
    const model = readModel(source);
    truncateSync(other, 100);
    assert.throws(
      () => [...variables.keys()].map((name) => model.read(name)),
      (error: unknown) => isIoError(error) && /ended after/.test(error.message),
    );
    source.close();
  });
});

/** Saves a megabyte to `path` in a process of its own, started by the shell after `before`; prints what came of it. */
function saveIn(before: string, path: string, shell: readonly string[] = ['sh']): string {
  const module = new URL('../src/format/file.js', import.meta.url).href;
  const script = `import { saveFile } from ${JSON.stringify(module)};
    try { saveFile(${JSON.stringify(path)}, new Uint8Array(1 << 20).fill(7)); console.log('saved'); }
    catch (error) { console.log(error.name, error.code, error.cause.code); }`;
  const [command = 'sh', ...rest] = shell;
  const args = [...rest, '-c', `${before} && exec "$0" --input-type=module -e "$1"`, process.execPath, script];
  const { stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  return stdout.trim() || stderr;
}

test('a file that grows over its limit half way leaves the old one whole and nothing beside it', () => {
  inFolder((folder) => {
    const path = join(folder, 'model');
    saveFile(path, utf8('good'));
    assert.is(saveIn('ulimit -f 64', path), 'IoError io EFBIG');
    assert.is(readFileSync(path, 'utf8'), 'good');
    assert.equal(readdirSync(folder), ['model']);
    assert.is(saveIn('true', path), 'saved');
    assert.is(readFileSync(path).length, 1 << 20);
  });
});

test('a full disk leaves the old file whole and nothing beside it', () => {
  inFolder((folder) => {
    // A file system of 64 KiB, in a mount namespace of its own where the system lets us have one.
    const namespace = ['unshare', '--user', '--map-root-user', '--mount', 'sh'];
    const mount = `mount -t tmpfs -o size=64k none '${folder}'`;
    if (spawnSync(namespace[0] ?? '', [...namespace.slice(1), '-c', mount]).status !== 0) {
      console.log('# no mount namespaces here: the full disk was not tested, the size limit above was');
      return;
    }
    const path = join(folder, 'model');
    const after = `printf good > '${path}' && { "$0" --input-type=module -e "$1"; ls '${folder}'; cat '${path}'; exit; }`;
    assert.is(saveIn(`${mount} && ${after}`, path, namespace), 'IoError io ENOSPC\nmodel\ngood');
  });
});

test.run();
