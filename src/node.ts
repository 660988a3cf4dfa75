import { hash, randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { EtcdCoordination } from './cluster/etcd-coordination.ts';
import { randomAdminToken, removeAdminToken, writeAdminToken } from './config/admin-token-file.ts';
import { advertiseUrlOf, type Config, nodeIdOf } from './config/index.ts';
import { SeqdError } from './core/errors.ts';
import { GLOBAL_SERIES } from './core/identifiers.ts';
import { createSystemClock } from './ports/clock.ts';
import { NodeLedger } from './node-ledger.ts';
import type { NodeInfo } from './ports/coordination.ts';
import type { Logger } from './ports/logger.ts';
import { AdminService } from './sequencer/admin-service.ts';
import { NumberService } from './sequencer/number-service.ts';
import { alsoTelling } from './sequencer/observer.ts';
import { openSequencer, windowOf } from './sequencer/open-sequencer.ts';
import type { SeriesSequencer } from './sequencer/series-sequencer.ts';
import { createHttpApp } from './server/http/http-app.ts';
import { type Demos, openDemos } from './server/http/open-demos.ts';
import { Accounting } from './server/http/request-context.ts';
import type { HealthCheck } from './server/http/health-routes.ts';
import { EventLoopDelay } from './server/event-loop.ts';
import { HttpServer } from './server/http-server.ts';
import { RecentLatency } from './server/latency.ts';
import { Metrics } from './server/metrics.ts';
import { WebSocketPeers } from './server/peer-client.ts';
import { PeerServer } from './server/peer-server.ts';
import { NO_DEMOS } from './server/live/demo-source.ts';
import { NodeSampler } from './server/live/node-sampler.ts';
import { type Live, openLive } from './server/live/open-live.ts';
import { StatsService } from './server/stats.ts';
import { EtcdCompactor } from './store/etcd/etcd-compactor.ts';
import { EtcdLeaderFinder } from './store/etcd/etcd-leader-finder.ts';
import type { EtcdConnection } from './store/etcd/etcd-connection.ts';
import { type EtcdMemberStatus, isBelowProductionFloor, readMemberStatus } from './store/etcd/etcd-status.ts';
import { openEtcdStore } from './store/etcd/open-etcd-store.ts';
import { ForwardOnlyStore } from './store/forward-only-store.ts';
import { VERSION } from './version.ts';

/** How often nodes and leaders are looked up. */
const REFRESH_INTERVAL_MS = 500;

/** SHA-256 in lower-case hex. */
export const sha256: (text: string) => string = text => hash('sha256', text);

/**
 * One seqd process' worth of seqd, wired from its configuration.
 *
 * States: created → `start` → serving → `drain` (finishes what was accepted) → `close`.
 */
export class SeqdNode {
  readonly id: string;
  readonly instance = randomBytes(6).toString('hex');
  private readonly config: Config;
  private readonly logger: Logger;
  private readonly self: { -readonly [K in keyof NodeInfo]: NodeInfo[K] };
  private readonly connection: EtcdConnection;
  private readonly coordination: EtcdCoordination;
  private readonly peers = new WebSocketPeers();
  private readonly peerServer: PeerServer;
  private readonly sequencer: SeriesSequencer;
  private readonly ledger: NodeLedger;
  private readonly demos: Demos | undefined;
  private readonly live: Live;
  private readonly stats: StatsService;
  private readonly compactor: EtcdCompactor | undefined;
  private readonly leaderFinder: EtcdLeaderFinder;
  private readonly eventLoop = new EventLoopDelay();
  private readonly http: HttpServer;
  private readonly adminToken: string;
  private adminTokenPort: number | undefined;
  private status: 'created' | 'starting' | 'serving' | 'draining' | 'closed' = 'created';

  constructor(config: Config, logger: Logger) {
    this.config = config;
    this.logger = logger;
    this.id = nodeIdOf(config);
    this.self = this.describeSelf();
    this.adminToken = config.server.adminToken ?? randomAdminToken();
    const { etcd } = config.sequence;
    const clock = createSystemClock();
    const {
      store: etcdStore,
      connection,
      keys,
    } = openEtcdStore({ ...etcd, cluster: config.sequence.cluster });
    this.connection = connection;
    const store = new ForwardOnlyStore(etcdStore, {
      revisions: connection.revisions,
      recoverable: config.sequence.ledger.url !== null,
    });
    this.coordination = new EtcdCoordination(this.connection, {
      self: this.self,
      keys,
      leaseTtlSeconds: etcd.leaseTtlSeconds,
      refreshIntervalMs: REFRESH_INTERVAL_MS,
      clock,
      logger,
    });
    const metrics = new Metrics();
    const sampler = new NodeSampler();
    const vocabulary = {
      sites: config.sequence.sites,
      invoiceTypes: config.sequence.invoiceTypes,
      countMax: config.sequence.core.countMax,
    };
    this.ledger = new NodeLedger(config, {
      etcdStore,
      revisions: connection.revisions,
      digest: sha256,
      clock,
      logger,
    });
    this.sequencer = openSequencer(GLOBAL_SERIES, config, {
      store,
      coordination: this.coordination,
      peers: this.peers,
      clock,
      logger,
      observer: alsoTelling(metrics, sampler),
      digest: sha256,
      ledger: this.ledger,
    });
    this.ledger.employ({
      store,
      coordination: this.coordination,
      sequencer: this.sequencer,
      metrics,
      holder: `${this.id}-${this.instance}`,
    });
    this.demos = openDemos(config, { coordination: this.coordination, logger });
    this.live = openLive({
      version: VERSION,
      cluster: config.sequence.cluster,
      series: GLOBAL_SERIES,
      sampler,
      clock,
      logger,
      sequencer: this.sequencer,
      coordination: this.coordination,
      leaseMs: () => this.coordination.leaseLeftMs,
      patrol: () => this.ledger.patrolView,
      projects: () => this.ledger.isProjecting,
      checks: () => this.checks(),
      members: () => this.stats.readMembers(),
      eventLoopDelayMaxMs: this.eventLoop.reader(),
      vocabulary,
      demo: this.demos?.feed ?? NO_DEMOS,
    });
    this.leaderFinder = new EtcdLeaderFinder(connection, logger);
    if (etcd.compactionMinutes > 0) {
      this.compactor = new EtcdCompactor(connection, {
        keepMs: etcd.compactionMinutes * 60_000,
        isMyTurn: () => this.coordination.leads(GLOBAL_SERIES),
        clock,
        logger,
      });
    }
    const latency = new RecentLatency();
    this.stats = new StatsService({
      cluster: config.sequence.cluster,
      series: GLOBAL_SERIES,
      sequencer: this.sequencer,
      coordination: this.coordination,
      latency,
      eventLoopDelayMaxMs: this.eventLoop.reader(),
      members: () => readMemberStatus(this.connection),
      patrol: () => this.ledger.patrolView,
      window: windowOf(config),
      vocabulary,
    });
    this.peerServer = new PeerServer({
      token: this.self.peerToken,
      accept: message => this.sequencer.acceptForward(message),
      logger,
    });
    metrics.observe({
      series: GLOBAL_SERIES,
      lastKnown: () => this.sequencer.lastKnown,
      leads: () => this.coordination.leads(GLOBAL_SERIES),
      etcdConnected: () => this.coordination.connected,
      pendingRequests: () => this.sequencer.load,
      ledger: () => this.sequencer.ledger.view(),
      setBack: () => this.sequencer.restoreGuard.state === 'refusing',
      projects: () => this.ledger.isProjecting,
      eventLoopDelayMaxMs: this.eventLoop.reader(),
    });
    const { handle, classes } = createHttpApp({
      series: GLOBAL_SERIES,
      cluster: config.sequence.cluster,
      store,
      reader: this.ledger.reader,
      digest: sha256,
      numbers: new NumberService(this.sequencer, sha256),
      stats: this.stats,
      coordination: this.coordination,
      vocabulary: {
        sites: new Map(config.sequence.sites.map(site => [site.id, site.partitions])),
        invoiceTypes: config.sequence.invoiceTypes,
        countMax: config.sequence.core.countMax,
      },
      simulatedEnabled: config.sequence.core.simulatedEnabled,
      admin: new AdminService(this.sequencer),
      adminToken: this.adminToken,
      health: {
        nodeId: this.id,
        version: VERSION,
        checks: () => this.checks(),
        cluster: () => this.stats.readCluster(),
      },
      metrics,
      accounting: new Accounting({
        instance: this.instance,
        metrics,
        latency,
        listener: sampler,
        logger,
        logRequests: ['debug', 'trace'].includes(config.logging.level),
      }),
      logger,
      bodyLimitBytes: config.server.bodyLimitBytes,
      dashboardDirectory: fileURLToPath(new URL('../dashboard', import.meta.url)),
      demos: this.demos?.routes,
    });
    this.http = new HttpServer(
      config.server,
      handle,
      classes,
      (request, socket, head) =>
        this.peerServer.upgrade(request, socket, head) || this.live.upgrade(request, socket, head),
    );
  }

  /** Where the node serves HTTP. */
  get url(): string {
    return this.self.url;
  }

  /** Binds the port, joins the cluster, loads the series. @throws SeqdError `unavailable`, `draining` when told to stop meanwhile, or the system's error */
  async start(): Promise<void> {
    this.status = 'starting';
    this.eventLoop.start();
    const port = await this.http.listen();
    this.assertStarting();
    this.self.url = advertiseUrlOf(this.config, port);
    this.demos?.start();
    this.live.start();
    this.offerAdminToken(port);
    await this.join();
    this.assertStarting();
    void this.leaderFinder.start();
    await this.ledger.guard?.start();
    this.assertStarting();
    await this.sequencer.start();
    this.assertStarting();
    this.stats.start();
    this.compactor?.start();
    this.ledger.start();
    this.status = 'serving';
    this.logger.info({ url: this.url, cluster: this.config.sequence.cluster }, 'seqd is serving');
    void this.warnOfOldEtcd();
  }

  /** Finishes accepted requests and refuses new ones. Idempotent. */
  async drain({ deadlineMs }: { deadlineMs: number }): Promise<void> {
    if (this.status === 'draining' || this.status === 'closed') return;
    this.status = 'draining';
    this.http.drain();
    // Who waits for a demonstration is told where it can be followed.
    this.demos?.close();
    await Promise.all([this.sequencer.drain({ deadlineMs }), this.ledger.drain({ deadlineMs })]);
  }

  /** Leaves the cluster and frees everything. */
  async close(): Promise<void> {
    if (this.status === 'closed') return;
    this.status = 'closed';
    if (this.adminTokenPort !== undefined) removeAdminToken(this.adminToken, this.adminTokenPort);
    this.eventLoop.close();
    this.demos?.close();
    this.stats.close();
    this.compactor?.close();
    this.leaderFinder.close();
    this.ledger.close();
    this.sequencer.close();
    await this.coordination.close();
    this.peerServer.close();
    await this.peers.close();
    this.live.close();
    await this.http.close();
    await this.ledger.disconnect();
    this.connection.close();
  }

  /** Without a configured token: to the commands of the same user on this machine. */
  private offerAdminToken(port: number): void {
    if (this.config.server.adminToken !== null) return;
    try {
      const path = writeAdminToken(this.adminToken, port);
      this.adminTokenPort = port;
      this.logger.info({ path }, 'server.admin-token is not set; made one for the commands on this machine');
    } catch (error) {
      this.logger.warn(
        { err: error },
        'server.admin-token is not set, and none could be left for the commands on this machine',
      );
    }
  }

  /** What a node that ends starts now would never be closed. */
  private assertStarting(): void {
    if (this.status !== 'starting') throw new SeqdError('draining', `The node is ${this.status}`);
  }

  /** etcd may still be electing when we start; that is no reason to give up at once. */
  private async join(): Promise<void> {
    const deadlineMs = performance.now() + this.config.server.requestTimeoutMs;
    for (;;) {
      try {
        return await this.coordination.start();
      } catch (error) {
        // Told to stop meanwhile: nobody waits for the answer any more.
        if (performance.now() > deadlineMs || this.status !== 'starting') throw error;
        this.logger.warn({ err: error }, 'etcd does not answer yet');
        await new Promise(resolve => setTimeout(resolve, 200));
      }
    }
  }

  private checks(): HealthCheck[] {
    const { fatal, setBack } = this.sequencer;
    return [
      { name: 'node', problem: this.status === 'serving' ? undefined : `the node is ${this.status}` },
      { name: 'etcd', problem: this.coordination.connected ? undefined : 'no etcd quorum answers' },
      { name: 'name', problem: this.coordination.problem },
      { name: 'series', problem: fatal?.message },
      { name: 'restore', problem: setBack?.message },
    ];
  }

  private describeSelf(): NodeInfo {
    const { site, partition } = this.config.node;
    return {
      id: this.id,
      instance: this.instance,
      site,
      partition,
      url: '',
      peerToken: randomBytes(18).toString('base64url'),
      // Filled in with each registration.
      lease: '0',
      version: VERSION,
      startedAt: Date.now(),
    };
  }

  private async warnOfOldEtcd(): Promise<void> {
    const members: EtcdMemberStatus[] = await readMemberStatus(this.connection);
    const old = members.filter(
      member => member.version !== undefined && isBelowProductionFloor(member.version),
    );
    if (old.length === 0) return;
    this.logger.warn(
      { members: old.map(({ endpoint, version }) => ({ endpoint, version })) },
      'etcd is below the floor for production (3.5.33 or 3.6.14); fine for a trial',
    );
  }
}
