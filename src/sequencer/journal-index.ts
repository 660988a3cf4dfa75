import type { Batch } from '../core/facts.ts';

/** Batches that are indexed at most; 16 bytes each. */
const INDEX_MAX = 500_000;

/**
 * What this process knows of the recent journal by heart: where the counter stood before each batch, and how many
 * bytes each takes. Batches are noted in order; a jump starts the index anew.
 */
export class JournalIndex {
  /** `nexts[i]` is the counter before batch `first + i`. */
  private nexts: number[] = [];
  /** `ends[i]` is how many bytes the batches from `first` to `first + i` take. */
  private ends: number[] = [];
  private first = 1;

  note(batch: Batch, bytes: number): void {
    if (batch.sequence !== this.first + this.nexts.length) {
      this.nexts = [];
      this.ends = [];
      this.first = batch.sequence;
    }
    this.nexts.push(batch.next);
    this.ends.push((this.ends.at(-1) ?? 0) + bytes);
    if (this.nexts.length > INDEX_MAX) this.forgetOlder(INDEX_MAX >>> 1);
  }

  /**
   * The batch that drew `number` from the counter.
   *
   * @returns undefined when that batch is not indexed
   */
  findDraw(number: number): number | undefined {
    const at = lastIndexWhere(this.nexts.length, i => this.nexts[i]! <= number);
    // The last batch may not have drawn so far; only a later one that starts above the number proves it.
    return at < 0 || at === this.nexts.length - 1 ? undefined : this.first + at;
  }

  /**
   * The oldest batch that can be kept when the newest ones may take `bytesMax` in all.
   *
   * @returns the first indexed batch when all of them fit
   */
  firstWithin(bytesMax: number): number {
    const total = this.ends.at(-1) ?? 0;
    return this.first + lastIndexWhere(this.ends.length, i => total - this.ends[i]! >= bytesMax) + 1;
  }

  private forgetOlder(count: number): void {
    const dropped = this.ends[count - 1]!;
    this.nexts = this.nexts.slice(count);
    this.ends = this.ends.slice(count).map(end => end - dropped);
    this.first += count;
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
