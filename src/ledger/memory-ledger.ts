import type { Digest } from '../core/apply.ts';
import { invariant, SeqdError } from '../core/errors.ts';
import { GENESIS_CHAIN } from '../core/head.ts';
import { type SeriesId, seriesName } from '../core/identifiers.ts';
import type { JournalEntry } from '../core/records.ts';
import type { FreshOwner } from '../core/requests.ts';
import type {
  AppendOutcome,
  LedgerBatch,
  LedgerPosition,
  LedgerStanding,
  RecoveryLedger,
} from '../ports/ledger.ts';
import { nextAfter } from './ledger-rows.ts';

/** What is held of one series. */
interface Book {
  readonly entries: JournalEntry[];
  /** Of the projector that wrote last. */
  epoch: number;
}

/** A ledger in memory, for tests and simulations; it forgets everything when the process ends. */
export class MemoryLedger implements RecoveryLedger {
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

  async append(series: SeriesId, entries: readonly JournalEntry[], epoch: number): Promise<AppendOutcome> {
    this.assertAvailable();
    const book = this.book(series);
    if (epoch < book.epoch) return { status: 'fenced' };
    const first = entries[0]!.batch.sequence;
    if (first > book.entries.length + 1) return { status: 'elsewhere', position: this.positionOf(book) };
    const added: JournalEntry[] = [];
    let chain = first === 1 ? GENESIS_CHAIN : this.digest(book.entries[first - 2]!.text);
    for (const entry of entries) {
      const { sequence, previous } = entry.batch;
      invariant(previous === chain, `batch ${sequence} continues the chain of the ledger`);
      const known = book.entries[sequence - 1];
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
    const entries = this.book(series).entries.slice(first - 1, first - 1 + limit);
    return entries.map(({ batch, text }) => ({ sequence: batch.sequence, text }));
  }

  async setEpoch(series: SeriesId, epoch: number): Promise<void> {
    this.assertAvailable();
    this.book(series).epoch = epoch;
  }

  async skipTo(): Promise<void> {
    throw new Error('a ledger in memory has no holes');
  }

  async detach(series: SeriesId, sequence: number, period: string): Promise<void> {
    this.assertAvailable();
    const lost = this.book(series).entries.splice(sequence);
    this.book({ ...series, period }).entries.push(...lost);
  }

  async close(): Promise<void> {}

  /** The exact texts of a series' batches, in order. */
  texts(series: SeriesId): string[] {
    return this.book(series).entries.map(({ text }) => text);
  }

  /** Makes a series what it was after batch `sequence`, as a restore from a backup would. */
  restore(series: SeriesId, sequence: number): void {
    this.book(series).entries.length = sequence;
  }

  private positionOf({ entries }: Book): LedgerPosition {
    const last = entries.at(-1);
    if (last === undefined) return { sequence: 0, chain: GENESIS_CHAIN, next: 0 };
    return { sequence: last.batch.sequence, chain: this.digest(last.text), next: nextAfter(last.batch) };
  }

  private book(series: SeriesId): Book {
    const name = seriesName(series);
    let book = this.books.get(name);
    if (book === undefined) {
      book = { entries: [], epoch: 0 };
      this.books.set(name, book);
    }
    return book;
  }

  private assertAvailable(): void {
    if (!this.available) throw new SeqdError('ledger_unavailable');
  }
}
