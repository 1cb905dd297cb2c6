/** Callbacks that keep the logs in a file. It is written whole after each epoch, so a run that is resumed repeats no line. */
import { type Callback, epochsOf, type Run } from './callback.js';
import type { Logs } from './progress.js';

type Epoch = readonly [epoch: number, logs: Logs];

function logger(path: string, print: (epochs: readonly Epoch[]) => string): Callback {
  let run: Run | undefined;
  return {
    onTrainBegin: (begun) => {
      run = begun;
    },
    onEpochEnd: async () => {
      const { saveFile } = await import('../format/file.js');
      if (run) saveFile(path, new TextEncoder().encode(print(epochsOf(run.history))));
    },
  };
}

/** A table: `epoch`, counted from 0, and the logs' names, then a line for each epoch. Throws `IoError`. */
export const csvLogger = (path: string): Callback =>
  logger(path, (epochs) => {
    const names = [...new Set(epochs.flatMap(([, logs]) => Object.keys(logs)))];
    const lines = epochs.map(([epoch, logs]) => [epoch, ...names.map((name) => logs[name] ?? '')].map(cell));
    return [['epoch', ...names].map(cell), ...lines].map((line) => `${line.join(',')}\n`).join('');
  });

/** A field as RFC 4180 wants it. */
const cell = (value: string | number): string => {
  const text = `${value}`;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

/** JSON lines: `{"epoch":0,"loss":0.5}` for each epoch; numbers that JSON has not are null. Throws `IoError`. */
export const jsonLogger = (path: string): Callback =>
  logger(path, (epochs) => epochs.map(([epoch, logs]) => `${JSON.stringify({ epoch, ...logs })}\n`).join(''));
