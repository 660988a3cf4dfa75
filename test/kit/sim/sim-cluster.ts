import { CLOCK_TOLERANCE_MS, STAMP_INTERVAL_MS } from '../../../src/cluster/cluster-time.ts';
import { type CompletenessReport } from '../../../src/core/completeness.ts';
import type { Batch, Fact } from '../../../src/core/facts.ts';
import type { SeriesSettings } from '../../../src/core/head.ts';
import { GLOBAL_SERIES, type Position, type SeriesId, seriesName } from '../../../src/core/identifiers.ts';
import { DEFAULT_WINDOW, type WindowLimits } from '../../../src/core/window.ts';
import type { Clock } from '../../../src/ports/clock.ts';
import type { NodeInfo } from '../../../src/ports/coordination.ts';
import { silentLogger } from '../../../src/ports/logger.ts';
import { Admission } from '../../../src/sequencer/admission.ts';
import { CommitSlots } from '../../../src/sequencer/commit-slots.ts';
import type { JournalLimits } from '../../../src/sequencer/journal-keeper.ts';
import { readJournal } from '../../../src/sequencer/load-state.ts';
import { silentObserver, type SequencerObserver } from '../../../src/sequencer/observer.ts';
import type { EngineLimits, LedgerOptions, SequencerDependencies } from '../../../src/sequencer/options.ts';
import { SeriesSequencer } from '../../../src/sequencer/series-sequencer.ts';
import { ForwardOnlyStore } from '../../../src/store/forward-only-store.ts';
import { MemoryStore } from '../../../src/store/memory/memory-store.ts';
import { RevisionMark } from '../../../src/store/revision-mark.ts';
import { verifySeries } from '../../../src/verify/verify-series.ts';
import { digest, SETTINGS } from '../series-world.ts';
import { FaultyStore } from './faulty-store.ts';
import { Random } from './random.ts';
import { SimCoordination, SimElection } from './sim-coordination.ts';
import { SimNetwork } from './sim-network.ts';
import type { VirtualTime } from './virtual-time.ts';

/** What a simulated cluster is made of. */
export interface SimOptions {
  readonly seed?: number;
  readonly settings?: Partial<SeriesSettings>;
  readonly limits?: Partial<EngineLimits>;
  readonly window?: Partial<WindowLimits>;
  /** Longest a call to the store takes before it ends as `unknown` or `unavailable`. */
  readonly callTimeoutMs?: number;
  /** How often nodes look at who leads, besides when they are told to. */
  readonly lookIntervalMs?: number;
  /** How much of the journal is kept. */
  readonly journal?: Partial<JournalLimits>;
  /** What engines are to know of a ledger; without it there is none. */
  readonly ledger?: LedgerOptions;
  /** Each node's wall clock, as milliseconds ahead of the true time. */
  readonly skewsMs?: readonly number[];
}

/** Unix milliseconds at which every simulation begins. */
export const SIM_EPOCH_MS = 1_700_000_000_000;

/** More than a batch's time may be ahead of the true time while most nodes' clocks are right within a second. */
export const BATCH_AHEAD_MS_MAX = 1_000 + CLOCK_TOLERANCE_MS + STAMP_INTERVAL_MS;

const LIMITS: EngineLimits = {
  queueMax: 1_000,
  batchSizeMax: 100,
  pipelineDepth: 2,
  commitsMax: 16,
  requestTimeoutMs: 1_500,
};

/** One seqd process of the simulation: the real engine, everything around it simulated. */
export class SimNode {
  readonly info: NodeInfo;
  readonly store: FaultyStore;
  readonly coordination: SimCoordination;
  /** The engine of the global series. */
  readonly sequencer: SeriesSequencer;
  /** What the engine was made with; another series' engine of this node would be too. */
  readonly deps: SequencerDependencies;
  /** Its wall clock, as milliseconds ahead of the true time; may be set at any time. */
  skewMs: number;
  readonly observed = { committed: 0, conflicted: 0, unknown: 0, reordered: 0, forwardFailed: 0 };
  /** Messages the engine logged as errors. */
  readonly errors: string[] = [];
  private readonly network: SimNetwork;
  private readonly engines = new Map<string, SeriesSequencer>();

  constructor(cluster: SimCluster, index: number, incarnation: number) {
    const { time, options } = cluster;
    const id = `node-${index}`;
    this.info = {
      id,
      instance: `${id}.${incarnation}`,
      site: `site-${index}`,
      partition: 'a',
      url: `sim://${id}`,
      peerToken: '',
      lease: '',
      version: '0',
      startedAt: SIM_EPOCH_MS,
    };
    this.network = cluster.network;
    this.store = new FaultyStore(cluster.store, time, options.callTimeoutMs ?? 300);
    this.store.onTransfer = (transfer, revision) => cluster.election.transferred(transfer, revision);
    const random = cluster.random.fork();
    this.skewMs = options.skewsMs?.[index] ?? 0;
    const clock: Clock = {
      now: () => Math.floor(SIM_EPOCH_MS + time.nowMs + this.skewMs),
      monotonicMs: () => time.nowMs + 1_000 * index,
    };
    const { election } = cluster;
    const lookMs = (): number => random.next() * 5;
    this.coordination = new SimCoordination(this.info, { election, time, clock, lookMs });
    const limits = { ...LIMITS, ...options.limits };
    this.deps = {
      store: new ForwardOnlyStore(this.store, { revisions: new RevisionMark(), recoverable: false }),
      coordination: this.coordination,
      peers: cluster.network.peersOf(this.info),
      clock,
      logger: { ...silentLogger, error: (_fields, message) => this.errors.push(message) },
      observer: this.observer(),
      digest,
      random: random.next,
      limits,
      admission: new Admission(limits.queueMax),
      slots: new CommitSlots(limits.commitsMax, clock),
      settings: { ...SETTINGS, ...options.settings },
      window: { ...DEFAULT_WINDOW, ...options.window },
      journal: { batchesMax: 100_000, bytesMax: 100_000_000, ...options.journal },
      ...(options.ledger === undefined ? {} : { ledger: options.ledger }),
    };
    this.sequencer = this.engineOf(GLOBAL_SERIES);
    cluster.network.listen(this.info.instance, message =>
      this.engineOf(message.series).acceptForward(message),
    );
  }

