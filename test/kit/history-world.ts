import { type SeriesId } from '../../src/core/identifiers.ts';
import { encodeHead, type SeriesSettings } from '../../src/core/head.ts';
import { plan } from '../../src/core/plan.ts';
import { decodeJournalEntry, type JournalEntry, journalKey, planRecords } from '../../src/core/records.ts';
import type { Command, Outcome, Request, ReturnCommand } from '../../src/core/requests.ts';
import { SeriesState } from '../../src/core/state.ts';
import type { Ledger } from '../../src/ports/ledger.ts';
import { MemoryStore } from '../../src/store/memory/memory-store.ts';
import { digest, SETTINGS } from './series-world.ts';

export const SERIES: SeriesId = { tenant: 'default', series: 'global', period: 'all' };

/** A series whose state and journal stand in a store in memory, and whose ledger a test writes when it likes. */
export class HistoryWorld {
  readonly store = new MemoryStore();
  readonly entries: JournalEntry[] = [];
  now = Date.UTC(2026, 0, 15, 12);
  private readonly state: SeriesState;
  private headText: string | null = null;
  private projected = 0;

  constructor(settings: SeriesSettings = SETTINGS) {
    this.state = SeriesState.empty(settings);
  }

  /** Requests in one batch; a second later than the one before. */
  async run(requests: readonly Request[]): Promise<readonly Outcome[]> {
    this.now += 1_000;
    const context = {
      now: this.now,
      node: 'node-1',
      serial: this.entries.length,
      digest,
      recordsMax: 100,
      bytesMax: 1e6,
    };
    const { plan: made, outcomes } = plan(this.state, requests, context);
    for (const outcome of outcomes)
      if (outcome.status === 'rejected') throw new Error(outcome.rejection.detail);
    if (made === null) return outcomes;
    const { puts, deletes } = planRecords(made);
    const key = journalKey(made.batch.sequence);
    const result = await this.store.commit({
      series: SERIES,
      expectedHead: this.headText,
      puts,
      deletes,
      journalKey: key,
    });
    if (result.status !== 'committed') throw new Error(result.status);
    this.state.absorb(made.draft, result.revision);
    this.headText = encodeHead(this.state.head);
    this.entries.push(decodeJournalEntry(made.text, result.revision));
    return outcomes;
  }

  /** One request, one batch; owners of returns are looked up. */
  async do(command: Command, origin: Request['origin'] = {}): Promise<Outcome> {
    const [outcome] = await this.run([{ command, origin }]);
    if (outcome!.status !== 'lookup') return outcome!;
    const freshOwner = this.firstOwner(outcome!.number);
    return (await this.run([{ command: { ...(command as ReturnCommand), freshOwner }, origin }]))[0]!;
  }

  /** Writes the journal to a ledger, up to a batch. */
  async project(ledger: Ledger, last = this.entries.length): Promise<void> {
    if (last === this.projected) return;
    const outcome = await ledger.append(SERIES, this.entries.slice(this.projected, last), 1);
    if (outcome.status !== 'appended') throw new Error(outcome.status);
    this.projected = last;
  }

  /** Prunes the store's journal before a batch. */
  async prune(first: number): Promise<void> {
    const leadership = { key: 'leader', revision: '1' };
    this.store.setLeadership(leadership);
    if (!(await this.store.prune({ series: SERIES, first: 1, last: first - 1, leadership, ledger: null })))
      throw new Error('not pruned');
  }

  private firstOwner(number: number): NonNullable<ReturnCommand['freshOwner']> {
    for (const { batch } of this.entries)
      for (const [index, fact] of batch.facts.entries()) {
        if (!('fresh' in fact) || fact.fresh === null || fact.kind === 'confirm') continue;
        if (fact.fresh.first <= number && number <= fact.fresh.last)
          return { allocation: { sequence: batch.sequence, index }, owner: fact.owner };
      }
    throw new Error(`number ${number} was never drawn`);
  }
}
