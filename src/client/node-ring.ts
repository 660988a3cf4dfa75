/** How long a node that failed is left alone. */
export const AVOID_MS = 1_000;

const NONE: ReadonlySet<string> = new Set();

/** Whose turn it is: round-robin over the nodes, past those that have just failed. */
export class NodeRing {
  private readonly urls: readonly string[];
  private readonly now: () => number;
  private readonly avoidUntil = new Map<string, number>();
  private turn: number;

  /** @param start index of the first node to ask, so that many clients do not all begin with the same one */
  constructor(urls: readonly string[], options: { now: () => number; start?: number }) {
    this.urls = urls;
    this.now = options.now;
    this.turn = options.start ?? 0;
  }

  /**
   * The next node.
   *
   * @param except not this one, if there is any other
   * @param without none of these; at least one node must be left
   */
  next(except?: string, without = NONE): string {
    const { urls } = this;
    let fallback: string | undefined;
    for (const _ of urls) {
      const url = urls[this.turn % urls.length]!;
      this.turn += 1;
      if (url === except || without.has(url)) continue;
      if ((this.avoidUntil.get(url) ?? 0) <= this.now()) return url;
      fallback ??= url;
    }
    return fallback ?? except ?? urls[0]!;
  }

  /** Whether there is a node that has not just failed. @param without none of these */
  hasFresh(without = NONE): boolean {
    return this.urls.some(url => !without.has(url) && (this.avoidUntil.get(url) ?? 0) <= this.now());
  }

  /** Whether these are all nodes. */
  isWithin(urls: ReadonlySet<string>): boolean {
    return this.urls.every(url => urls.has(url));
  }

  failed(url: string): void {
    this.avoidUntil.set(url, this.now() + AVOID_MS);
  }

  answered(url: string): void {
    if (this.avoidUntil.size > 0) this.avoidUntil.delete(url);
  }
}
