import { type NumberRange, RangeMap, rangeSize } from '../../core/ranges.ts';
import type { SeriesMoment } from '../series-moment.ts';

/** What etcd's state says the numbers of a range are. */
export interface RangeStatuses {
  /** A number that stands nowhere is issued: those that are missing are counted here, too. */
  readonly issued: number;
  readonly reserved: number;
  readonly pooled: number;
  readonly void: number;
  readonly imported: number;
  /** True for numbers that are void. */
  readonly voids: RangeMap<boolean>;
}

type Status = 'issued' | 'reserved' | 'pooled' | 'void' | 'imported';

/** Counts the numbers of a range by what they are. */
export async function countStatuses(moment: SeriesMoment, span: NumberRange): Promise<RangeStatuses> {
  const counts = { issued: 0, reserved: 0, pooled: 0, void: 0, imported: 0 };
  const voids = new RangeMap(false);
  if (span.last < span.first) return { ...counts, voids };
  const statuses = new RangeMap<Status>('issued');
  for (const range of moment.head.importedRanges) statuses.set(range, 'imported');
  for (const range of moment.head.skipped) statuses.set(range, 'void');
  for (const page of (await moment.pages(span)).values()) {
    for (const range of page.pooled) statuses.set(range, 'pooled');
    for (const range of page.reserved) statuses.set(range, 'reserved');
    for (const range of page.voided) statuses.set(range, 'void');
    for (const { first, last } of page.reissued) statuses.set({ first, last }, 'issued');
  }
  for (const run of statuses.runs(span)) {
    counts[run.value] += rangeSize(run);
    if (run.value === 'void') voids.set(run, true);
  }
  return { ...counts, voids };
}
