import { encodeBatch } from '../../src/core/batch-codec.ts';
import type { Batch } from '../../src/core/facts.ts';
import { GENESIS_CHAIN } from '../../src/core/head.ts';
import type { JournalEntry } from '../../src/core/records.ts';
import { batchRowOf, factRowsOf, nextAfter } from '../../src/ledger/ledger-rows.ts';
import type { BatchRow, FactRow } from '../../src/ports/ledger-rows.ts';
import type { LedgerHole, LedgerPosition } from '../../src/ports/ledger.ts';
import type { LedgerChunk, LedgerMoment, LedgerScan, ScanLimits } from '../../src/ports/ledger-scan.ts';
import { digest } from './series-world.ts';

type Mutable<Row> = { -readonly [Column in keyof Row]: Row[Column] };

const byPlace = (a: FactRow, b: FactRow): number =>
  a.sequence - b.sequence || a.index - b.index || a.part - b.part || a.time - b.time;

/** A ledger's tables as arrays, which a test may change as it likes. */
export class MemoryLedgerScan implements LedgerScan, LedgerMoment {
  batches: Mutable<BatchRow>[] = [];
  facts: Mutable<FactRow>[] = [];
  checkpoint: Mutable<LedgerPosition> | undefined;
  holes: LedgerHole[] = [];
  /** Chunks handed out. */
  chunks = 0;

  constructor(entries: readonly JournalEntry[]) {
    this.write(entries);
  }

  /** Appends batches, as the projector would. */
  write(entries: readonly JournalEntry[]): void {
    for (const entry of entries) {
      this.batches.push({ ...batchRowOf(entry, digest(entry.text)) });
      this.facts.push(...factRowsOf(entry.batch));
    }
    const last = entries.at(-1);
    if (last === undefined) return;
    const { batch, text } = last;
    this.checkpoint = { sequence: batch.sequence, chain: digest(text), next: nextAfter(batch) };
  }

  /** Makes a history of its own from one batch on, with hashes, columns, rows and checkpoint that all fit. */
  rewrite(entries: readonly JournalEntry[], from: number, change: (batch: Batch) => Batch): void {
    this.batches = [];
    this.facts = [];
    let previous = GENESIS_CHAIN;
    this.write(
      entries.map(({ batch, text, revision }) => {
        if (batch.sequence < from) {
          previous = digest(text);
          return { batch, text, revision };
        }
        const other = { ...(batch.sequence === from ? change(batch) : batch), previous };
        const written = encodeBatch(other);
        previous = digest(written);
        return { batch: other, text: written, revision };
      }),
    );
  }

  at<T>(_: unknown, work: (moment: LedgerMoment) => Promise<T>): Promise<T> {
    return work(this);
  }

  async after(sequence: number, { batchesMax, bytesMax }: ScanLimits): Promise<LedgerChunk> {
    this.chunks += 1;
    const batches: BatchRow[] = [];
    let bytes = 0;
    for (const row of this.batches.toSorted((a, b) => a.sequence - b.sequence || a.time - b.time)) {
      if (row.sequence <= sequence) continue;
      const last = batches.at(-1)?.sequence;
      bytes += row.body.length;
      const fits = batches.length < batchesMax && bytes <= bytesMax && row.sequence === last! + 1;
      if (last !== undefined && row.sequence !== last && !fits) break;
      batches.push(row);
    }
    const first = batches[0]?.sequence ?? Number.POSITIVE_INFINITY;
    const last = batches.at(-1)?.sequence ?? Number.NEGATIVE_INFINITY;
    const sorted = this.facts.toSorted(byPlace);
    const orphans = sorted.filter(row => row.sequence > sequence && row.sequence < first);
    return {
      batches,
      facts: sorted.filter(row => row.sequence >= first && row.sequence <= last),
      orphans: { count: orphans.length, rows: orphans.slice(0, 100) },
    };
  }

  async strays(): Promise<string[]> {
    return [...this.batches, ...this.facts]
      .filter(({ sequence }) => sequence < 1)
      .map(({ sequence }) => `there is a row of batch ${sequence}`);
  }

  async close(): Promise<void> {}
}
