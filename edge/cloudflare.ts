/**
 * The Cloudflare Workers target: the script of a Worker that carries one laid-out model as data, the engine as a compiled
 * module and the page as text. The build bundles it; `build.ts` names it and puts the three files beside it.
 */
import engine from './engine.wasm';
import model from './model.bin';
import page from './page.html';
import { openLaidOut } from '../src/backend/wasm/open-laid-out.js';
import { createHandler } from './handler.js';
import { signatureOfLaidOut } from './signature.js';

/** The model's name and the engine module's: the build leaves room for them. */
declare const MODEL_NAME: string;
declare const ENGINE_NAME: string;

/** An isolate has 128 MB: half for the model, its file and the memory that runs it; half for requests at their worst. */
const memoryLimit = (64 << 20) - model.byteLength;

const handler = createHandler({
  page,
  models: [
    {
      name: MODEL_NAME,
      load: async () => {
        const options = { module: engine, memoryLimit, description: `wasm ${ENGINE_NAME}` };
        const { laidOut, executable } = openLaidOut(model, options);
        return { version: '1', signature: signatureOfLaidOut(laidOut), executable };
      },
    },
  ],
});

export default { fetch: handler };
