import { onTestFinished } from 'vitest';
import type { Fact } from '../../src/core/facts.ts';
import { GLOBAL_SERIES, type SeriesId } from '../../src/core/identifiers.ts';
import type { JournalEntry } from '../../src/core/records.ts';
import { EventPump, type EventPumpOptions } from '../../src/events/event-pump.ts';
import { PostgresOutbox } from '../../src/events/postgres-outbox.ts';
import { createLedgerPool, type LedgerPoolOptions } from '../../src/ledger/postgres/ledger-pool.ts';
import { migrateUp } from '../../src/ledger/postgres/migrations.ts';
import { PostgresLedger } from '../../src/ledger/postgres/postgres-ledger.ts';
import type { EventSink } from '../../src/ports/event-sink.ts';
import { silentLogger } from '../../src/ports/logger.ts';
import { journalEntries } from './journal-entries.ts';
import { digest } from './series-world.ts';

const owner = { site: 'site-1', partition: 'a', type: 'invoice' };

/** Batches of `count` single numbers each. */
export function plainJournal(batches: number, count: number): JournalEntry[] {
  return journalEntries(batches, next =>
    Array.from({ length: count }, (_, i): Fact => ({
      kind: 'issue',
      owner,
      fresh: { first: next + i, last: next + i },
      reused: [],
      reference: `d${next + i}`,
    })),
  );
}

/** A ledger in a real PostgreSQL, with pumps over it. */
export class EventWorld {
  readonly cluster = 'events-test';
  readonly outbox: PostgresOutbox;
  private readonly ledger: PostgresLedger;
  private readonly pumps: EventPump[] = [];

  private constructor(options: LedgerPoolOptions) {
    this.ledger = new PostgresLedger({ pool: createLedgerPool(options), cluster: this.cluster, digest });
    const pool = createLedgerPool(options);
    this.outbox = new PostgresOutbox(pool, this.cluster);
    onTestFinished(async () => {
      await Promise.all(this.pumps.map(pump => pump.close()));
      await Promise.all([this.ledger.close(), pool.end()]);
    });
  }

  /** @param url of an empty database */
  static async open(url: string): Promise<EventWorld> {
    const limits = { poolMax: 3, connectTimeoutMs: 2_000, statementTimeoutMs: 10_000 };
    const options = { url, schema: 'seqd', ...limits, tls: null, caFile: null };
    await migrateUp(options);
    return new EventWorld(options);
  }

  async append(entries: readonly JournalEntry[], series: SeriesId = GLOBAL_SERIES): Promise<void> {
    const { status } = await this.ledger.append(series, entries, 1);
    if (status !== 'appended') throw new Error(status);
  }

  /** A pump of a node of its own, started. */
  startPump(sink: EventSink, holder = 'node-1', options: Partial<EventPumpOptions> = {}): EventPump {
    const pump = new EventPump({
      cluster: this.cluster,
      name: 'sink',
      from: 'beginning',
      kinds: undefined,
      sink,
      outbox: this.outbox,
      holder,
      limits: { batchSizeMax: 50, attemptsMax: 2, retryDelayMsMax: 300 },
      reluctant: () => false,
      random: Math.random,
      logger: silentLogger,
      observer: { eventsDelivered: () => {}, deliveryFailed: () => {}, deadLetters: () => {} },
      ...options,
    });
    this.pumps.push(pump);
    pump.start();
    return pump;
  }
}
