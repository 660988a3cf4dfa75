import type { SeriesId } from '../core/identifiers.ts';
import type { AuditFilter, FactPlace, LedgerFact, LedgerReader } from '../ports/ledger-reader.ts';
import type { SequenceStore } from '../ports/sequence-store.ts';
import { Breather } from '../sequencer/breather.ts';
import { ledgerFactsOf, takes } from './audit-filter.ts';
import { explainBehind, isBehindLedger, SeriesMoment } from './series-moment.ts';

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
  /** The trail is complete from this batch on; 1 unless batches are in neither the ledger nor the journal. */
  readonly from: number;
  /** Why there may be more than what is here: etcd is behind the ledger. */
  readonly problem: string | null;
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
  sources: AuditSources,
  filter: AuditFilter,
  options: { readonly after?: AuditPoint | undefined; readonly limit: number; readonly expanded: boolean },
): Promise<AuditPage> {
  const { store, series, reader } = sources;
  const { after, limit, expanded } = options;
  const moment = await SeriesMoment.read(store, series);
  const journalFirst = (await moment?.journalFirst()) ?? 1;
  const last = moment?.head.sequence ?? 0;
  const page = new Page(limit, expanded, after);
  const ask = (through: number): ReturnType<LedgerReader['facts']> | undefined =>
    reader?.facts(series, filter, { through, from: after, limit: limit + 2 });
  let ledger = await ask(last);
  const behind = await isBehindLedger(sources, { sequence: last, position: ledger?.position ?? 0 });
  if (behind) ledger = await ask(Number.MAX_SAFE_INTEGER);
  for (const row of ledger?.facts ?? []) page.add(row);
  const position = ledger?.position ?? 0;
  let from = completeFrom(journalFirst, position, last);
  // With a full page from the ledger the journal's turn has not come.
  const ended = ledger === undefined || ledger.facts.length < limit + 2;
  if (moment !== null && ended && !page.full && position < last) {
    const begin = Math.max(position + 1, journalFirst, after?.sequence ?? 1);
    from = Math.max(from, await addFromJournal(page, moment, { begin, filter }));
  }
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
function completeFrom(journalFirst: number, position: number, last: number): number {
  return position < last && journalFirst > position + 1 ? journalFirst : 1;
}

/** @returns the first batch since which the journal has them all; 1 when none of those asked for is missing */
async function addFromJournal(
  page: Page,
  moment: SeriesMoment,
  { begin, filter }: { begin: number; filter: AuditFilter },
): Promise<number> {
  const breather = new Breather();
  const holes = new HoleWatch(begin);
  let looked = 0;
  for await (const entry of moment.tail(begin)) {
    looked += 1;
    holes.see(entry.batch.sequence);
    for (const row of ledgerFactsOf(entry)) {
      if (takes(filter, row)) page.add(row);
      if (page.full) return holes.from;
    }
    if (looked >= PAGE_BATCHES_MAX && entry.batch.sequence < moment.head.sequence) {
      page.pauseAfter(entry.batch.sequence, entry.batch.time);
      return holes.from;
    }
    if (breather.isDue({ characters: entry.text.length, items: entry.batch.facts.length }))
      await breather.pause();
  }
  holes.see(moment.head.sequence + 1);
  return holes.from;
}

/** Notices batches that are pruned while the journal is read. */
class HoleWatch {
  /** Nothing is missing since this batch; 1: nothing at all. */
  from = 1;
  private expected: number;

  constructor(first: number) {
    this.expected = first;
  }

  see(sequence: number): void {
    if (sequence > this.expected) this.from = sequence;
    this.expected = sequence + 1;
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

/** What an export turns out to be, once all of it was read. */
export interface AuditEnd {
  /** It is complete from this batch on; 1: all of it. */
  readonly from: number;
  /** etcd is behind the ledger: nobody knows what is missing. */
  readonly behindLedger: boolean;
}

/** Batches that the ledger does not have yet, up to which they are read before the ledger's rows are sent, however slowly. */
const HELD_BATCHES_MAX = 1_000;

/**
 * Everything that a filter takes, in chunks, at one moment: the ledger, then what only the journal has.
 *
 * @returns after the last chunk, whether that was all there ever was
 * @throws SeqdError `unavailable`, `ledger_unavailable`
 */
export async function* streamAudit(
  sources: AuditSources,
  filter: AuditFilter,
  { signal }: { readonly signal?: AbortSignal | undefined },
): AsyncGenerator<readonly LedgerFact[], AuditEnd> {
  const { store, series, reader } = sources;
  const moment = await SeriesMoment.read(store, series);
  const last = moment?.head.sequence ?? 0;
  const journalFirst = (await moment?.journalFirst()) ?? 1;
  const position = (await reader?.position(series)) ?? 0;
  const behindLedger = await isBehindLedger(sources, { sequence: last, position });
  const through = behindLedger ? Number.MAX_SAFE_INTEGER : last;
  const tail = new JournalTail(moment, { filter, signal });
  let reached: number | undefined;
  if (reader !== undefined) {
    for await (const read of reader.stream(series, filter, { through, signal })) {
      // The journal does not wait for a slow reader: it is pruned once the ledger has more.
      if (reached === undefined && last - read.position <= HELD_BATCHES_MAX)
        await tail.hold(Math.max(read.position + 1, journalFirst));
      reached = read.position;
      yield read.facts;
    }
  }
  reached ??= 0;
  const from = completeFrom(journalFirst, reached, last);
  if (reached < last) yield* tail.facts(Math.max(reached + 1, journalFirst));
  return { from: Math.max(from, tail.from), behindLedger };
}

/** What only the journal has. */
class JournalTail {
  private readonly moment: SeriesMoment | null;
  private readonly filter: AuditFilter;
  private readonly signal: AbortSignal | undefined;
  private held: (readonly LedgerFact[])[] | undefined;
  /** As {@link HoleWatch.from}. */
  from = 1;

  constructor(
    moment: SeriesMoment | null,
    { filter, signal }: { readonly filter: AuditFilter; readonly signal: AbortSignal | undefined },
  ) {
    this.moment = moment;
    this.filter = filter;
    this.signal = signal;
  }

  /** Reads it now, to be given later. */
  async hold(first: number): Promise<void> {
    const held: (readonly LedgerFact[])[] = [];
    for await (const facts of this.read(first)) held.push(facts);
    this.held = held;
  }

  async *facts(first: number): AsyncGenerator<readonly LedgerFact[]> {
    if (this.held === undefined) yield* this.read(first);
    else yield* this.held;
  }

  private async *read(first: number): AsyncGenerator<readonly LedgerFact[]> {
    const { moment, filter, signal } = this;
    if (moment === null || first > moment.head.sequence) return;
    const holes = new HoleWatch(first);
    const breather = new Breather();
    for await (const entry of moment.tail(first)) {
      if (signal?.aborted === true) return;
      holes.see(entry.batch.sequence);
      this.from = holes.from;
      const facts = ledgerFactsOf(entry).filter(row => takes(filter, row));
      if (facts.length > 0) yield facts;
      if (breather.isDue({ characters: entry.text.length, items: entry.batch.facts.length }))
        await breather.pause();
    }
    holes.see(moment.head.sequence + 1);
    this.from = holes.from;
  }
}
