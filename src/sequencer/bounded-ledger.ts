import { SeqdError } from '../core/errors.ts';
import type { FreshOwner } from '../core/requests.ts';

/** Questions to the ledger under way at once, those that nobody waits for any more among them. */
const QUESTIONS_MAX = 4;
/** A request can wait no longer for the ledger: its client has an answer of its own to give, or may ask again. */
const WAIT_MS = 1_000;
/** A ledger that did not answer is not waited for again so soon, where that can be avoided. */
const DOWN_MS = 2_000;

/**
 * Asks the ledger who drew numbers, and gives up soon: a database that hangs takes as many questions as there are slots, and neither
 * more of its connections nor anybody's time.
 */
export class BoundedLedger {
  private readonly findDraw: (number: number) => Promise<FreshOwner | undefined>;
  private readonly nowMs: () => number;
  private underWay = 0;
  private readonly waiting = new Set<() => void>();
  private downUntilMs = Number.NEGATIVE_INFINITY;

  constructor(findDraw: BoundedLedger['findDraw'], nowMs: () => number = () => performance.now()) {
    this.findDraw = findDraw;
    this.nowMs = nowMs;
  }

  /** It has not answered lately. */
  get isDown(): boolean {
    return this.nowMs() < this.downUntilMs;
  }

  /**
   * The allocation that drew a number from the counter; `undefined` when the ledger does not know.
   *
   * @param budgetMs what the request has left; half of it is kept for what follows
   * @throws SeqdError `ledger_unavailable`, within a second
   */
  async find(number: number, budgetMs: number): Promise<FreshOwner | undefined> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(
        () => reject(new SeqdError('ledger_unavailable', 'The ledger has not answered in time')),
        Math.max(0, Math.min(WAIT_MS, budgetMs / 2)),
      );
    });
    const wait = new AbortController();
    try {
      const found = await Promise.race([this.ask(number, wait.signal), late]);
      this.downUntilMs = Number.NEGATIVE_INFINITY;
      return found;
    } catch (error) {
      this.downUntilMs = this.nowMs() + DOWN_MS;
      throw error;
    } finally {
      clearTimeout(timer);
      wait.abort();
    }
  }

  private async ask(number: number, signal: AbortSignal): Promise<FreshOwner | undefined> {
    while (this.underWay >= QUESTIONS_MAX) {
      await new Promise<void>(resolve => {
        this.waiting.add(resolve);
        signal.addEventListener('abort', () => {
          this.waiting.delete(resolve);
          resolve();
        });
      });
      if (signal.aborted) return undefined;
    }
    this.underWay += 1;
    try {
      return await this.findDraw(number);
    } finally {
      this.underWay -= 1;
      const [next] = this.waiting;
      if (next !== undefined) this.waiting.delete(next);
      next?.();
    }
  }
}
