/** The request handler against small models: the protocol, and every way to break a request. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createHandler, type Handler, type HandlerOptions, type ServedModel } from '../edge/handler.js';
import { IndexError, NumericsError } from '../src/core/errors.js';
import { identity, probabilitiesOf, scalarModel, softmaxRegression, source } from './support/served.js';

const silent = { report: (): void => undefined };
const handlerOf = (options: Partial<HandlerOptions> = {}): Handler =>
  createHandler({ models: [source('digits', softmaxRegression), source('same', identity)], ...silent, ...options });
const handler = handlerOf();

const get = (path: string, init?: RequestInit): Promise<Response> =>
  handler(new Request(`http://quern.test${path}`, init));

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
  readonly headers: Headers;
}

async function post(path: string, body: string | Uint8Array<ArrayBuffer>, to = handler, headers = {}): Promise<Answer> {
  const request = new Request(`http://quern.test${path}`, { method: 'POST', body, headers });
  const response = await to(request);
  return {
    status: response.status,
    body: (await response.json()) as Record<string, unknown>,
    headers: response.headers,
  };
}

const json = { 'content-type': 'application/json' };
const infer = (body: unknown, model = 'digits', to = handler): Promise<Answer> =>
  post(`/v2/models/${model}/infer`, JSON.stringify(body), to, json);

const image = [0.5, 1, 0, 0.25];
const input = { name: 'image', shape: [1, 2, 2, 1], datatype: 'FP32', data: image };

/** The answer is a refusal with this status and code, its message names the field, and it tells nothing else. */
function refused({ status, body }: Answer, expected: number, code: string, field: string): void {
  assert.is(status, expected, JSON.stringify(body));
  assert.equal(Object.keys(body).sort(), ['code', 'error']);
  assert.is(body['code'], code, JSON.stringify(body));
  assert.ok(String(body['error']).startsWith(`[${field}] `), String(body['error']));
  assert.not.match(String(body['error']), /\bat .*\.js/);
}

function near(actual: unknown, expected: readonly number[]): void {
  assert.ok(Array.isArray(actual) && actual.length === expected.length, JSON.stringify(actual));
  expected.forEach((value, i) => assert.ok(Math.abs(Number(actual[i]) - value) < 1e-6, `${actual[i]} ~ ${value}`));
}

test('health, server and model metadata', async () => {
  const bodies = {
    '/v2': { name: 'quern', version: '0.1.0', extensions: [] },
    '/v2/health/live': { live: true },
    '/v2/health/ready': { ready: true },
    '/v2/models/digits/ready': { name: 'digits', ready: true },
    '/v2/models/digits': {
      name: 'digits',
      versions: ['3'],
      platform: 'quern',
      inputs: [{ name: 'image', datatype: 'FP32', shape: [-1, 2, 2, 1] }],
      outputs: [
        { name: 'probabilities', datatype: 'FP32', shape: [-1, 3] },
        { name: 'top', datatype: 'INT32', shape: [-1] },
      ],
      properties: { engine: 'softmax regression', peak_bytes: '4096' },
    },
  };
  for (const [path, body] of Object.entries(bodies)) {
    const response = await get(path);
    assert.is(response.status, 200, path);
    assert.is(response.headers.get('content-type'), 'application/json');
    assert.equal(await response.json(), body);
    const head = await get(path, { method: 'HEAD' });
    assert.is(head.status, 200);
    assert.is(await head.text(), '');
  }
  const datatypes = (await (await get('/v2/models/same')).json()) as {
    inputs: { datatype: string; shape: number[] }[];
  };
  assert.equal(
    datatypes.inputs.map(({ datatype }) => datatype),
    ['FP32', 'INT32', 'UINT8', 'INT8', 'BOOL', 'FP32'],
  );
  assert.equal(datatypes.inputs[5]?.shape, [-1]);
});

