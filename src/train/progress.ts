/**
 * What `fit` says while it runs: on a terminal a bar with the time that is left, the rate, the loss and the metrics;
 * elsewhere a plain line for each epoch. It goes to standard error, so that standard output stays a program's own.
 */
import type { SingleBar } from 'cli-progress';

/** 0 says nothing, 1 shows bars, 2 prints lines; `auto` is 1 on a terminal and 2 elsewhere. */
export type Verbosity = 'auto' | 0 | 1 | 2;

export type Logs = Readonly<Record<string, number>>;

/** Hears of every step of one `fit`. Epochs count from 1. */
export interface Progress {
  /** `steps` may not be known. */
  begin(epoch: number, epochs: number, steps: number | undefined): void;
  step(steps: number, samples: number, logs: Logs): void;
  end(logs: Logs): void;
  /** Leaves the terminal as it was, also when training failed in the middle of a bar. */
  close(): void;
}

export const printLogs = (logs: Logs): string =>
  Object.entries(logs)
    .map(([name, value]) => `${name} ${printNumber(value)}`)
    .join(', ');

const printNumber = (value: number): string =>
  value !== 0 && Math.abs(value) < 0.001 ? value.toExponential(2) : value.toFixed(4);

const silent: Progress = { begin: () => {}, step: () => {}, end: () => {}, close: () => {} };

/** Counts an epoch's time and examples. */
class Meter {
  readonly #start = performance.now();
  samples = 0;

  get seconds(): number {
    return (performance.now() - this.#start) / 1000;
  }

  get rate(): string {
    return `${Math.round(this.samples / Math.max(this.seconds, 1e-3))} samples/s`;
  }
}

function lines(write: (text: string) => void): Progress {
  let title = '';
  let done = 0;
  let meter = new Meter();
  return {
    ...silent,
    begin: (epoch, epochs) => {
      title = `Epoch ${epoch}/${epochs}`;
      meter = new Meter();
    },
    step: (steps, samples) => {
      done = steps;
      meter.samples = samples;
    },
    end: (logs) => write(`${title}: ${done} steps, ${meter.seconds.toFixed(1)} s, ${meter.rate}, ${printLogs(logs)}\n`),
  };
}

async function bars(stream: NodeJS.WriteStream): Promise<Progress> {
  const { cliProgress } = await import('./vendor.js');
  const colour = stream.hasColors?.() && !process.env['NO_COLOR'];
  const bar = colour ? '\u001b[36m{bar}\u001b[0m' : '{bar}';
  const options = {
    stream,
    format: `{title} ${bar} {value}/{total} | ETA {eta_formatted} | {rate} | {logs}`,
    barCompleteChar: '\u2588',
    barIncompleteChar: '\u2591',
    barsize: 24,
    etaBuffer: 100,
    hideCursor: true,
  };
  let shown: SingleBar | undefined;
  let meter = new Meter();
  const close = (): void => {
    process.off('SIGINT', interrupt);
    shown?.stop();
    shown = undefined;
  };
  /** Gives the terminal its cursor back, then lets the signal do what it would have done. */
  const interrupt = (): void => {
    close();
    if (process.listenerCount('SIGINT') === 0) process.kill(process.pid, 'SIGINT');
  };
  return {
    begin: (epoch, epochs, steps) => {
      close();
      meter = new Meter();
      process.once('SIGINT', interrupt);
      shown = new cliProgress.SingleBar(options);
      shown.start(steps ?? 0, 0, { title: `Epoch ${epoch}/${epochs}`, rate: '', logs: '' });
    },
    step: (steps, samples, logs) => {
      meter.samples = samples;
      // A bar whose end is not known is full at every step.
      if (shown && steps > shown.getTotal()) shown.setTotal(steps);
      shown?.update(steps, { rate: meter.rate, logs: printLogs(logs) });
    },
    end: (logs) => {
      shown?.update({ rate: meter.rate, logs: printLogs(logs) });
      close();
    },
    close,
  };
}

/** Where there is no terminal and no process, as in a browser, lines go to the console. */
export async function progressOf(verbosity: Verbosity): Promise<Progress> {
  const stream = globalThis.process?.stderr;
  if (verbosity === 0) return silent;
  if (!stream) return lines((text) => console.log(text.trimEnd()));
  return verbosity === 1 || (verbosity === 'auto' && stream.isTTY) ? bars(stream) : lines((text) => stream.write(text));
}
