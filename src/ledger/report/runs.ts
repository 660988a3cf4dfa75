import { type NumberRange, type RangeMap, rangeSize } from '../../core/ranges.ts';

/** Runs of a kind that are listed; how many more there are is said. */
export const RUNS_MAX = 100;

/** Void numbers of one reason. */
export interface VoidReason {
  readonly reason: string;
  readonly numbers: number;
  /** How many runs of consecutive numbers. */
  readonly runs: number;
  /** The first of them, at most {@link RUNS_MAX}. */
  readonly ranges: readonly NumberRange[];
}

/** The runs of a map that have a value, and the numbers in them. */
export function runsOf<T>(
  map: RangeMap<T>,
  span: NumberRange,
  wanted: T,
): { readonly numbers: number; readonly runs: number; readonly ranges: NumberRange[] } {
  let numbers = 0;
  let runs = 0;
  const ranges: NumberRange[] = [];
  for (const run of map.runs(span)) {
    if (run.value !== wanted) continue;
    numbers += rangeSize(run);
    runs += 1;
    if (ranges.length < RUNS_MAX) ranges.push({ first: run.first, last: run.last });
  }
  return { numbers, runs, ranges };
}
