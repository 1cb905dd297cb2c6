/** A contender in a page's worker: the first message holds the modules' bytes, each later one asks one thing. */
import { Answering } from '../process/answering.js';
import type { Request } from '../process/messages.js';
import { modulesPlace } from '../process/modules-place.js';
import { type Bytes, compiledOf } from './modules.js';

let answering: Answering | undefined;

self.onmessage = ({ data }: MessageEvent<Bytes | Request>): void => {
  if ('ask' in data) {
    const request = data as Request;
    void answering?.answer(request).then((reply) => self.postMessage(reply));
    return;
  }
  answering = new Answering(modulesPlace(compiledOf(data)));
};
