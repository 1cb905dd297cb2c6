/**
 * The server: `(Request) => Promise<Response>` on Web standards alone, the same under workerd, Deno, Bun and Node. It
 * speaks the Open Inference Protocol v2 over JSON and may show one page at `/`. Every refusal is a JSON object
 * `{ error, code }`; a bad request never reaches the model, and nothing that it throws leaves the server unfit.
 */
import type { Executable } from '../src/backend/backend.js';
import { ArgumentError } from '../src/core/errors.js';
import type { NDArray } from '../src/core/ndarray.js';
import { type Buffered, defaultLimits, discardBody, type Limits, parseJson, readBody } from './body.js';
import { type Document, documentOf } from './document.js';
import { Problem, problemOf } from './problem.js';
import { type InferenceResponse, metadataOf, outputOf, readInferenceRequest } from './protocol.js';
import type { Signature } from './signature.js';

/** A model that is ready to answer. */
export interface ServedModel {
  readonly version: string;
  readonly signature: Signature;
  readonly executable: Pick<Executable, 'run' | 'stats'>;
}

/** A model by the name that requests call it, and how to get it; loaded once, when it is first asked for. */
export interface ModelSource {
  readonly name: string;
  load(): Promise<ServedModel>;
}

export interface HandlerOptions {
  /** The models that are served, by name. */
  readonly models: readonly ModelSource[];
  /** What a request may ask for at the most; for an isolate of 128 MB unless said. */
  readonly limits?: Partial<Limits>;
  /** An HTML page for `/`; its inline scripts and styles are allowed by their hashes, nothing else is. */
  readonly page?: string;
  /** The origin whose pages may call this server (`*` for all). Without it no other origin's may. */
  readonly allowOrigin?: string;
  /** Gets what was thrown and is not the client's fault; `console.error` unless said. */
  readonly report?: (error: unknown) => void;
}

/** Answers one request. */
export type Handler = (request: Request) => Promise<Response>;

const server = { name: 'quern', version: '0.1.0', extensions: [] };

const security = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };

function json(value: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(JSON.stringify(value), {
    status,
    headers: { 'content-type': 'application/json', ...security, ...headers },
  });
}

/** One attempt at a time, shared by whoever waits; kept once it succeeds, tried again after it failed. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make().catch((error: unknown) => {
      made = undefined;
      throw error;
    });
    return made;
  };
}

type Loading = () => Promise<ServedModel>;

const isReady = (load: Loading): Promise<boolean> =>
  load().then(
    () => true,
    () => false,
  );

/** What a path answers: the method it takes, and how. */
interface Route {
  readonly method: 'GET' | 'POST';
  respond(request: Request): Promise<Response> | Response;
}

const reading = (respond: () => Promise<Response> | Response): Route => ({ method: 'GET', respond });

