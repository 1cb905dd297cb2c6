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
}

const names = ['setup', 'setScratch', 'setTile', 'probeDot', 'run', 'serve'] as const;

function isModuleExports(exports: WebAssembly.Exports): exports is WebAssembly.Exports & ModuleExports {
  return names.every((name) => typeof exports[name] === 'function');
}

/** The height of float tiles for compilers that spill larger ones. */
const SMALL_TILE = 4;

/**
 * V8 before 13.2 (Node 22) schedules all loads of a loop first; `Atomics.pause` is of its next release. JavaScriptCore,
 * whose errors alone have a `sourceURL`, takes a quarter longer for tiles of six rows. A bad guess changes speed only.
 */
const spills = (): boolean => !('pause' in Atomics) || 'sourceURL' in new Error();

export function instantiate(module: WebAssembly.Module, memory: WebAssembly.Memory): ModuleExports {
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  if (isModuleExports(exports)) {
    if (spills()) exports.setTile(SMALL_TILE);
    return exports;
  }
  throw foreign('other exports');
}

/** A kernel of a module. */
export interface Kernel {
  /** Its number in the module's dispatcher. */
  readonly id: number;
  readonly parameters: readonly string[];
  /** Whether each parameter is a float. */
  readonly isFloat: readonly boolean[];
}

/** The kernels of a module by name; undefined for one that it does not carry. */
export type KernelTable = (name: string) => Kernel | undefined;

/** What a module carries and how it runs here, found by reading and running it. */
export interface ModuleTraits {
  readonly kernels: KernelTable;
  readonly flavour: Flavour;
}

function sectionOf(module: WebAssembly.Module, name: string): string {
  const [section] = WebAssembly.Module.customSections(module, name);
  if (!section) throw foreign(`no section ${name}`);
  return new TextDecoder().decode(section);
}

/** Which engine a module is of: the same for those with the same kernels, in the same layouts, whatever their instructions. */
export const engineOf = (module: WebAssembly.Module): string => sectionOf(module, 'quern.engine');

/**
 * The kernels of a module. A section of its own has a line for each function that it exports: `pointer* integer float~`
 * for a kernel, `-` for what is none. A program calls few of them, so a line is read when its kernel is asked for.
 */
export function kernelsOf(module: WebAssembly.Module): KernelTable {
  const lines = sectionOf(module, 'quern.kernels').split('\n');
  const exported = WebAssembly.Module.exports(module).filter(({ kind }) => kind === 'function');
  const kernels = exported.flatMap(({ name }, i) => (lines[i] === '-' ? [] : [[name, lines[i] ?? ''] as const]));
  const known = new Map<string, Kernel>();
  return (name) => {
    const kernel = known.get(name) ?? kernelIn(kernels, name);
    if (kernel) known.set(name, kernel);
    return kernel;
  };
}

function kernelIn(kernels: readonly (readonly [name: string, line: string])[], name: string): Kernel | undefined {
  const id = kernels.findIndex(([other]) => other === name);
  const parameters = kernels[id]?.[1].split(' ');
  if (!parameters) return undefined;
  const isFloat = parameters.map((parameter) => parameter.endsWith('~'));
  return { id, parameters: parameters.map((parameter) => parameter.replace(/[*~]$/, '')), isFloat };
}

const foreign = (received: string): UnsupportedError =>
  new UnsupportedError('wasm', `a module of this version of Quern is required. Received one with ${received}.`);

const traits = new WeakMap<WebAssembly.Module, ModuleTraits>();

/** Probes a module once, in a memory of its own. */
export function traitsOf(module: WebAssembly.Module, shared: boolean): ModuleTraits {
  const known = traits.get(module);
  if (known) return known;
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared });
  const exports = instantiate(module, memory);
  exports.setup();
  const made: ModuleTraits = {
    kernels: kernelsOf(module),
    flavour: { int8: exports.probeDot() ? 'dot' : 'widen' },
  };
  traits.set(module, made);
  return made;
}