test('an inference, flat and nested, computes what the model computes', async () => {
  for (const data of [
    image,
    [
      [
        [[0.5], [1]],
        [[0], [0.25]],
      ],
    ],
  ]) {
    const { status, body } = await infer({ id: 'a-1', parameters: { any: 1 }, inputs: [{ ...input, data }] });
    assert.is(status, 200, JSON.stringify(body));
    const outputs = body['outputs'] as { name: string; datatype: string; shape: number[]; data: number[] }[];
    assert.equal([body['model_name'], body['model_version'], body['id']], ['digits', '3', 'a-1']);
    assert.equal(
      outputs.map(({ name, datatype, shape }) => [name, datatype, shape]),
      [
        ['probabilities', 'FP32', [1, 3]],
        ['top', 'INT32', [1]],
      ],
    );
    near(outputs[0]?.data, probabilitiesOf(image));
  }
});

test('a batch, no batch at all, and chosen outputs', async () => {
  const images = [image, [1, 1, 1, 1], [0, 0, 0, 1], [-3, 2.5, 1e-3, 7]];
  const batch = await infer({
    inputs: [{ ...input, shape: [4, 2, 2, 1], data: images.flat() }],
    outputs: [{ name: 'probabilities' }],
  });
  const outputs = batch.body['outputs'] as { data: number[] }[];
  assert.is(outputs.length, 1);
  assert.is('id' in batch.body, false);
  near(outputs[0]?.data, images.flatMap(probabilitiesOf));
  const empty = await infer({ id: null, outputs: null, inputs: [{ ...input, shape: [0, 2, 2, 1], data: [] }] });
  assert.equal(empty.body['outputs'], [
    { name: 'probabilities', datatype: 'FP32', shape: [0, 3], data: [] },
    { name: 'top', datatype: 'INT32', shape: [0], data: [] },
  ]);
  const top = await infer({ inputs: [input], outputs: [{ name: 'top' }, { name: 'top' }] });
  assert.equal(top.body['outputs'], [{ name: 'top', datatype: 'INT32', shape: [1], data: [0] }]);
});

const every = {
  f32: { datatype: 'FP32', shape: [2], data: [0.1, -3.4e38] },
  i32: { datatype: 'INT32', shape: [2], data: [-2147483648, 2147483647] },
  u8: { datatype: 'UINT8', shape: [2], data: [0, 255] },
  i8: { datatype: 'INT8', shape: [2], data: [-128, 127] },
  bool: { datatype: 'BOOL', shape: [2], data: [true, false] },
  twice: { datatype: 'FP32', shape: [4], data: [1, 2, 3, 4] },
};

/** The request with every type, one input of it changed. */
const everyWith = (name: string, change: object): unknown => ({
  inputs: Object.entries(every).map(([key, value]) => ({ name: key, ...value, ...(key === name ? change : {}) })),
});

test('every element type goes in and comes out whole', async () => {
  const { status, body } = await infer(everyWith('', {}), 'same');
  assert.is(status, 200, JSON.stringify(body));
  const outputs = body['outputs'] as { name: string; data: unknown[] }[];
  for (const { name, data } of outputs) {
    const sent: Record<string, { readonly data: readonly unknown[] }> = every;
    const expected = sent[name]?.data ?? [];
    if (name === 'f32') assert.equal(data, Array.from(Float32Array.from([0.1, -3.4e38])));
    else assert.equal(data, expected);
  }
});

test('values out of range, of the wrong kind, or not finite', async () => {
  const bad: [string, unknown, string][] = [
    ['f32', 1e39, 'a finite FP32'],
    ['f32', '1', 'a finite FP32'],
    ['f32', null, 'a finite FP32'],
    ['f32', [1], 'a finite FP32'],
    ['f32', true, 'a finite FP32'],
    ['i32', 0.5, 'an integer'],
    ['i32', 2147483648, 'an integer'],
    ['u8', -1, 'an integer from 0 to 255'],
    ['u8', 256, 'an integer from 0 to 255'],
    ['i8', 128, 'an integer from -128 to 127'],
    ['i8', {}, 'an integer'],
    ['bool', 1, 'true or false'],
    ['bool', 'x'.repeat(100_000), 'true or false'],
  ];
  for (const [name, value, required] of bad) {
    const { data } = every[name as keyof typeof every];
    const at = Object.keys(every).indexOf(name);
    const answer = await infer(everyWith(name, { data: [data[0], value] }), 'same');
    refused(answer, 400, 'dtype', `inputs[${at}].data[1]`);
    assert.ok(String(answer.body['error']).includes(required));
    assert.ok(String(answer.body['error']).length < 200);
  }
  const text = JSON.stringify({ inputs: [input] }).replace('0.25', '1e999');
  refused(await post('/v2/models/digits/infer', text, handler, json), 400, 'dtype', 'inputs[0].data[3]');
});

