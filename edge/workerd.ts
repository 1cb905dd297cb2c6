/** Runs a built Worker in the real Cloudflare runtime, the `workerd` program of the npm package of that name. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { IoError } from '../src/core/errors.js';

export interface WorkerdOptions {
  /** The configuration, as `buildWorker` writes it. */
  readonly config: string;
  /** 0 takes a free port. */
  readonly port: number;
  readonly host?: string;
  /** Gets what the running Worker logs; this process's stderr unless said. */
  readonly log?: (text: string) => void;
}

export interface RunningWorker {
  readonly url: string;
  readonly port: number;
  /** Settles when the process has ended: with null after `stop`, else with what went wrong. */
  readonly ended: Promise<IoError | null>;
  stop(): Promise<void>;
}

/** Time that the runtime has to start, and to end when it is asked to, in milliseconds. */
const patience = 15_000;

function pipeOf(child: ChildProcess, descriptor: 1 | 2 | 3): Readable {
  const stream = child.stdio[descriptor];
  if (stream instanceof Readable) return stream;
  throw new IoError('workerd', `a pipe to descriptor ${descriptor} of the child is required. Received none.`);
}

/** What the child says: kept for the error message while it starts, passed on afterwards. */
class Voice {
  private said = '';
  private running = false;

  constructor(private readonly log: (text: string) => void) {}

  listen(stream: Readable): void {
    stream.setEncoding('utf8');
    stream.on('data', (text: string) => {
      if (this.running) this.log(text);
      this.said = (this.said + text).slice(-4000);
    });
  }

  passOn(): void {
    this.running = true;
  }

  get last(): string {
    return this.said.trim() || 'it said nothing';
  }
}

function binary(): string {
  try {
    const workerd: unknown = createRequire(import.meta.url)('workerd');
    if (typeof workerd === 'object' && workerd !== null && 'default' in workerd) return String(workerd.default);
    throw new Error('it exports no path');
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new IoError(
      'workerd',
      `the npm package 'workerd' is required; install it, or serve with --target node. ${reason}`,
      { cause },
    );
  }
}

/** Ends the child with this process, however that ends; returns what undoes it. */
function tie(child: ChildProcess): () => void {
  const kill = (): void => void child.kill('SIGKILL');
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const undo = (): void => {
    process.off('exit', kill);
    for (const signal of signals) process.off(signal, pass);
  };
  /** Ends the child, then lets the signal do to this process what it would have done. */
  const pass = (signal: NodeJS.Signals): void => {
    undo();
    kill();
    if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
  };
  process.on('exit', kill);
  for (const signal of signals) process.on(signal, pass);
  return undo;
}

/** The port that the runtime reports once its socket listens. */
function listening(control: Readable): Promise<number> {
  return new Promise((resolve) => {
    createInterface({ input: control }).on('line', (line) => {
      const message: unknown = JSON.parse(line);
      if (typeof message !== 'object' || message === null) return;
      if ('event' in message && message.event === 'listen' && 'port' in message) resolve(Number(message.port));
    });
  });
}

/** Starts the Worker and waits until it answers. Throws `IoError` when the port is taken or the runtime fails. */
export async function startWorkerd(options: WorkerdOptions): Promise<RunningWorker> {
  const { config, port, host = '127.0.0.1', log } = options;
  const address = `--socket-addr=http=${host}:${port}`;
  const child = spawn(binary(), ['serve', config, '--control-fd=3', address], {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  const untie = tie(child);
  const voice = new Voice(log ?? ((text) => process.stderr.write(text)));
  voice.listen(pipeOf(child, 1));
  voice.listen(pipeOf(child, 2));
  let stopping = false;

  const ended = new Promise<IoError | null>((resolve) => {
    child.once('error', (cause) =>
      resolve(new IoError('workerd', `workerd could not start: ${cause.message}`, { cause })),
    );
    child.once('close', (code, signal) => {
      const taken = /Address already in use/i.test(voice.last);
      const required = `a free port is required. Port ${port} of ${host} is in use.`;
      const failed = `workerd ended with ${signal ?? `code ${code}`}: ${voice.last}`;
      resolve(stopping ? null : new IoError('workerd', taken ? required : failed));
    });
  }).finally(untie);

  const stop = async (): Promise<void> => {
    stopping = true;
    child.kill('SIGTERM');
    const force = setTimeout(() => child.kill('SIGKILL'), patience);
    await ended;
    clearTimeout(force);
  };

  const tooLate = new Promise<never>((_, reject) => {
    const late = (): void => reject(new IoError('workerd', `workerd must start within ${patience / 1000} s.`));
    AbortSignal.timeout(patience).addEventListener('abort', late, { once: true });
  });
  const failure = ended.then((error): never => {
    throw error ?? new IoError('workerd', 'workerd ended before it answered.');
  });
  try {
    const bound = await Promise.race([listening(pipeOf(child, 3)), failure, tooLate]);
    const url = `http://${host}:${bound}`;
    const alive = await Promise.race([fetch(`${url}/v2/health/live`), failure, tooLate]);
    const answer = await alive.text();
    if (alive.status !== 200) throw new IoError('workerd', `a Worker that answers is required. Received ${answer}`);
    voice.passOn();
    return { url, port: bound, ended, stop };
  } catch (error) {
    if (child.exitCode === null && child.signalCode === null) await stop();
    throw error;
  }
}
