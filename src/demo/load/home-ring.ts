import { AVOID_MS, NodeRing } from '../../client/node-ring.ts';

/** Whose turn it is for a client that has a node of its own: always that one, and others only after it has failed. */
export class HomeRing extends NodeRing {
  private readonly home: string;
  private readonly clock: () => number;
  private homeAvoidedUntil = 0;

  constructor(urls: readonly string[], { home, now }: { home: string; now: () => number }) {
    super(urls, { now, start: urls.indexOf(home) + 1 });
    this.home = home;
    this.clock = now;
  }

  override next(except?: string, without?: ReadonlySet<string>): string {
    const { home } = this;
    const usable = home !== except && without?.has(home) !== true && this.homeAvoidedUntil <= this.clock();
    return usable ? home : super.next(except, without);
  }

  override failed(url: string): void {
    super.failed(url);
    if (url === this.home) this.homeAvoidedUntil = this.clock() + AVOID_MS;
  }
}
