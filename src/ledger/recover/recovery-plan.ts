import { decodeBatch } from '../../core/batch-codec.ts';
import type { Batch } from '../../core/facts.ts';
import { mergeRanges, type NumberRange, type RangeSet } from '../../core/ranges.ts';

/** How much further than is known a counter is raised, and why. */
export interface Margin {
  readonly numbers: number;
  readonly reason: string;
}

/** However slow the series, a burst may have come last. */
const MARGIN_MIN = 1_000;
const MARGIN_MAX = 1_000_000;
/** The ledger is less than a second behind while all is well, and from five on every node says that it lags. */
const LAG_SECONDS = 10;
const WINDOW_MS = 1_000;
/** A ledger that is further behind what etcd still knows was not written when the rest was lost: the margin cannot be judged by it. */
const LAG_TRUSTED_MS = 30_000;

/**
 * The margin for what was issued after the ledger's last batch and is known to nobody: what the series draws in ten seconds
 * at the highest rate of a second among its last batches, at least 1,000 numbers.
 *
 * @param batches the last of the ledger, in order
 */
export function defaultMargin(batches: readonly Batch[]): Margin {
  let busiest = 0;
  let drawn = 0;
  let from = 0;
  for (const batch of batches) {
    drawn += freshIn(batch);
    for (; batches[from]!.time < batch.time - WINDOW_MS; from += 1) drawn -= freshIn(batches[from]!);
    busiest = Math.max(busiest, drawn);
  }
  const numbers = Math.min(MARGIN_MAX, Math.max(MARGIN_MIN, busiest * LAG_SECONDS));
  const reason =
    numbers === MARGIN_MIN
      ? `the least there is; the busiest second drew ${busiest}`
      : `${LAG_SECONDS} times the ${busiest} numbers of the busiest second among the last ${batches.length} batches`;
  return { numbers, reason };
}

/**
 * Whether the default margin cannot be trusted: batches that etcd still has are that much later than the ledger's last one.
 *
 * @param etcd time of etcd's head, and `ledger` of the ledger's last batch, Unix milliseconds; 0 without one
 */
export function isLedgerStale({ etcd, ledger }: { etcd: number; ledger: number }): boolean {
  return etcd - ledger > LAG_TRUSTED_MS;
}

function freshIn({ facts }: Batch): number {
  let numbers = 0;
  for (const fact of facts) {
    if (fact.kind !== 'issue' && fact.kind !== 'block' && fact.kind !== 'reserve') continue;
    if (fact.fresh !== null) numbers += fact.fresh.last - fact.fresh.first + 1;
  }
  return numbers;
}

/** What two histories of a series have drawn since they parted. */
export interface Fork {
  /** The last batch that both have. */
  readonly common: number;
  /** Batches after it. */
  readonly inEtcd: number;
  readonly inLedger: number;
  /** Numbers issued, reserved, confirmed or reissued in both, each to its own. */
  readonly conflicts: RangeSet;
  /** Numbers that the history in the ledger, which is the lost one, has drawn. */
  readonly lostDraws: RangeSet;
}

/** Numbers that facts of these batches drew, from the counter, from the pool or out of a reservation. */
export function drawnIn(texts: readonly string[]): RangeSet {
  const drawn: NumberRange[] = [];
  for (const text of texts) {
    for (const fact of decodeBatch(text).facts) {
      if (
        fact.kind !== 'issue' &&
        fact.kind !== 'block' &&
        fact.kind !== 'reserve' &&
        fact.kind !== 'confirm'
      )
        continue;
      for (const range of fact.fresh === null ? fact.reused : [...fact.reused, fact.fresh]) {
        // One number after the other is what most draws are: no range for each.
        const before = drawn.at(-1);
        if (before?.last === range.first - 1)
          drawn[drawn.length - 1] = { first: before.first, last: range.last };
        else drawn.push(range);
      }
    }
  }
  return mergeRanges(drawn);
}
