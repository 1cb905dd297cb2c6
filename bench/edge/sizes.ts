/** What has to travel before the first inference: bytes, gzipped. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { modulePath } from '../../src/backend/wasm/modules-node.js';
import { spreadOf } from '../measure/statistics.js';
import type { Figure } from './figure.js';

const gzipped = (bytes: Uint8Array): number => gzipSync(bytes, { level: 9 }).length;

/** What opens a model and runs it: nothing of HTTP. */
async function inferenceScript(file: string): Promise<Uint8Array> {
  const entry = fileURLToPath(new URL(`../../src/backend/wasm/${file}`, import.meta.url));
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    write: false,
  });
  return outputFiles[0]?.contents ?? new Uint8Array();
}

const peer = (path: string): string => fileURLToPath(new URL(`../peers/node_modules/${path}`, import.meta.url));

type Cells = Figure['cells'];

const sizeOf = (path: string): Cells[string] =>
  existsSync(path) ? { value: spreadOf([gzipped(readFileSync(path))]) } : { reason: 'not installed' };

export async function sizes(): Promise<readonly Figure[]> {
  const scriptOf = async (file: string): Promise<Cells[string]> => {
    return { value: spreadOf([gzipped(await inferenceScript(file))]) };
  };
  const row = (id: string, title: string, cells: Cells): Figure => ({ id, title, unit: 'bytes', cells });
  return [
    row('module-bytes', 'inference module, gzipped', {
      quern: sizeOf(modulePath('infer-relaxed')),
      'quern-simd': sizeOf(modulePath('infer-simd')),
      'onnxruntime-web': sizeOf(peer('onnxruntime-web/dist/ort-wasm-simd-threaded.wasm')),
      'tfjs-wasm': sizeOf(peer('@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm')),
    }),
    row('training-bytes', 'training module, gzipped', {
      quern: sizeOf(modulePath('train-relaxed')),
      'quern-simd': sizeOf(modulePath('train-simd')),
    }),
    row('script-bytes', 'JavaScript for inference, minified and gzipped', {
      quern: await scriptOf('open-laid-out.js'),
      'onnxruntime-web': sizeOf(peer('onnxruntime-web/dist/ort.wasm.bundle.min.mjs')),
    }),
    row('whole-script-bytes', 'the same with all that opens model files that were not laid out', {
      quern: await scriptOf('open.js'),
    }),
  ];
}
