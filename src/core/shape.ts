/**
 * Dimensions. A dimension is a number, or a *symbolic* dimension: the canonical text of a polynomial with integer
 * coefficients over symbols (`batch`, `4*batch`, `batch*length+1`) and floors (`floor((length+1)/2)`). Canonical text
 * makes symbolic dimensions plain data: equal dimensions are equal strings, they print as they read, they are JSON.
 */
import { type Algebra, readDim } from './dimension.js';
import { ArgumentError, ShapeError } from './errors.js';

/** A fixed extent, or the canonical text of a symbolic one. */
export type Dim = number | string;

export type Shape = readonly Dim[];

/** What each symbol stands for in one run. */
export type Extents = Readonly<Record<string, number>>;

/** A sum of terms: monomial (sorted atoms joined by `*`, empty for the constant) to coefficient. */
type Polynomial = Map<string, number>;

/** Products of sums grow fast. */
const maxTerms = 32;

/** What a text has been found to say. */
interface Known {
  readonly polynomial: Polynomial;
  readonly canonical: Dim;
}

/** Texts that are remembered, of each kind. */
const maxTexts = 4096;

const texts = new Map<string, Known>();

const polynomials: Algebra<Polynomial> = {
  constant: (value) => constant(value),
  symbol: (name) => new Map([[name, 1]]),
  plus: (a, b) => plus(a, b),
  times: (a, b) => times(a, b),
  floor: (inside, divisor) => floorOf(inside, divisor),
};

function known(text: string): Known {
  const found = texts.get(text);
  if (found) return found;
  const polynomial = readDim(text.replace(/\s*([-+*/()])\s*/g, '$1'), polynomials);
  return remember(text, { polynomial, canonical: format(polynomial) });
}

function remember(text: string, made: Known): Known {
  if (texts.size > maxTexts) texts.clear();
  texts.set(text, made);
  return made;
}

const polynomial = (dim: Dim): Polynomial => (typeof dim === 'number' ? constant(dim) : known(dim).polynomial);

/** The dimension that a polynomial is, which need not be read again. */
function dimOf(polynomial: Polynomial): Dim {
  const text = format(polynomial);
  if (typeof text === 'string' && !texts.has(text)) remember(text, { polynomial, canonical: text });
  return text;
}

const constant = (value: number): Polynomial => new Map(value === 0 ? [] : [['', value]]);

/** The sum of terms; like ones become one. */
function collect(terms: Iterable<readonly [string, number]>): Polynomial {
  const total: Polynomial = new Map();
  for (const [monomial, coefficient] of terms) {
    const next = (total.get(monomial) ?? 0) + coefficient;
    if (next === 0) total.delete(monomial);
    else total.set(monomial, next);
  }
  if (total.size > maxTerms) {
    throw new ArgumentError('dimension', `at most ${maxTerms} terms are required. Received ${total.size}.`);
  }
  return total;
}

const plus = (a: Polynomial, b: Polynomial): Polynomial => collect([...a, ...b]);

/** The factors of a monomial; a floor's own text may contain `*`. */
function atomsOf(monomial: string): string[] {
  const atoms: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i <= monomial.length; i++) {
    const character = monomial[i];
    if (character === '(') depth++;
    if (character === ')') depth--;
    if (i === monomial.length || (character === '*' && depth === 0)) {
      if (i > start) atoms.push(monomial.slice(start, i));
      start = i + 1;
    }
  }
  return atoms;
}

function times(a: Polynomial, b: Polynomial): Polynomial {
  const product = (left: string, right: string): string => [...atomsOf(left), ...atomsOf(right)].sort().join('*');
  return collect([...a].flatMap(([left, x]) => [...b].map(([right, y]) => [product(left, right), x * y] as const)));
}

function floorOf(inside: Polynomial, divisor: number): Polynomial {
  if (divisor <= 0) throw new ArgumentError('dimension', `a positive divisor is required. Received ${divisor}.`);
  let whole: Polynomial = new Map();
  let rest: Polynomial = new Map();
  for (const [monomial, coefficient] of inside) {
    const quotient = Math.floor(coefficient / divisor);
    whole = plus(whole, new Map(quotient === 0 ? [] : [[monomial, quotient]]));
    const remainder = coefficient - quotient * divisor;
    if (remainder !== 0) rest = plus(rest, new Map([[monomial, remainder]]));
  }
  if (rest.size === 0 || (rest.size === 1 && rest.has(''))) return whole;
  return plus(whole, new Map([[`floor((${format(rest)})/${divisor})`, 1]]));
}

function format(p: Polynomial): Dim {
  if (p.size === 0) return 0;
  const only = p.get('');
  if (p.size === 1 && only !== undefined) return only;
  const terms = [...p].sort(([a], [b]) => (a === '' ? 1 : b === '' ? -1 : a < b ? -1 : 1));
  let text = '';
  for (const [monomial, coefficient] of terms) {
    const size = Math.abs(coefficient);
    const body = monomial === '' ? `${size}` : size === 1 ? monomial : `${size}*${monomial}`;
    text += coefficient < 0 ? `-${body}` : text === '' ? body : `+${body}`;
  }
  return text;
}

