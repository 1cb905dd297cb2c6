/**
 * Files from strangers. Whatever a file holds, reading it ends, soon, in one of two ways: a `FormatError` that says what
 * was wrong, or a model that keeps every rule. Nothing else is thrown, nothing outside the file is read.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { FormatError } from '../src/core/errors.js';
import type { NDArray } from '../src/core/ndarray.js';
import { parseJson } from '../src/format/json.js';
import { readModel, writeModel } from '../src/format/model.js';
import { parseHeader, readHeader } from '../src/format/safetensors.js';
import { memorySource, readSync, type SyncByteSource } from '../src/format/source.js';
import type { Program } from '../src/graph/program.js';
import { verify } from '../src/graph/verify.js';
import {
  programsOfOps,
  programText,
  rawFile,
  rawModel,
  rawRead,
  type RawTensor,
  sample,
  utf8,
  withProgram,
} from './support/format-sample.js';

const good = writeModel(sample);

/** Everything a model holds. */
interface Contents {
  readonly program: Program;
  readonly assets: ReadonlyMap<string, Uint8Array>;
  readonly variables: ReadonlyMap<string, NDArray>;
}

/** Contents in a form that compares bit by bit. */
const bitsOf = ({ program, assets, variables }: Contents) => ({
  program,
  assets,
  variables: [...variables].map(([name, { dtype, shape, data }]) => {
    return { name, dtype, shape, bytes: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) };
  }),
});

/** Reads all of a file, and holds every range against the file: none outside it, none twice. */
function readAll(file: Uint8Array): Contents {
  let total = 0;
  const memory = memorySource(file);
  const source: SyncByteSource = {
    size: file.length,
    read: (offset, length) => {
      assert.ok(Number.isSafeInteger(offset) && Number.isSafeInteger(length), 'ranges are integers');
      assert.ok(offset >= 0 && length >= 0 && offset + length <= file.length, 'ranges lie within the file');
      total += length;
      assert.ok(total <= file.length, 'no byte is read twice');
      return memory.read(offset, length);
    },
  };
  const { program, assets, read } = readModel(source);
  const shared = Object.keys(program.variables).filter((name) => program.variables[name]?.scope === 'shared');
  return { program, assets, variables: new Map(shared.map((name) => [name, read(name)])) };
}

/** What a file holds; null when it is refused, which must be with a FormatError and within two seconds. */
function attempt(file: Uint8Array): Contents | null {
  const start = performance.now();
  try {
    return readAll(file);
  } catch (error) {
    if (error instanceof FormatError && error.message.length < 2000) return null;
    throw error;
  } finally {
    assert.ok(performance.now() - start < 2000, 'reading ends soon');
  }
}

function refused(file: Uint8Array, rule: RegExp, what: string): void {
  try {
    readAll(file);
  } catch (error) {
    assert.instance(error, FormatError, what);
    const { message } = error as FormatError;
    assert.ok(rule.test(message), `${what}: ${message}`);
    return;
  }
  assert.unreachable(`accepted: ${what}`);
}

const isFormatError = (error: unknown): boolean => error instanceof FormatError;

/** Numbers in [0, 2^32) from a seed (mulberry32). */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}

test('a file cut at any byte is refused', () => {
  for (let length = 0; length < good.length; length++) {
    assert.is(attempt(good.slice(0, length)), null, `cut at ${length}`);
  }
  assert.ok(attempt(good));
});

