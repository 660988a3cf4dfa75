import { comparePositions, type Position } from './identifiers.ts';
import { type NumberRange, rangeSize } from './ranges.ts';

/** One operation as its client saw it. Times are from one monotonic clock, in milliseconds. */
export interface ObservedOperation {
  readonly invokedAtMs: number;
  readonly returnedAtMs: number;
  /** `undefined` when the client never learned the outcome. */
  readonly result?: ObservedDraw | ObservedRelease;
}

/** Numbers were drawn. */
export interface ObservedDraw {
  readonly kind: 'draw';
  readonly position: Position;
  readonly revision: number;
  readonly ranges: readonly (NumberRange & { readonly reused: boolean })[];
  /** Drawn and released in one step. */
  readonly suppressed?: boolean;
}

/** A number was given back. `position` is the release's own place in the journal, not the allocation's. */
export interface ObservedRelease {
  readonly kind: 'release';
  readonly number: number;
  readonly position: Position;
  readonly revision: number;
}

/** What the history check found. */
export interface HistoryReport {
  readonly linearizable: boolean;
  readonly operations: number;
  /** Operations whose outcome nobody learned. */
  readonly unknown: number;
  readonly problems: readonly string[];
}

type Known = ObservedOperation & { result: ObservedDraw | ObservedRelease };

/**
 * Checks that what clients saw is one sequential history (G1, G3): in journal order every reply is what a single
 * counter with a lowest-first pool would have given, and an operation that returned before another began comes
 * earlier in that order, with a smaller revision.
 *
 * Operations nobody knows the outcome of may have taken numbers, so with any of them fresh numbers may skip, but
 * never repeat; without them they must be consecutive from `start`.
 */
export function checkHistory(operations: readonly ObservedOperation[], start: number): HistoryReport {
  const known = operations.filter((operation): operation is Known => operation.result !== undefined);
  const unknown = operations.length - known.length;
  const problems = [...checkSequence(known, start, unknown > 0), ...checkRealTime(known)];
  return { linearizable: problems.length === 0, operations: operations.length, unknown, problems };
}

/** Replays the replies in journal order through a sequential model. */
function checkSequence(known: readonly Known[], start: number, mayskip: boolean): string[] {
  const problems: string[] = [];
  const ordered = known.map(({ result }) => result).sort((a, b) => comparePositions(a.position, b.position));
  const held = new Set<number>();
  const pool = new Set<number>();
  let next = start;
  for (const result of ordered) {
    if (result.kind === 'release') {
      if (!held.delete(result.number) && !mayskip)
        problems.push(`number ${result.number} was released but nobody had it`);
      pool.add(result.number);
      continue;
    }
    for (const range of result.ranges) {
      if (!range.reused) {
        if (range.first < next) problems.push(`fresh number ${range.first} came after ${next - 1}`);
        else if (range.first > next && !mayskip)
          problems.push(`fresh numbers jump from ${next - 1} to ${range.first}`);
        next = Math.max(next, range.last + 1);
      }
      for (let number = range.first; number < range.first + rangeSize(range); number += 1) {
        if (held.has(number)) problems.push(`number ${number} was given to two documents`);
        if (range.reused && !pool.delete(number) && !mayskip)
          problems.push(`number ${number} was reused but was not in the pool`);
        if (result.suppressed === true) pool.add(number);
        else held.add(number);
      }
    }
  }
  return problems;
}

/** If A returned before B began, A's place and revision are smaller. Sweeps over time, O(n log n). */
function checkRealTime(known: readonly Known[]): string[] {
  const problems: string[] = [];
  const byInvocation = [...known].sort((a, b) => a.invokedAtMs - b.invokedAtMs);
  const byReturn = [...known].sort((a, b) => a.returnedAtMs - b.returnedAtMs);
  let returned = 0;
  let latest: Known | undefined;
  for (const operation of byInvocation) {
    for (
      ;
      returned < byReturn.length && byReturn[returned]!.returnedAtMs < operation.invokedAtMs;
      returned += 1
    ) {
      const candidate = byReturn[returned]!;
      if (latest === undefined || comparePositions(candidate.result.position, latest.result.position) > 0)
        latest = candidate;
    }
    if (latest === undefined) continue;
    const { position, revision } = operation.result;
    if (comparePositions(latest.result.position, position) >= 0 || latest.result.revision > revision) {
      problems.push(
        `the operation at ${position.sequence}-${position.index} began after the one at ` +
          `${latest.result.position.sequence}-${latest.result.position.index} had returned, but comes before it`,
      );
    }
  }
  return problems;
}
