import { createHash } from 'node:crypto';
import {
  ADOPT_GAPS_MAX,
  ADOPT_PAGES_MAX,
  countPages,
  GAP_SIZE_MAX,
  isLargeGap,
  LARGE_GAP_SIZE_MIN,
} from '../../core/adopt.ts';
import { type NumberRange, rangeSize } from '../../core/ranges.ts';
import { pageOf } from '../../core/page.ts';
import { usageError } from '../cli-error.ts';
import { span } from './describe-scan.ts';
import type { NumberSet } from './number-set.ts';

/** What becomes of the numbers that the old numbering left out. */
export type GapsTo = 'pool' | 'void';

/** Gaps that stand in the series' head, which each commit writes; more of them are two numberings in one column. */
const LARGE_GAPS_MAX = 32;
/** Numbers in the pool are held in memory by every node. */
const POOLED_MAX = 10_000_000;

/** As much of an import as fits into one commit. */
export interface ImportStep extends NumberRange {
  readonly gaps: readonly NumberRange[];
}

/** An import, the same for the same numbers: so that it can be continued after it was interrupted. */
export interface ImportPlan extends NumberRange {
  readonly gapsTo: GapsTo;
  /** Names the numbers and what becomes of their gaps; part of every key. */
  readonly source: string;
  readonly imported: number;
  readonly gaps: number;
  readonly steps: number;
  /** The steps, made anew with each call: there may be many. */
  stepsOf(): Generator<ImportStep>;
}

/** Plans how a numbering is adopted. @throws CliError when its gaps are more than a series can document */
export function planImport(numbers: NumberSet, gapsTo: GapsTo): ImportPlan {
  const { first, last } = boundsOf(numbers);
  const hash = createHash('sha256').update(`${gapsTo} ${first} ${last}`);
  let gaps = 0;
  let large = 0;
  for (const gap of numbers.gaps()) {
    if (rangeSize(gap) > GAP_SIZE_MAX)
      throw usageError(
        `the gap ${span(gap)} has more than ${GAP_SIZE_MAX} numbers; are there two numberings in the column? --start-only takes none over`,
      );
    gaps += rangeSize(gap);
    if (gapsTo === 'void' && isLargeGap(gap)) large += 1;
    hash.update(` ${gap.first} ${gap.last}`);
  }
  if (large > LARGE_GAPS_MAX)
    throw usageError(
      `there are ${large} gaps of ${LARGE_GAP_SIZE_MIN} numbers or more, at most ${LARGE_GAPS_MAX} can be imported; --start-only takes none over`,
    );
  if (gapsTo === 'pool' && gaps > POOLED_MAX)
    throw usageError(
      `${gaps} numbers are missing, at most ${POOLED_MAX} can go to the pool; --gaps void documents them`,
    );
  const stepsOf = (): Generator<ImportStep> => planSteps({ first, last }, pieces(numbers.gaps(), gapsTo));
  let steps = 0;
  for (const _step of stepsOf()) steps += 1;
  const source = `sha256:${hash.digest('hex').slice(0, 32)}`;
  return { first, last, gapsTo, source, imported: numbers.size, gaps, steps, stepsOf };
}

function boundsOf(numbers: NumberSet): NumberRange {
  let first: number | undefined;
  let last = 0;
  for (const number of numbers.numbers()) {
    first ??= number;
    last = number;
  }
  if (first === undefined) throw usageError('there are no numbers to import');
  return { first, last };
}

/** A gap of any size can go to the pool, a piece at a time. */
function* pieces(gaps: Iterable<NumberRange>, gapsTo: GapsTo): Generator<NumberRange> {
  for (const gap of gaps) {
    if (gapsTo === 'void') {
      yield gap;
      continue;
    }
    for (let first = gap.first; first <= gap.last; first += LARGE_GAP_SIZE_MIN - 1)
      yield { first, last: Math.min(gap.last, first + LARGE_GAP_SIZE_MIN - 2) };
  }
}

function* planSteps({ first, last }: NumberRange, gaps: Iterable<NumberRange>): Generator<ImportStep> {
  let from = first;
  let taken: NumberRange[] = [];
  let pages = 0;
  let lastPage = -1;
  for (const gap of gaps) {
    const small = !isLargeGap(gap);
    const more = small ? countPages([gap]) - (pageOf(gap.first) === lastPage ? 1 : 0) : 0;
    if (taken.length === ADOPT_GAPS_MAX || (taken.length > 0 && pages + more > ADOPT_PAGES_MAX)) {
      const end = taken.at(-1)!.last;
      yield { first: from, last: end, gaps: taken };
      from = end + 1;
      taken = [];
      pages = 0;
      lastPage = -1;
    }
    taken.push(gap);
    if (!small) continue;
    pages += countPages([gap]) - (pageOf(gap.first) === lastPage ? 1 : 0);
    lastPage = pageOf(gap.last);
  }
  yield { first: from, last, gaps: taken };
}