test('a flip of any bit is refused or changes nothing that the model holds', () => {
  const contents = bitsOf(readAll(good));
  const length = Number(new DataView(good.buffer).getBigUint64(0, true));
  for (let bit = 0; bit < good.length * 8; bit++) {
    const file = good.slice();
    file[bit >> 3] = (file[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    const read = attempt(file);
    if (bit >> 3 >= 8 + length) assert.is(read, null, `bit ${bit} of the data`);
    if (read) assert.equal(bitsOf(read), contents);
  }
});

// The container

const header = (entries: string): string => `{${entries}}`;
const f32 = (name: string, shape: string, begin: number | string, end: number | string): string =>
  `"${name}":{"dtype":"F32","shape":[${shape}],"data_offsets":[${begin},${end}]}`;
const data = (length: number): Uint8Array => new Uint8Array(length);

const containers: readonly (readonly [what: string, file: Uint8Array, rule: RegExp])[] = [
  ['an empty file', data(0), /at least 8 bytes/],
  [
    'a header of 2^64 - 1 bytes',
    rawFile('{}', data(0), 2n ** 64n - 1n),
    /at most 1048576 bytes.* 18446744073709551615/,
  ],
  ['a header of 2^53 + 1 bytes', rawFile('{}', data(0), 2n ** 53n + 1n), /at most 1048576/],
  ['a header just over the cap', rawFile(`{}${' '.repeat(1 << 20)}`, data(0)), /at most 1048576/],
  ['a header longer than the file', rawFile('{}', data(0), 3n), /within the file/],
  ['an empty header', rawFile('', data(0)), /starts with '\{'/],
  ['a header after a byte order mark', rawFile('\ufeff{}', data(0)), /starts with '\{'/],
  ['a header after a space', rawFile(' {}', data(0)), /starts with '\{'/],
  ['a list as header', rawFile('[]', data(0)), /starts with '\{'/],
  ['no UTF-8', rawFile(new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x7d]), data(0)), /valid UTF-8/],
  ['an overlong slash', rawFile(new Uint8Array([0x7b, 0x22, 0xc0, 0xaf, 0x22, 0x7d]), data(0)), /valid UTF-8/],
  ['a header that ends early', rawFile('{"a":', data(0)), /a value is required. Received the end/],
  ['two headers', rawFile('{}{}', data(0)), /nothing after the value/],
  ['zero bytes after the header', rawFile('{}\0\0', data(0)), /nothing after the value/],
  [
    'a tensor twice',
    rawFile(header(`${f32('a', '1', 0, 4)},${f32('a', '1', 4, 8)}`), data(8)),
    /twice is required, unlike 'a'/,
  ],
  [
    'a tensor twice, escaped',
    rawFile(header(`${f32('a', '1', 0, 4)},${f32('\\u0061', '1', 4, 8)}`), data(8)),
    /twice is required, unlike 'a'/,
  ],
  ['metadata twice', rawFile('{"__metadata__":{},"__metadata__":{}}', data(0)), /twice/],
  ['a key of metadata twice', rawFile('{"__metadata__":{"a":"1","a":"2"}}', data(0)), /twice is required, unlike 'a'/],
  ['a dtype twice', rawFile('{"a":{"dtype":"U8","dtype":"U8","shape":[0],"data_offsets":[0,0]}}', data(0)), /twice/],
  ['a tensor __proto__', rawFile(header(f32('__proto__', '1', 0, 4)), data(4)), /other than '__proto__'/],
  ['a tensor constructor', rawFile(header(f32('constructor', '1', 0, 4)), data(4)), /other than 'constructor'/],
  ['metadata __proto__', rawFile('{"__metadata__":{"__proto__":"x"}}', data(0)), /other than '__proto__'/],
  ['a lone surrogate', rawFile(header(f32('\\ud800', '1', 0, 4)), data(4)), /well-formed Unicode/],
  ['a control character in a name', rawFile(header(f32('a\nb', '1', 0, 4)), data(4)), /no control characters/],
  ['an unknown escape', rawFile(header(f32('\\x', '1', 0, 4)), data(4)), /valid escapes/],
  ['a name that never ends', rawFile('{"a', data(0)), /a string that ends/],
  ['an escape that never ends', rawFile('{"a\\', data(0)), /a string that ends/],
  ['a comment', rawFile('{/**/}', data(0)), /a string is required/],
  ['a trailing comma', rawFile(header(`${f32('a', '1', 0, 4)},`), data(4)), /a string is required/],
  ['metadata that is text', rawFile('{"__metadata__":"x"}', data(0)), /__metadata__ must be an object/],
  ['metadata that is a number', rawFile('{"__metadata__":{"a":1}}', data(0)), /'a' must be a string/],
  ['metadata that nests', rawFile('{"__metadata__":{"a":{"b":"c"}}}', data(0)), /'a' must be a string/],
  ['depth 4', rawFile('{"a":{"b":{"c":{}}}}', data(0)), /depth of at most 3/],
  ['a hundred thousand brackets', rawFile(`{"a":${'['.repeat(1e5)}`, data(0)), /depth of at most 3/],
  ['a tensor that is null', rawFile('{"a":null}', data(0)), /tensor 'a': exactly dtype, shape and data_offsets/],
  [
    'a tensor with more',
    rawFile('{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"x":0}}', data(0)),
    /tensor 'a': exactly/,
  ],
  ['a tensor with less', rawFile('{"a":{"dtype":"U8","shape":[0]}}', data(0)), /tensor 'a': exactly/],
  [
    'an unknown dtype',
    rawFile('{"a":{"dtype":"F33","shape":[0],"data_offsets":[0,0]}}', data(0)),
    /tensor 'a': a known dtype .*"F33"/,
  ],
  [
    'a dtype of every object',
    rawFile('{"a":{"dtype":"toString","shape":[0],"data_offsets":[0,0]}}', data(0)),
    /a known dtype/,
  ],
  ['a dtype that is a number', rawFile('{"a":{"dtype":1,"shape":[0],"data_offsets":[0,0]}}', data(0)), /a known dtype/],
  [
    'a shape that is a number',
    rawFile('{"a":{"dtype":"U8","shape":0,"data_offsets":[0,0]}}', data(0)),
    /shape must list integers/,
  ],
  ['an extent of text', rawFile(header(f32('a', '"1"', 0, 4)), data(4)), /shape must list integers/],
  ['a negative extent', rawFile(header(f32('a', '-1', 0, 4)), data(4)), /shape must list integers/],
  ['two negative extents', rawFile(header(f32('a', '-1,-1', 0, 4)), data(4)), /shape must list integers/],
  ['an extent of -0', rawFile(header(f32('a', '-0', 0, 0)), data(0)), /shape must list integers/],
  ['an extent of 1.5', rawFile(header(f32('a', '1.5', 0, 6)), data(6)), /shape must list integers/],
  ['an extent of 1.0', rawFile(header(f32('a', '1.0', 0, 4)), data(4)), /shortest form/],
  ['an extent of 01', rawFile(header(f32('a', '01', 0, 4)), data(4)), /shortest form/],
  ['an extent of 1e0', rawFile(header(f32('a', '1e0', 0, 4)), data(4)), /shortest form/],
  ['an extent of 1e999', rawFile(header(f32('a', '1e999', 0, 4)), data(4)), /shortest form/],
  ['an extent of NaN', rawFile(header(f32('a', 'NaN', 0, 4)), data(4)), /a value is required/],
  ['an extent of 2^53', rawFile(header(f32('a', '9007199254740992', 0, 4)), data(4)), /shape must list integers/],
  ['an extent of 2^53 + 1', rawFile(header(f32('a', '9007199254740993', 0, 4)), data(4)), /shortest form/],
  ['a product of 2^64', rawFile(header(f32('a', '4294967296,4294967296', 0, 0)), data(0)), /below 2\^53 bits/],
  [
    'a product that wraps to 4',
    rawFile(header(f32('a', '4294967296,4294967296,4294967297', 0, 4)), data(4)),
    /below 2\^53/,
  ],
  [
    'elements that fill no byte',
    rawFile('{"a":{"dtype":"F4","shape":[3],"data_offsets":[0,2]}}', data(2)),
    /whole bytes/,
  ],
  ['one offset', rawFile('{"a":{"dtype":"U8","shape":[0],"data_offsets":[0]}}', data(0)), /must be a range/],
  ['three offsets', rawFile('{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0,0]}}', data(0)), /must be a range/],
  ['offsets in reverse', rawFile(header(f32('a', '1', 4, 0)), data(4)), /must be a range/],
  ['a range beyond the file', rawFile(header(f32('a', '2', 0, 8)), data(4)), /must be a range within 4 bytes/],
  [
    'a range beyond 2^53',
    rawFile(header(f32('a', '1', 9007199254740988, '9007199254740992')), data(4)),
    /data_offsets must list/,
  ],
  [
    'a size that is not the shape',
    rawFile(header(f32('a', '2', 0, 4)), data(4)),
    /F32 \[2\] takes 8 bytes. Received 4/,
  ],
  ['a hole before the first', rawFile(header(f32('a', '1', 4, 8)), data(8)), /tensor 'a': .* hole .*offset 4, not 0/],
  [
    'a hole between',
    rawFile(header(`${f32('a', '1', 0, 4)},${f32('b', '1', 8, 12)}`), data(12)),
    /tensor 'b': .* hole/,
  ],
  ['an overlap', rawFile(header(`${f32('a', '2', 0, 8)},${f32('b', '1', 4, 8)}`), data(8)), /tensor 'b': .*overlap/],
  ['two tensors on one range', rawFile(header(`${f32('a', '1', 0, 4)},${f32('b', '1', 0, 4)}`), data(4)), /overlap/],
  [
    'an empty tensor within another',
    rawFile(header(`${f32('a', '2', 0, 8)},${f32('b', '0', 4, 4)}`), data(8)),
    /tensor 'b': .*overlap/,
  ],
  ['bytes after the last tensor', rawFile(header(f32('a', '1', 0, 4)), data(5)), /cover the file.* 1 bytes more/],
  ['bytes and no tensor', rawFile('{}', data(1)), /cover the file/],
  ['another safetensors file', rawFile(header(f32('a', '1', 0, 4)), data(4)), /format 'quern'/],
];

