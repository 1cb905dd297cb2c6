/**
 * CRC-32 as in zlib, PNG and Ethernet (polynomial 0xEDB88320, reflected): what Python's `zlib.crc32` prints. It finds
 * every error burst of up to 32 bits. Four bytes per step, after Kounavis and Berry, "A systematic approach to building
 * high performance software-based CRC generators" (2005).
 */

let tables: Int32Array | undefined;

/** Four tables of 256: table k holds the CRC of a byte that k zero bytes follow. */
function makeTables(): Int32Array {
  const made = new Int32Array(1024);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
    made[byte] = crc;
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

/** The CRC of `bytes`, or of what `before` is the CRC of followed by `bytes`. */
export function crc32(bytes: Uint8Array, before = 0): number {
  const table = (tables ??= makeTables());
  if (bytes.length < 8) return ~byBytes(table, ~before, bytes) >>> 0;
  const head = -bytes.byteOffset & 3;
  let crc = byBytes(table, ~before, bytes.subarray(0, head));
  const words = new Int32Array(bytes.buffer, bytes.byteOffset + head, (bytes.length - head) >> 2);
  for (let i = 0; i < words.length; i++) {
    crc ^= words[i] as number;
    crc =
      (table[768 + (crc & 255)] as number) ^
      (table[512 + ((crc >>> 8) & 255)] as number) ^
      (table[256 + ((crc >>> 16) & 255)] as number) ^
      (table[crc >>> 24] as number);
  }
  return ~byBytes(table, crc, bytes.subarray(head + words.length * 4)) >>> 0;
}
