/** The machine code that V8's optimizing compiler makes of a module's exports, as `--print-wasm-code` prints it (x64, arm64). */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

export interface Instruction {
  readonly at: number;
  readonly text: string;
}

/** A loop: the instructions from where a jump backwards goes to that jump. */
export type Loop = readonly Instruction[];

const compile = `new WebAssembly.Module(require('node:fs').readFileSync(process.argv[1]))`;
const flags = ['--no-liftoff', '--no-wasm-lazy-compilation', '--print-wasm-code'];

/** The indices of exported functions: the export section of the binary format (WebAssembly core specification, 5.5.10). */
function exportsOf(bytes: Uint8Array): ReadonlyMap<string, number> {
  let at = 8;
  const unsigned = (): number => {
    let [value, shift] = [0, 0];
    for (;;) {
      const byte = bytes[at++] ?? 0;
      value |= (byte & 127) << shift;
      shift += 7;
      if (byte < 128) return value >>> 0;
    }
  };
  const indices = new Map<string, number>();
  while (at < bytes.length) {
    const id = bytes[at++];
    const size = unsigned();
    const end = at + size;
    for (let left = id === 7 ? unsigned() : 0; left > 0; left--) {
      const length = unsigned();
      const name = new TextDecoder().decode(bytes.subarray(at, at + length));
      at += length;
      const kind = bytes[at++];
      const index = unsigned();
      if (kind === 0) indices.set(name, index);
    }
    at = end;
  }
  return indices;
}

/** The code of each of `names`, which the module at `path` exports. */
export function machineCode(path: string, names: readonly string[]): ReadonlyMap<string, readonly Instruction[]> {
  // The command as it was called, not its path: where an engine is emulated, that is what starts the emulator.
  const printed = execFileSync(process.argv0, [...flags, '-e', compile, path], {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  const indices = exportsOf(readFileSync(path));
  const functions = printed.split('--- WebAssembly code ---');
  return new Map(
    names.map((name) => {
      const code = functions.find((text) => text.includes(`\nindex: ${indices.get(name)}\n`)) ?? '';
      const lines = code.matchAll(/^0x[0-9a-f]+\s+([0-9a-f]+)\s+[0-9a-f]+\s+(.*)$/gm);
      return [name, [...lines].map(([, at = '', text = '']) => ({ at: parseInt(at, 16), text }))];
    }),
  );
}

/** Where a jump goes: x64 prints the place, arm64 the way back to it. */
function targetOf(text: string, at: number): number {
  const place = /^j\w+\s+0x[0-9a-f]+\s+<\+0x([0-9a-f]+)>/.exec(text)?.[1];
  const back = /^[bct]\S* .*#-0x([0-9a-f]+) \(addr/.exec(text)?.[1];
  if (place !== undefined) return parseInt(place, 16);
  return back === undefined ? Infinity : at - parseInt(back, 16);
}

export function loopsOf(code: readonly Instruction[]): Loop[] {
  return code.flatMap(({ at, text }) => {
    const start = targetOf(text, at);
    return start < at ? [code.filter((each) => each.at >= start && each.at <= at)] : [];
  });
}

export const countOf = (loop: Loop, pattern: RegExp): number => loop.filter(({ text }) => pattern.test(text)).length;
