/** The layers of convolutions and borders: shapes and parameters as Keras has them, values, files, training, refusals. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { referenceBackend } from '../src/backend/reference/reference.js';
import { ArgumentError, ShapeError } from '../src/core/errors.js';
import { type NDArray, ndarray, sizeOf } from '../src/core/ndarray.js';
import { normal } from '../src/core/random.js';
import * as quern from '../src/index.js';
import { trainingBackends } from './support/backends.js';
import { rejection } from './support/rejection.js';

type Extents = readonly number[];

const quiet = { verbose: 0 } as const;
const random = (stream: number, shape: Extents): NDArray => ndarray('f32', shape, normal([41, stream], sizeOf(shape)));
const count = (shape: Extents): NDArray =>
  ndarray(
    'f32',
    shape,
    Array.from({ length: sizeOf(shape) }, (_, i) => i + 1),
  );

const modelOf = (shape: Extents, layer: quern.Layer) =>
  quern.sequential([quern.input({ shape }), layer], { backend: referenceBackend });

interface Known {
  readonly layer: quern.Layer;
  readonly input: Extents;
  readonly output: Extents;
  readonly variables: Readonly<Record<string, Extents>>;
}

const image = [6, 7, 4];
const sequence = [9, 4];
const volume = [5, 4, 6, 2];

/** What Keras 3 documents, or gives by its formulas, for each layer. */
const known: readonly Known[] = [
  {
    layer: quern.conv1d({ filters: 6, kernelSize: 3 }),
    input: sequence,
    output: [7, 6],
    variables: { kernel: [3, 4, 6], bias: [6] },
  },
  {
    layer: quern.conv1d({ filters: 6, kernelSize: 3, padding: 'causal', dilationRate: 4, groups: 2 }),
    input: sequence,
    output: [9, 6],
    variables: { kernel: [3, 2, 6], bias: [6] },
  },
  {
    layer: quern.conv2d({ filters: 6, kernelSize: [3, 2], dilationRate: [2, 1], groups: 2, useBias: false }),
    input: image,
    output: [2, 6, 6],
    variables: { kernel: [3, 2, 2, 6] },
  },
  {
    layer: quern.conv3d({ filters: 3, kernelSize: [2, 3, 1], strides: [1, 2, 2], padding: 'same' }),
    input: volume,
    output: [5, 2, 3, 3],
    variables: { kernel: [2, 3, 1, 2, 3], bias: [3] },
  },
  {
    layer: quern.depthwiseConv1d({ kernelSize: 3, depthMultiplier: 2, strides: 2 }),
    input: sequence,
    output: [4, 8],
    variables: { kernel: [3, 4, 2], bias: [8] },
  },
  {
    layer: quern.depthwiseConv2d({ kernelSize: 3, padding: 'same' }),
    input: image,
    output: [6, 7, 4],
    variables: { kernel: [3, 3, 4, 1], bias: [4] },
  },
  {
    layer: quern.separableConv1d({ filters: 5, kernelSize: 3, dilationRate: 2 }),
    input: sequence,
    output: [5, 5],
    variables: { depthwiseKernel: [3, 4, 1], pointwiseKernel: [1, 4, 5], bias: [5] },
  },
  {
    layer: quern.separableConv2d({ filters: 5, kernelSize: 3, depthMultiplier: 2, strides: 2, padding: 'same' }),
    input: image,
    output: [3, 4, 5],
    variables: { depthwiseKernel: [3, 3, 4, 2], pointwiseKernel: [1, 1, 8, 5], bias: [5] },
  },
  {
    layer: quern.conv1dTranspose({ filters: 3, kernelSize: 5, strides: 2 }),
    input: sequence,
    output: [21, 3],
    variables: { kernel: [5, 3, 4], bias: [3] },
  },
  {
    layer: quern.conv2dTranspose({ filters: 3, kernelSize: 3, strides: [2, 3], padding: 'same' }),
    input: image,
    output: [12, 21, 3],
    variables: { kernel: [3, 3, 3, 4], bias: [3] },
  },
  {
    layer: quern.conv2dTranspose({ filters: 3, kernelSize: 3, strides: 2, outputPadding: [1, 0], activation: 'relu' }),
    input: image,
    output: [14, 15, 3],
    variables: { kernel: [3, 3, 3, 4], bias: [3] },
  },
  {
    layer: quern.conv3dTranspose({ filters: 3, kernelSize: 2, strides: [2, 1, 2], useBias: false }),
    input: volume,
    output: [10, 5, 12, 3],
    variables: { kernel: [2, 2, 2, 3, 2] },
  },
  { layer: quern.zeroPadding1d(), input: sequence, output: [11, 4], variables: {} },
  { layer: quern.zeroPadding2d({ padding: [1, 2] }), input: image, output: [8, 11, 4], variables: {} },
  { layer: quern.zeroPadding3d({ padding: [[0, 1], 2, 1] }), input: volume, output: [6, 8, 8, 2], variables: {} },
  { layer: quern.cropping1d({ cropping: [1, 2] }), input: sequence, output: [6, 4], variables: {} },
  { layer: quern.cropping2d(), input: image, output: [6, 7, 4], variables: {} },
  {
    layer: quern.cropping2d({
      cropping: [
        [2, 1],
        [0, 3],
      ],
    }),
    input: image,
    output: [3, 4, 4],
    variables: {},
  },
  { layer: quern.cropping3d(), input: volume, output: [3, 2, 4, 2], variables: {} },
];