test('each rule of the container is enforced and named', () => {
  for (const [what, file, rule] of containers) refused(file, rule, what);
});

test('what is unusual and legal in a container is read', () => {
  const legal: readonly (readonly [string, number])[] = [
    ['{}', 0],
    ['{ "__metadata__" : { "a" : "\\u00e9\\n" } }\n\t\r ', 0],
    [header(`${f32('', '', 0, 4)},${f32('\u{1f980}', '2', 4, 12)}`), 12],
    [header(`${f32('b', '1', 4, 8)},${f32('a', '1', 0, 4)}`), 8],
    [header(`${f32('empty', '0', 4, 4)},${f32('a', '1', 0, 4)},${f32('void', '3,0,5', 0, 0)}`), 4],
    ['{"a":{"data_offsets":[0,2],"shape":[4],"dtype":"F4"}}', 2],
    [
      '{"a":{"dtype":"C64","shape":[2],"data_offsets":[0,16]},"b":{"dtype":"F6_E2M3","shape":[4],"data_offsets":[16,19]}}',
      19,
    ],
  ];
  for (const [text, length] of legal) {
    const file = rawFile(text, data(length));
    const { tensors } = readSync(memorySource(file), readHeader(file.length));
    const covered = [...tensors.values()].reduce((total, entry) => total + entry.length, 0);
    assert.is(covered, length, text);
  }
});

