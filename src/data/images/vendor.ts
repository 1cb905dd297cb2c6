/** The packages of this room. The build takes them in, so that what ships depends on none. */
export { convertIndexedToRgb, decode as decodePng } from 'fast-png';
export { default as jpeg } from 'jpeg-js';
