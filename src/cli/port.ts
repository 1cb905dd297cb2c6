/** Ports of this machine. */
import { createServer } from 'node:net';
import { IoError } from '../core/errors.js';

/** Throws `IoError` when the port is taken: before the work whose result it is to serve. */
export function requireFreePort(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (cause: NodeJS.ErrnoException) => {
      const reason = cause.code === 'EADDRINUSE' ? 'it is in use' : cause.message;
      const message = `a free port is required. Received ${port}: ${reason}. Choose another with --port.`;
      reject(new IoError('serve', message, { cause }));
    });
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve()));
  });
}
