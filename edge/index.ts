/**
 * Quern where nothing can be read from disk and nothing compiled: Workers, browsers, web views. The host hands over a
 * compiled module and the bytes of a model.
 *
 *   import engine from 'quern/wasm/infer-relaxed.wasm';
 *   import model from './model.bin';
 *   import { createHandler, openModel, signatureOf } from 'quern/edge';
 *
 *   const load = async () => {
 *     const { program, executable } = await openModel(model, { module: engine });
 *     return { version: '1', signature: signatureOf(program), executable };
 *   };
 *   export default { fetch: createHandler({ models: [{ name: 'digits', load }] }) };
 */
export { type Handler, type HandlerOptions, createHandler, type ModelSource, type ServedModel } from './handler.js';
export { type Signature, signatureOf } from './signature.js';
export { type OpenModel, openModel } from '../src/backend/wasm/open.js';
export { webThreads } from '../src/backend/wasm/threads-web.js';
export type { WasmExecutable, WasmOptions } from '../src/backend/wasm/executable.js';
export { type NDArray, ndarray } from '../src/core/ndarray.js';
export * from '../src/core/errors.js';
