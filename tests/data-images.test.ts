/** Images: every kind of PNG and JPEG, resizing, and folders of them, good and bad. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError, FormatError, IoError, QuernError, ShapeError, UnsupportedError } from '../src/core/errors.js';
import { randomWords } from '../src/core/random.js';
import { decodeImage } from '../src/data/images/decode.js';
import { imageFolder, loadImageFolder } from '../src/data/images/folder.js';
import { readImageHeader } from '../src/data/images/header.js';
import { cropToAspect, resizeImage } from '../src/data/images/resize.js';
import { grayPng, type Png, writePng } from './support/png.js';
import { rejection } from './support/rejection.js';

const root = mkdtempSync(join(tmpdir(), 'quern-images-'));
test.after(() => rmSync(root, { recursive: true }));

const bytesOf = (base64: string): Uint8Array => new Uint8Array(Buffer.from(base64, 'base64'));

/** 16 x 8, white on the left and (200, 40, 90) on the right, or gray 78, as ImageMagick writes it. */
const pictures = {
  progressive: bytesOf(
    '/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAMCAgMCAgMDAwMEAwMEBQgFBQQEBQoHBwYIDAoMDAsKCwsNDhIQDQ4RDgsLEBYQERMUFRUVDA8XGBYUGBIUFRT/2wBDAQMEBAUEBQkFBQkUDQsNFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBT/wgARCAAIABADAREAAhEBAxEB/8QAFAABAAAAAAAAAAAAAAAAAAAACP/EABYBAQEBAAAAAAAAAAAAAAAAAAACB//aAAwDAQACEAMQAAABVIKI2X//xAAUEAEAAAAAAAAAAAAAAAAAAAAQ/9oACAEBAAEFAj//xAAUEQEAAAAAAAAAAAAAAAAAAAAQ/9oACAEDAQE/AT//xAAUEQEAAAAAAAAAAAAAAAAAAAAQ/9oACAECAQE/AT//xAAUEAEAAAAAAAAAAAAAAAAAAAAQ/9oACAEBAAY/Aj//xAAUEAEAAAAAAAAAAAAAAAAAAAAQ/9oACAEBAAE/IT//2gAMAwEAAgADAAAAEJ//xAAUEQEAAAAAAAAAAAAAAAAAAAAQ/9oACAEDAQE/ED//xAAUEQEAAAAAAAAAAAAAAAAAAAAQ/9oACAECAQE/ED//xAAUEAEAAAAAAAAAAAAAAAAAAAAQ/9oACAEBAAE/ED//2Q==',
  ),
  cmyk: bytesOf(
    '/9j/7gAOQWRvYmUAZAAAAAAC/9sAQwADAgIDAgIDAwMDBAMDBAUIBQUEBAUKBwcGCAwKDAwLCgsLDQ4SEA0OEQ4LCxAWEBETFBUVFQwPFxgWFBgSFBUU/9sAQwEDBAQFBAUJBQUJFA0LDRQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQU/8AAFAgACAAQBAERAAIRAQMRAQQRAP/EABUAAQEAAAAAAAAAAAAAAAAAAAkI/8QAFBABAAAAAAAAAAAAAAAAAAAAAP/EABYBAQEBAAAAAAAAAAAAAAAAAAADCf/EABQRAQAAAAAAAAAAAAAAAAAAAAD/2gAOBAEAAhEDEQQAAD8AKoCplqVZ+Jsf/9k=',
  ),
  gray: bytesOf(
    '/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAMCAgMCAgMDAwMEAwMEBQgFBQQEBQoHBwYIDAoMDAsKCwsNDhIQDQ4RDgsLEBYQERMUFRUVDA8XGBYUGBIUFRT/wAALCAAIABABAREA/8QAFAABAAAAAAAAAAAAAAAAAAAACf/EABQQAQAAAAAAAAAAAAAAAAAAAAD/2gAIAQEAAD8AVME7/9k=',
  ),
  interlaced: bytesOf(
    'iVBORw0KGgoAAAANSUhEUgAAABAAAAAICAIAAAEIE9hWAAAAQElEQVQY02P4////CY0oBgjF+P//fwYGhpOa0QwMDCgcJgYkAJWBAIg8BKCookwH6RIodiADZPuIMolkq6mmAQB5HB4We00eSAAAAABJRU5ErkJggg==',
  ),
};

