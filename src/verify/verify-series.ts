import type { Digest } from '../core/apply.ts';
import { CompletenessCheck, type CompletenessReport } from '../core/completeness.ts';
import { decodeHead } from '../core/head.ts';
import type { SeriesId } from '../core/identifiers.ts';
import { decodePage } from '../core/page.ts';
import {
  decodeJournalEntry,
  decodeJournalStart,
  decodeReservation,
  type JournalEntry,
  journalKey,
  KEYS,
} from '../core/records.ts';
import type { SequenceStore } from '../ports/sequence-store.ts';
import { Breather } from '../sequencer/breather.ts';

/** Journal entries held in memory at a time; a chunk is read within one deadline, and decoded by the etcd client at one go. */
const CHUNK = 200;

/**
 * Reads every record of a series at one revision and checks that it is complete. Works on a live series: all
 * reads are of the same revision, whatever is committed meanwhile; and in a process that serves, whose event loop it gives its turns.
 *
 * @param onEntry sees every journal entry, in order
 * @returns `null` when the series does not exist
 * @throws SeqdError `unavailable`, `unsupported_format`
 */
export async function verifySeries(
  store: SequenceStore,
  series: SeriesId,
  digest: Digest,
  onEntry?: (entry: JournalEntry) => void,
): Promise<CompletenessReport | null> {
  const { record, revision } = await store.read(series, KEYS.head);
  if (record === null) return null;
  const head = decodeHead(record.value);
  const pages = await store.range({ series, from: KEYS.pool, to: `${KEYS.pool}\uffff`, revision });
  const reservations = await store.range({
    series,
    from: KEYS.reservations,
    to: `${KEYS.reservations}\uffff`,
    revision,
  });
  const start = await store.range({
    series,
    from: KEYS.journalStart,
    to: `${KEYS.journalStart}\0`,
    revision,
  });
  const check = new CompletenessCheck(
    {
      revision,
      head,
      pages: new Map(
        pages.records.map(({ key, value }) => {
          const id = Number(key.slice(KEYS.pool.length));
          return [id, decodePage(id, value)];
        }),
      ),
      reservations: reservations.records.map(({ value }) => decodeReservation(value)),
      journalFirst: start.records[0] === undefined ? 1 : decodeJournalStart(start.records[0].value),
    },
    digest,
  );
  const breather = new Breather();
  let from = journalKey(0);
  for (;;) {
    const chunk = await store.range({ series, from, to: `${KEYS.journal}\uffff`, limit: CHUNK, revision });
    for (const { value, revision: committedAt } of chunk.records) {
      const entry = decodeJournalEntry(value, committedAt);
      check.feed(entry);
      onEntry?.(entry);
      if (breather.isDue({ characters: value.length, items: entry.batch.facts.length }))
        await breather.pause();
    }
    if (!chunk.more) return check.report();
    from = `${chunk.records.at(-1)!.key}\0`;
  }
}
