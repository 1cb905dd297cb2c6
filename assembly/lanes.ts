// Parts of vectors: loads and stores that touch no byte beyond the elements they are asked for.

/** The first `count` of four lanes, of which there may be none; zeros behind them. */
function loadSomeLanes(from: usize, count: i32): v128 {
  if (count <= 0) return i32x4.splat(0);
  if (count == 1) return v128.load32_zero(from);
  const pair = v128.load64_zero(from);
  return count == 2 ? pair : i32x4.replace_lane(pair, 2, load<i32>(from, 8));
}

/** Up to four 32-bit lanes at `from`: all of them for a `count` of four and more, zeros behind the others. */
// @ts-ignore: decorator
@inline
export function loadLanes(from: usize, count: i32): v128 {
  return count >= 4 ? v128.load(from) : loadSomeLanes(from, count);
}

function storeSomeLanes(to: usize, x: v128, count: i32): void {
  if (count == 1) {
    v128.store32_lane(to, x, 0);
  } else if (count >= 2) {
    v128.store64_lane(to, x, 0);
    if (count == 3) v128.store32_lane(to, x, 2, 8);
  }
}

// @ts-ignore: decorator
@inline
export function storeLanes(to: usize, x: v128, count: i32): void {
  if (count >= 4) v128.store(to, x);
  else storeSomeLanes(to, x, count);
}

/** All ones in the lanes below `count`. */
// @ts-ignore: decorator
@inline
export function lanesBelow(count: i32): v128 {
  return i32x4.gt_s(i32x4.splat(count), i32x4(0, 1, 2, 3));
}

/** Up to seven bytes as the low bytes of a word, zeros above them. */
function loadWord(from: usize, count: i32): u64 {
  let word: u64 = 0;
  let shift: u64 = 0;
  if (count & 4) {
    word = load<u32>(from);
    from += 4;
    shift = 32;
  }
  if (count & 2) {
    word |= <u64>load<u16>(from) << shift;
    from += 2;
    shift += 16;
  }
  if (count & 1) word |= <u64>load<u8>(from) << shift;
  return word;
}

/** The first `count` of sixteen bytes, zeros behind them; `count` is at most 15. */
function loadSomeOctets(from: usize, count: i32): v128 {
  if (count < 8) return i64x2(<i64>loadWord(from, count), 0);
  return i64x2(load<i64>(from), <i64>loadWord(from + 8, count - 8));
}

/** Up to sixteen bytes at `from`, zeros behind them. */
// @ts-ignore: decorator
@inline
export function loadOctets(from: usize, count: i32): v128 {
  return count >= 16 ? v128.load(from) : loadSomeOctets(from, count);
}

/** Stores the first `count` of sixteen bytes; `count` is at most 15. */
function storeSomeOctets(to: usize, x: v128, count: i32): void {
  if (count & 8) {
    v128.store64_lane(to, x, 0);
    x = v128.shuffle<i64>(x, x, 1, 0);
    to += 8;
  }
  if (count & 4) {
    v128.store32_lane(to, x, 0);
    x = i64x2.shr_u(x, 32);
    to += 4;
  }
  if (count & 2) {
    v128.store16_lane(to, x, 0);
    x = i64x2.shr_u(x, 16);
    to += 2;
  }
  if (count & 1) v128.store8_lane(to, x, 0);
}

// @ts-ignore: decorator
@inline
export function storeOctets(to: usize, x: v128, count: i32): void {
  if (count >= 16) v128.store(to, x);
  else storeSomeOctets(to, x, count);
}

/** Copies bytes between places that do not overlap; quick for a few of them too. */
export function copyBytes(to: usize, from: usize, count: usize): void {
  if (count >= 512) {
    memory.copy(to, from, count);
    return;
  }
  for (; <isize>count >= 16; count -= 16) {
    v128.store(to, v128.load(from));
    to += 16;
    from += 16;
  }
  if (count) storeSomeOctets(to, loadSomeOctets(from, <i32>count), <i32>count);
}
