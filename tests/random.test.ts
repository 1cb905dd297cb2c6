/** Threefry against its published answers, and the helpers against what they promise. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type Key,
  normal,
  permutation,
  randomWords,
  shuffle,
  threefry,
  uniform,
  unitFloat,
} from '../src/core/random.js';

test('threefry gives the known answers of Random123', () => {
  const ones = 0xffffffff;
  assert.equal(threefry([0, 0], 0, 0), [0x6b200159, 0x99ba4efe]);
  assert.equal(threefry([ones, ones], ones, ones), [0x1cb996fc, 0xbb002be7]);
  assert.equal(threefry([0x13198a2e, 0x03707344], 0x243f6a88, 0x85a308d3), [0xc4923a9c, 0x483df7a0]);
});

test('signed and unsigned words of a key are the same key', () => {
  assert.equal(threefry([-1, -7], -1, 3), threefry([0xffffffff, 0xfffffff9], 0xffffffff, 3));
});

test('element i of a stream is word i & 1 of block i >> 1, whatever the length', () => {
  const key: Key = [42, 7];
  const words = randomWords(key, 3, 9);
  for (let i = 0; i < 9; i++) assert.is(words[i], threefry(key, i >> 1, 3)[i & 1]);
  assert.equal(randomWords(key, 3, 4), words.slice(0, 4));
  assert.is(randomWords(key, 3, 0).length, 0);
});

test('unit floats are exact in float32 and stay below 1', () => {
  assert.is(unitFloat(0), 0);
  assert.is(unitFloat(0xffffffff), 1 - 2 ** -24);
  assert.is(Math.fround(unitFloat(0xffffffff)), unitFloat(0xffffffff));
});

/** The k-th moment of the values. */
const moment = (values: Float32Array, k: number): number =>
  values.reduce((total, value) => total + value ** k, 0) / values.length;

test('uniform floats fill their range evenly', () => {
  const values = uniform([1, 2], 100_000, -2, 4);
  assert.ok(values.every((value) => value >= -2 && value < 4));
  const counts = new Float64Array(60);
  for (const value of values) {
    const bin = Math.floor((value + 2) * 10);
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  const expected = 100_000 / 60;
  const chiSquared = counts.reduce((total, count) => total + (count - expected) ** 2 / expected, 0);
  // 59 degrees of freedom: mean 59, deviation 10.9.
  assert.ok(chiSquared > 25 && chiSquared < 110, `chi squared ${chiSquared}`);
});

test('normals have the moments of the normal distribution, and none is infinite', () => {
  const values = normal([3, 4], 200_000);
  assert.ok(values.every(Number.isFinite));
  assert.ok(Math.abs(moment(values, 1)) < 0.01);
  assert.ok(Math.abs(moment(values, 2) - 1) < 0.02);
  assert.ok(Math.abs(moment(values, 3)) < 0.04);
  assert.ok(Math.abs(moment(values, 4) - 3) < 0.1);
  assert.is(normal([3, 4], 5)[4], values[4]);
});

test('neighbouring keys and streams are uncorrelated', () => {
  const correlate = (a: Uint32Array, b: Uint32Array): number => {
    let total = 0;
    a.forEach((word, i) => (total += (unitFloat(word) - 0.5) * (unitFloat(b[i] as number) - 0.5)));
    return (12 * total) / a.length;
  };
  const base = randomWords([5, 0], 0, 50_000);
  for (const other of [
    randomWords([5, 1], 0, 50_000),
    randomWords([6, 0], 0, 50_000),
    randomWords([5, 0], 1, 50_000),
  ]) {
    assert.ok(Math.abs(correlate(base, other)) < 0.02);
  }
  assert.ok(correlate(base, base) > 0.98);
});

test('a permutation holds every index once and depends on the key alone', () => {
  const order = permutation([8, 1], 1000);
  assert.equal(
    [...order].sort((a, b) => a - b),
    Array.from({ length: 1000 }, (_, i) => i),
  );
  assert.equal(permutation([8, 1], 1000), order);
  assert.not.equal(permutation([8, 2], 1000), order);
  assert.equal([...permutation([8, 1], 0)], []);
  assert.equal([...permutation([8, 1], 1)], [0]);
});

test('all orders of three items are equally likely', () => {
  const counts = new Map<string, number>();
  for (let i = 0; i < 6000; i++) {
    const items = ['a', 'b', 'c'];
    shuffle([9, i], items);
    counts.set(items.join(''), (counts.get(items.join('')) ?? 0) + 1);
  }
  assert.is(counts.size, 6);
  for (const [order, count] of counts) assert.ok(Math.abs(count - 1000) < 150, `${order} ${count}`);
});

test.run();
