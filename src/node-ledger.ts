import type { EtcdCoordination } from './cluster/etcd-coordination.ts';
import type { Config } from './config/index.ts';
import type { Digest } from './core/apply.ts';
import { GLOBAL_SERIES } from './core/identifiers.ts';
import { type EventPumps, openEvents } from './events/open-events.ts';
import { LedgerPatrol, type PatrolView } from './verify/ledger-patrol.ts';
import { openPostgresLedger } from './ledger/postgres/open-postgres-ledger.ts';
import {
  openPostgresDrawFinder,
  openPostgresLedgerReader,
} from './ledger/postgres/open-postgres-ledger-reader.ts';
import type { PostgresDrawFinder } from './ledger/postgres/postgres-draw-finder.ts';
import { openPostgresLedgerScan } from './ledger/postgres/open-postgres-ledger-scan.ts';
import type { PostgresLedger } from './ledger/postgres/postgres-ledger.ts';
import type { PostgresLedgerReader } from './ledger/postgres/postgres-ledger-reader.ts';
import { Projector } from './ledger/projection/projector.ts';
import { RestoreGuard } from './ledger/restore-guard.ts';
import type { Clock } from './ports/clock.ts';
import type { Logger } from './ports/logger.ts';
import type { SequenceStore } from './ports/sequence-store.ts';
import type { SeriesSequencer } from './sequencer/series-sequencer.ts';
import { EventMetrics } from './server/event-metrics.ts';
import type { Metrics } from './server/metrics.ts';
import { observePatrol } from './server/patrol-metrics.ts';
import type { EtcdConnection } from './store/etcd/etcd-connection.ts';

/** How long a ledger that does not answer holds a node up that ends. */
const CLOSE_MS = 1_000;

/** What all parts work with. */
export interface NodeLedgerBasis {
  readonly etcdStore: SequenceStore;
  readonly revisions: EtcdConnection['revisions'];
  readonly digest: Digest;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What those need that do the ledger's work; it exists only once the sequencer does. */
export interface LedgerWork {
  readonly store: SequenceStore;
  readonly coordination: EtcdCoordination;
  readonly sequencer: SeriesSequencer;
  readonly metrics: Metrics;
  /** This process, unique over restarts. */
  readonly holder: string;
}

/**
 * All that a node has to do with the ledger: connections, restore guard, projector, patrol, event pumps. Without a configured
 * ledger it is empty, and everything does nothing.
 *
 * States: created → `employ` → `start` → `drain` → `close`.
 */
export class NodeLedger {
  /** Answers the questions of people, over connections that nobody writes with; `undefined` without a ledger, like the guard. */
  readonly reader: PostgresLedgerReader | undefined;
  /** Tells who drew a number. */
  readonly lookup: PostgresDrawFinder | undefined;
  readonly guard: RestoreGuard | undefined;
  private readonly config: Config;
  private readonly basis: NodeLedgerBasis;
  private readonly ledger: PostgresLedger | undefined;
  private projector: Projector | undefined;
  private patrol: LedgerPatrol | undefined;
  private events: EventPumps | undefined;

  /** @throws SeqdError `invalid_request` when a CA file cannot be read */
  constructor(config: Config, basis: NodeLedgerBasis) {
    this.config = config;
    this.basis = basis;
    const { ledger, cluster } = config.sequence;
    const { url } = ledger;
    if (url === null) return;
    const { logger } = basis;
    this.ledger = openPostgresLedger({ ...ledger, url }, { cluster, logger });
    this.reader = openPostgresLedgerReader({ ...ledger, url }, { cluster, logger });
    this.lookup = openPostgresDrawFinder({ ...ledger, url }, { cluster, logger });
    this.guard = new RestoreGuard(GLOBAL_SERIES, {
      store: basis.etcdStore,
      revisions: basis.revisions,
      ledger: this.ledger,
      digest: basis.digest,
      clock: basis.clock,
      logger,
      waitMs: ledger.guardWaitMs,
      strict: ledger.guardStrict,
    });
  }

  /** Whether this node writes to the ledger now, or tries to. */
  get isProjecting(): boolean {
    return this.projector?.isProjecting ?? false;
  }

  /** How the verification of the ledger stands; `undefined` on nodes that do not do it. */
  get patrolView(): PatrolView | undefined {
    return this.patrol?.view;
  }

  /** Creates those who do the ledger's work. */
  employ(work: LedgerWork): void {
    const { ledger, basis } = this;
    const { clock, logger } = basis;
    const { store, coordination, sequencer, metrics, holder } = work;
    this.events = openEvents(this.config, {
      holder,
      // The leader has enough to do.
      reluctant: () => coordination.leads(GLOBAL_SERIES) && coordination.nodes().length > 1,
      clock,
      logger,
      observer: new EventMetrics(
        metrics.registry,
        () => this.events?.pumps ?? [],
        () => clock.now(),
      ),
    });
    if (ledger === undefined) return;
    this.projector = new Projector(GLOBAL_SERIES, {
      store,
      coordination,
      ledger,
      clock,
      logger,
      random: Math.random,
      head: () => sequencer.lastKnown?.head,
      projected: batches => metrics.batchesProjected(GLOBAL_SERIES, batches),
      diverged: () => void this.guard?.check(),
    });
    this.patrol = this.openPatrol(store);
    if (this.patrol !== undefined) observePatrol(metrics.registry, GLOBAL_SERIES, () => this.patrolView);
  }

  start(): void {
    this.projector?.start();
    this.patrol?.start();
    this.events?.start();
  }

  async drain(options: { deadlineMs: number }): Promise<void> {
    await this.projector?.drain(options);
  }

  /** Ends all work; the connections stay until {@link disconnect}. */
  close(): void {
    this.projector?.close();
    void this.events?.close();
    this.guard?.close();
  }

  /** Frees the connections, or leaves them to the system when the ledger does not answer. Never rejects. */
  async disconnect(): Promise<void> {
    if (this.ledger === undefined) return;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>(resolve => (timer = setTimeout(resolve, CLOSE_MS)));
    const closing = Promise.all([
      this.events?.close(),
      this.ledger.close(),
      this.reader?.close(),
      this.lookup?.close(),
      this.patrol?.close(),
    ]).catch((error: unknown) => {
      this.basis.logger.debug({ err: error }, 'ledger not closed');
    });
    await Promise.race([closing, late]);
    clearTimeout(timer);
  }

  private openPatrol(store: SequenceStore): LedgerPatrol | undefined {
    const { ledger, cluster } = this.config.sequence;
    const { url, verifyRowsPerSecond: rowsPerSecond } = ledger;
    if (url === null || rowsPerSecond === 0) return undefined;
    const { clock, logger, digest } = this.basis;
    const scan = openPostgresLedgerScan(
      { ...ledger, url },
      {
        cluster,
        onLostConnection: error => logger.warn({ err: error }, 'a connection to the ledger has broken'),
      },
    );
    const isMyTurn = (): boolean => this.isProjecting;
    return new LedgerPatrol(GLOBAL_SERIES, { store, clock, logger, digest, isMyTurn, scan, rowsPerSecond });
  }
}