test('inputs that are missing, unknown, repeated, or of the wrong type and shape', async () => {
  const change = (changes: object): unknown => ({ inputs: [{ ...input, ...changes }] });
  const bad: [unknown, string, string][] = [
    [change({ datatype: 'FP64' }), 'dtype', 'inputs[0].datatype'],
    [change({ datatype: undefined }), 'argument', 'inputs[0].datatype'],
    [change({ name: 'picture' }), 'argument', 'inputs[0].name'],
    [change({ name: 'constructor' }), 'argument', 'inputs[0].name'],
    [change({ name: '__proto__' }), 'argument', 'inputs[0].name'],
    [change({ name: 7 }), 'argument', 'inputs[0].name'],
    [change({ shape: [1, 2, 2] }), 'shape', 'inputs[0].shape'],
    [change({ shape: [1, 2, 3, 1] }), 'shape', 'inputs[0].shape[2]'],
    [change({ shape: [2, 2, 2, 1] }), 'shape', 'inputs[0].data'],
    [change({ shape: [5, 2, 2, 1], data: new Array(20).fill(0) }), 'shape', 'inputs[0].shape[0]'],
    [change({ shape: [-1, 2, 2, 1] }), 'shape', 'inputs[0].shape[0]'],
    [change({ shape: [1.5, 2, 2, 1] }), 'shape', 'inputs[0].shape[0]'],
    [change({ shape: ['1', 2, 2, 1] }), 'shape', 'inputs[0].shape[0]'],
    [change({ shape: [2 ** 53, 2, 2, 1] }), 'shape', 'inputs[0].shape[0]'],
    [change({ shape: [2 ** 20, 2 ** 20, 2 ** 20, 1] }), 'shape', 'inputs[0].shape'],
    [change({ shape: new Array(9).fill(1) }), 'shape', 'inputs[0].shape'],
    [change({ shape: undefined }), 'argument', 'inputs[0].shape'],
    [change({ data: undefined }), 'argument', 'inputs[0].data'],
    [change({ data: 'AAAA' }), 'argument', 'inputs[0].data'],
    [change({ data: [1, 2, 3] }), 'shape', 'inputs[0].data'],
    [change({ data: [1, 2, 3, 4, 5] }), 'shape', 'inputs[0].data'],
    [change({ data: [[[[1], [1]], [[1]]]] }), 'shape', 'inputs[0].data[0][1]'],
    [
      change({
        data: [
          [
            [[1], [1]],
            [[1], 1],
          ],
        ],
      }),
      'argument',
      'inputs[0].data[0][1][1]',
    ],
    [
      change({
        data: [
          [
            [[1], [1]],
            [[1], [null]],
          ],
        ],
      }),
      'dtype',
      'inputs[0].data[0][1][1][0]',
    ],
    [change({ parameters: 3 }), 'argument', 'inputs[0].parameters'],
    [{ inputs: [input, input] }, 'argument', 'inputs[1].name'],
    [{ inputs: [] }, 'argument', 'inputs'],
    [{ inputs: {} }, 'argument', 'inputs'],
    [{ inputs: [null] }, 'argument', 'inputs[0]'],
    [{}, 'argument', 'inputs'],
    [[], 'argument', 'body'],
    [null, 'argument', 'body'],
    ['inputs', 'argument', 'body'],
    [{ id: 7, inputs: [input] }, 'argument', 'id'],
    [{ parameters: [], inputs: [input] }, 'argument', 'parameters'],
    [{ inputs: [input], outputs: [{ name: 'logits' }] }, 'argument', 'outputs[0].name'],
    [{ inputs: [input], outputs: [{}] }, 'argument', 'outputs[0].name'],
    [{ inputs: [input], outputs: 'top' }, 'argument', 'outputs'],
  ];
  for (const [body, code, field] of bad) refused(await infer(body), 400, code, field);
  refused(await infer(everyWith('i8', { shape: [1], data: [1] }), 'same'), 400, 'shape', 'inputs[3].shape[0]');
  refused(await infer(everyWith('twice', { shape: [3], data: [1, 2, 3] }), 'same'), 400, 'shape', 'inputs[5].shape[0]');
});

