import type { JournalRecord } from '../core/facts.ts';
import type { RetryWindow, WindowLimits } from '../core/window.ts';
import type { JournalEntry } from '../core/records.ts';
import type { Breather } from './breather.ts';
import type { IndexedEntry } from './journal-index.ts';

/**
 * The end of a journal, as it is read back from the newest batch on: what of it the retry window and the index need, and
 * nothing else. A journal of a few megabytes can say of a hundred million facts that they were drawn plainly.
 */
export class JournalTail {
  /** Newest first. */
  private readonly newestFirst: IndexedEntry[] = [];
  private readonly records: JournalRecord[] = [];
  private readonly window: WindowLimits;
  private readonly headTime: number;
  private keys = 0;
  private ingress = 0;
  /** The newest batch with an ingress id that is not remembered; 0 when there is none. */
  private ingressForgotten = 0;
  private oldestTime = Number.POSITIVE_INFINITY;

  /** @param headTime journal time of the newest batch: what is old is old compared with that */
  constructor(window: WindowLimits, headTime: number) {
    this.window = window;
    this.headTime = headTime;
  }

  /** The batches read, oldest first. */
  get entries(): IndexedEntry[] {
    return this.newestFirst.toReversed();
  }

  /** The oldest batch read; `undefined` before there is any. */
  get first(): number | undefined {
    return this.newestFirst.at(-1)?.batch.sequence;
  }

  /** Whether all the keys that the window holds have been read. */
  get coversKeys(): boolean {
    return this.keys >= this.window.keysMax || this.oldestTime < this.headTime - this.window.keyAgeMsMax;
  }

  /** Takes in the batch before those taken in. */
  addBefore({ batch, text, revision }: JournalEntry): void {
    const { sequence, next, time } = batch;
    this.newestFirst.push({ batch: { sequence, next }, text });
    this.oldestTime = time;
    for (let index = batch.facts.length - 1; index >= 0; index -= 1) {
      const fact = batch.facts[index]!;
      const keyed = fact.key !== undefined && this.takesKey(time);
      const forwarded = fact.ingress !== undefined && this.takesIngress(time, sequence);
      if (keyed || forwarded) this.records.push({ fact, position: { sequence, index }, time, revision });
    }
  }

  /** Makes the window of a state that has just been loaded remember what is here. Call once. */
  async fill(window: RetryWindow, headSequence: number, breather: Breather): Promise<void> {
    // Without any batch nothing is remembered, of whatever was committed so far.
    const floor = Math.max(this.ingressForgotten, (this.first ?? headSequence + 1) - 1);
    window.ingressFloor = floor;
    for (let record = this.records.pop(); record !== undefined; record = this.records.pop()) {
      window.remember(record);
      if (breather.isDue({ items: 1 })) await breather.pause();
    }
    window.forget(this.headTime);
    window.ingressFloor = Math.max(window.ingressFloor, floor);
  }

  private takesKey(time: number): boolean {
    if (this.keys >= this.window.keysMax || time <= this.headTime - this.window.keyAgeMsMax) return false;
    this.keys += 1;
    return true;
  }

  private takesIngress(time: number, sequence: number): boolean {
    const { ingressMax, ingressAgeMsMax } = this.window;
    if (this.ingressForgotten === 0 && this.ingress < ingressMax && time > this.headTime - ingressAgeMsMax) {
      this.ingress += 1;
      return true;
    }
    this.ingressForgotten = Math.max(this.ingressForgotten, sequence);
    return false;
  }
}
