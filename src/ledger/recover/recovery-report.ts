import type { RangeSet } from '../../core/ranges.ts';
import type { SeriesStanding } from '../series-standing.ts';
import type { Fork, Margin } from './recovery-plan.ts';

/** What a recovery did, or would do. */
export interface RecoveryReport {
  /** `nothing`: etcd and the ledger agree, and nothing was changed. `forked`: nothing was changed; a person must decide. */
  readonly outcome: 'nothing' | 'forked' | 'planned' | 'recovered';
  readonly found: { readonly sequence: number; readonly next: number };
  readonly ledger: { readonly sequence: number; readonly next: number };
  /** Batches brought back from the ledger. */
  readonly replayed: number;
  /** Numbers made void, inclusive; `null` when there was no need. */
  readonly skipped: { readonly first: number; readonly last: number } | null;
  /**
   * Numbers of the pool and of reservations that were made void, or would be, because what is lost may have drawn them; `reservations`
   * were ended. Of a recovery that was interrupted, what was left.
   */
  readonly retired: { readonly ranges: RangeSet; readonly reservations: number };
  readonly margin: Margin;
  /** The next number that will be issued. */
  readonly next: number;
  readonly fork: Fork | null;
  /** Batches that the ledger has lost for good, inclusive. */
  readonly lost: { readonly first: number; readonly last: number } | null;
}

/** What there is to tell besides where the series stood; left out, there was none of it. */
export interface RecoveryFacts {
  readonly fork?: Fork | null;
  readonly margin?: Margin;
  readonly replayed?: number;
  readonly retired?: RecoveryReport['retired'];
  readonly next?: number;
  /** The first number that was skipped, where some were. */
  readonly from?: number;
  readonly lost?: RecoveryReport['lost'];
}

/** A report of a series that was found so. */
export function recoveryReport(
  outcome: RecoveryReport['outcome'],
  { head, ledger }: SeriesStanding,
  facts: RecoveryFacts = {},
): RecoveryReport {
  const next = facts.next ?? head?.next ?? 0;
  const from = facts.from ?? next;
  return {
    outcome,
    found: { sequence: head?.sequence ?? 0, next: head?.next ?? 0 },
    ledger: { sequence: ledger.sequence, next: ledger.next },
    replayed: facts.replayed ?? 0,
    skipped: next > from ? { first: from, last: next - 1 } : null,
    retired: facts.retired ?? { ranges: [], reservations: 0 },
    margin: facts.margin ?? { numbers: 0, reason: '' },
    next,
    fork: facts.fork ?? null,
    lost: facts.lost ?? null,
  };
}
