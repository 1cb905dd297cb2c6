/** The packages of this room. The build takes them in, so that what ships depends on none. */
export { encode as encodePng } from 'fast-png';