/** The canonical form of a dimension; throws `ArgumentError` on text that is none. */
export const canonical = (dim: Dim): Dim => (typeof dim === 'number' ? dim : known(dim).canonical);

export function addDims(a: Dim, b: Dim): Dim {
  if (typeof a === 'number' && typeof b === 'number') return a + b;
  return dimOf(plus(polynomial(a), polynomial(b)));
}

export function mulDims(a: Dim, b: Dim): Dim {
  if (typeof a === 'number') return typeof b === 'number' ? a * b : scaled(b, a);
  return typeof b === 'number' ? scaled(a, b) : dimOf(times(polynomial(a), polynomial(b)));
}

const scaled = (dim: string, by: number): Dim =>
  dimOf(new Map(by === 0 ? [] : [...polynomial(dim)].map(([monomial, x]) => [monomial, x * by])));

export const subDims = (a: Dim, b: Dim): Dim => addDims(a, mulDims(b, -1));

/** floor(a / divisor) for a positive integer divisor. */
export function floorDivDim(a: Dim, divisor: number): Dim {
  if (typeof a === 'number') return Math.floor(a / divisor);
  return dimOf(floorOf(polynomial(a), divisor));
}

export const ceilDivDim = (a: Dim, divisor: number): Dim => floorDivDim(addDims(a, divisor - 1), divisor);

/** The quotient when `b` divides `a` exactly as polynomials in one monomial of `b`; null otherwise. */
export function divideExactly(a: Dim, b: Dim): Dim | null {
  if (typeof a === 'number' && typeof b === 'number') return b !== 0 && a % b === 0 ? a / b : null;
  const divisor = [...polynomial(b)];
  const [head] = divisor;
  if (divisor.length !== 1 || head === undefined) return a === b ? 1 : null;
  let total: Polynomial = new Map();
  for (const [monomial, coefficient] of polynomial(a)) {
    const atoms = atomsOf(monomial);
    for (const atom of atomsOf(head[0])) {
      const at = atoms.indexOf(atom);
      if (at < 0) return null;
      atoms.splice(at, 1);
    }
    if (coefficient % head[1] !== 0) return null;
    total = plus(total, new Map([[atoms.join('*'), coefficient / head[1]]]));
  }
  return dimOf(total);
}

/** The number of elements of a shape. */
export const sizeOfShape = (shape: Shape): Dim => shape.reduce<Dim>(mulDims, 1);

export const sameShape = (a: Shape, b: Shape): boolean => a.length === b.length && a.every((dim, i) => dim === b[i]);

export const isFixed = (shape: Shape): shape is readonly number[] => shape.every((dim) => typeof dim === 'number');

/** The symbols that occur in a dimension. */
export function symbolsOf(dim: Dim): string[] {
  if (typeof dim === 'number') return [];
  return [...new Set(dim.match(/[A-Za-z_][A-Za-z0-9_]*/g) ?? [])].filter((name) => name !== 'floor');
}

type Evaluation = (extents: Extents) => number;

const evaluations: Algebra<Evaluation> = {
  constant: (value) => () => value,
  symbol: (name) => (extents) => {
    const extent = Object.hasOwn(extents, name) ? extents[name] : undefined;
    if (extent === undefined) throw new ShapeError('dimension', `symbol '${name}' has no extent here.`);
    return extent;
  },
  plus: (a, b) => (extents) => a(extents) + b(extents),
  times: (a, b) => (extents) => a(extents) * b(extents),
  floor: (inside, divisor) => (extents) => Math.floor(inside(extents) / divisor),
};

const parsed = new Map<string, Evaluation>();

/** The value of a dimension when its symbols have the given extents. */
export function evaluateDim(dim: Dim, extents: Extents): number {
  if (typeof dim === 'number') return dim;
  let evaluation = parsed.get(dim);
  if (!evaluation) {
    if (parsed.size > maxTexts) parsed.clear();
    parsed.set(dim, (evaluation = readDim(dim, evaluations)));
  }
  return evaluation(extents);
}

export const evaluateShape = (shape: Shape, extents: Extents): number[] =>
  shape.map((dim) => evaluateDim(dim, extents));

export const printShape = (shape: Shape): string => `[${shape.join(', ')}]`;

/** A non-negative axis of a shape of `rank`; throws `ArgumentError` when out of range. */
export function normalizeAxis(where: string, axis: number, rank: number): number {
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank) {
    throw new ArgumentError(where, `an axis in [${-rank}, ${rank - 1}] is required. Received ${axis}.`);
  }
  return axis < 0 ? axis + rank : axis;
}

/** NumPy broadcasting of two shapes; a symbol broadcasts with itself and with 1. */
export function broadcastShapes(where: string, a: Shape, b: Shape): Dim[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const x = a[i - rank + a.length] ?? 1;
    const y = b[i - rank + b.length] ?? 1;
    if (x === y || y === 1) return x;
    if (x === 1) return y;
    throw new ShapeError(where, `shapes that broadcast are required. Received ${printShape(a)}, ${printShape(b)}.`);
  });
}
