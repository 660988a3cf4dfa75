import type { Digest } from '../core/apply.ts';
import { invariant, SeqdError } from '../core/errors.ts';
import { GENESIS_CHAIN } from '../core/head.ts';
import { type SeriesId, seriesName } from '../core/identifiers.ts';
import type { JournalEntry } from '../core/records.ts';
import type { FreshOwner } from '../core/requests.ts';
import type {
  AppendOptions,
  AppendOutcome,
  DrawFinder,
  HoleReason,
  LedgerBatch,
  LedgerHole,
  LedgerPosition,
  LedgerStanding,
  RecoveryLedger,
} from '../ports/ledger.ts';
import { nextAfter } from './ledger-rows.ts';

/** What is held of one series. */
interface Book {
  readonly entries: JournalEntry[];
  /** Batches before the first of them that the ledger never had. */
  missing: number;
  /** What is before those. */
  readonly before: JournalEntry[];
  /** Where it stands without entries. */
  base: LedgerPosition;
  readonly holes: LedgerHole[];
  readonly branches: { readonly after: number; readonly name: string }[];
  /** Of the projector that wrote last. */
  epoch: number;
}

const NOWHERE: LedgerPosition = { sequence: 0, chain: GENESIS_CHAIN, next: 0 };

/** A ledger in memory, for tests and simulations; it forgets everything when the process ends. */
export class MemoryLedger implements RecoveryLedger, DrawFinder {
  /** While not set, every call fails, as with a database that is down. */
  available = true;
  private readonly books = new Map<string, Book>();
  private readonly digest: Digest;

  constructor(digest: Digest) {
    this.digest = digest;
  }

  async position(series: SeriesId): Promise<LedgerPosition> {
    this.assertAvailable();
    return this.positionOf(this.book(series));
  }

  async append(
    series: SeriesId,
    entries: readonly JournalEntry[],
    epoch: number,
    { beginsHere = false }: AppendOptions = {},
  ): Promise<AppendOutcome> {
    this.assertAvailable();
    const book = this.book(series);
    if (epoch < book.epoch) return { status: 'fenced' };
    const first = entries[0]!.batch.sequence;
    if (beginsHere && book.entries.length === 0 && book.missing === 0) book.missing = first - 1;
    const { missing } = book;
    if (first > missing + book.entries.length + 1 || first <= missing)
      return { status: 'elsewhere', position: this.positionOf(book) };
    const added: JournalEntry[] = [];
    let chain = this.chainBefore(book, entries[0]!);
    for (const entry of entries) {
      const { sequence, previous } = entry.batch;
      invariant(previous === chain, `batch ${sequence} continues the chain of the ledger`);
      const known = book.entries[sequence - 1 - missing];
      invariant(
        known === undefined || known.text === entry.text,
        `batch ${sequence} is the one in the ledger`,
      );
      if (known === undefined) added.push(entry);
      chain = this.digest(entry.text);
    }
    book.entries.push(...added);
    book.epoch = epoch;
    return { status: 'appended', position: this.positionOf(book) };
  }

  async findDraw(series: SeriesId, number: number): Promise<FreshOwner | undefined> {
    this.assertAvailable();
    for (const { batch } of this.book(series).entries) {
      for (const [index, fact] of batch.facts.entries()) {
        if (fact.kind !== 'issue' && fact.kind !== 'block' && fact.kind !== 'reserve') continue;
        if (fact.fresh === null || number < fact.fresh.first || number > fact.fresh.last) continue;
        return { allocation: { sequence: batch.sequence, index }, owner: fact.owner };
      }
    }
    return undefined;
  }

  async standing(series: SeriesId): Promise<LedgerStanding> {
    this.assertAvailable();
    const book = this.book(series);
    return { ...this.positionOf(book), epoch: book.epoch };
  }

  async batches(series: SeriesId, first: number, limit: number): Promise<LedgerBatch[]> {
    this.assertAvailable();
    const { before, entries } = this.book(series);
    const found = [...before, ...entries].filter(({ batch }) => batch.sequence >= first);
    return found.slice(0, limit).map(({ batch, text }) => ({ sequence: batch.sequence, text }));
  }

  async setEpoch(series: SeriesId, epoch: number): Promise<void> {
    this.assertAvailable();
    this.book(series).epoch = epoch;
  }

  async skipTo(series: SeriesId, position: LedgerPosition, { reason, actor }: HoleReason): Promise<void> {
    this.assertAvailable();
    const book = this.book(series);
    const { sequence: ended } = this.positionOf(book);
    const { sequence: last } = position;
    if (last <= ended) return;
    book.holes.push({ first: ended + 1, last, reason, actor, time: 0 });
    book.before.push(...book.entries.splice(0));
    book.missing = last;
    book.base = position;
  }

  async detach(
    series: SeriesId,
    sequence: number,
    { period, branch }: { period: string; branch: string },
  ): Promise<void> {
    this.assertAvailable();
    const book = this.book(series);
    const lost = book.entries.splice(sequence - book.missing);
    this.book({ ...series, period }).entries.push(...lost);
    if (lost.length > 0) book.branches.push({ after: sequence, name: branch });
  }

  async branch(series: SeriesId, sequence: number, name: string): Promise<void> {
    this.assertAvailable();
    const { branches } = this.book(series);
    if (!branches.some(({ after }) => after === sequence)) branches.push({ after: sequence, name });
  }

  async close(): Promise<void> {}

  /** What is missing and documented. */
  holes(series: SeriesId): readonly LedgerHole[] {
    return this.book(series).holes;
  }

  /** After which batches the series went on in another way, and what the events' ids end in since. */
  branches(series: SeriesId): readonly { readonly after: number; readonly name: string }[] {
    return this.book(series).branches;
  }

  /** The exact texts of a series' batches, in order. */
  texts(series: SeriesId): string[] {
    const { before, entries } = this.book(series);
    return [...before, ...entries].map(({ text }) => text);
  }

  /** Makes a series what it was after batch `sequence`, as a restore from a backup would. */
  restore(series: SeriesId, sequence: number): void {
    const book = this.book(series);
    book.entries.length = sequence - book.missing;
  }

  /** Hash of the batch before an entry. */
  private chainBefore({ entries, missing }: Book, { batch: { sequence, previous } }: JournalEntry): string {
    const before = entries[sequence - 2 - missing];
    if (before !== undefined) return this.digest(before.text);
    return sequence === 1 ? GENESIS_CHAIN : previous;
  }

  private positionOf({ entries, base }: Book): LedgerPosition {
    const last = entries.at(-1);
    if (last === undefined) return base;
    return { sequence: last.batch.sequence, chain: this.digest(last.text), next: nextAfter(last.batch) };
  }

  private book(series: SeriesId): Book {
    const name = seriesName(series);
    let book = this.books.get(name);
    if (book === undefined) {
      book = { entries: [], missing: 0, before: [], base: NOWHERE, holes: [], branches: [], epoch: 0 };
      this.books.set(name, book);
    }
    return book;
  }

  private assertAvailable(): void {
    if (!this.available) throw new SeqdError('ledger_unavailable');
  }
}