// The model

const { tensors } = rawRead(good);
const text = programText(good);
const replaced = (from: string, to: string): Uint8Array => {
  assert.ok(text.includes(from), `the sample's program holds ${from}`);
  return withProgram(tensors, text.replace(from, to));
};
/** The sample with one graph more, which has an input of a type. */
const withInput = (type: string): Uint8Array =>
  replaced('"graphs":{', `"graphs":{"z":{"inputs":{"z":${type}},"variables":[],"nodes":[],"outputs":{},"updates":{}},`);
const changed = (name: string, tensor: { dtype: string; shape: number[]; bytes: Uint8Array } | null): Uint8Array => {
  const all = new Map(tensors);
  if (tensor) all.set(name, tensor);
  else all.delete(name);
  return rawModel(all);
};
const u8 = (...bytes: number[]) => ({ dtype: 'U8', shape: [bytes.length], bytes: new Uint8Array(bytes) });
const mask = (...bytes: number[]) => ({ dtype: 'BOOL', shape: [bytes.length], bytes: new Uint8Array(bytes) });

const models: readonly (readonly [what: string, file: Uint8Array, rule: RegExp])[] = [
  ['no program', changed('quern.program', null), /a tensor 'quern.program' is required/],
  ['a program of another dtype', changed('quern.program', { dtype: 'I8', shape: [0], bytes: data(0) }), /must be U8/],
  [
    'a program of two dimensions',
    changed('quern.program', { dtype: 'U8', shape: [1, 1], bytes: data(1) }),
    /one dimension/,
  ],
  ['a program of 5 MB', withProgram(tensors, text + ' '.repeat(5e6)), /at most 4194304 bytes/],
  ['an asset without a legal name', changed('quern.asset.a b', u8(1)), /legal name of an asset/],
  [
    'an asset of another dtype',
    changed('quern.asset.x', { dtype: 'F32', shape: [1], bytes: data(4) }),
    /'quern.asset.x' must be U8/,
  ],
  ['a variable without a tensor', changed('mask', null), /a tensor for variable 'mask'/],
  ['a tensor without a variable', changed('other', u8(1)), /'other' must be a shared variable/],
  [
    'a tensor of a session variable',
    changed('cache', { dtype: 'F32', shape: [2, 3], bytes: data(24) }),
    /'cache' must be a shared/,
  ],
  ['a tensor of another shape', changed('mask', mask(1, 0)), /'mask' must be BOOL \[3\]. Received BOOL \[2\]/],
  ['a tensor of another dtype', changed('mask', u8(1, 0, 1)), /'mask' must be BOOL \[3\]. Received U8 \[3\]/],
  ['a bool of 2', changed('mask', mask(0, 1, 2)), /bytes that are 0 or 1/],
  ['a checksum less', rawModel(tensors, { crc32: '00000000' }), /10 checksums are required. Received 1/],
  ['other checksums', rawModel(tensors, { crc32: new Array(10).fill('00000000').join(' ') }), /the file is damaged/],
  ['no JSON', withProgram(tensors, 'x'), /a value is required/],
  ['a list', withProgram(tensors, '[]'), /exactly symbols, variables, graphs/],
  ['a part more', withProgram(tensors, text.replace('{', '{"more":1,')), /exactly symbols, variables, graphs/],
  ['a name twice', withProgram(tensors, text.replace('"batch":8', '"batch":8,"batch":8')), /twice/],
  ['__proto__', replaced('"batch":8', '"__proto__":8'), /other than '__proto__'/],
  ['depth', replaced('"data":[0]', '"data":[[[[0]]]]'), /depth of at most 7/],
  ['a bound of 0', replaced('"batch":8', '"batch":0'), /bound from 1/],
  ['a bound of 2^31', replaced('"batch":8', '"batch":2147483648'), /program.symbols.batch\] an integer/],
  ['a bound of text', replaced('"batch":8', '"batch":"8"'), /program.symbols.batch\] an integer/],
  ['a symbol that is no name', replaced('"batch":8', '"batch":8,"9":8'), /identifier/],
  ['a symbol named floor', replaced('"batch":8', '"batch":8,"floor":8'), /identifier/],
  ['an undeclared symbol', replaced('["batch",4]', '["rows",4]'), /reshape.*\[rows, 3\]/],
  ['a dimension that shrinks', replaced('["batch",4]', '["64-batch",4]'), /grows with its symbols/],
  ['an undeclared symbol and no use of it', withInput('["f32",["rows"]]'), /symbols that the program declares/],
  ['an extent beyond memory', withInput('["f32",[65536,65536]]'), /at most 4 GiB/],
  [
    'a dimension that is not canonical',
    replaced('["batch",4]', '["batch*1",4]'),
    /canonical dimensions are required. Received 'batch\*1'/,
  ],
  ['a dimension that is no dimension', replaced('["batch",4]', '["batch ",4]'), /a dimension such as/],
  ['a dimension of many brackets', replaced('["batch",4]', `["${'('.repeat(250)}",4]`), /dimension/],
  ['a long dimension', replaced('["batch",4]', `["${'batch*'.repeat(60)}batch",4]`), /at most 256 characters/],
  [
    'a dimension that explodes',
    replaced('"3*batch"', `"${'(a+b+c)*(d+e+f)*'.repeat(40)}batch"`),
    /attributes of reshape .*'shape' is at fault/,
  ],
  ['a huge extent', replaced('["batch",4]', '["batch",2147483647]'), /2147483647 and 4/],
  ['a negative extent', replaced('["batch",4]', '["batch",-4]'), /inputs.x\[1\]\[1\]\] an integer/],
  ['rank 9', replaced('["batch",4]', '["batch",1,1,1,1,1,1,1,4]'), /list of at most 8/],
  ['an unknown dtype', replaced('["f32",["batch",4]]', '["f64",["batch",4]]'), /inputs.x\[0\]\] a dtype .*"f64"/],
  [
    'a variable with a symbol',
    replaced('["i8",[4,3]', '["i8",["batch",3]'),
    /variables.dense\/kernel\[1\]\[0\]\] an integer/,
  ],
  ['a scope of another kind', replaced('"session"', '"global"'), /'shared' or 'session'/],
  ['trainable that is text', replaced('"shared",true', '"shared","true"'), /true or false/],
  ['an unknown op', replaced('"matmul"', '"matmull"'), /nodes\[2\]\[0\]\] an op of this op set .*"matmull"/],
  ['an op of every object', replaced('"matmul"', '"toString"'), /an op of this op set/],
  ['an op that is a number', replaced('"matmul"', '7'), /an op of this op set/],
  [
    'an attribute of another type',
    replaced('"transposeA":false', '"transposeA":0'),
    /legal attributes of matmul .*'transposeA' is at fault/,
  ],
  ['an attribute less', replaced('"transposeA":false,', ''), /'transposeA' is at fault/],
  ['an attribute more', replaced('"transposeA":false', '"transposeA":false,"bias":true'), /'bias' is at fault/],
  ['an activation of another kind', replaced('"linear"', '"relu6"'), /'activation' is at fault/],
  ['attributes that are a list', replaced('{"axis":null}', '[null]'), /attributes of dequantize/],
  [
    'attributes of an op without',
    replaced('["add",[6,7],"dense/add"]', '["add",[6,7],"dense/add",{"x":1}]'),
    /legal attributes of add .*'x' is at fault/,
  ],
  ['a literal that is null', replaced('"data":[0]', '"data":[null]'), /'data' is at fault/],
  ['a literal of 1e999', replaced('"data":[0]', '"data":[1e999]'), /shortest form/],
  ['a literal out of range', replaced('"data":[0]', '"data":[200]'), /values that i8 holds.*Received 200/],
  ['literals that do not fill', replaced('"data":[0]', '"data":[0,0]'), /one value or 1/],
  [
    'an operand of the future',
    replaced('"matmul",[0,5,3]', '"matmul",[0,6,3]'),
    /nodes\[2\]\[1\]\[1\]\] an integer in \[0, 5\]/,
  ],
  ['an operand of -1', replaced('"matmul",[0,5,3]', '"matmul",[-1,5,3]'), /an integer in \[0, 5\]/],
  ['an operand of 0.5', replaced('"matmul",[0,5,3]', '"matmul",[0.5,5,3]'), /an integer in \[0, 5\]/],
  ['an operand too few', replaced('"matmul",[0,5,3]', '"matmul",[0]'), /2 or 3 operands required. Received 1/],
  ['an operand too many', replaced('"add",[6,7]', '"add",[6,7,7]'), /2 operands/],
  ['shapes that do not fit', replaced('"matmul",[0,5,3]', '"matmul",[5,0,3]'), /nodes\[2\]\] \[matmul\]/],
  ['a node that is an object', replaced('["add",[6,7],"dense/add"]', '{}'), /nodes\[4\]\] a list of 3 to 4/],
  ['a node without a name', replaced('["add",[6,7],"dense/add"]', '["add",[6,7]]'), /a list of 3 to 4/],
  ['a node named by a number', replaced('"dense/add"', '5'), /nodes\[4\]\[2\]\] text/],
  ['a node named by a newline', replaced('"dense/add"', '"\\n"'), /legal name/],
  ['an output of the future', replaced('"outputs":{"y":8', '"outputs":{"y":10'), /an integer in \[0, 9\]/],
  ['an output without a legal name', replaced('"outputs":{"y"', '"outputs":{"y y"'), /legal name/],
  ['an update of another type', replaced('"updates":{"cache":2}', '"updates":{"steps":2}'), /i32 \[1, 1\] is required/],
  ['an update of no variable', replaced('"updates":{"cache":2}', '"updates":{"other":2}'), /variables of the program/],
  ['an undeclared variable', replaced('"variables":["cache"]', '"variables":["other"]'), /declared variables/],
  [
    'a variable twice',
    replaced('"variables":["cache"]', '"variables":["cache","cache"]'),
    /graphs.remember.*each listed once/,
  ],
];