test('bodies that are not JSON, too deep, too rich, or too large', async () => {
  const path = '/v2/models/digits/infer';
  const send = (body: string | Uint8Array<ArrayBuffer>): Promise<Answer> => post(path, body, handler, json);
  const notJson = ['', '{', 'inputs=1', '{"inputs": [NaN]}', '{"a":1}{', "{'a': 1}", '\u0000', ']]]]', '"\\"', '[1,]'];
  for (const body of notJson) refused(await send(body), 400, 'json', 'body');
  refused(await send(Uint8Array.from([0x22, 0xff, 0xfe, 0x22])), 400, 'json', 'body');
  refused(await send('['.repeat(33) + ']'.repeat(33)), 400, 'json', 'body');
  refused(await send('{"a":'.repeat(1_000_000)), 413, 'too-large', 'body');
  refused(await send('{"a":'.repeat(800_000)), 400, 'json', 'body');
  refused(await send(`[${'[],'.repeat(300_000)}[]]`), 400, 'json', 'body');
  refused(await send(`{${Array.from({ length: 300_000 }, (_, i) => `"${i}":0`).join(',')}}`), 400, 'json', 'body');
  refused(await send(`"${'['.repeat(100)}"`), 400, 'argument', 'body');
  const padded = JSON.stringify({ inputs: [input] }).padEnd(4 << 20, ' ');
  assert.is((await send(padded)).status, 200);
  refused(await send(`${padded} `), 413, 'too-large', 'body');
  assert.is((await infer({ inputs: [input] })).status, 200);
});

test('no body at all is too strange: a 200 or a 400, never anything else', async () => {
  const good = JSON.stringify({ id: 'a', inputs: [input], outputs: [{ name: 'top' }] });
  const answers = async (body: string): Promise<boolean> =>
    [200, 400].includes((await post('/v2/models/digits/infer', body, handler, json)).status);
  const field = fc.constantFrom('id', 'inputs', 'outputs', 'name', 'shape', 'datatype', 'data', '__proto__');
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof({ maxDepth: 5 }, fc.jsonValue(), fc.array(tie('tree')), fc.dictionary(field, tie('tree'))),
  }));
  const anything = fc.asyncProperty(tree, (value) => answers(JSON.stringify(value)));
  const edited = fc.asyncProperty(fc.nat(good.length), fc.nat(20), fc.string(), (at, length, text) =>
    answers(good.slice(0, at) + text + good.slice(at + length)),
  );
  await fc.assert(anything, { numRuns: 1000, seed: 1 });
  await fc.assert(edited, { numRuns: 1000, seed: 1 });
});

/** A request whose body arrives in pieces and whose length nobody declares. */
function streamed(pieces: number, piece: Uint8Array<ArrayBuffer>, taken: { pieces: number }): Request {
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (taken.pieces++ < pieces) controller.enqueue(piece);
      else controller.close();
    },
  });
  const init: RequestInit & { duplex: 'half' } = { method: 'POST', body, duplex: 'half' };
  return new Request('http://quern.test/v2/models/digits/infer', init);
}

test('a body is counted while it streams, whatever it declares', async () => {
  const piece = new Uint8Array(1 << 16).fill(0x20);
  for (const pieces of [65, 200, 100_000]) {
    const taken = { pieces: 0 };
    const response = await handler(streamed(pieces, piece, taken));
    assert.is(response.status, 413);
    assert.ok(taken.pieces <= 1100, `read ${taken.pieces} pieces`);
  }
  const fits = await handler(streamed(64, piece, { pieces: 0 }));
  assert.is(fits.status, 400, 'four mebibytes of spaces are read, and are not JSON');
  const lying = streamed(1, piece, { pieces: 0 });
  lying.headers.set('content-length', String(1 << 30));
  assert.is((await handler(lying)).status, 413);
});

