/** Ports of this machine. */
import { createServer } from 'node:net';
import { IoError } from '../core/errors.js';

/**
 * Throws `IoError` when the port is taken, or when it is one of those that browsers and `fetch` do not open: before the
 * work whose result it is to serve.
 */
export async function requireFreePort(port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (cause: NodeJS.ErrnoException) => {
      reject(refusal(port, cause.code === 'EADDRINUSE' ? 'it is in use' : cause.message, cause));
    });
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve()));
  });
  if (port !== 0 && (await isBlocked(port))) throw refusal(port, 'browsers and fetch refuse to open it');
}

const refusal = (port: number, reason: string, cause?: Error): IoError =>
  new IoError('serve', `a free port is required. Received ${port}: ${reason}. Choose another with --port.`, { cause });

/** Whether `fetch` has the port on its list of those that other protocols own; asked while nobody listens. */
async function isBlocked(port: number): Promise<boolean> {
  try {
    await fetch(`http://127.0.0.1:${port}`);
    return false;
  } catch (error) {
    return error instanceof TypeError && error.cause instanceof Error && error.cause.message === 'bad port';
  }
}
