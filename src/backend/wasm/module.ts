/** What a compiled module exports, and what its engine does best. */
import { UnsupportedError } from '../../core/errors.js';
import type { Flavour } from './lowering.js';

/** The exports that the host calls; kernels are called by the interpreter inside. */
export interface ModuleExports {
  readonly setup: () => void;
  readonly setScratch: (address: number) => void;
  readonly setTile: (rows: number) => void;
  readonly probeDot: () => number;
  readonly run: (first: number, last: number) => void;
  readonly serve: (scratch: number) => void;
  /** Present in training modules only. */
  readonly adam?: CallableFunction;
}

const names = ['setup', 'setScratch', 'setTile', 'probeDot', 'run', 'serve'] as const;

function isModuleExports(exports: WebAssembly.Exports): exports is WebAssembly.Exports & ModuleExports {
  return names.every((name) => typeof exports[name] === 'function');
}

/**
 * The height of float tiles for compilers that schedule all loads of a loop first, so that larger tiles spill: V8 before
 * 13.2 (Node 22). `Atomics.pause` is of V8's next release, and changes nothing but speed where it is a bad guess.
 */
const EAGER_LOADS_TILE = 4;

export function instantiate(module: WebAssembly.Module, memory: WebAssembly.Memory): ModuleExports {
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  if (isModuleExports(exports)) {
    if (!('pause' in Atomics)) exports.setTile(EAGER_LOADS_TILE);
    return exports;
  }
  throw new UnsupportedError('wasm', 'a module of this version of Quern is required. Received one with other exports.');
}

/** What a module is for and how it runs here, found by running it. */
export interface ModuleTraits {
  readonly training: boolean;
  readonly flavour: Flavour;
}

const traits = new WeakMap<WebAssembly.Module, ModuleTraits>();

/** Probes a module once, in a memory of its own. */
export function traitsOf(module: WebAssembly.Module, shared: boolean): ModuleTraits {
  const known = traits.get(module);
  if (known) return known;
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared });
  const exports = instantiate(module, memory);
  exports.setup();
  const made: ModuleTraits = {
    training: exports.adam !== undefined,
    flavour: { int8: exports.probeDot() === 1 ? 'dot' : 'widen' },
  };
  traits.set(module, made);
  return made;
}