test('a body that breaks off, and too many at once', async () => {
  const broken = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.error(new Error('the client is gone')),
  });
  const init: RequestInit & { duplex: 'half' } = { method: 'POST', body: broken, duplex: 'half' };
  const gone = await handler(new Request('http://quern.test/v2/models/digits/infer', init));
  assert.is(gone.status, 400);
  assert.is(((await gone.json()) as { code: string }).code, 'aborted');

  const small = handlerOf({ limits: { bufferedBytes: 1 << 17 } });
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  let sent = 0;
  const slow = new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (sent++ === 1) await held;
      if (sent <= 2) controller.enqueue(new Uint8Array(1 << 16).fill(0x20));
      else controller.close();
    },
  });
  const slowInit: RequestInit & { duplex: 'half' } = { method: 'POST', body: slow, duplex: 'half' };
  const waiting = small(new Request('http://quern.test/v2/models/digits/infer', slowInit));
  await new Promise((resolve) => setImmediate(resolve));
  const busy = await small(streamed(2, new Uint8Array(1 << 16).fill(0x20), { pieces: 0 }));
  assert.is(busy.status, 503);
  assert.is(busy.headers.get('retry-after'), '1');
  release();
  assert.is((await waiting).status, 400);
  assert.is((await infer({ inputs: [input] }, 'digits', small)).status, 200);
});

test('media types, paths and methods', async () => {
  const body = JSON.stringify({ inputs: [input] });
  const path = '/v2/models/digits/infer';
  const encoded = new TextEncoder().encode(body);
  assert.is((await post(path, encoded)).status, 200, 'without a type');
  assert.is((await post(path, body, handler, { 'content-type': 'Application/JSON; charset=utf-8' })).status, 200);
  for (const type of ['text/plain', 'application/octet-stream', 'multipart/form-data', 'application/jsonp', '/']) {
    refused(await post(path, body, handler, { 'content-type': type }), 415, 'media-type', 'content-type');
  }
  refused(
    await post(path, body, handler, { ...json, 'content-encoding': 'gzip' }),
    415,
    'media-type',
    'content-encoding',
  );
  const nowhere = ['/', '/v1', '/v2/', '/v2/models', '/v2/models/', '/v2/models/none', '/v2/models/none/infer'];
  for (const unknown of [...nowhere, '/v2/models/digits/drop', '/v2/models/%E0%A4%A', '/v2/models/digits/infer/x']) {
    const response = await get(unknown);
    assert.is(response.status, 404, unknown);
    assert.is(((await response.json()) as { code: string }).code, 'not-found');
  }
  for (const [unsuited, method, allow] of [
    ['/v2', 'POST', 'GET, HEAD'],
    ['/v2/health/live', 'DELETE', 'GET, HEAD'],
    ['/v2/models/digits', 'PUT', 'GET, HEAD'],
    [path, 'GET', 'POST'],
    [path, 'OPTIONS', 'POST'],
  ] as const) {
    const response = await get(unsuited, { method });
    assert.is(response.status, 405, unsuited);
    assert.is(response.headers.get('allow'), allow);
    assert.is(((await response.json()) as { code: string }).code, 'method');
  }
});

test('models have names of their own', () => {
  const digits = source('digits', softmaxRegression);
  assert.throws(() => createHandler({ models: [digits, digits] }), /models of different names are required/);
  assert.throws(() => createHandler({ models: [source('', identity)] }), /models of different names are required/);
});

