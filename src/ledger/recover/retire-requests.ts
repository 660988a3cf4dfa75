import type { Request } from '../../core/requests.ts';
import { intersectRanges, mergeRanges, type RangeSet, rangesOverlap } from '../../core/ranges.ts';
import type { SeriesState } from '../../core/state.ts';

/** Which numbers may be on documents that nobody knows of: these, or any. */
export type Suspects = RangeSet | 'all';

/** Who takes numbers out, and why. */
export interface RetireReason {
  readonly reason: string;
  readonly actor: string;
}

/** Requests that end every open reservation that holds a suspect: it may have been confirmed. Its numbers go where those of any go that ends. */
export function endReservations(state: SeriesState, suspects: Suspects, actor: string): Request[] {
  const requests: Request[] = [];
  for (const { position, owner, reused, fresh } of state.reservations()) {
    const numbers = mergeRanges(fresh === null ? reused : [...reused, fresh]);
    if (suspects !== 'all' && !numbers.some(range => rangesOverlap(suspects, range))) continue;
    const { site, partition } = owner;
    requests.push({
      command: { kind: 'cancel', reservation: position, site, partition },
      origin: { client: `seqd recover, ${actor}` },
    });
  }
  return requests;
}

/** Requests that make void what is suspect in the pool, and what an import under way may still put there: one for each page of numbers. */
export function retirePooled(state: SeriesState, suspects: Suspects, said: RetireReason): Request[] {
  const requests: Request[] = [];
  for (const [, { pooled }] of [...state.allPages()].toSorted(([a], [b]) => a - b)) {
    const ranges = suspects === 'all' ? [...pooled] : intersectRanges(pooled, suspects);
    if (ranges.length > 0) requests.push({ command: { kind: 'retire', ranges, ...said }, origin: {} });
  }
  const open = state.head.openImport;
  const isSuspect = open?.gapsTo === 'pool' && (suspects === 'all' || rangesOverlap(suspects, open));
  if (requests.length === 0 && isSuspect)
    requests.push({ command: { kind: 'retire', ranges: [], ...said }, origin: {} });
  return requests;
}
