/** Notices batches that are pruned while the journal is read, in its order. */
export class HoleWatch {
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
