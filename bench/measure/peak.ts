/** The peak of this core at this moment: what loops that use registers alone reach. */

interface PeakExports {
  readonly peakFloat: (rounds: number, factor: number, term: number) => number;
  readonly peakDot: (rounds: number, signed: number, unsigned: number) => number;
}

const isPeak = (exports: WebAssembly.Exports): exports is WebAssembly.Exports & PeakExports =>
  typeof exports['peakFloat'] === 'function' && typeof exports['peakDot'] === 'function';

const productsOfRound = { float: 192, dot: 384 };

/** Multiply-adds a second of `float` (fused or not as the module is) and of `dot` (bytes, by relaxed SIMD). */
export class Peak {
  readonly #exports: PeakExports;
  readonly #hasDots: boolean;

  /** `module` is a `peak-*` one. A run takes `milliseconds` or longer, so that a coarse clock can tell. */
  constructor(
    module: WebAssembly.Module,
    private readonly milliseconds = 1,
  ) {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536 });
    const { exports } = new WebAssembly.Instance(module, { env: { memory } });
    if (!isPeak(exports)) throw new Error('peak: a module that exports its loops is required. Run npm run build.');
    this.#exports = exports;
    this.#hasDots = exports.peakDot(1, 1, 1) !== exports.peakDot(0, 1, 1);
    // The engine's better compiler takes a function when it has run for a while, and never in the middle of a call.
    for (let i = 0; i < 400; i++) {
      this.#run('float', 2000);
      this.#run('dot', 2000);
    }
  }

  /** The best of three runs: what the core gives undisturbed, now. 0 for what the module has no instruction for. */
  measure(kind: keyof typeof productsOfRound): number {
    if (kind === 'dot' && !this.#hasDots) return 0;
    const rounds = 20_000 * this.milliseconds;
    let best = 0;
    for (let i = 0; i < 3; i++) {
      const start = performance.now();
      this.#run(kind, rounds);
      best = Math.max(best, (rounds * productsOfRound[kind] * 1000) / (performance.now() - start));
    }
    return best;
  }

  #run(kind: keyof typeof productsOfRound, rounds: number): void {
    if (kind === 'float') this.#exports.peakFloat(rounds, 0.5, 0.25);
    else this.#exports.peakDot(rounds, 0x01020304, 0x01010101);
  }
}
