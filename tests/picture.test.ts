/** What the page makes of a drawing, without a browser: MNIST digits pass through, everything else becomes like them. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { canvasSide, digitOf, gridSide } from '../edge/page/picture.js';
import { loadMnist } from '../src/data/mnist.js';

/** A canvas on which `ink(x, y)`, from 0 to 255, is drawn: as white of that opacity, or as opaque grey. */
function canvasOf(ink: (x: number, y: number) => number, opaque = false): Uint8ClampedArray {
  const rgba = new Uint8ClampedArray(canvasSide * canvasSide * 4);
  for (let y = 0; y < canvasSide; y++) {
    for (let x = 0; x < canvasSide; x++) {
      const value = ink(x, y);
      const at = 4 * (y * canvasSide + x);
      rgba.fill(opaque ? value : 255, at, at + 3);
      rgba[at + 3] = opaque ? 255 : value;
    }
  }
  return rgba;
}

function digit(canvas: Uint8ClampedArray): Float32Array {
  const made = digitOf(canvas);
  if (!made) throw new Error('the canvas is blank');
  return made;
}

/** Rows and columns with ink above a tenth, and the centre of mass in pixels. */
function measure(grid: Float32Array): { height: number; width: number; x: number; y: number } {
  const inked = [...grid.keys()].filter((i) => (grid[i] ?? 0) > 0.1);
  const mass = grid.reduce((a, b) => a + b, 0);
  const moment = (axis: (i: number) => number): number => grid.reduce((sum, v, i) => sum + v * axis(i), 0) / mass;
  const row = (i: number): number => Math.floor(i / gridSide);
  const column = (i: number): number => i % gridSide;
  const span = (axis: (i: number) => number): number => new Set(inked.map(axis)).size;
  return { height: span(row), width: span(column), x: moment(column), y: moment(row) };
}

test('a thousand MNIST digits, drawn block by block, pass through exactly', () => {
  const { x } = loadMnist('test', 1000);
  const pixels = gridSide * gridSide;
  for (let n = 0; n < 1000; n++) {
    const image = x.data.subarray(n * pixels, (n + 1) * pixels);
    const ink = (cx: number, cy: number): number =>
      Math.round(255 * (image[Math.floor(cy / 10) * gridSide + Math.floor(cx / 10)] ?? 0));
    assert.ok(
      digit(canvasOf(ink, n % 2 === 0)).every((value, i) => value === image[i]),
      `digit ${n}`,
    );
  }
});

test('a blank canvas is no digit', () => {
  assert.is(digitOf(canvasOf(() => 0)), null);
  assert.is(digitOf(canvasOf(() => 0, true)), null);
  assert.is(digitOf(canvasOf(() => 3)), null);
});

test('a drawing of any size and place becomes 20 high and centred', () => {
  for (const [left, top, width, height] of [
    [10, 10, 30, 60],
    [200, 150, 20, 100],
    [0, 0, 280, 280],
    [139, 139, 3, 3],
    [0, 130, 280, 20],
    [270, 0, 10, 280],
  ] as const) {
    const box = canvasOf((x, y) => (x >= left && x < left + width && y >= top && y < top + height ? 255 : 0));
    const measured = measure(digit(box));
    const longer = Math.max(measured.width, measured.height);
    const shorter = Math.min(measured.width, measured.height);
    assert.is(longer, 20, `${width} x ${height}`);
    assert.ok(Math.abs(shorter - (20 * Math.min(width, height)) / Math.max(width, height)) <= 1.9);
    assert.ok(Math.abs(measured.x - 14) <= 0.51 && Math.abs(measured.y - 14) <= 0.51, JSON.stringify(measured));
  }
});

test('ink keeps its share of the area and never exceeds full', () => {
  const stroke = canvasOf((x, y) => (Math.hypot(x - 90, y - 120) < 60 && Math.hypot(x - 90, y - 120) > 38 ? 255 : 0));
  const grid = digit(stroke);
  const scale = 20 / 120;
  const area = Math.PI * (60 ** 2 - 38 ** 2) * scale ** 2;
  assert.ok(Math.abs(grid.reduce((a, b) => a + b, 0) - area) < 0.03 * area);
  assert.ok(grid.every((value) => value >= 0 && value <= 1));
});

test('a drawing that is heavy at one end stays within the grid', () => {
  const heavy = canvasOf((x, y) => (y > 240 || (x > 135 && x < 145) ? 255 : 0));
  const grid = digit(heavy);
  const { height } = measure(grid);
  assert.is(height, 20);
});

test.run();
