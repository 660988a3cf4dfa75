import { syncBuiltinESMExports } from 'node:module';
import timersPromises from 'node:timers/promises';

/** Something that is to happen. Stands in for `NodeJS.Timeout` and `NodeJS.Immediate`. */
class Entry {
  readonly order: number;
  readonly callback: () => void;
  readonly intervalMs: number | undefined;
  atMs: number;
  cancelled = false;

  constructor(order: number, atMs: number, callback: () => void, intervalMs?: number) {
    this.order = order;
    this.atMs = atMs;
    this.callback = callback;
    this.intervalMs = intervalMs;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }
}

/** Past this the run is taken for a livelock. */
const EVENTS_MAX = 3_000_000;

const REPLACED = [
  'setTimeout',
  'clearTimeout',
  'setInterval',
  'clearInterval',
  'setImmediate',
  'clearImmediate',
] as const;

const real = { setImmediate: globalThis.setImmediate, sleep: timersPromises.setTimeout };

/**
 * Time that passes only when nothing else can happen. While {@link run} is under way the global timers belong to
 * it: the code under test runs unchanged, an hour takes as long as its events, and because there is no I/O
 * behind it the same program always takes the same course.
 *
 * Every event is followed by all promise reactions it causes before the next one is taken.
 */
export class VirtualTime {
  nowMs = 0;
  private readonly heap: Entry[] = [];
  private lastOrder = 0;
  private events = 0;

  /**
   * Runs `main` to its end, moving time on as needed.
   *
   * @throws Error when `main` waits for something that nothing will bring about, or never ends
   */
  async run<T>(main: () => Promise<T>): Promise<T> {
    const originals = REPLACED.map(name => [name, globalThis[name]] as const);
    Object.assign(globalThis, this.timers());
    replaceSleep(<T>(ms?: number, value?: T) => this.sleep(Math.max(1, ms ?? 0)).then(() => value as T));
    try {
      let ended = false;
      const result = main().finally(() => (ended = true));
      // Its failure is reported by the await below; here only an early one must not count as unhandled.
      result.catch(() => {});
      for (;;) {
        await reactions();
        if (ended) return await result;
        this.step();
      }
    } finally {
      for (const [name, original] of originals) Object.assign(globalThis, { [name]: original });
      replaceSleep(real.sleep);
    }
  }

  /** Resolves `ms` later. */
  sleep(ms: number): Promise<void> {
    return new Promise(resolve => this.after(ms, resolve));
  }

  /** Calls back `ms` later. */
  after(ms: number, callback: () => void): void {
    this.push(new Entry(this.nextOrder(), this.nowMs + Math.max(0, ms), callback));
  }

  /** Timers, intervals and immediates that have neither fired nor been cancelled. */
  get pending(): number {
    return this.heap.filter(entry => !entry.cancelled).length;
  }

  private step(): void {
    for (;;) {
      const entry = this.pop();
      if (entry === undefined)
        throw new Error('virtual time: everything waits and nothing is going to happen');
      if (entry.cancelled) continue;
      this.events += 1;
      if (this.events > EVENTS_MAX) throw new Error(`virtual time: ${EVENTS_MAX} events and no end`);
      this.nowMs = Math.max(this.nowMs, entry.atMs);
      if (entry.intervalMs === undefined) entry.cancelled = true;
      else this.push(Object.assign(entry, { atMs: this.nowMs + entry.intervalMs }));
      entry.callback();
      return;
    }
  }

  private timers(): Record<(typeof REPLACED)[number], unknown> {
    const later =
      (repeats: boolean) =>
      (callback: (...args: unknown[]) => void, ms = 0, ...args: unknown[]): Entry => {
        // Node's timers never fire at once.
        const delayMs = Math.max(1, ms);
        return this.push(
          new Entry(
            this.nextOrder(),
            this.nowMs + delayMs,
            () => callback(...args),
            repeats ? delayMs : undefined,
          ),
        );
      };
    const soon = (callback: (...args: unknown[]) => void, ...args: unknown[]): Entry =>
      this.push(new Entry(this.nextOrder(), this.nowMs, () => callback(...args)));
    const clear = (entry: Entry | undefined): void => {
      if (entry !== undefined) entry.cancelled = true;
    };
    return {
      setTimeout: later(false),
      setInterval: later(true),
      setImmediate: soon,
      clearTimeout: clear,
      clearInterval: clear,
      clearImmediate: clear,
    };
  }

  private nextOrder(): number {
    this.lastOrder += 1;
    return this.lastOrder;
  }

  private push(entry: Entry): Entry {
    const { heap } = this;
    let at = heap.push(entry) - 1;
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      if (comesBefore(heap[parent]!, entry)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = entry;
    return entry;
  }

  private pop(): Entry | undefined {
    const { heap } = this;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && comesBefore(heap[child + 1]!, heap[child]!)) child += 1;
      if (comesBefore(last, heap[child]!)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

function comesBefore(a: Entry, b: Entry): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

/** Lets every promise reaction run that is due: they all come before the next turn of the event loop. */
function reactions(): Promise<void> {
  return new Promise(resolve => real.setImmediate(resolve));
}

/** Replaces `setTimeout` of node:timers/promises, for those too who have imported it already. */
function replaceSleep(sleep: typeof timersPromises.setTimeout): void {
  timersPromises.setTimeout = sleep;
  syncBuiltinESMExports();
}
