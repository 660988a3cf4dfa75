import type pg from 'pg';
import type { Config } from '../config/index.ts';
import { createLedgerPool } from '../ledger/postgres/ledger-pool.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventSink } from '../ports/event-sink.ts';
import type { Logger } from '../ports/logger.ts';
import type { EventObserver } from './event-observer.ts';
import { EventPump } from './event-pump.ts';
import { PostgresOutbox } from './postgres-outbox.ts';
import { RabbitmqSink } from './rabbitmq/rabbitmq-sink.ts';
import { WebhookSink } from './webhook/webhook-sink.ts';

/** What the pumps of a node work with. */
export interface EventsEnvironment {
  /** This process, unique over restarts. */
  readonly holder: string;
  /** Whether another node had better do it. */
  readonly reluctant: () => boolean;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly observer: EventObserver;
}

/** Connections of a node that has sinks: one for what is delivered, one for keeping the holds meanwhile. */
const POOL_MAX = 2;
const DEFAULT_EXCHANGE = 'seqd.events';

/** All pumps of a node, with the connections they share. */
export class EventPumps {
  readonly pumps: readonly EventPump[];
  private readonly pool: pg.Pool;
  private closing: Promise<void> | undefined;

  constructor(pumps: readonly EventPump[], pool: pg.Pool) {
    this.pumps = pumps;
    this.pool = pool;
  }

  start(): void {
    for (const pump of this.pumps) pump.start();
  }

  /** Gives the sinks up for others to go on. Idempotent; never rejects. */
  close(): Promise<void> {
    this.closing ??= Promise.all(this.pumps.map(pump => pump.close()))
      .then(() => this.pool.end())
      .catch(() => {});
    return this.closing;
  }
}

/**
 * The pumps for the sinks that are configured; `undefined` when there are none. Connects when it is started.
 *
 * @throws SeqdError `invalid_request` when the CA file cannot be read
 */
export function openEvents(config: Config, environment: EventsEnvironment): EventPumps | undefined {
  const { events, ledger, cluster } = config.sequence;
  const { url } = ledger;
  if (events.sinks.length === 0 || url === null) return undefined;
  const { holder, reluctant, logger, observer } = environment;
  const pool = createLedgerPool({
    ...ledger,
    url,
    poolMax: POOL_MAX,
    onLostConnection: error => logger.warn({ err: error }, 'a connection to the ledger has broken'),
  });
  const outbox = new PostgresOutbox(pool, cluster);
  const pumps = events.sinks.map(
    settings =>
      new EventPump({
        cluster,
        name: settings.name,
        from: settings.from ?? 'beginning',
        kinds: settings.kinds === undefined ? undefined : new Set(settings.kinds),
        sink: openSink(settings, events.timeoutMs, environment),
        outbox,
        holder,
        limits: events,
        reluctant,
        random: Math.random,
        logger,
        observer,
      }),
  );
  return new EventPumps(pumps, pool);
}

function openSink(
  settings: Config['sequence']['events']['sinks'][number],
  timeoutMs: number,
  { clock, logger }: EventsEnvironment,
): EventSink {
  switch (settings.kind) {
    case 'webhook':
      return new WebhookSink({ ...settings, timeoutMs, now: () => clock.now() });
    case 'rabbitmq':
      return new RabbitmqSink({
        url: settings.url,
        exchange: settings.exchange ?? DEFAULT_EXCHANGE,
        timeoutMs,
        logger,
      });
  }
}
