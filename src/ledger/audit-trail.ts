import type { SeriesId } from '../core/identifiers.ts';
import type { AuditFilter, FactPlace, LedgerFact, LedgerReader } from '../ports/ledger-reader.ts';
import type { SequenceStore } from '../ports/sequence-store.ts';
import { Breather } from '../sequencer/breather.ts';
import { ledgerFactsOf, takes } from './audit-filter.ts';
import { SeriesMoment } from './series-moment.ts';

/** What the audit trail is read from. */
export interface AuditSources {
  readonly store: SequenceStore;
  readonly series: SeriesId;
  /** `undefined`: there is no ledger, and the journal answers as far as it reaches. */
  readonly reader: LedgerReader | undefined;
}

/** Where to go on: at this row, after this number of it. */
export interface AuditPoint extends FactPlace {
  readonly number: number;
}

/** A page of the audit trail. */
export interface AuditPage {
  /** In journal order. With `expanded`, runs are cut to one number a row. */
  readonly facts: readonly LedgerFact[];
  /** For the next page; `null` at the end, for now. */
  readonly next: AuditPoint | null;
  /** etcd's revision that the page is of. */
  readonly revision: number;
  /** The trail is complete from this batch on; 1 unless there is no ledger and the journal was pruned. */
  readonly from: number;
  readonly ledgerSequence: number | null;
  readonly journalSequence: number;
}

/** Batches looked through for one page; where there are more, the page may be short. */
const PAGE_BATCHES_MAX = 5_000;

/**
 * A page of the audit trail, from the ledger and after that from the journal. Pages that follow each other have every row once,
 * whatever is added meanwhile: rows only come in at the end.
 *
 * @throws SeqdError `unavailable`, `ledger_unavailable`
 */
export async function readAuditPage(
  { store, series, reader }: AuditSources,
  filter: AuditFilter,
  options: { readonly after?: AuditPoint | undefined; readonly limit: number; readonly expanded: boolean },
): Promise<AuditPage> {
  const { after, limit, expanded } = options;
  const moment = await SeriesMoment.read(store, series);
  if (moment === null)
    return { facts: [], next: null, revision: 0, from: 1, ledgerSequence: null, journalSequence: 0 };
  const last = moment.head.sequence;
  const page = new Page(limit, expanded, after);
  const ledger = await reader?.facts(series, filter, { through: last, from: after, limit: limit + 2 });
  for (const row of ledger?.facts ?? []) page.add(row);
  const position = ledger?.position ?? 0;
  // With a full page from the ledger the journal's turn has not come.
  const ended = ledger === undefined || ledger.facts.length < limit + 2;
  if (ended && !page.full && position < last) {
    const begin = Math.max(position + 1, await moment.journalFirst(), after?.sequence ?? 1);
    await addFromJournal(page, moment, { begin, filter });
  }
  return {
    facts: page.facts,
    next: page.next,
    revision: moment.revision,
    from: position === 0 ? await moment.journalFirst() : 1,
    ledgerSequence: reader === undefined ? null : Math.min(position, last),
    journalSequence: last,
  };
}

async function addFromJournal(
  page: Page,
  moment: SeriesMoment,
  { begin, filter }: { begin: number; filter: AuditFilter },
): Promise<void> {
  const breather = new Breather();
  let looked = 0;
  for await (const entry of moment.entries(begin)) {
    looked += 1;
    for (const row of ledgerFactsOf(entry)) {
      if (takes(filter, row)) page.add(row);
      if (page.full) return;
    }
    if (looked >= PAGE_BATCHES_MAX && entry.batch.sequence < moment.head.sequence) {
      page.pauseAfter(entry.batch.sequence, entry.batch.time);
      return;
    }
    if (breather.isDue({ characters: entry.text.length, items: entry.batch.facts.length }))
      await breather.pause();
  }
}

/** Gathers rows until there is one more than fits. */
class Page {
  readonly facts: LedgerFact[] = [];
  full = false;
  private paused: AuditPoint | null = null;
  private readonly limit: number;
  private readonly expanded: boolean;
  private readonly after: AuditPoint | undefined;

  constructor(limit: number, expanded: boolean, after: AuditPoint | undefined) {
    this.limit = limit;
    this.expanded = expanded;
    this.after = after;
  }

  get next(): AuditPoint | null {
    if (!this.full) return this.paused;
    const { time, sequence, part, last } = this.facts.at(-1)!;
    const { index } = this.place!;
    return { time, sequence, index, part, number: last };
  }

  /** The row, not the number of it, that the last one taken belongs to. */
  private place: FactPlace | undefined;

  add(row: LedgerFact): void {
    const rest = this.restOf(row);
    if (rest === undefined) return;
    for (const one of this.expanded ? expand(rest) : [rest]) {
      if (this.facts.length === this.limit) {
        this.full = true;
        return;
      }
      this.facts.push(one);
      this.place = row;
    }
  }

  /** Nothing more was found up to the end of a batch, but there are more batches. */
  pauseAfter(sequence: number, time: number): void {
    this.paused = { time, sequence, index: 2 ** 31 - 1, part: 0, number: 0 };
  }

  /** What is left of the row that the page before ended in; all of any later one. */
  private restOf(row: LedgerFact): LedgerFact | undefined {
    const { after } = this;
    if (after === undefined || row.sequence > after.sequence) return row;
    if (row.sequence < after.sequence || row.index < after.index) return undefined;
    if (row.index > after.index || row.part > after.part) return row;
    if (row.part < after.part || after.number >= row.last) return undefined;
    const first = Math.max(row.first, after.number + 1);
    return row.facts > 1
      ? { ...row, first, index: row.index + first - row.first, facts: row.last - first + 1 }
      : { ...row, first };
  }
}

/** A row for each number; ranges that belong to nobody, which may be 2^53 long, stay as they are. */
export function* expand(row: LedgerFact): Generator<LedgerFact> {
  if (row.owner === null || row.first === row.last) {
    yield row;
    return;
  }
  const { first, last, index } = row;
  for (let number = first; number <= last; number += 1)
    yield {
      ...row,
      first: number,
      last: number,
      facts: 1,
      index: row.facts > 1 ? index + number - first : index,
    };
}

/**
 * Everything that a filter takes, in chunks, at one moment: the ledger, then what only the journal has.
 *
 * @throws SeqdError `unavailable`, `ledger_unavailable`
 */
export async function* streamAudit(
  { store, series, reader }: AuditSources,
  filter: AuditFilter,
  { signal }: { readonly signal?: AbortSignal | undefined },
): AsyncGenerator<readonly LedgerFact[]> {
  const moment = await SeriesMoment.read(store, series);
  if (moment === null) return;
  const last = moment.head.sequence;
  let position = 0;
  if (reader !== undefined) {
    for await (const read of reader.stream(series, filter, { through: last, signal })) {
      position = read.position;
      yield read.facts;
    }
  }
  if (position >= last) return;
  for await (const entry of moment.entries(Math.max(position + 1, await moment.journalFirst()))) {
    if (signal?.aborted === true) return;
    const facts = ledgerFactsOf(entry).filter(row => takes(filter, row));
    if (facts.length > 0) yield facts;
  }
}
