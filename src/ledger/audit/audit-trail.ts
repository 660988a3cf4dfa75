import type { SeriesId } from '../../core/identifiers.ts';
import type { AuditFilter, LedgerFact, LedgerReader, Patience } from '../../ports/ledger-reader.ts';
import type { SequenceStore } from '../../ports/sequence-store.ts';
import { Breather } from '../../sequencer/breather.ts';
import { ledgerFactsOf, takes } from './audit-filter.ts';
import { HoleWatch } from './hole-watch.ts';
import { type AuditPoint, type PageLayout, RowPage } from './row-page.ts';
import { explainBehind, isBehindLedger, SeriesMoment } from '../series-moment.ts';

/** What the audit trail is read from. */
export interface AuditSources {
  readonly store: SequenceStore;
  readonly series: SeriesId;
  /** `undefined`: there is no ledger, and the journal answers as far as it reaches. */
  readonly reader: LedgerReader | undefined;
}

/** A page of the audit trail. */
export interface AuditPage {
  /** In the order asked for. With `expanded`, runs are cut to one number a row. */
  readonly facts: readonly LedgerFact[];
  /** For the next page; `null` at the end, which in journal order is the end for now. */
  readonly next: AuditPoint | null;
  /** etcd's revision that the page is of. */
  readonly revision: number;
  /** The trail is complete from this batch on; 1 unless batches are in neither the ledger nor the journal, or lost for good. */
  readonly from: number;
  /** Why there may be more than what is here: etcd is behind the ledger. */
  readonly problem: string | null;
  readonly ledgerSequence: number | null;
  readonly journalSequence: number;
}

/** Batches looked through for one page; where there are more, the page may be short. */
const PAGE_BATCHES_MAX = 5_000;

/**
 * A page of the audit trail, from the ledger and from what only the journal has yet. Pages that follow each other have every row once,
 * whatever is added meanwhile: rows only come in at the new end, where in journal order the last page is, and in its reverse the first.
 *
 * @param patience.signal for the ledger's part
 * @throws SeqdError `unavailable`, `ledger_unavailable`
 */
export async function readAuditPage(
  sources: AuditSources,
  filter: AuditFilter,
  layout: PageLayout,
  { signal }: Patience = {},
): Promise<AuditPage> {
  const { store, series, reader } = sources;
  const { order, after, limit } = layout;
  const moment = await SeriesMoment.read(store, series);
  const journalFirst = (await moment?.journalFirst()) ?? 1;
  const last = moment?.head.sequence ?? 0;
  // One for the row that the page before has ended in, and one that says that there are more.
  const ask = (through: number): ReturnType<LedgerReader['facts']> | undefined =>
    reader?.facts(series, filter, { through, order, from: after, limit: limit + 2, signal });
  let ledger = await ask(last);
  const behind = await isBehindLedger(sources, { sequence: last, position: ledger?.position ?? 0 });
  if (behind) ledger = await ask(Number.MAX_SAFE_INTEGER);
  const position = ledger?.position ?? 0;
  const page = new RowPage(layout);
  let from = Math.max(ledger?.wholeFrom ?? 1, completeFrom(journalFirst, position, last));
  const addFromJournal = async (): Promise<void> => {
    if (moment === null || position >= last) return;
    const first = Math.max(position + 1, journalFirst);
    const add = order === 'asc' ? addForwards : addBackwards;
    from = Math.max(from, await add(page, moment, { first, after, filter }));
  };
  if (order === 'desc') await addFromJournal();
  if (!page.isClosed) for (const row of ledger?.facts ?? []) page.add(row);
  // With all rows that the ledger was asked for the journal's turn has not come.
  const ended = ledger === undefined || ledger.facts.length < limit + 2;
  if (order === 'asc' && ended && !page.isClosed) await addFromJournal();
  return {
    facts: page.facts,
    next: page.next,
    revision: moment?.revision ?? 0,
    from,
    problem: behind ? explainBehind(last, position) : null,
    ledgerSequence: reader === undefined ? null : behind ? position : Math.min(position, last),
    journalSequence: last,
  };
}

/** The first batch since which nothing is missing, where the journal goes on from the ledger; 1 when nothing is missing at all. */
export function completeFrom(journalFirst: number, position: number, last: number): number {
  return position < last && journalFirst > position + 1 ? journalFirst : 1;
}

/** Which of the journal's batches a page is filled from. */
interface JournalPart {
  readonly first: number;
  readonly after: AuditPoint | undefined;
  readonly filter: AuditFilter;
}

/** @returns the first batch since which the journal has them all; 1 when none of those asked for is missing */
async function addForwards(
  page: RowPage,
  moment: SeriesMoment,
  { first, after, filter }: JournalPart,
): Promise<number> {
  const begin = Math.max(first, after?.sequence ?? 1);
  const breather = new Breather();
  const holes = new HoleWatch(begin);
  let looked = 0;
  for await (const entry of moment.tail(begin)) {
    looked += 1;
    holes.see(entry.batch.sequence);
    for (const row of ledgerFactsOf(entry)) {
      if (takes(filter, row)) page.add(row);
      if (page.isClosed) return holes.from;
    }
    if (looked >= PAGE_BATCHES_MAX && entry.batch.sequence < moment.head.sequence) {
      page.pauseAfter(entry.batch);
      return holes.from;
    }
    if (breather.isDue({ characters: entry.text.length, items: entry.batch.facts.length }))
      await breather.pause();
  }
  holes.see(moment.head.sequence + 1);
  return holes.from;
}

/** The same from the newest on. What is pruned meanwhile is at the old end, so the first batch that is not there any more is the end. */
async function addBackwards(
  page: RowPage,
  moment: SeriesMoment,
  { first, after, filter }: JournalPart,
): Promise<number> {
  const begin = Math.min(moment.head.sequence, after?.sequence ?? Number.MAX_SAFE_INTEGER);
  const breather = new Breather();
  let looked = 0;
  let reached = begin + 1;
  for await (const entry of moment.tailBackwards(begin, first)) {
    looked += 1;
    reached = entry.batch.sequence;
    for (const row of ledgerFactsOf(entry).toReversed()) {
      if (takes(filter, row)) page.add(row);
      if (page.isClosed) return 1;
    }
    if (looked >= PAGE_BATCHES_MAX && reached > 1) {
      page.pauseAfter(entry.batch);
      return 1;
    }
    if (breather.isDue({ characters: entry.text.length, items: entry.batch.facts.length }))
      await breather.pause();
  }
  return reached > first ? reached : 1;
}
