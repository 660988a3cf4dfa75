import { decodeBatch } from '../../core/batch-codec.ts';
import type { Batch } from '../../core/facts.ts';

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

function freshIn({ facts }: Batch): number {
  let numbers = 0;
  for (const fact of facts) {
    if (fact.kind !== 'issue' && fact.kind !== 'block' && fact.kind !== 'reserve') continue;
    if (fact.fresh !== null) numbers += fact.fresh.last - fact.fresh.first + 1;
  }
  return numbers;
}

/** Numbers that two histories gave out, each to its own. */
export interface ForkConflict {
  readonly first: number;
  readonly last: number;
}

/** What two histories of a series have drawn since they parted. */
export interface Fork {
  /** The last batch that both have. */
  readonly common: number;
  /** Batches after it. */
  readonly inEtcd: number;
  readonly inLedger: number;
  /** Numbers issued, reserved or reissued in both, ascending, disjoint. */
  readonly conflicts: readonly ForkConflict[];
}

/** Numbers that facts of these batches drew, from the counter or from the pool. */
export function drawnIn(texts: readonly string[]): Set<number> {
  const drawn = new Set<number>();
  for (const text of texts) {
    for (const fact of decodeBatch(text).facts) {
      if (fact.kind !== 'issue' && fact.kind !== 'block' && fact.kind !== 'reserve') continue;
      for (const { first, last } of fact.fresh === null ? fact.reused : [...fact.reused, fact.fresh])
        for (let number = first; number <= last; number += 1) drawn.add(number);
    }
  }
  return drawn;
}

/** The numbers in both sets, as ranges. */
export function commonNumbers(a: ReadonlySet<number>, b: ReadonlySet<number>): ForkConflict[] {
  const ranges: { first: number; last: number }[] = [];
  for (const number of [...a].filter(each => b.has(each)).sort((x, y) => x - y)) {
    const last = ranges.at(-1);
    if (last !== undefined && last.last === number - 1) last.last = number;
    else ranges.push({ first: number, last: number });
  }
  return ranges;
}
