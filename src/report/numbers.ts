/** Numbers for people, and where an axis has its ticks. */

/** Four significant digits, or an exponent where those would hide how small or large it is. */
export function printNumber(value: number): string {
  const size = Math.abs(value);
  if (!Number.isFinite(value)) return `${value}`;
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) return signed(value.toExponential(2).replace('e+', 'e'));
  const isWhole = Number.isInteger(value) || size >= 1000;
  return signed(isWhole ? value.toLocaleString('en-US', { maximumFractionDigits: 1 }) : value.toPrecision(4));
}

/** With the sign that is as wide as a plus. */
const signed = (text: string): string => text.replaceAll('-', '\u2212');

/** A round number, as short as it can be. */
export function printTick(value: number): string {
  const size = Math.abs(value);
  const isFar = size !== 0 && (size < 1e-3 || size >= 1e6);
  return signed(
    isFar ? value.toExponential().replace('e+', 'e') : value.toLocaleString('en-US', { maximumFractionDigits: 6 }),
  );
}

/** `12.3 ms`, `4.56 s` or `7 min 8 s`. */
export function printTime(ms: number): string {
  if (ms < 1000) return `${ms.toPrecision(3)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toPrecision(3)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
}

export const printPercent = (share: number): string => `${(100 * share).toFixed(2)} %`;

/** About `count` round numbers that cover [low, high]; the first is at most `low`, the last at least `high`. */
export function ticks(low: number, high: number, count: number, least = 0): number[] {
  const range = high - low || Math.abs(low) || 1;
  const raw = range / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = Math.max(least, power * ([1, 2, 5, 10].find((each) => each * power >= raw * 0.999) ?? 10));
  const [first, last] = [Math.floor(low / step + 1e-9), Math.ceil(high / step - 1e-9)];
  return Array.from({ length: Math.max(last, first + 1) - first + 1 }, (_, i) =>
    Number(((first + i) * step).toPrecision(12)),
  );
}

/** Powers of ten that cover [low, high], with twos and fives between them where there are few. */
export function logTicks(low: number, high: number): number[] {
  const [first, last] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  const powers = Array.from({ length: last - first + 1 }, (_, i) => first + i);
  const steps = powers.length > 4 ? [1] : [1, 2, 5];
  const all = powers.flatMap((power) => steps.map((step) => Number((step * 10 ** power).toPrecision(6))));
  const [from, to] = [all.findLastIndex((tick) => tick <= low), all.findIndex((tick) => tick >= high)];
  return all.slice(Math.max(from, 0), to < 0 ? all.length : to + 1);
}