test('each rule of the model is enforced and named', () => {
  for (const [what, file, rule] of models) refused(file, rule, what);
});

test('a duplicate of a nested reserved name deep in JSON cannot reach a prototype', () => {
  for (const name of ['__proto__', 'constructor', 'hasOwnProperty', 'toString', '__defineGetter__']) {
    assert.throws(() => parseJson('test', utf8(`[{"a":{"${name}":{"polluted":true}}}]`), 8), isFormatError);
  }
  assert.is(Reflect.get({}, 'polluted'), undefined);
});

test('messages stay short whatever is long', () => {
  const long = 'x'.repeat(500_000);
  const zeros = new Array<number>(200_000).fill(0).join(',');
  const files = [
    rawFile(header(f32(long, '1', 0, 8)), data(8)),
    rawFile(header(`${f32(long, '1', 0, 4)},${f32(long, '1', 0, 4)}`), data(8)),
    rawFile(header(f32('a', zeros, 0, 4)), data(4)),
    rawFile(`{"a":{"dtype":"${long}","shape":[],"data_offsets":[0,0]}}`, data(0)),
    rawFile(`{"__metadata__":{"${long}":1}}`, data(0)),
    rawModel(tensors, { formatVersion: long }),
    rawModel(tensors, { crc32: `${long}${' '.repeat(tensors.size - 1)}` }),
    replaced('"mask"', `"${long}"`),
    replaced('"matmul"', `"${long}"`),
    replaced('["batch",4]', `["${long}",4]`),
    replaced('"3*batch"', `"${long}"`),
    replaced('"dense/add"', `"${long}"`),
    replaced('"outputs":{"y"', `"outputs":{"${long}"`),
    changed(long, u8(1)),
    changed(`quern.asset.${long}`, u8(1)),
  ];
  files.forEach((file, i) => assert.is(attempt(file), null, `file ${i}`));
});