for (const { layer, input, output, variables } of known) {
  const text = `${layer.kind} ${JSON.stringify(layer.options)}`;
  test(`${text}: shapes and parameters`, async () => {
    const model = modelOf(input, layer);
    const y = await model.predict(random(1, [3, ...input]));
    assert.equal(y.shape, [3, ...output]);
    const shapes = [...model.variables()].map(([name, { shape }]) => [name.replace(`${layer.kind}/`, ''), shape]);
    assert.equal(Object.fromEntries(shapes), variables);
    model.close();
  });
}

test('a model of every layer is saved, and is the same when it is loaded', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'quern-'));
  const path = join(folder, 'model.safetensors');
  try {
    for (const [i, { layer, input }] of known.entries()) {
      const model = modelOf(input, layer);
      const x = random(i, [2, ...input]);
      const y = await model.predict(x);
      await model.save(path);
      model.close();
      const again = await quern.loadModel(path, { backend: referenceBackend });
      assert.equal([...(await again.predict(x)).data], [...y.data], layer.kind);
      again.close();
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('zeros are put around, and borders taken away', async () => {
  const of = async (layer: quern.Layer, shape: Extents): Promise<number[]> => {
    const model = modelOf(shape, layer);
    const { data } = await model.predict(count([1, ...shape]));
    model.close();
    return [...data];
  };
  assert.equal(await of(quern.zeroPadding1d({ padding: [2, 1] }), [2, 1]), [0, 0, 1, 2, 0]);
  const framed = await of(
    quern.zeroPadding2d({
      padding: [
        [1, 0],
        [0, 2],
      ],
    }),
    [2, 2, 1],
  );
  assert.equal(framed, [0, 0, 0, 0, 1, 2, 0, 0, 3, 4, 0, 0]);
  assert.equal(await of(quern.zeroPadding3d({ padding: [0, 0, [1, 0]] }), [1, 2, 2, 1]), [0, 1, 2, 0, 3, 4]);
  assert.equal(await of(quern.cropping1d(), [4, 1]), [2, 3]);
  assert.equal(
    await of(
      quern.cropping2d({
        cropping: [
          [1, 0],
          [0, 1],
        ],
      }),
      [2, 3, 1],
    ),
    [4, 5],
  );
  assert.equal(await of(quern.cropping3d(), [3, 3, 3, 1]), [14]);
});

test('a network of these layers trains on every backend as it does on the reference', async () => {
  const x = random(7, [12, 8, 8, 2]);
  const y = random(8, [12, 8, 8, 3]);
  const losses: number[][] = [];
  for (const backend of trainingBackends) {
    const model = quern.sequential(
      [
        quern.input({ shape: [8, 8, 2] }),
        quern.conv2d({ filters: 8, kernelSize: 3, dilationRate: 2, padding: 'same', groups: 2 }),
        quern.depthwiseConv2d({ kernelSize: 3, padding: 'same', activation: 'relu' }),
        quern.separableConv2d({ filters: 6, kernelSize: 3, strides: 2, padding: 'same', activation: 'tanh' }),
        quern.conv2dTranspose({ filters: 3, kernelSize: 3, strides: 2, padding: 'same' }),
      ],
      { backend, seed: 3 },
    );
    model.compile({ optimizer: quern.sgd({ learningRate: 0.05 }), loss: 'meanSquaredError' });
    const { history } = await model.fit(x, y, { epochs: 4, batchSize: 5, shuffle: false, ...quiet });
    losses.push([...(history['loss'] ?? [])]);
    model.close();
  }
  const [required = []] = losses;
  assert.is(required.length, 4);
  assert.ok((required[3] ?? 0) < (required[0] ?? 0));
  for (const received of losses) {
    received.forEach((loss, i) => assert.ok(Math.abs(loss - (required[i] ?? NaN)) < 1e-4, `${loss} ${required[i]}`));
  }
});

test('options and inputs that do not fit are refused by name', async () => {
  const refuse = (make: () => unknown, message: RegExp): void => {
    assert.throws(make, (error: unknown) => error instanceof ArgumentError && message.test(error.message));
  };
  // As JavaScript would pass them.
  const loosely = <T>(options: object): T => options as T;
  refuse(() => quern.conv1d({ filters: 1, kernelSize: 0 }), /\[conv1d\] kernelSize must be a positive integer/);
  refuse(() => quern.conv2d(loosely({ filters: 1, kernelSize: 3, padding: 'causal' })), /'valid' or 'same'/);
  refuse(() => quern.conv3d(loosely({ filters: 1, kernelSize: [3, 3] })), /one positive integer or three/);
  refuse(() => quern.conv2d({ filters: 1, kernelSize: 3, groups: 1.5 }), /groups must be a positive integer/);
  refuse(() => quern.depthwiseConv2d({ kernelSize: 3, depthMultiplier: 0 }), /depthMultiplier/);
  refuse(() => quern.depthwiseConv2d(loosely({ kernelSize: 3, filters: 2 })), /Received 'filters'/);
  refuse(() => quern.conv2dTranspose({ filters: 1, kernelSize: 3, outputPadding: -1 }), /an integer from 0/);
  refuse(() => quern.zeroPadding2d({ padding: -1 }), /padding must be an integer from 0/);
  refuse(() => quern.zeroPadding2d(loosely({ padding: [1, 2, 3] })), /padding must be/);
  refuse(() => quern.cropping1d(loosely({ cropping: [1] })), /one integer from 0 or two/);

  const fails = async (shape: Extents, layer: quern.Layer): Promise<Error> => {
    const predict = async () => modelOf(shape, layer).predict(random(1, [1, ...shape]));
    return rejection(predict());
  };
  const cases = [
    [[6, 6, 4], quern.conv2d({ filters: 6, kernelSize: 3, groups: 3 }), ArgumentError, /groups that divide.*groups 3/],
    [[6, 6, 4], quern.conv2d({ filters: 5, kernelSize: 3, groups: 2 }), ArgumentError, /groups that divide.*5 filters/],
    [
      [6, 6, 4],
      quern.conv2d({ filters: 1, kernelSize: 3, strides: 2, dilationRate: 2 }),
      ArgumentError,
      /strides of 1/,
    ],
    [[6, 6, 4], quern.conv1d({ filters: 1, kernelSize: 3 }), ShapeError, /\[conv1d\] sequences \[batch, length, ch/],
    [[6, 4], quern.conv2d({ filters: 1, kernelSize: 3 }), ShapeError, /\[conv2d\] images \[batch, height, width/],
    [[6, 6, 4], quern.conv3d({ filters: 1, kernelSize: 3 }), ShapeError, /volumes \[batch, depth, height/],
    [[2, 2, 4], quern.depthwiseConv2d({ kernelSize: 3 }), ShapeError, /window of 3 on 2/],
    [[6, 6, 4], quern.conv2dTranspose({ filters: 1, kernelSize: 3, outputPadding: 1 }), ArgumentError, /outputPadding/],
    [[6, 4], quern.zeroPadding2d(), ShapeError, /rank 4/],
    [[3, 4], quern.cropping1d({ cropping: 2 }), ShapeError, /at most the whole.*2 and 2/],
  ] as const;
  for (const [shape, layer, kind, message] of cases) {
    const error = await fails(shape, layer);
    assert.instance(error, kind, error.message);
    assert.match(error.message, message);
  }
});

test.run();
