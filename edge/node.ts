/** The Node target: the handler behind a plain HTTP server. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { IoError } from '../src/core/errors.js';
import type { Handler } from './handler.js';

export interface NodeServer {
  readonly url: string;
  readonly port: number;
  /** Stops listening and ends every connection. */
  close(): Promise<void>;
}

export interface NodeServerOptions {
  readonly handler: Handler;
  /** 0 takes a free port. */
  readonly port: number;
  readonly host?: string;
}

/** The body as it arrives. To stop reading leaves the connection whole, so that the answer still goes out on it. */
function bodyOf(incoming: IncomingMessage): ReadableStream<Uint8Array> {
  const chunks: AsyncIterator<Uint8Array> = incoming.iterator({ destroyOnReturn: false });
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await chunks.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
  });
}

function requestOf(incoming: IncomingMessage): Request {
  const { method = 'GET', url = '/' } = incoming;
  const headers = new Headers();
  for (const [name, values = []] of Object.entries(incoming.headersDistinct)) {
    for (const value of values) headers.append(name, value);
  }
  const path = url.startsWith('/') ? `http://localhost${url}` : url;
  if (method === 'GET' || method === 'HEAD') return new Request(path, { method, headers });
  const init: RequestInit & { duplex: 'half' } = { method, headers, body: bodyOf(incoming), duplex: 'half' };
  return new Request(path, init);
}

async function answer(handler: Handler, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  let request: Request;
  try {
    request = requestOf(incoming);
  } catch {
    outgoing.writeHead(400, { 'content-type': 'application/json' });
    outgoing.end(JSON.stringify({ error: '[request] an HTTP request for a path is required.', code: 'argument' }));
    return;
  }
  const response = await handler(request);
  const body = new Uint8Array(await response.arrayBuffer());
  outgoing.statusCode = response.status;
  for (const [name, value] of response.headers) outgoing.setHeader(name, value);
  if (!incoming.complete) outgoing.setHeader('connection', 'close');
  if (incoming.method !== 'HEAD') outgoing.setHeader('content-length', body.byteLength);
  outgoing.end(body);
}

/** Listens on `host` (127.0.0.1 unless said). Throws `IoError` when the port is taken. */
export function serveNode({ handler, port, host = '127.0.0.1' }: NodeServerOptions): Promise<NodeServer> {
  const server = createServer((incoming, outgoing) => {
    answer(handler, incoming, outgoing).catch(() => outgoing.destroy());
  });
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const taken = error.code === 'EADDRINUSE';
      const message = taken ? `a free port is required. Port ${port} of ${host} is in use.` : error.message;
      reject(new IoError('serve', message, { cause: error }));
    });
    server.listen(port, host, () => {
      const address = server.address();
      const bound = typeof address === 'object' && address !== null ? address.port : port;
      resolve({
        url: `http://${host}:${bound}`,
        port: bound,
        close: () =>
          new Promise((closed) => {
            server.close(() => closed());
            server.closeAllConnections();
          }),
      });
    });
  });
}
