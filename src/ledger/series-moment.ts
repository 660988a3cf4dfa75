import { SeqdError } from '../core/errors.ts';
import { decodeHead, type Head } from '../core/head.ts';
import type { SeriesId } from '../core/identifiers.ts';
import { decodePage, type Page, pageOf } from '../core/page.ts';
import type { NumberRange } from '../core/ranges.ts';
import {
  decodeJournalEntry,
  decodeJournalStart,
  type JournalEntry,
  journalKey,
  KEYS,
  pageKey,
} from '../core/records.ts';
import type { SequenceStore, StoredRecord } from '../ports/sequence-store.ts';

/** Journal entries read at a time. */
const CHUNK = 250;

interface Source {
  readonly store: SequenceStore;
  readonly series: SeriesId;
}

/**
 * A series in etcd at one revision: everything read through it is of the same moment, whatever is committed meanwhile.
 */
export class SeriesMoment {
  readonly revision: number;
  readonly head: Head;
  private readonly source: Source;
  private start: Promise<number> | undefined;

  private constructor(source: Source, { revision, head }: { revision: number; head: Head }) {
    this.source = source;
    this.revision = revision;
    this.head = head;
  }

  /**
   * Reads the head, and whatever else is asked for later at the same revision.
   *
   * @param at etcd's revision; the newest when left out
   * @returns null when the series does not exist (yet)
   * @throws SeqdError `unavailable`; `invalid_request` for a revision that etcd has not, or no more
   */
  static async read(store: SequenceStore, series: SeriesId, at?: number): Promise<SeriesMoment | null> {
    const source = { store, series };
    try {
      const found =
        at === undefined
          ? await store.read(series, KEYS.head)
          : { record: await readAt(source, KEYS.head, at), revision: at };
      if (found.record === null) return null;
      return new SeriesMoment(source, { revision: found.revision, head: decodeHead(found.record.value) });
    } catch (error) {
      throw at === undefined ? error : explainRevision(error, at);
    }
  }

  /** The first batch that the journal still has; 1 when nothing was pruned. Read when it is first asked for. */
  journalFirst(): Promise<number> {
    this.start ??= readAt(this.source, KEYS.journalStart, this.revision).then(record =>
      record === null ? 1 : decodeJournalStart(record.value),
    );
    return this.start;
  }

  /** The pages that say something unusual of a range's numbers. */
  async pages({ first, last }: NumberRange): Promise<ReadonlyMap<number, Page>> {
    const { records } = await this.source.store.range({
      series: this.source.series,
      from: pageKey(pageOf(first)),
      to: pageKey(pageOf(last) + 1),
      revision: this.revision,
    });
    return new Map(
      records.map(({ key, value }) => {
        const id = Number(key.slice(KEYS.pool.length));
        return [id, decodePage(id, value)];
      }),
    );
  }

  /** One batch; `undefined` when the journal has it no more. */
  async entry(sequence: number): Promise<JournalEntry | undefined> {
    const record = await readAt(this.source, journalKey(sequence), this.revision);
    return record === null ? undefined : decodeJournalEntry(record.value, record.revision);
  }

  /** Journal entries from one batch on, in order, a chunk in memory at a time. */
  async *entries(first: number): AsyncGenerator<JournalEntry> {
    let from = journalKey(first);
    for (;;) {
      const { records, more } = await this.source.store.range({
        series: this.source.series,
        from,
        to: `${KEYS.journal}\uffff`,
        limit: CHUNK,
        revision: this.revision,
      });
      for (const { value, revision } of records) yield decodeJournalEntry(value, revision);
      if (!more) return;
      from = `${records.at(-1)!.key}\0`;
    }
  }

  /**
   * Journal entries from one batch to the head's, in order, as the journal has them *now*: entries never change, so this needs no
   * revision that etcd may compact meanwhile. What was pruned is left out: a sequence that does not follow the one before tells.
   */
  async *tail(first: number): AsyncGenerator<JournalEntry> {
    let from = journalKey(first);
    for (;;) {
      const { records, more } = await this.source.store.range({
        series: this.source.series,
        from,
        to: journalKey(this.head.sequence + 1),
        limit: CHUNK,
      });
      for (const { value, revision } of records) yield decodeJournalEntry(value, revision);
      if (!more) return;
      from = `${records.at(-1)!.key}\0`;
    }
  }

  /**
   * The same from one batch back to another, both inclusive, the newest first; ends early at the first that was pruned, before which
   * all are.
   */
  async *tailBackwards(last: number, first: number): AsyncGenerator<JournalEntry> {
    for (let end = last; end >= first; end -= CHUNK) {
      const begin = Math.max(first, end - CHUNK + 1);
      const { records } = await this.source.store.range({
        series: this.source.series,
        from: journalKey(begin),
        to: journalKey(end + 1),
      });
      for (const { value, revision } of records.toReversed()) yield decodeJournalEntry(value, revision);
      if (records.length <= end - begin) return;
    }
  }

  /**
   * The batch that drew a number from the counter, or skipped it; found by halving, since fresh numbers rise along the journal.
   *
   * @param number below `head.next`
   * @returns undefined when that batch is pruned
   */
  async drawOf(number: number): Promise<JournalEntry | undefined> {
    let low = await this.journalFirst();
    let high = this.head.sequence;
    let found: JournalEntry | undefined;
    while (low <= high) {
      const middle = Math.floor((low + high) / 2);
      const entry = await this.entry(middle);
      if (entry === undefined) return undefined;
      if (entry.batch.next <= number) {
        found = entry;
        low = middle + 1;
      } else {
        high = middle - 1;
      }
    }
    return found;
  }
}

/**
 * Whether the ledger holds batches that etcd has not: etcd was restored from a backup, or is another one.
 *
 * @param sequence of the head that was read
 * @param position of the ledger; where it is above, the head is read once more, since both may have gone on
 */
export async function isBehindLedger(
  { store, series }: Source,
  { sequence, position }: { readonly sequence: number; readonly position: number },
): Promise<boolean> {
  if (position <= sequence) return false;
  const newest = await SeriesMoment.read(store, series);
  return position > (newest?.head.sequence ?? 0);
}

/** What that means and what is to be done, for people. */
export function explainBehind(sequence: number, position: number): string {
  return (
    `etcd is behind the ledger: it ends with batch ${sequence} in etcd and with batch ${position} in the ledger, so etcd was restored ` +
    'from an older backup, or is another one; see "seqd recover"'
  );
}

async function readAt(
  { store, series }: Source,
  key: string,
  revision: number,
): Promise<StoredRecord | null> {
  const { records } = await store.range({ series, from: key, to: `${key}\0`, limit: 1, revision });
  return records[0] ?? null;
}

/** What etcd says of a revision that it cannot read at. */
const NO_REVISION = /required revision (has been compacted|is a future revision)/;

function explainRevision(error: unknown, revision: number): unknown {
  const said = NO_REVISION.exec(String((error as { cause?: { message?: unknown } } | null)?.cause?.message));
  if (said === null) return error;
  const why = said[1]!.startsWith('is') ? 'has not been reached' : 'is no longer kept by etcd';
  return new SeqdError('invalid_request', `Revision ${revision} ${why}; leave "at" out for the newest`, {
    details: { errors: [{ field: 'at', code: 'invalid_request', detail: `revision ${revision} ${why}` }] },
    cause: error,
  });
}
