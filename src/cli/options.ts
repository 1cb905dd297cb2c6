/** Options that several commands take, and how they are read. */
import { availableParallelism } from 'node:os';
import { InvalidArgumentError, Option } from './vendor.js';

/** An integer from `least` to `most`. */
export const integer =
  (least: number, most = Number.MAX_SAFE_INTEGER) =>
  (text: string): number => {
    const value = Number(text);
    if (/^-?\d+$/.test(text) && Number.isSafeInteger(value) && value >= least && value <= most) return value;
    const range = most === Number.MAX_SAFE_INTEGER ? `from ${least}` : `from ${least} to ${most}`;
    throw new InvalidArgumentError(`An integer ${range} is required.`);
  };

export const jsonOption = (): Option => new Option('--json', 'print one JSON object as the last line');

export const threadsOption = (): Option =>
  new Option('--threads <n>', 'threads to compute with').argParser(integer(1, 64)).default(availableParallelism());

export const portOption = (): Option =>
  new Option('--port <n>', 'port of 127.0.0.1 to listen on').argParser(integer(0, 65535)).default(8787);

export const batchSizeOption = (): Option =>
  new Option('--batch-size <n>', 'images in one run').argParser(integer(1, 4096)).default(64);