test('header bytes alone are held against the size that the file claims', () => {
  assert.throws(() => parseHeader(utf8('{}'), 9), isFormatError);
  assert.throws(() => parseHeader(utf8('{}'), 11), isFormatError);
  assert.is(parseHeader(utf8('{}'), 10).tensors.size, 0);
});

// Mutations

const wild = [
  '-1',
  '-0',
  '0',
  '1',
  '4',
  '255',
  '2147483647',
  '2147483648',
  '4294967296',
  '9007199254740991',
  '9007199254740993',
  '18446744073709551615',
  '1e999',
  '-1e999',
  'NaN',
  'Infinity',
  '1e-7',
  '0.5',
  'null',
  'true',
  '""',
  '"batch"',
  '"64-batch"',
  '"4*batch"',
  '"floor((batch+1)/2)"',
  '"((((((((batch"',
  '"F64"',
  '"i32"',
  '"conv2d"',
  '"__proto__"',
  '"constructor"',
  '[]',
  '[[]]',
  '{}',
  '{"__proto__":{}}',
  '[[[[[[[[[[[[]]]]]]]]]]]]',
  '"\\ud800"',
  '"\\u0000"',
  '"quern.program"',
  ',',
  ':',
  '}',
  ']',
  '{',
  '[',
  '"',
];

