// Walks the records of a plan. A record is
//   +0 kernel  +4 units  +8 bytes to the next record  +12 its number  +16 whether it waits  +20 bytes to the end of its group
//   +24 arguments, four bytes each
//
// Records of a group have the same units, of which no two touch the same: they are walked as one, unit by unit, so that
// what one record wrote is in the first-level cache for the next. What is said of a record below, the first of a group
// stands for: it has the counts of all. A run that begins or ends inside a group walks the part that it has.
//
// With threads, all of them walk the same records. A record that waits is begun when those before it are complete; others
// do not touch what those still write. A record has two words in the sync area, 64 bytes apart: units still
// to claim and units still to finish, each as {epoch, count}. The first thread that meets a record in an epoch starts
// both counts from the record's units; a record is complete when none is left to finish, so a thread that sleeps
// between two units holds nobody up. A thread that comes late finds either nothing left or a newer epoch, and falls out:
// it never reads what the host may be changing, because units are taken off a count that only this epoch's run fills.
// That holds because a run leaves no record of its range in an older epoch: one without units is completed like any other.

import {
  ABORT, ACTIVE, FIRST, GENERATION, LAST, MAY_WAIT, RUNNING_THREADS, SLEEPERS, STATUS, STOP, SYNC, WAITERS,
  setRecord, setScratch,
} from './runtime';

const HEADER = 24;
const SPINS = 20000;
/** A wait ends at the latest after this many nanoseconds, to look at the abort word. */
const PATIENCE: i64 = 20_000_000;

// @ts-ignore: decorator
@inline
function word(epoch: i32, count: i32): i64 {
  return (<i64>epoch << 32) | <i64>(<u32>count);
}

// @ts-ignore: decorator
@inline
function epochOf(word: i64): i32 {
  return <i32>(word >> 32);
}

// @ts-ignore: decorator
@inline
function stopped(): bool {
  return atomic.load<i32>(STATUS) != 0 || atomic.load<i32>(ABORT) != 0;
}

/** The end of a record's group, or of the run. */
// @ts-ignore: decorator
@inline
function groupEnd(record: usize, last: usize): usize {
  return min(record + load<u32>(record, 20), last);
}

/** Runs units [begin, end) of the records in [record, last), which are a group. */
// @ts-ignore: decorator
@inline
function perform<D>(record: usize, last: usize, begin: i32, end: i32): void {
  const step = record + load<u32>(record, 8) == last ? end - begin : 1;
  for (let unit = begin; unit < end; unit += step) {
    for (let each = record; each < last; each += load<u32>(each, 8)) {
      setRecord(load<i32>(each, 12));
      changetype<D>(0).call(load<i32>(each), unit, unit + step, each + HEADER);
    }
  }
}

/** Runs what this thread can claim of a group. False when the run is over for this thread. */
// @ts-ignore: decorator
@inline
function share<D>(record: usize, last: usize, sync: usize, epoch: i32): bool {
  const threads = atomic.load<i32>(RUNNING_THREADS);
  let units = 0;
  while (true) {
    const seen = atomic.load<i64>(sync);
    const age = epochOf(seen) - epoch;
    if (age > 0) return false;
    if (age < 0) {
      units = load<i32>(record, 4);
      if (units == 0) finish(sync + 64, epoch, 0, 0);
      atomic.cmpxchg<i64>(sync, seen, word(epoch, units));
      continue;
    }
    const left = <i32>seen;
    if (left == 0) return true;
    const taken = max(1, left / (2 * threads));
    if (atomic.cmpxchg<i64>(sync, seen, word(epoch, left - taken)) != seen) continue;
    units = load<i32>(record, 4);
    const begin = units - left;
    perform<D>(record, last, begin, begin + taken);
    finish(sync + 64, epoch, units, taken);
  }
}

/** Takes `count` off the units of a record that are still to finish, and wakes who waits when none is left. */
function finish(pending: usize, epoch: i32, units: i32, count: i32): void {
  while (true) {
    const seen = atomic.load<i64>(pending);
    if (epochOf(seen) - epoch > 0) return;
    const left = (epochOf(seen) == epoch ? <i32>seen : units) - count;
    if (atomic.cmpxchg<i64>(pending, seen, word(epoch, left)) == seen) {
      if (left == 0 && atomic.load<i32>(WAITERS) != 0) atomic.notify(pending, -1);
      return;
    }
  }
}

