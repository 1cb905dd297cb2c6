/** Who takes part, by name. Every one is made in a process of its own. */
import { readFileSync } from 'node:fs';
import type { ContenderMaker } from './contender.js';
import { jaxMaker } from './jax.js';
import { onnxruntimeMaker } from './onnxruntime.js';
import { quernMaker } from './quern.js';
import { tensorflowMaker } from './tensorflow.js';

/** The version of a peer that is installed beside these files. */
function versionOf(name: string): string {
  try {
    const text = readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url), 'utf8');
    return `${name.replace('@jax-js/', '')}-js ${(JSON.parse(text) as { version: string }).version}`;
  } catch {
    return name;
  }
}

export const contenders = {
  quern: (threads) => quernMaker({ threads }),
  'quern-simd': (threads) => quernMaker({ threads, simd: 'simd' }),
  'onnxruntime-web': (threads) => onnxruntimeMaker('web', threads),
  'tfjs-wasm': () => tensorflowMaker('wasm'),
  'tfjs-cpu': () => tensorflowMaker('cpu'),
  'jax-js': () => () => jaxMaker(versionOf('@jax-js/jax')),
  'onnxruntime-node': (threads) => onnxruntimeMaker('node', threads),
} as const satisfies Readonly<Record<string, (threads: number) => ContenderMaker>>;

export type ContenderName = keyof typeof contenders;

export const contenderNames = Object.keys(contenders) as ContenderName[];

export const isContender = (name: string): name is ContenderName => Object.hasOwn(contenders, name);
