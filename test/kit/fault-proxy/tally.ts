/** A list that only grows, and promises for "at least n items": no event can be missed by waiting too late. */
export class Tally<T> {
  readonly #items: T[] = [];
  readonly #waiters = new Set<{ count: number; resolve: (items: T[]) => void; reject: (e: Error) => void }>();
  #closedBy: Error | undefined;

  /** What has been added so far, oldest first. */
  get items(): readonly T[] {
    return this.#items;
  }

  /** Adds an item and wakes the waiters it satisfies. */
  add(item: T): void {
    this.#items.push(item);
    for (const waiter of this.#waiters) {
      if (this.#items.length < waiter.count) continue;
      this.#waiters.delete(waiter);
      waiter.resolve(this.#items.slice(0, waiter.count));
    }
  }

  /** Resolves with the first `count` items as soon as there are that many, at once if there already are. */
  atLeast(count: number): Promise<readonly T[]> {
    if (this.#items.length >= count) return Promise.resolve(this.#items.slice(0, count));
    if (this.#closedBy) return Promise.reject(this.#closedBy);
    const promise = new Promise<readonly T[]>((resolve, reject) => {
      this.#waiters.add({ count, resolve, reject });
    });
    // A waiter that nobody looks at any more must not fail the test run when the proxy closes.
    promise.catch(() => undefined);
    return promise;
  }

  /** Rejects all waiters, and later ones that what is there does not satisfy. */
  close(reason: string): void {
    this.#closedBy ??= new Error(reason);
    for (const waiter of this.#waiters) {
      waiter.reject(new Error(`${reason}: waited for ${waiter.count}, saw ${this.#items.length}`));
    }
    this.#waiters.clear();
  }
}
