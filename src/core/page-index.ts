/**
 * Sorted ids of pages, so that the lowest with numbers in the pool is found at once.
 *
 * Ids of pages whose pool became empty stay until they are at the front, because removing them there is
 * free; readers check the page anyway.
 */
export class PageIndex {
  private ids: number[] = [];
  private start = 0;

  /** Replaces everything; `ids` in any order. */
  reset(ids: readonly number[]): void {
    this.ids = ids.toSorted((a, b) => a - b);
    this.start = 0;
  }

  /** Adds an id; does nothing when it is there. */
  add(id: number): void {
    const at = this.position(id);
    if (this.ids[at] === id) return;
    if (at === this.start && this.start > 0) this.ids[--this.start] = id;
    else this.ids.splice(at, 0, id);
  }

  /** Drops ids from the front while `isEmpty` says so. */
  trim(isEmpty: (id: number) => boolean): void {
    while (this.start < this.ids.length && isEmpty(this.ids[this.start]!)) {
      this.start += 1;
    }
    // Give the memory of the dropped front back once it is the larger half.
    if (this.start > 1024 && this.start * 2 > this.ids.length) {
      this.ids = this.ids.slice(this.start);
      this.start = 0;
    }
  }

  /** The lowest id at or above `id`. */
  from(id: number): number | undefined {
    return this.ids[this.position(id)];
  }

  private position(id: number): number {
    let low = this.start;
    let high = this.ids.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.ids[middle]! < id) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
