// Writers of the tables of constants: each fills the 16 bytes at `at` with its value and returns where the next one goes. The
// loops keep the compiler from writing every call out, which takes three times the bytes.

export function floats(at: usize, value: f32): usize {
  for (const end = at + 16; at < end; at += 4) store<f32>(at, value);
  return at;
}

export function ints(at: usize, value: i32): usize {
  for (const end = at + 16; at < end; at += 4) store<i32>(at, value);
  return at;
}

export function doubles(at: usize, value: f64): usize {
  for (const end = at + 16; at < end; at += 8) store<f64>(at, value);
  return at;
}

export function longs(at: usize, value: i64): usize {
  for (const end = at + 16; at < end; at += 8) store<i64>(at, value);
  return at;
}