function near(received: ArrayLike<number>, required: readonly number[], tolerance = 1e-6): void {
  assert.is(received.length, required.length);
  required.forEach((value, i) =>
    assert.ok(Math.abs((received[i] ?? NaN) - value) <= tolerance, `${i}: ${received[i]}`),
  );
}

test('JPEGs are read: progressive, CMYK and gray; and an interlaced PNG', async () => {
  for (const [name, bytes] of Object.entries(pictures)) {
    const { height, width, channels, data } = await decodeImage(bytes, 'rgb', name);
    assert.equal([height, width, channels], [8, 16, 3]);
    const right = (name === 'gray' ? [78, 78, 78] : [200, 40, 90]).map((value) => value / 255);
    near(data.subarray((16 * 2 + 2) * 3, (16 * 2 + 3) * 3), [1, 1, 1], 0.02);
    near(data.subarray((16 * 5 + 13) * 3, (16 * 5 + 14) * 3), right, 0.02);
    assert.is(readImageHeader(bytes, name).isGray, name === 'gray');
  }
});

test('every kind of PNG is read', async () => {
  const two = { width: 2, height: 2 };
  const files: Readonly<Record<string, readonly [Png, gray: readonly number[]]>> = {
    gray: [
      {
        ...two,
        colorType: 0,
        rows: [
          [0, 51],
          [102, 255],
        ],
      },
      [0, 0.2, 0.4, 1],
    ],
    '1 bit': [{ ...two, colorType: 0, depth: 1, rows: [[0b01000000], [0b10000000]] }, [0, 1, 1, 0]],
    '2 bits': [{ ...two, colorType: 0, depth: 2, rows: [[0b00010000], [0b10110000]] }, [0, 1 / 3, 2 / 3, 1]],
    '4 bits': [{ ...two, colorType: 0, depth: 4, rows: [[0x03], [0x6f]] }, [0, 0.2, 0.4, 1]],
    '16 bits': [
      {
        ...two,
        colorType: 0,
        depth: 16,
        rows: [
          [0, 1, 0, 2],
          [255, 255, 51, 51],
        ],
      },
      [1 / 65535, 2 / 65535, 1, 0.2],
    ],
    'gray and alpha': [
      {
        ...two,
        colorType: 4,
        rows: [
          [0, 9, 51, 0],
          [102, 255, 255, 1],
        ],
      },
      [0, 0.2, 0.4, 1],
    ],
    palette: [
      {
        ...two,
        colorType: 3,
        rows: [
          [0, 1],
          [2, 1],
        ],
        palette: [0, 0, 0, 51, 51, 51, 255, 255, 255],
      },
      [0, 0.2, 1, 0.2],
    ],
    'palette of 2 bits with alpha': [
      {
        ...two,
        colorType: 3,
        depth: 2,
        rows: [[0b00010000], [0b10010000]],
        palette: [0, 0, 0, 51, 51, 51, 255, 255, 255],
        alphas: [0, 9],
      },
      [0, 0.2, 1, 0.2],
    ],
  };
  for (const [name, [png, gray]] of Object.entries(files)) {
    near((await decodeImage(writePng(png), 'grayscale', name)).data, gray);
    near(
      (await decodeImage(writePng(png), 'rgb', name)).data,
      gray.flatMap((value) => [value, value, value]),
    );
  }
  const colours: Png = {
    width: 1,
    height: 2,
    colorType: 2,
    rows: [
      [255, 0, 51],
      [0, 102, 0],
    ],
  };
  near((await decodeImage(writePng(colours), 'rgb', 'rgb')).data, [1, 0, 0.2, 0, 0.4, 0]);
  near((await decodeImage(writePng(colours), 'grayscale', 'rgb')).data, [0.299 + 0.114 * 0.2, 0.587 * 0.4]);
  const clear: Png = { width: 1, height: 1, colorType: 6, rows: [[255, 0, 51, 0]] };
  near((await decodeImage(writePng(clear), 'rgb', 'rgba')).data, [1, 0, 0.2]);
});