type Random = (below: number) => number;

/** Where a header or program has its values and punctuation. */
const tokens = (json: string): RegExpMatchArray[] => [...json.matchAll(/"(?:[^"\\]|\\.)*"|[-+.\w]+|[[\]{}:,]/g)];

/** Text with tokens replaced, doubled, dropped, exchanged. */
function mutateText(json: string, random: Random): string {
  const all = tokens(json);
  const pick = () => all[random(all.length)] ?? all[0];
  const [a, b] = [pick(), pick()];
  if (!a || !b) return json;
  const value = wild[random(wild.length)] ?? '';
  const kind = (token: string): string => (/[-.\w]/.test(token.charAt(0)) ? 'value' : token.charAt(0));
  const alike = all.filter(([token]) => kind(token) === kind(a[0]));
  const splice = (token: RegExpMatchArray, by: string) =>
    json.slice(0, token.index) + by + json.slice((token.index ?? 0) + token[0].length);
  switch (random(8)) {
    case 0:
      return splice(a, '');
    case 1:
      return splice(a, `${a[0]}${a[0]}`);
    case 2:
      return splice(a, b[0]);
    case 3:
      return splice(a, `${value},${a[0]}`);
    case 4: {
      const [from, to] = [a.index ?? 0, b.index ?? 0].sort((x, y) => x - y);
      return json.slice(0, to) + json.slice(from);
    }
    case 5:
      return splice(a, value);
    default:
      return splice(a, alike[random(alike.length)]?.[0] ?? '');
  }
}