  /** The engine of a series; made when first asked for. */
  engineOf(series: SeriesId): SeriesSequencer {
    const name = seriesName(series);
    let engine = this.engines.get(name);
    if (engine === undefined) {
      engine = new SeriesSequencer(series, this.deps);
      this.engines.set(name, engine);
    }
    return engine;
  }

  /** Unanswered requests of all its series. */
  get load(): number {
    let load = 0;
    for (const engine of this.engines.values()) load += engine.load;
    return load;
  }

  /** The process ends at once. What it sent to the store may still arrive there. */
  kill(): void {
    this.network.unlisten(this.info.instance);
    for (const engine of this.engines.values()) engine.close();
  }

  private observer(): SequencerObserver {
    const { observed } = this;
    return {
      ...silentObserver,
      batchCommitted: () => (observed.committed += 1),
      commitConflicted: () => (observed.conflicted += 1),
      commitUnknown: () => (observed.unknown += 1),
      commitReordered: () => (observed.reordered += 1),
      forwardFailed: () => (observed.forwardFailed += 1),
    };
  }
}

/** A fact with its place and the revision that wrote it. */
export interface PlacedFact {
  readonly fact: Fact;
  readonly position: Position;
  readonly time: number;
  readonly revision: number;
}

/** Three nodes over one store. */
export class SimCluster {
  readonly time: VirtualTime;
  readonly options: SimOptions;
  readonly random: Random;
  readonly store = new MemoryStore();
  readonly election: SimElection;
  readonly network: SimNetwork;
  readonly nodes: SimNode[];
  /** Processes that ended. */
  readonly gone: SimNode[] = [];
  private incarnations = 0;
  private closed = false;

  constructor(time: VirtualTime, options: SimOptions = {}) {
    this.time = time;
    this.options = options;
    this.random = new Random(options.seed ?? 1);
    this.election = new SimElection(this.store);
    this.network = new SimNetwork(time);
    this.nodes = [0, 1, 2].map(index => this.createNode(index));
    this.election.members = () => this.nodes.map(({ info }) => info);
    if (options.lookIntervalMs !== undefined) this.keepLooking(options.lookIntervalMs);
  }

  /** Elects the first node and starts all. */
  async start(): Promise<void> {
    this.elect(0);
    await Promise.all(this.nodes.map(node => node.sequencer.start()));
  }

  /** Makes a node leader; every node that is not frozen knows at once. */
  elect(index: number): void {
    this.election.elect(this.nodes[index]!.info);
    for (const node of this.nodes) node.coordination.lookNow();
  }

  /** Nobody leads; every node that is not frozen knows at once. */
  depose(): void {
    this.election.depose();
    for (const node of this.nodes) node.coordination.lookNow();
  }

  /** Drains a node, as a rolling restart would, and starts another process in its place. */
  async replace(index: number, deadlineMs: number): Promise<void> {
    const node = this.nodes[index]!;
    await node.sequencer.drain({ deadlineMs });
    await node.coordination.close();
    if (this.nodes[index] === node) await this.restart(index);
  }

  /** Ends a node's process and starts another in its place. */
  async restart(index: number): Promise<void> {
    const old = this.nodes[index]!;
    old.kill();
    this.gone.push(old);
    this.nodes[index] = this.createNode(index);
    this.nodes[index].coordination.lookNow();
    await this.nodes[index].sequencer.start();
  }

  /** The whole journal as it stands in the store. */
  async journal(): Promise<Batch[]> {
    const entries = await readJournal(this.store, GLOBAL_SERIES, { first: 1, last: 999_999_999 });
    return entries.map(({ batch }) => batch);
  }

  /** Every fact of the journal, in order. */
  async facts(series = GLOBAL_SERIES): Promise<PlacedFact[]> {
    const entries = await readJournal(this.store, series, { first: 1, last: 999_999_999 });
    return entries.flatMap(({ batch, revision }) =>
      batch.facts.map((fact, index) => ({
        fact,
        position: { sequence: batch.sequence, index },
        time: batch.time,
        revision,
      })),
    );
  }

  /** The completeness check over the store. */
  verify(series = GLOBAL_SERIES): Promise<CompletenessReport | null> {
    return verifySeries(this.store, series, digest);
  }

  /** Ends every node. */
  close(): void {
    this.closed = true;
    for (const node of this.nodes) node.kill();
  }

  private createNode(index: number): SimNode {
    this.incarnations += 1;
    return new SimNode(this, index, this.incarnations);
  }

  private keepLooking(intervalMs: number): void {
    this.time.after(intervalMs, () => {
      if (this.closed) return;
      for (const node of this.nodes) node.coordination.lookNow();
      this.keepLooking(intervalMs);
    });
  }
}
