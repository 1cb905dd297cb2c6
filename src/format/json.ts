/**
 * Strict JSON for files from strangers: no duplicate names, no names of `Object.prototype`, bounded depth, and numbers
 * only as ECMAScript prints them (no 1.0, no 1e999, no 2^53+1 that rounds) or -0. `JSON.parse` tells none of these apart.
 */
import { FormatError } from '../core/errors.js';

export type Json = null | boolean | number | string | readonly Json[] | ReadonlyMap<string, Json>;

export const isList = (value: Json | undefined): value is readonly Json[] => Array.isArray(value);

export const isObject = (value: Json | undefined): value is ReadonlyMap<string, Json> => value instanceof Map;

/** Text as it stands in a message: a stranger's may be long. */
export const brief = (text: string, most = 80): string => (text.length > most ? `${text.slice(0, most)}...` : text);

/** Whether a name would be found in an empty object: `__proto__`, `constructor`, `toString` ... */
export const isReserved = (name: string): boolean => name in {};

function decode(where: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new FormatError(where, 'valid UTF-8 is required.', { cause });
  }
}

/** Parses the whole of `bytes`; arrays and objects nest at most `maxDepth` deep. */
export function parseJson(where: string, bytes: Uint8Array, maxDepth: number): Json {
  const text = decode(where, bytes);
  let at = 0;

  const fail = (rule: string): never => {
    const found = at < text.length ? JSON.stringify(text.slice(at, at + 24)) : 'the end';
    throw new FormatError(where, `${rule}. Received ${found} at character ${at}.`);
  };
  /** The next character that is not white space; empty at the end. */
  const peek = (): string => {
    while (' \t\n\r'.includes(text.charAt(at) || '.')) at++;
    return text.charAt(at);
  };
  const take = (character: string): boolean => {
    if (peek() !== character) return false;
    at++;
    return true;
  };

  const string = (): string => {
    if (peek() !== '"') fail('a string is required');
    let escaped = false;
    let end = at + 1;
    for (let code = text.charCodeAt(end); code !== 0x22; code = text.charCodeAt(++end)) {
      if (!(code >= 0x20)) fail('a string that ends and holds no control characters is required');
      if (code !== 0x5c) continue;
      escaped = true;
      end++;
    }
    const value = escaped ? unescaped(text.slice(at, end + 1)) : text.slice(at + 1, end);
    at = end + 1;
    return value;
  };

  const unescaped = (quoted: string): string => {
    let value: unknown;
    try {
      value = JSON.parse(quoted);
    } catch {
      fail('a string with valid escapes is required');
    }
    if (typeof value !== 'string' || /\p{Surrogate}/u.test(value)) return fail('well-formed Unicode is required');
    return value;
  };

  const number = (): number => {
    let end = at;
    while (end < text.length && '-+.e0123456789'.includes(text.charAt(end))) end++;
    const token = text.slice(at, end);
    const value = Number(token);
    if (token === '') fail('a value is required');
    if (String(value) !== token && token !== '-0') fail('a number in its shortest form is required');
    at = end;
    return value;
  };

  const value = (depth: number): Json => {
    const head = peek();
    if (head === '"') return string();
    if ((head === '{' || head === '[') && depth === 0) fail(`a depth of at most ${maxDepth} is required`);
    if (head === '{') return object(depth - 1);
    if (head === '[') return array(depth - 1);
    if (text.startsWith('true', at)) return ((at += 4), true);
    if (text.startsWith('false', at)) return ((at += 5), false);
    if (text.startsWith('null', at)) return ((at += 4), null);
    return number();
  };

  const array = (depth: number): readonly Json[] => {
    const items: Json[] = [];
    at++;
    if (take(']')) return items;
    do items.push(value(depth));
    while (take(','));
    if (!take(']')) fail("',' or ']' is required");
    return items;
  };

  const object = (depth: number): ReadonlyMap<string, Json> => {
    const entries = new Map<string, Json>();
    at++;
    if (take('}')) return entries;
    do {
      const name = string();
      if (isReserved(name)) fail(`a name other than '${name}' is required`);
      if (entries.has(name)) fail(`a name that does not occur twice is required, unlike '${brief(name)}'`);
      if (!take(':')) fail("':' is required");
      entries.set(name, value(depth));
    } while (take(','));
    if (!take('}')) fail("',' or '}' is required");
    return entries;
  };

  const result = value(maxDepth);
  if (peek() !== '') fail('nothing after the value is required');
  return result;
}