test('a broken image is a typed error that names it', async () => {
  const good = grayPng(8, 8, (y, x) => y * 8 + x);
  const patched = (at: number, values: readonly number[]): Uint8Array => {
    const bytes = good.slice();
    bytes.set(values, at);
    return bytes;
  };
  const interlacedBits = writePng({ width: 8, height: 1, colorType: 0, depth: 1, rows: [[0]] });
  interlacedBits[28] = 1;
  const cases: readonly (readonly [Uint8Array, new (...args: never[]) => Error, RegExp])[] = [
    [new Uint8Array(), FormatError, /PNG or a JPEG/],
    [new TextEncoder().encode('GIF89a and more'), FormatError, /PNG or a JPEG/],
    [good.subarray(0, 30), FormatError, /PNG or a JPEG/],
    [good.subarray(0, 50), FormatError, /broken/],
    [patched(45, [1, 2, 3]), FormatError, /broken/],
    [patched(16, [0, 0, 0, 0]), FormatError, /at least one pixel/],
    [patched(16, [0, 1, 0, 0, 0, 1, 0, 0]), UnsupportedError, /at most 67108864 pixels/],
    [interlacedBits, UnsupportedError, /8 or 16 bits/],
    [writePng({ width: 2, height: 3, colorType: 0, rows: [[1, 2]] }), FormatError, /broken/],
    [writePng({ width: 1, height: 1, colorType: 3, rows: [[7]], palette: [1, 2, 3] }), FormatError, /broken/],
    [pictures.gray.subarray(0, 100), FormatError, /PNG or a JPEG|broken/],
  ];
  for (const [bytes, type, message] of cases) {
    const error = await rejection(decodeImage(bytes, 'rgb', 'scan.png'));
    assert.instance(error, type, error.message);
    assert.match(error.message, message);
    assert.match(error.message, /\[scan\.png\]/);
  }
});

test('whatever bits are wrong, a typed error or an image of the stated size comes back', async () => {
  for (const bytes of [grayPng(8, 8, (y, x) => y * x), pictures.gray, pictures.interlaced, pictures.cmyk]) {
    for (const word of randomWords([6, bytes.length], 0, 120)) {
      const broken = bytes.slice(0, word & 1 ? bytes.length : (word >>> 8) % bytes.length);
      const at = (word >>> 4) % Math.max(1, broken.length);
      broken[at] = (word >>> 16) & 255;
      try {
        const { height, width, data } = await decodeImage(broken, 'grayscale', 'fuzz');
        assert.is(data.length, height * width);
      } catch (error) {
        assert.instance(error, QuernError);
      }
    }
  }
});

test('resizing averages what falls into a pixel, interpolates between pixels, and keeps what is even', () => {
  const picture = { height: 2, width: 4, channels: 1, data: Float32Array.of(0, 1, 2, 3, 4, 5, 6, 7) };
  assert.is(resizeImage(picture, [2, 4]), picture);
  near(resizeImage({ ...picture, height: 1, width: 2, data: Float32Array.of(0, 1) }, [1, 4]).data, [0, 0.25, 0.75, 1]);
  const even = { height: 9, width: 7, channels: 3, data: new Float32Array(189).fill(0.5) };
  near(resizeImage(even, [4, 13]).data, new Array<number>(4 * 13 * 3).fill(0.5));
  const stripes = { height: 1, width: 64, channels: 1, data: Float32Array.from({ length: 64 }, (_, i) => i & 1) };
  near(resizeImage(stripes, [1, 4]).data.subarray(1, 3), [0.5, 0.5], 0.01);
  const cropped = cropToAspect(picture, [28, 28]);
  assert.equal([cropped.height, cropped.width, [...cropped.data]], [2, 2, [1, 2, 5, 6]]);
});

/** A folder of two classes: dark squares and light ones, of 4 x 4. */
function makeFolder(name: string): string {
  const path = join(root, name);
  for (const [kind, value] of [
    ['light', 200],
    ['dark', 20],
  ] as const) {
    mkdirSync(join(path, kind, 'more'), { recursive: true });
    for (let i = 0; i < 3; i++)
      writeFileSync(
        join(path, kind, `${i}.png`),
        grayPng(4, 4, () => value + i),
      );
    writeFileSync(
      join(path, kind, 'more', '3.PNG'),
      grayPng(4, 4, () => value + 3),
    );
    writeFileSync(join(path, kind, 'notes.txt'), 'not an image');
    writeFileSync(join(path, kind, '._0.png'), 'not an image either');
  }
  writeFileSync(join(path, 'README.md'), 'beside the classes');
  return path;
}

