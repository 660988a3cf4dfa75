/**
 * Runs what takes long once at a time. Whoever asks while it runs is served by the run after it, together with all who ask meanwhile: the
 * one under way began before the question, and may not have seen what they have.
 */
export class SharedRun<T> {
  private readonly work: () => Promise<T>;
  private running: Promise<T> | undefined;
  private next: Promise<T> | undefined;

  constructor(work: () => Promise<T>) {
    this.work = work;
  }

  /** What a run that begins after this call comes to. */
  result(): Promise<T> {
    if (this.running === undefined) return this.begin();
    this.next ??= this.running
      .catch(() => {})
      // One that was begun in between has begun after the question, too.
      .then(() => this.running ?? this.begin());
    return this.next;
  }

  private begin(): Promise<T> {
    // Whoever asks from now on asks after this beginning.
    this.next = undefined;
    this.running = this.work().finally(() => (this.running = undefined));
    return this.running;
  }
}
