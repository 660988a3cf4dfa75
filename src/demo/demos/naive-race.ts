import { setTimeout as sleep } from 'node:timers/promises';
import { noop } from 'cockatiel';
import { Etcd3 } from 'etcd3';
import { splitEtcdAccess } from '../../config/index.ts';
import { LatencyBook } from '../load/latency-book.ts';
import { NaiveCounter } from '../naive-counter.ts';

const CALL_TIMEOUT_MS = 2_000;
const AFTER_ERROR_MS = 100;

/** Clients that draw from a counter by naive compare-and-swap, straight from etcd. */
export class NaiveRace {
  readonly latency = new LatencyBook();
  readonly numbers = new Set<number>();
  /** Attempts, those in vain included. */
  attempts = 0;
  failures = 0;
  private readonly etcd: Etcd3;
  private readonly counter: NaiveCounter;
  private stopping = false;
  private running: Promise<unknown> | undefined;

  /** @param options.key of the counter; removed by {@link close} */
  constructor({ endpoints, key }: { endpoints: readonly string[]; key: string }) {
    const { hosts } = splitEtcdAccess(endpoints);
    // Repeated behind our back, one number would be counted as several.
    this.etcd = new Etcd3({ hosts: [...hosts], faultHandling: { global: noop, host: () => noop } });
    this.counter = new NaiveCounter(this.etcd, { key, callTimeoutMs: CALL_TIMEOUT_MS });
  }

  /** @param onNumber told of each number drawn, with the time */
  start(clients: number, onNumber: (atMs: number) => void): void {
    this.running = Promise.all(Array.from({ length: clients }, () => this.work(onNumber)));
    // Whoever stops it hears of it.
    this.running.catch(() => {});
  }

  async stop(): Promise<void> {
    this.stopping = true;
    await this.running;
  }

  /** Removes the counter. */
  async close(): Promise<void> {
    this.stopping = true;
    try {
      await this.running;
      await this.counter.remove();
    } finally {
      this.etcd.close();
    }
  }

  private async work(onNumber: (atMs: number) => void): Promise<void> {
    let from = performance.now();
    while (!this.stopping) {
      this.attempts += 1;
      try {
        const number = await this.counter.tryNext();
        if (number === undefined) continue;
        const now = performance.now();
        this.latency.record(now - from);
        this.numbers.add(number);
        onNumber(now);
        from = now;
      } catch {
        this.failures += 1;
        await sleep(AFTER_ERROR_MS);
      }
    }
  }
}
