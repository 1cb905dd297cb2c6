/** A worker thread of a browser. */
import { serve } from './serve.js';
import type { WorkerStart } from './threads.js';

addEventListener(
  'message',
  ({ data }: MessageEvent<WorkerStart>) => {
    serve(data);
    close();
  },
  { once: true },
);
