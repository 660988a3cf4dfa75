import type { SeriesId } from '../core/identifiers.ts';
import type { JournalEntry } from '../core/records.ts';
import type { SequenceStore } from '../ports/sequence-store.ts';
import { isFatal, readJournal } from '../sequencer/load-state.ts';

/** What is written to the ledger in one transaction: this many batches at most, … */
export const CHUNK_BATCHES_MAX = 1_000;
/** … and no more once they hold so many facts or characters. */
const FACTS_ENOUGH = 50_000;
const CHARACTERS_ENOUGH = 2_000_000;
/** Batches read at a time. What they come to is known only afterwards, and one may be a megabyte. */
const PAGE = 64;

/** Consecutive batches of a journal. */
export interface JournalChunk {
  /** In order; none when the journal does not hold the first one asked for. */
  readonly entries: readonly JournalEntry[];
  /** Whether there may be more at once. */
  readonly more: boolean;
}

/**
 * Reads the journal from batch `first` on, as much as is well written at once. A read that fails ends it after what was read.
 *
 * @param batchesMax from 1 to {@link CHUNK_BATCHES_MAX}
 * @throws SeqdError `unavailable` when nothing was read; `unsupported_format`, `invariant_violated`
 */
export async function readJournalChunk(
  store: SequenceStore,
  series: SeriesId,
  first: number,
  batchesMax = CHUNK_BATCHES_MAX,
): Promise<JournalChunk> {
  const entries: JournalEntry[] = [];
  let facts = 0;
  let characters = 0;
  while (entries.length < batchesMax && facts < FACTS_ENOUGH && characters < CHARACTERS_ENOUGH) {
    const from = first + entries.length;
    const last = Math.min(from + PAGE, first + batchesMax) - 1;
    const page = await readJournal(store, series, { first: from, last }).catch((error: unknown) => {
      if (entries.length === 0 || isFatal(error)) throw error;
      return undefined;
    });
    if (page === undefined) break;
    // One that begins later is what a pruned journal has left.
    if (page[0]?.batch.sequence !== from) return { entries, more: false };
    for (const entry of page) {
      entries.push(entry);
      facts += entry.batch.facts.length;
      characters += entry.text.length;
    }
    if (page.length <= last - from) return { entries, more: false };
  }
  return { entries, more: true };
}