/** Bytes with bits flipped, ranges dropped, doubled, moved or overwritten. */
function mutateBytes(file: Uint8Array, random: Random): Uint8Array {
  const at = random(file.length);
  const length = 1 + random(random(2) === 0 ? 8 : 200);
  const [before, range, after] = [file.subarray(0, at), file.subarray(at, at + length), file.subarray(at + length)];
  const join = (...parts: Uint8Array[]) => new Uint8Array(parts.flatMap((part) => [...part]));
  switch (random(6)) {
    case 0: {
      const flipped = file.slice();
      for (let i = 0; i <= random(8); i++) {
        const bit = random(file.length * 8);
        flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      }
      return flipped;
    }
    case 1:
      return join(before, after);
    case 2:
      return join(before, range, range, after);
    case 3:
      return join(
        before,
        Uint8Array.from(range, () => random(256)),
        after,
      );
    case 4:
      return join(
        file,
        Uint8Array.from({ length }, () => random(256)),
      );
    default: {
      const other = random(file.length);
      return join(before, file.subarray(other, other + length), after);
    }
  }
}

test('10,000 mutated files are refused, or hold what the file held', () => {
  const next = generator(20261);
  const random: Random = (below) => next() % below;
  const contents = bitsOf(readAll(good));
  const length = Number(new DataView(good.buffer).getBigUint64(0, true));
  const json = new TextDecoder().decode(good.subarray(8, 8 + length));
  let accepted = 0;
  for (let i = 0; i < 10_000; i++) {
    let file = good;
    for (let rounds = random(3); rounds >= 0; rounds--) {
      const kind = random(4);
      if (kind === 0) file = rawFile(mutateText(json, random), good.subarray(8 + length));
      else if (kind === 1)
        file = rawFile(good.subarray(8, 8 + length), good.subarray(8 + length), BigInt(next()) ** BigInt(random(3)));
      else file = mutateBytes(file, random);
      if (file.length < 8) break;
    }
    const read = attempt(file);
    if (!read) continue;
    accepted++;
    assert.equal(bitsOf(read), contents, `mutation ${i}`);
  }
  console.log(`# 10,000 mutated files: ${10_000 - accepted} refused, ${accepted} unchanged in content`);
});

/** Reads 10,000 mutations of programs under right checksums; what is accepted keeps every rule and is written again. */
function mutatePrograms(
  seed: number,
  what: string,
  base: (random: Random) => [ReadonlyMap<string, RawTensor>, string],
): void {
  const next = generator(seed);
  const random: Random = (below) => next() % below;
  let accepted = 0;
  for (let i = 0; i < 10_000; i++) {
    let [beside, mutated] = base(random);
    for (let rounds = random(2); rounds >= 0; rounds--) mutated = mutateText(mutated, random);
    const read = attempt(withProgram(beside, mutated));
    if (!read) continue;
    accepted++;
    verify(read.program);
    assert.equal(bitsOf(readAll(writeModel(read))), bitsOf(read), `mutation ${i}`);
  }
  console.log(`# 10,000 mutated ${what}: ${10_000 - accepted} refused, ${accepted} other valid programs`);
  assert.ok(accepted > 100, 'some mutations are legal, so that what is accepted is tested');
}

test('10,000 mutated programs under right checksums are refused, or keep every rule', () => {
  mutatePrograms(20262, 'programs', () => [tensors, text]);
});

test('10,000 mutated nodes of every op are refused, or keep every rule', () => {
  const small = programsOfOps().map(([, program]) => programText(writeModel({ program, variables: new Map() })));
  const texts = small.filter((json) => json.length < 2000);
  mutatePrograms(20263, 'nodes', (random) => [new Map(), texts[random(texts.length)] ?? '']);
});

test.run();
