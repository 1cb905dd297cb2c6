/** Bad requests over real connections: what a running server must refuse, whichever runtime it lives in. */
import { connect } from 'node:net';
import * as assert from 'uvu/assert';

/** One good input of a served model, as the protocol spells it. */
export interface GoodInput {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

export interface Target {
  readonly url: string;
  readonly model: string;
  readonly input: GoodInput;
}

export const inferUrl = ({ url, model }: Target): string => `${url}/v2/models/${encodeURIComponent(model)}/infer`;

const headers = { 'content-type': 'application/json' };

/** Sends a good request and returns the data of the first output. */
export async function askOnce(target: Target, data = target.input.data): Promise<readonly number[]> {
  const body = JSON.stringify({ inputs: [{ ...target.input, data }] });
  const response = await fetch(inferUrl(target), { method: 'POST', headers, body });
  const answer = (await response.json()) as { readonly outputs?: readonly { readonly data: readonly number[] }[] };
  assert.is(response.status, 200, JSON.stringify(answer));
  return answer.outputs?.[0]?.data ?? [];
}

interface Bad {
  readonly what: string;
  readonly status: number;
  readonly body: string | Uint8Array<ArrayBuffer>;
  readonly type?: string;
}

function badRequests({ input }: Target): Bad[] {
  const changed = (change: object): string => JSON.stringify({ inputs: [{ ...input, ...change }] });
  const last = input.shape.length - 1;
  const longer = input.shape.map((extent, axis) => (axis === last ? extent + 1 : extent));
  const vast = input.shape.map((extent, axis) => (axis === 0 ? 1 << 20 : extent));
  return [
    { what: 'nothing', status: 400, body: '' },
    { what: 'not JSON', status: 400, body: '{"inputs": [' },
    { what: 'not UTF-8', status: 400, body: Uint8Array.from([0xff, 0xfe, 0x7b, 0x7d]) },
    { what: 'too deep', status: 400, body: '['.repeat(500_000) },
    { what: 'too many arrays', status: 400, body: `[${'[],'.repeat(400_000)}[]]` },
    { what: 'too large', status: 413, body: ' '.repeat((4 << 20) + 1) },
    { what: 'much too large', status: 413, body: ' '.repeat(40 << 20) },
    { what: 'a media type', status: 415, body: changed({}), type: 'text/plain' },
    { what: 'no inputs', status: 400, body: '{}' },
    { what: 'an unknown input', status: 400, body: changed({ name: 'constructor' }) },
    { what: 'a wrong shape', status: 400, body: changed({ shape: longer }) },
    { what: 'a negative extent', status: 400, body: changed({ shape: input.shape.map(() => -1) }) },
    { what: 'a batch beyond the bound', status: 400, body: changed({ shape: vast }) },
    { what: 'nine dimensions', status: 400, body: changed({ shape: new Array(9).fill(1) }) },
    { what: 'a wrong datatype', status: 400, body: changed({ datatype: 'FP64' }) },
    { what: 'too few elements', status: 400, body: changed({ data: input.data.slice(1) }) },
    { what: 'a string among numbers', status: 400, body: changed({ data: input.data.map(() => 'x') }) },
    { what: 'an infinity', status: 400, body: changed({}).replace(/"data":\[[^,\]]+/, '"data":[1e999') },
    { what: 'an unknown output', status: 400, body: JSON.stringify({ inputs: [input], outputs: [{ name: 'none' }] }) },
  ];
}

/** Sends bytes as they are and returns what comes back until the server closes, or nothing when it resets. */
function rawExchange(url: string, bytes: string): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname, () => socket.end(bytes));
    let answer = '';
    socket.on('data', (chunk) => (answer += chunk.toString('latin1')));
    socket.on('error', () => resolve(answer));
    socket.on('close', () => resolve(answer));
  });
}

/** Opens a request whose body never comes, and drops the connection. */
async function breakOff(target: Target): Promise<void> {
  const { hostname, port, pathname } = new URL(inferUrl(target));
  await new Promise<void>((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => {
      const head = `POST ${pathname} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n`;
      socket.write(`${head}{"inputs"`, () => socket.destroy());
    });
    socket.on('error', reject);
    socket.on('close', () => resolve());
  });
}

/** A body of unknown length that does not end before the server has had enough. */
async function endless(target: Target, mebibytes: number): Promise<number | 'reset'> {
  const piece = new Uint8Array(1 << 16).fill(0x20);
  let left = mebibytes * 16;
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => (left-- > 0 ? controller.enqueue(piece) : controller.close()),
  });
  const init: RequestInit & { duplex: 'half' } = { method: 'POST', headers, body, duplex: 'half' };
  return fetch(inferUrl(target), init).then(
    async (response) => {
      await response.arrayBuffer();
      return response.status;
    },
    () => 'reset',
  );
}

/** Every refusal that is the server's duty. The server answers a good request after each of them as it did before. */
export async function checkRefusals(target: Target): Promise<void> {
  const expected = await askOnce(target);
  for (const { what, status, body, type } of badRequests(target)) {
    const response = await fetch(inferUrl(target), {
      method: 'POST',
      headers: { 'content-type': type ?? 'application/json' },
      body,
    });
    const text = await response.text();
    assert.is(response.status, status, `${what}: ${text}`);
    const answer = JSON.parse(text) as Record<string, unknown>;
    assert.equal(Object.keys(answer).sort(), ['code', 'error'], what);
    assert.not.match(text, /\.(js|ts):\d/);
    assert.equal(await askOnce(target), expected, `after ${what}`);
  }
  for (const [path, init, status] of [
    ['/none', {}, 404],
    ['/v2/models/none', {}, 404],
    ['/v2/models/%ff/infer', {}, 404],
    ['/v2', { method: 'DELETE' }, 405],
    [new URL(inferUrl(target)).pathname, {}, 405],
  ] as const) {
    const response = await fetch(`${target.url}${path}`, init);
    assert.is(response.status, status, path);
    await response.arrayBuffer();
  }
  assert.is(await endless(target, 8), 413, 'eight mebibytes of unknown length');
  assert.ok([413, 'reset'].includes(await endless(target, 400)), 'a body without end');
  for (let i = 0; i < 20; i++) await breakOff(target);
  assert.match(await rawExchange(target.url, 'nonsense\r\n\r\n'), /^HTTP\/1\.1 (400|501)|^$/);
  await rawExchange(target.url, '\0'.repeat(100_000));
  await rawExchange(target.url, `GET /${'a'.repeat(200_000)} HTTP/1.1\r\nhost: x\r\n\r\n`);
  assert.equal(await askOnce(target), expected, 'after all of it');
}

/** Many good requests as fast as they go, `atOnce` of them in flight. */
export async function checkRapid(target: Target, requests: number, atOnce: number): Promise<void> {
  const expected = await askOnce(target);
  let left = requests;
  const client = async (): Promise<void> => {
    while (left-- > 0) assert.equal(await askOnce(target), expected);
  };
  await Promise.all(Array.from({ length: atOnce }, client));
}
