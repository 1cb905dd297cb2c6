/** What an acceptance run finds: figures, each beside what is asked of it. */

export interface Row {
  readonly what: string;
  readonly measured: string;
  /** Empty for a figure that is only stated. */
  readonly asked: string;
  readonly holds: boolean;
}

/** One part of the run, which can be asked for by its name. */
export interface Part {
  readonly name: string;
  /** `quick` asks for a short form of it. */
  readonly run: (quick: boolean) => Promise<readonly Row[]>;
}

/** A figure that must be at least, or at most, so much. */
export function held(
  what: string,
  value: number,
  digits: number,
  asked: { atLeast: number } | { atMost: number },
): Row {
  const [sign, bound] = 'atLeast' in asked ? ['>=', asked.atLeast] : ['<=', asked.atMost];
  const holds = 'atLeast' in asked ? value >= bound : value <= bound;
  return { what, measured: value.toFixed(digits), asked: `${sign} ${bound}`, holds };
}

/** A figure of which nothing is asked. */
export const stated = (what: string, measured: string): Row => ({ what, measured, asked: '', holds: true });

export const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** `0.9876 / 0.9891` */
export const each = (values: readonly number[], digits = 4): string =>
  values.map((value) => value.toFixed(digits)).join(' / ');

export function print(rows: readonly Row[]): void {
  const width = Math.max(...rows.map(({ what }) => what.length));
  const figures = Math.max(...rows.map(({ measured }) => measured.length));
  for (const { what, measured, asked, holds } of rows) {
    console.log(`${holds ? 'ok  ' : 'FAIL'} ${what.padEnd(width)}  ${measured.padStart(figures)}  ${asked}`.trimEnd());
  }
}
