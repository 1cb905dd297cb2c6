/** The Node target: the handler behind a real HTTP server. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createHandler } from '../edge/handler.js';
import { serveNode } from '../edge/node.js';
import { IoError } from '../src/core/errors.js';
import { askOnce, checkRapid, checkRefusals, type Target } from './support/hostile.js';
import { probabilitiesOf, softmaxRegression, source } from './support/served.js';

const handler = createHandler({ models: [source('digits', softmaxRegression)], page: '<p>page</p>' });
const image = [0.5, 1, 0, 0.25];
const targetAt = (url: string): Target => ({
  url,
  model: 'digits',
  input: { name: 'image', datatype: 'FP32', shape: [1, 2, 2, 1], data: image },
});

test('serves models and the page', async () => {
  const server = await serveNode({ handler, port: 0 });
  try {
    const answer = await askOnce(targetAt(server.url));
    probabilitiesOf(image).forEach((value, i) => assert.ok(Math.abs((answer[i] ?? NaN) - value) < 1e-6));
    assert.is(await (await fetch(server.url)).text(), '<p>page</p>');
    const head = await fetch(`${server.url}/v2`, { method: 'HEAD' });
    assert.equal([head.status, await head.text()], [200, '']);
  } finally {
    await server.close();
  }
});

test('refuses what is bad and keeps serving', async () => {
  const server = await serveNode({ handler, port: 0 });
  try {
    await checkRefusals(targetAt(server.url));
    await checkRapid(targetAt(server.url), 200, 20);
  } finally {
    await server.close();
  }
});

test('a port in use is a typed error that names it; closing frees it', async () => {
  const first = await serveNode({ handler, port: 0 });
  const again = serveNode({ handler, port: first.port });
  const error = await again.then(
    () => null,
    (reason: unknown) => reason,
  );
  assert.instance(error, IoError);
  assert.match(String(error), `Port ${first.port} of 127.0.0.1 is in use`);
  await first.close();
  const second = await serveNode({ handler, port: first.port });
  await second.close();
});

test.run();