test('a folder of class-named images becomes arrays, and the same batch by batch', async () => {
  const path = makeFolder('good');
  const { x, y, classes } = await loadImageFolder(path);
  assert.equal([x.shape, y.shape, classes], [[8, 4, 4, 1], [8], ['dark', 'light']]);
  assert.equal([...y.data], [0, 0, 0, 0, 1, 1, 1, 1]);
  const firsts = Array.from({ length: 8 }, (_, i) => Math.round((x.data[i * 16] ?? 0) * 255));
  assert.equal(firsts, [20, 21, 22, 23, 200, 201, 202, 203]);
  const lazy = imageFolder(path);
  assert.equal([lazy.y, lazy.classes, lazy.shape], [y, classes, [4, 4, 1]]);
  const sizes: number[] = [];
  const read: number[] = [];
  for await (const batch of lazy.dataset.batch(3).batches(0, 0)) {
    sizes.push(batch.y.data.length);
    read.push(...batch.x.data);
  }
  assert.equal([sizes, read], [[3, 3, 2], [...x.data]]);
  const resized = await loadImageFolder(path, { size: [2, 3], colorMode: 'rgb' });
  assert.equal(resized.x.shape, [8, 2, 3, 3]);
});

test('images of other sizes are named, or resized where a size is given', async () => {
  const path = makeFolder('sizes');
  writeFileSync(
    join(path, 'light', '7.png'),
    grayPng(6, 4, (_, x) => 40 * x),
  );
  const error = await rejection(loadImageFolder(path));
  assert.instance(error, ShapeError);
  assert.match(error.message, /7\.png' is 6 x 4/);
  const { x } = await loadImageFolder(path, { size: [4, 4], cropToAspectRatio: true });
  assert.equal(x.shape, [9, 4, 4, 1]);
  // Files come before the folder within theirs: 7.png is the fourth of its class.
  near(
    x.data.subarray(7 * 16, 7 * 16 + 4),
    [40, 80, 120, 160].map((value) => value / 255),
  );
});

test('a colour image makes all of them coloured, unless gray is asked for', async () => {
  const path = makeFolder('colours');
  const rows = Array.from({ length: 4 }, () => [255, 0, 0, 255, 0, 0, 255, 0, 0, 255, 0, 0]);
  writeFileSync(join(path, 'dark', '9.png'), writePng({ width: 4, height: 4, colorType: 2, rows }));
  assert.equal((await loadImageFolder(path)).x.shape, [9, 4, 4, 3]);
  assert.equal((await loadImageFolder(path, { colorMode: 'grayscale' })).x.shape, [9, 4, 4, 1]);
});

test('folders that are none, hold no classes, an empty one or a broken image are refused by name', async () => {
  const good = makeFolder('base');
  const changed = (name: string, change: (path: string) => void): string => {
    const path = join(root, name);
    cpSync(good, path, { recursive: true });
    change(path);
    return path;
  };
  const flat = join(root, 'flat');
  mkdirSync(flat);
  writeFileSync(
    join(flat, 'a.png'),
    grayPng(2, 2, () => 0),
  );
  const cases: readonly (readonly [string, new (...args: never[]) => Error, RegExp])[] = [
    [join(root, 'nowhere'), IoError, /nowhere/],
    [flat, FormatError, /holds no folder/],
    [changed('empty', (path) => mkdirSync(join(path, 'medium'))), FormatError, /'medium' holds none/],
    [
      changed('text', (path) => writeFileSync(join(path, 'dark', 'x.png'), 'text')),
      FormatError,
      /x\.png\] a PNG or a JPEG/,
    ],
    [
      changed('cut', (path) => writeFileSync(join(path, 'dark', 'y.png'), grayPng(4, 4, () => 1).subarray(0, 50))),
      FormatError,
      /y\.png\] a whole PNG/,
    ],
  ];
  for (const [path, type, message] of cases) {
    const error = await rejection(loadImageFolder(path));
    assert.instance(error, type, error.message);
    assert.match(error.message, message);
  }
  assert.instance(await rejection(loadImageFolder(good, { size: [0, 4] })), ArgumentError);
  assert.instance(await rejection(loadImageFolder(good, { cropToAspectRatio: true })), ArgumentError);
});

test.run();
