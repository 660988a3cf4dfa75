import type { AuditFilter, LedgerFact } from '../../ports/ledger-reader.ts';
import { Breather } from '../../sequencer/breather.ts';
import { ledgerFactsOf, takes } from './audit-filter.ts';
import { type AuditSources, completeFrom } from './audit-trail.ts';
import { HoleWatch } from './hole-watch.ts';
import { isBehindLedger, SeriesMoment } from '../series-moment.ts';

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
  const position = (await reader?.position(series, { signal })) ?? 0;
  const behindLedger = await isBehindLedger(sources, { sequence: last, position });
  const through = behindLedger ? Number.MAX_SAFE_INTEGER : last;
  const tail = new JournalTail(moment, { filter, signal });
  let reached: number | undefined;
  let wholeFrom = 1;
  if (reader !== undefined) {
    for await (const read of reader.stream(series, filter, { through, signal })) {
      // The journal does not wait for a slow reader: it is pruned once the ledger has more.
      if (reached === undefined && last - read.position <= HELD_BATCHES_MAX)
        await tail.hold(Math.max(read.position + 1, journalFirst));
      reached = read.position;
      wholeFrom = read.wholeFrom;
      yield read.facts;
    }
  }
  reached ??= 0;
  const from = Math.max(wholeFrom, completeFrom(journalFirst, reached, last));
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
