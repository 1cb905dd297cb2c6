/**
 * The least that serves: models that were laid out before they ship (`layOutModel`), an executor for them, and the server.
 *
 *   import engine from 'quern/wasm/infer-relaxed.wasm';
 *   import model from './model.bin';
 *   import { createHandler, openLaidOut, signatureOfLaidOut } from 'quern/executor';
 *
 *   const load = async () => {
 *     const { laidOut, executable } = openLaidOut(model, { module: engine });
 *     return { version: '1', signature: signatureOfLaidOut(laidOut), executable };
 *   };
 *   export default { fetch: createHandler({ models: [{ name: 'digits', load }] }) };
 */
export { type Handler, type HandlerOptions, createHandler, type ModelSource, type ServedModel } from './handler.js';
export { type Signature, signatureOfLaidOut } from './signature.js';
export { type OpenLaidOut, openLaidOut } from '../src/backend/wasm/open-laid-out.js';
export { webThreads } from '../src/backend/wasm/threads-web.js';
export type { Executor, ExecutorOptions } from '../src/backend/wasm/executor.js';
export { type NDArray, ndarray } from '../src/core/ndarray.js';
export * from '../src/core/errors.js';