/** Waits until all units of a record are done. False when the run is over for this thread. */
function complete(pending: usize, epoch: i32): bool {
  let spins = 0;
  while (true) {
    const seen = atomic.load<i64>(pending);
    const age = epochOf(seen) - epoch;
    if (age > 0) return false;
    if (age == 0 && <i32>seen == 0) return true;
    if (atomic.load<i32>(ABORT) != 0) return false;
    if (++spins >= SPINS && load<i32>(MAY_WAIT) != 0) {
      atomic.add<i32>(WAITERS, 1);
      atomic.wait<i64>(pending, seen, PATIENCE);
      atomic.sub<i32>(WAITERS, 1);
    }
  }
}

/** Where the counts of a record lie. */
// @ts-ignore: decorator
@inline
function countsOf(record: usize): usize {
  return load<usize>(SYNC) + (<usize>load<i32>(record, 12) << 7);
}

/** Waits for the groups in [first, last). False when the run is over for this thread. */
function completeAll(first: usize, last: usize, epoch: i32): bool {
  for (let record = first; record < last; record = groupEnd(record, last)) {
    if (!complete(countsOf(record) + 64, epoch)) return false;
  }
  return !stopped();
}

function walkTogether<D>(first: usize, last: usize, epoch: i32): void {
  let open = first;
  for (let record = first; record < last; ) {
    if (load<i32>(record, 16) != 0) {
      if (!completeAll(open, record, epoch)) return;
      open = record;
    }
    const end = groupEnd(record, last);
    if (!share<D>(record, end, countsOf(record), epoch)) return;
    record = end;
  }
  completeAll(open, last, epoch);
}

/** Runs the records in [first, last): alone, or with every thread that serves. */
// @ts-ignore: decorator
@inline
export function walk<D>(first: usize, last: usize): void {
  if (ASC_FEATURE_THREADS) {
    if (load<i32>(RUNNING_THREADS) > 1) {
      const closed = atomic.load<i32>(GENERATION) | 1;
      atomic.store<i32>(GENERATION, closed);
      atomic.store<usize>(FIRST, first);
      atomic.store<usize>(LAST, last);
      const epoch = closed + 1;
      atomic.store<i32>(GENERATION, epoch);
      if (atomic.load<i32>(SLEEPERS) != 0) atomic.notify(GENERATION, -1);
      walkTogether<D>(first, last, epoch);
      if (stopped()) {
        atomic.store<i32>(GENERATION, epoch + 1);
        while (atomic.load<i32>(ACTIVE) != 0 && atomic.load<i32>(ABORT) == 0) {}
      }
      return;
    }
  }
  for (let record = first; record < last; ) {
    const end = groupEnd(record, last);
    perform<D>(record, end, 0, load<i32>(record, 4));
    if (load<i32>(STATUS) != 0) return;
    record = end;
  }
}

/** Takes part in every run from now on, until STOP is set. */
// @ts-ignore: decorator
@inline
export function serveRuns<D>(scratch: usize): void {
  if (!ASC_FEATURE_THREADS) return;
  setScratch(scratch);
  let seen = 0;
  let spins = 0;
  while (true) {
    if (atomic.load<i32>(STOP) != 0 || atomic.load<i32>(ABORT) != 0) return;
    const generation = atomic.load<i32>(GENERATION);
    if (generation == seen || (generation & 1) != 0) {
      if (++spins >= SPINS) {
        atomic.add<i32>(SLEEPERS, 1);
        atomic.wait<i32>(GENERATION, generation, PATIENCE * 50);
        atomic.sub<i32>(SLEEPERS, 1);
        spins = 0;
      }
      continue;
    }
    atomic.add<i32>(ACTIVE, 1);
    const first = atomic.load<usize>(FIRST);
    const last = atomic.load<usize>(LAST);
    if (atomic.load<i32>(GENERATION) == generation) {
      walkTogether<D>(first, last, generation);
      seen = generation;
      spins = 0;
    }
    atomic.sub<i32>(ACTIVE, 1);
  }
}
