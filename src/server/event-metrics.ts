import { Counter, Gauge, type Registry } from 'prom-client';
import type { EventObserver } from '../events/event-observer.ts';
import type { EventLag } from '../events/event-pump.ts';

/** A sink and how far it is behind, as its pump knows. */
export interface SinkLag {
  readonly name: string;
  readonly lag: readonly EventLag[];
}

/** The metrics of events; lags are of the sinks that this node delivers to. */
export class EventMetrics implements EventObserver {
  private readonly delivered: Counter<'sink'>;
  private readonly failures: Counter<'sink'>;
  private readonly dead: Counter<'sink'>;

  /** @param now wall clock, Unix milliseconds */
  constructor(registry: Registry, sinks: () => readonly SinkLag[], now: () => number) {
    const registers = [registry];
    const labelNames = ['sink'] as const;
    this.delivered = new Counter({
      name: 'seqd_events_delivered_total',
      help: 'Events that a sink has accepted from this node',
      labelNames,
      registers,
    });
    this.failures = new Counter({
      name: 'seqd_events_failures_total',
      help: 'Attempts to deliver that came to nothing, refusals included',
      labelNames,
      registers,
    });
    this.dead = new Counter({
      name: 'seqd_events_dead_letters_total',
      help: 'Events that a sink refused for good',
      labelNames,
      registers,
    });
    gauge(registry, 'seqd_events_lag', 'Batches in the ledger that a sink has not wholly accepted', set => {
      for (const { name, lag } of sinks()) for (const { series, batches } of lag) set(name, series, batches);
    });
    gauge(
      registry,
      'seqd_events_lag_seconds',
      'Age of the oldest batch that a sink has not wholly accepted',
      set => {
        for (const { name, lag } of sinks())
          for (const { series, oldest } of lag)
            set(name, series, oldest === undefined ? 0 : Math.max(0, now() - oldest) / 1000);
      },
    );
  }

  eventsDelivered(sink: string, count: number): void {
    this.delivered.inc({ sink }, count);
  }

  deliveryFailed(sink: string): void {
    this.failures.inc({ sink });
  }

  deadLetters(sink: string, count: number): void {
    this.dead.inc({ sink }, count);
  }
}

/** A gauge that is read at scrape time, and forgets what is said no more. */
function gauge(
  registry: Registry,
  name: string,
  help: string,
  read: (set: (sink: string, series: string, value: number) => void) => void,
): void {
  const made: Gauge<'sink' | 'series'> = new Gauge({
    name,
    help,
    labelNames: ['sink', 'series'],
    registers: [registry],
    collect: () => {
      made.reset();
      read((sink, series, value) => made.set({ sink, series }, value));
    },
  });
}