test('a model is loaded once, and again after it failed', async () => {
  let loads = 0;
  const reported: unknown[] = [];
  const flaky = createHandler({
    report: (error) => reported.push(error),
    models: [
      {
        name: 'digits',
        load: async (): Promise<ServedModel> => {
          await new Promise((resolve) => setImmediate(resolve));
          if (++loads === 1) throw new Error('secret details');
          return softmaxRegression;
        },
      },
    ],
  });
  const [first, second] = await Promise.all([
    infer({ inputs: [input] }, 'digits', flaky),
    flaky(new Request('http://quern.test/v2/health/ready')),
  ]);
  refused(first, 503, 'not-ready', 'model');
  assert.is(first.headers.get('retry-after'), '1');
  assert.is(second.status, 503);
  assert.equal(await second.json(), { ready: false });
  assert.match(String(reported[0]), 'secret details');
  assert.not.match(JSON.stringify(first.body), 'secret');
  assert.is(loads, 1);
  const answers = await Promise.all(Array.from({ length: 20 }, () => infer({ inputs: [input] }, 'digits', flaky)));
  assert.ok(answers.every(({ status }) => status === 200));
  assert.is(loads, 2);
});

test("errors of a run: the request's own, and others", async () => {
  const reported: unknown[] = [];
  const run = async (fn: (x: number) => number): Promise<Answer> => {
    const model = createHandler({ models: [source('f', scalarModel(fn))], report: (error) => reported.push(error) });
    return infer({ inputs: [{ name: 'x', shape: [], datatype: 'FP32', data: [2] }] }, 'f', model);
  };
  const fails = (error: Error) => (): number => {
    throw error;
  };
  assert.equal((await run((x) => x * x)).body['outputs'], [{ name: 'y', datatype: 'FP32', shape: [], data: [4] }]);
  refused(await run(fails(new IndexError('gather', 'an index in [0, 4] is required.'))), 400, 'index', 'gather');
  assert.is(reported.length, 0);
  refused(await run(fails(new Error('secret details'))), 500, 'internal', 'server');
  refused(await run(fails(new NumericsError('layer', 'a NaN'))), 500, 'internal', 'server');
  refused(await run((x) => x / 0), 500, 'numerics', 'outputs');
  refused(await run(() => NaN), 500, 'numerics', 'outputs');
  assert.is(reported.length, 4);
  assert.match(String(reported[0]), 'secret details');
});

test('request ids come back, when they are harmless', async () => {
  const ask = (id: string): Promise<Response> => get('/v2/nothing', { headers: { 'x-request-id': id } });
  assert.is((await ask('7f3a-90.b:c')).headers.get('x-request-id'), '7f3a-90.b:c');
  assert.is((await ask('<script>')).headers.get('x-request-id'), null);
  assert.is((await ask('a'.repeat(129))).headers.get('x-request-id'), null);
});

test('other origins are let in only where the server says so', async () => {
  const path = '/v2/models/digits/infer';
  assert.is((await get('/v2')).headers.get('access-control-allow-origin'), null);
  const open = handlerOf({ allowOrigin: 'https://quern.test' });
  const preflight = await open(new Request(`http://quern.test${path}`, { method: 'OPTIONS' }));
  assert.is(preflight.status, 204);
  assert.is(preflight.headers.get('access-control-allow-methods'), 'POST');
  assert.is(preflight.headers.get('access-control-allow-origin'), 'https://quern.test');
  const answer = await infer({ inputs: [input] }, 'digits', open);
  assert.is(answer.headers.get('access-control-allow-origin'), 'https://quern.test');
});

test('the page may run its own scripts and styles and nothing else', async () => {
  const page = '<!doctype html><style>p{}</style><script type="module">let a = 1;</script><p>hello</p>';
  const withPage = handlerOf({ page });
  const response = await withPage(new Request('http://quern.test/'));
  assert.is(response.headers.get('content-type'), 'text/html; charset=utf-8');
  assert.is(await response.text(), page);
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode('let a = 1;'));
  const policy = response.headers.get('content-security-policy') ?? '';
  assert.ok(policy.startsWith("default-src 'none'; "));
  assert.ok(policy.includes(`script-src 'sha256-${Buffer.from(digest).toString('base64')}';`));
  assert.not.match(policy, 'unsafe');
  assert.is((await withPage(new Request('http://quern.test/', { method: 'POST' }))).status, 405);
});

test.run();