/** A server for models: Open Inference Protocol v2 over JSON, and a page at `/`. */
export function createHandler(options: HandlerOptions): Handler {
  const limits: Limits = { ...defaultLimits, ...options.limits };
  const report = options.report ?? ((error: unknown) => console.error(error));
  const buffered: Buffered = { bytes: 0 };
  const { page, allowOrigin } = options;
  const document = page === undefined ? undefined : once(() => documentOf(page));

  const load = async (source: ModelSource): Promise<ServedModel> => {
    try {
      return await source.load();
    } catch (error) {
      report(error);
      throw new Problem(503, 'not-ready', `[model] '${source.name}' could not be loaded.`, { 'retry-after': '1' });
    }
  };
  const models = new Map(options.models.map((source) => [source.name, once(() => load(source))]));
  if (models.has('') || models.size < options.models.length) {
    const names = options.models.map(({ name }) => `'${name}'`).join(', ');
    throw new ArgumentError('handler', `models of different names are required. Received ${names}.`);
  }

  const infer = async (name: string, model: ServedModel, request: Request): Promise<Response> => {
    checkMediaType(request);
    const body = parseJson(await readBody(request, limits, buffered), limits);
    const { id, feeds, outputs } = readInferenceRequest(body, model.signature, limits);
    const results = await model.executable.run(model.signature.graph, feeds);
    const response: InferenceResponse = {
      model_name: name,
      model_version: model.version,
      ...(id === undefined ? {} : { id }),
      outputs: outputs.map((output) => outputOf(output, finite(output, results[output]))),
    };
    return json(response);
  };

  const describe = async (name: string, loading: Loading): Promise<Response> => {
    const { version, signature, executable } = await loading();
    return json(metadataOf(name, version, signature, executable.stats()));
  };

  const readiness = async (about: object, loadings: readonly Loading[]): Promise<Response> => {
    const ready = (await Promise.all(loadings.map(isReady))).every(Boolean);
    return json({ ...about, ready }, ready ? 200 : 503);
  };

  const routeOf = (path: string): Route | undefined => {
    if (path === '/' && document) return reading(async () => show(await document()));
    if (path === '/v2') return reading(() => json(server));
    if (path === '/v2/health/live') return reading(() => json({ live: true }));
    if (path === '/v2/health/ready') return reading(() => readiness({}, [...models.values()]));
    const [, segment = '', action] = /^\/v2\/models\/([^/]+)(?:\/(ready|infer))?$/.exec(path) ?? [];
    const name = decode(segment);
    const loading = models.get(name);
    if (!loading) return undefined;
    if (action === 'infer') {
      return { method: 'POST', respond: async (request) => infer(name, await loading(), request) };
    }
    return reading(() => (action === 'ready' ? readiness({ name }, [loading]) : describe(name, loading)));
  };

  const respond = async (request: Request): Promise<Response> => {
    const path = new URL(request.url).pathname;
    const route = routeOf(path);
    if (!route) throw new Problem(404, 'not-found', `[path] nothing is served at ${path.slice(0, 200)}.`);
    const allow = route.method === 'GET' ? 'GET, HEAD' : 'POST';
    if (request.method === 'OPTIONS' && allowOrigin !== undefined) {
      const allowed = {
        'access-control-allow-methods': allow,
        'access-control-allow-headers': 'content-type, x-request-id',
      };
      return new Response(null, { status: 204, headers: allowed });
    }
    if (!allow.split(', ').includes(request.method)) {
      throw new Problem(405, 'method', `[method] ${allow} is required. Received ${request.method}.`, { allow });
    }
    return route.respond(request);
  };

  return async (request) => {
    let response: Response;
    try {
      response = await respond(request);
    } catch (error) {
      const { status, code, message, headers } = problemOf(error);
      if (status === 500) report(error);
      await discardBody(request, limits);
      response = json({ error: message, code }, status, headers);
    }
    const requestId = request.headers.get('x-request-id');
    if (requestId !== null && /^[\w.:+/=-]{1,128}$/.test(requestId)) response.headers.set('x-request-id', requestId);
    if (allowOrigin !== undefined) response.headers.set('access-control-allow-origin', allowOrigin);
    return request.method === 'HEAD' ? new Response(null, response) : response;
  };
}

function show({ html, policy }: Document): Response {
  const headers = { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': policy, ...security };
  return new Response(html, { headers: { ...headers, 'referrer-policy': 'no-referrer' } });
}

/** A path segment as the name it stands for; no name at all when it is not valid percent-encoding. */
function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return '';
  }
}

function checkMediaType(request: Request): void {
  const type = request.headers.get('content-type');
  if (type !== null && type.split(';', 1)[0]?.trim().toLowerCase() !== 'application/json') {
    throw new Problem(
      415,
      'media-type',
      `[content-type] application/json is required. Received ${type.slice(0, 100)}.`,
    );
  }
  const encoding = request.headers.get('content-encoding');
  if (encoding !== null && encoding.toLowerCase() !== 'identity') {
    throw new Problem(415, 'media-type', `[content-encoding] none is accepted. Received ${encoding.slice(0, 100)}.`);
  }
}

/** An output without NaN and infinities, which JSON cannot say and no client should act on. */
function finite(name: string, output: NDArray | undefined): NDArray {
  if (!output) throw new Error(`the graph has no output '${name}'`);
  if (output.dtype === 'f32' && !output.data.every(Number.isFinite)) {
    throw new Problem(500, 'numerics', `[outputs] the model's '${name}' is not finite for this input.`);
  }
  return output;
}
