import type { Batch } from '../core/facts.ts';

/** As many as `journal.batches-max` may be, so that nothing the journal holds is too much for the index. */
export const INDEX_CAPACITY = 1_000_000;

/** What the index takes from a journal entry. */
export interface IndexedEntry {
  readonly batch: Pick<Batch, 'sequence' | 'next'>;
  /** As stored. */
  readonly text: string;
}

/**
 * What this process knows by heart of the newest part of the journal, without a gap: where the counter stood before
 * each batch, and how many bytes each takes. It need not reach back to where the journal begins, so it never speaks
 * of batches that it does not hold.
 *
 * Holds the newest `capacity` batches at least, once it was told of so many, and a quarter more at most; 16 bytes each.
 */
export class JournalIndex {
  private readonly capacity: number;
  /** `nexts[i]` is the counter before batch `first + i`. */
  private nexts: number[] = [];
  /** `offsets[i]` is where batch `first + i` begins if all were one text; only differences mean anything. */
  private offsets: number[] = [];
  /** Where the newest batch ends. */
  private end = 0;
  private oldest = 1;

  constructor(capacity = INDEX_CAPACITY) {
    this.capacity = capacity;
  }

  /** The first batch that is indexed; 1 before there is any. */
  get first(): number {
    return this.oldest;
  }

  /** Batches that are indexed. */
  get size(): number {
    return this.nexts.length;
  }

  /** UTF-8 bytes of the batches that are indexed. */
  get bytes(): number {
    return this.end - (this.offsets[0] ?? this.end);
  }

  /** How many older batches {@link prepend} would still keep. */
  get room(): number {
    return Math.max(0, this.capacity - this.size);
  }

  /** Notes the next batch; a jump starts the index anew. */
  note({ batch, text }: IndexedEntry): void {
    if (batch.sequence !== this.oldest + this.size) {
      this.nexts = [];
      this.offsets = [];
      this.oldest = batch.sequence;
    }
    this.nexts.push(batch.next);
    this.offsets.push(this.end);
    this.end += Buffer.byteLength(text);
    if (this.size > this.capacity * 1.25) this.forgetOlder(this.size - this.capacity);
  }

  /**
   * Adds batches before those indexed.
   *
   * @param entries in order, without a gap; ignored unless they end where the index begins
   */
  prepend(entries: readonly IndexedEntry[]): void {
    const taken = entries.slice(Math.max(0, entries.length - this.room));
    if (taken.at(-1)?.batch.sequence !== this.oldest - 1) return;
    const nexts = taken.map(({ batch }) => batch.next);
    const sizes = taken.map(({ text }) => Buffer.byteLength(text));
    let offset = (this.offsets[0] ?? this.end) - sizes.reduce((sum, size) => sum + size, 0);
    const offsets = sizes.map(size => (offset += size) - size);
    this.nexts = [...nexts, ...this.nexts];
    this.offsets = [...offsets, ...this.offsets];
    this.oldest -= taken.length;
  }

  /**
   * The batch that drew `number` from the counter.
   *
   * @returns undefined when that batch is not indexed
   */
  findDraw(number: number): number | undefined {
    const at = lastIndexWhere(this.size, i => this.nexts[i]! <= number);
    // The last batch may not have drawn so far; only a later one that starts above the number proves it.
    return at < 0 || at === this.size - 1 ? undefined : this.oldest + at;
  }

  /**
   * The oldest batch that can be kept when the newest ones may take `bytesMax` in all; the batch to come when even
   * the newest takes more.
   *
   * @returns undefined when all that are indexed fit: how many of the older ones would is not known then
   */
  firstWithin(bytesMax: number): number | undefined {
    const last = lastIndexWhere(this.size, i => this.end - this.offsets[i]! > bytesMax);
    return last < 0 ? undefined : this.oldest + last + 1;
  }

  /**
   * About how many bytes all batches after `sequence` take: those that are not indexed are taken to be like those that are.
   */
  bytesAfter(sequence: number): number {
    const at = sequence + 1 - this.oldest;
    if (at >= this.size) return 0;
    const indexed = this.end - this.offsets[Math.max(0, at)]!;
    return indexed + Math.max(0, -at) * (this.bytes / this.size);
  }

  private forgetOlder(count: number): void {
    this.nexts = this.nexts.slice(count);
    this.offsets = this.offsets.slice(count);
    this.oldest += count;
  }
}

/** The last index for which the predicate holds, where it holds for a prefix; −1 if for none. */
function lastIndexWhere(length: number, holds: (index: number) => boolean): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(middle)) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
