/**
 * CRC-32 as in zlib, PNG and Ethernet (polynomial 0xEDB88320, reflected): what Python's `zlib.crc32` prints. It finds
 * every error burst of up to 32 bits. Four bytes per step, after Kounavis and Berry, "A systematic approach to building
 * high performance software-based CRC generators" (2005).
 */

let tables: Int32Array | undefined;

/** Four tables of 256: table k holds the CRC of a byte that k zero bytes follow. */
function makeTables(): Int32Array {
  const made = new Int32Array(1024);
  // A CRC is linear: that of two bytes, one added to the other, is the sum of theirs.
  for (let bit = 128, crc = 1; bit > 0; bit >>= 1) {
    crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
    for (let byte = 0; byte < 256; byte += 2 * bit) made[byte + bit] = crc ^ (made[byte] ?? 0);
  }
  for (let i = 256; i < 1024; i++) {
    const before = made[i - 256] ?? 0;
    made[i] = (before >>> 8) ^ (made[before & 255] ?? 0);
  }
  return made;
}

function byBytes(table: Int32Array, before: number, bytes: Uint8Array): number {
  let crc = before;
  for (const byte of bytes) crc = (crc >>> 8) ^ (table[(crc ^ byte) & 255] as number);
  return crc;
}

/** A loop of its own, which engines compile sooner than one amid what runs once. */
function byWords(table: Int32Array, before: number, words: Int32Array): number {
  let crc = before;
  for (let i = 0; i < words.length; i++) {
    crc ^= words[i] as number;
    crc =
      (table[768 + (crc & 255)] as number) ^
      (table[512 + ((crc >>> 8) & 255)] as number) ^
      (table[256 + ((crc >>> 16) & 255)] as number) ^
      (table[crc >>> 24] as number);
  }
  return crc;
}

/** The CRC of `bytes`, or of what `before` is the CRC of followed by `bytes`. */
export function crc32(bytes: Uint8Array, before = 0): number {
  const table = (tables ??= makeTables());
  if (bytes.length < 8) return ~byBytes(table, ~before, bytes) >>> 0;
  const head = -bytes.byteOffset & 3;
  const words = new Int32Array(bytes.buffer, bytes.byteOffset + head, (bytes.length - head) >> 2);
  const crc = byWords(table, byBytes(table, ~before, bytes.subarray(0, head)), words);
  return ~byBytes(table, crc, bytes.subarray(head + words.length * 4)) >>> 0;
}
