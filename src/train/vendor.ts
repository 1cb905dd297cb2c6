/** The packages of this room. The build takes them in, so that what ships depends on none. */
export { default as cliProgress } from 'cli-progress';
