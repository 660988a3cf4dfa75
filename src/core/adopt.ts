import { eachPageShare, PAGE_SIZE } from './page.ts';
import { type NumberRange, rangeSize } from './ranges.ts';

/** Gaps that one command may name. */
export const ADOPT_GAPS_MAX = 1_000;

/** Pages that the gaps of one command may touch, so that it fits into one commit. */
export const ADOPT_PAGES_MAX = 100;

/**
 * From this size on a void gap stands in the head instead of in a page for each 1,024 numbers. Part of the stored format: every
 * node must put a gap where the others do.
 */
export const LARGE_GAP_SIZE_MIN = 64 * PAGE_SIZE;

/** A larger gap is not imported: by then it is two numberings in one column, and not one with a gap. */
export const GAP_SIZE_MAX = 2 ** 24;

/** Whether a gap stands in the head. */
export function isLargeGap(gap: NumberRange): boolean {
  return rangeSize(gap) >= LARGE_GAP_SIZE_MIN;
}

/** What is wrong with the gaps that a command names for `first` to `last`, in one sentence; `undefined` when nothing is. */
export function mistakeInGaps({
  first,
  last,
  gaps,
}: NumberRange & { gaps: readonly NumberRange[] }): string | undefined {
  if (last < first) return `${first} to ${last} is no range`;
  if (gaps.length > ADOPT_GAPS_MAX)
    return `at most ${ADOPT_GAPS_MAX} gaps can be named at once, not ${gaps.length}`;
  let from = first;
  for (const gap of gaps) {
    if (gap.first < from || gap.last < gap.first || gap.last > last)
      return `gaps must be ascending, disjoint and inside ${first} to ${last}; ${gap.first} to ${gap.last} is not`;
    if (rangeSize(gap) > GAP_SIZE_MAX)
      return `a gap can have ${GAP_SIZE_MAX} numbers; ${gap.first} to ${gap.last} has more`;
    from = gap.last + 1;
  }
  const pages = countPages(gaps.filter(gap => !isLargeGap(gap)));
  return pages > ADOPT_PAGES_MAX
    ? `gaps named at once can lie in ${ADOPT_PAGES_MAX} pages of numbers, not ${pages}`
    : undefined;
}

/** How many pages ascending ranges touch. */
export function countPages(ranges: readonly NumberRange[]): number {
  let pages = 0;
  let previous = -1;
  for (const range of ranges) {
    eachPageShare(range, id => {
      if (id !== previous) pages += 1;
      previous = id;
    });
  }
  return pages;
}
