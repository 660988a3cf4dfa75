import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { type SeriesId, seriesName } from '../core/identifiers.ts';
import type { SeriesState } from '../core/state.ts';
import type { LedgerView } from '../sequencer/ledger-progress.ts';
import type { CommittedBatch, SequencerObserver } from '../sequencer/observer.ts';
import { AnswerMetrics } from './answer-metrics.ts';

/** What is read when metrics are scraped. */
export interface MetricsSources {
  readonly series: SeriesId;
  lastKnown(): SeriesState | undefined;
  leads(): boolean;
  etcdConnected(): boolean;
  pendingRequests(): number;
  ledger(): LedgerView;
  /** Whether a restore from a backup keeps the series from being served. */
  setBack(): boolean;
  /** Whether this node writes to the ledger. */
  projects(): boolean;
  /** Milliseconds, of the longest since it was asked last. */
  eventLoopDelayMaxMs(): number;
}

const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

/** The node's Prometheus metrics, one registry per node. */
export class Metrics implements SequencerObserver {
  readonly registry = new Registry();
  private readonly answers: AnswerMetrics;
  private readonly batches: Counter<'series'>;
  private readonly batchFacts: Histogram<'series'>;
  private readonly commitSeconds: Histogram<'series'>;
  private readonly conflicts: Counter<'series'>;
  private readonly unknowns: Counter<'series'>;
  private readonly reorders: Counter<'series'>;
  private readonly forwards: Counter<'series'>;
  private readonly forwardFailures: Counter<'series'>;
  private readonly forwardSeconds: Histogram<'series'>;
  private readonly projectedBatches: Counter<'series'>;

  constructor() {
    const registers = [this.registry];
    const series = ['series'] as const;
    collectDefaultMetrics({ register: this.registry });
    // Their names end in _total but they are gauges, which promtool rightly refuses.
    for (const kind of ['handles', 'requests', 'resources']) {
      this.registry.removeSingleMetric(`nodejs_active_${kind}_total`);
    }
    this.answers = new AnswerMetrics(this.registry, SECONDS);
    this.batches = new Counter({
      name: 'seqd_batches_committed_total',
      help: 'Batches committed by this node',
      labelNames: series,
      registers,
    });
    this.batchFacts = new Histogram({
      name: 'seqd_batch_facts',
      help: 'Facts in a committed batch',
      labelNames: series,
      buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024],
      registers,
    });
    this.commitSeconds = new Histogram({
      name: 'seqd_commit_duration_seconds',
      help: 'Time from sending a commit to its certain outcome',
      labelNames: series,
      buckets: SECONDS,
      registers,
    });
    this.conflicts = new Counter({
      name: 'seqd_commit_conflicts_total',
      help: 'Commits that another node was ahead of',
      labelNames: series,
      registers,
    });
    this.unknowns = new Counter({
      name: 'seqd_commit_unknown_total',
      help: 'Commit attempts without an answer; each was resolved by sending it again',
      labelNames: series,
      registers,
    });
    this.reorders = new Counter({
      name: 'seqd_commit_reordered_total',
      help: 'Commits that overtook their predecessor and were sent again',
      labelNames: series,
      registers,
    });
    this.forwards = new Counter({
      name: 'seqd_forwarded_requests_total',
      help: 'Requests answered by the leader on behalf of this node',
      labelNames: series,
      registers,
    });
    this.forwardFailures = new Counter({
      name: 'seqd_forward_failures_total',
      help: 'Requests forwarded without an answer, then sent elsewhere',
      labelNames: series,
      registers,
    });
    this.forwardSeconds = new Histogram({
      name: 'seqd_forward_duration_seconds',
      help: 'Time from forwarding gathered requests to their answers',
      labelNames: series,
      buckets: SECONDS,
      registers,
    });
    this.projectedBatches = new Counter({
      name: 'seqd_ledger_projected_batches_total',
      help: 'Batches that this node has written to the ledger',
      labelNames: series,
      registers,
    });
  }

  /** Adds the gauges that are read at scrape time. */
  observe(sources: MetricsSources): void {
    const registers = [this.registry];
    const labels = { series: seriesName(sources.series) };
    const numbers: Gauge<'series' | 'state'> = new Gauge({
      name: 'seqd_numbers',
      help: 'Numbers of the series by state, as last seen by this node',
      labelNames: ['series', 'state'],
      registers,
      collect: () => {
        const head = sources.lastKnown()?.head;
        if (head === undefined) return;
        numbers.set({ ...labels, state: 'issued' }, head.issued);
        numbers.set({ ...labels, state: 'reserved' }, head.reserved);
        numbers.set({ ...labels, state: 'pooled' }, head.pooled);
        numbers.set({ ...labels, state: 'void' }, head.voided);
        numbers.set({ ...labels, state: 'imported' }, head.imported);
      },
    });
    this.gauge(
      'seqd_next_number',
      'Next fresh number of the series, as last seen',
      labels,
      () => sources.lastKnown()?.head.next,
    );
    this.gauge(
      'seqd_journal_sequence',
      'Sequence of the last batch, as last seen',
      labels,
      () => sources.lastKnown()?.head.sequence,
    );
    this.gauge(
      'seqd_idempotency_keys',
      'Idempotency keys remembered',
      labels,
      () => sources.lastKnown()?.window.size,
    );
    this.gauge('seqd_leader', 'Whether this node leads the series', labels, () => Number(sources.leads()));
    this.gauge('seqd_pending_requests', 'Requests waiting or under way', labels, () =>
      sources.pendingRequests(),
    );
    this.gauge(
      'seqd_restore_guard',
      'Whether nothing is issued because a restore from a backup has set the series back',
      labels,
      () => Number(sources.setBack()),
    );
    this.observeLedger(sources, labels);
    this.gauge('seqd_etcd_connected', 'Whether etcd answered last time', {}, () =>
      Number(sources.etcdConnected()),
    );
    this.gauge(
      'seqd_event_loop_delay_max_seconds',
      'Longest time that the process could do nothing else, since the last scrape',
      {},
      () => sources.eventLoopDelayMaxMs() / 1000,
    );
  }

  /** Without a ledger in the cluster these have no value. */
  private observeLedger(sources: MetricsSources, labels: { series: string }): void {
    const add = (name: string, help: string, read: (view: LedgerView) => number): void =>
      this.gauge(name, help, labels, () => {
        const view = sources.ledger();
        return view.state === 'none' ? undefined : read(view);
      });
    add('seqd_ledger_lag_batches', 'Batches that are not in the ledger yet', view => view.lagBatches);
    add(
      'seqd_ledger_lag_seconds',
      'About how long the oldest batch that is not in the ledger has waited',
      view => view.lagSeconds,
    );
    add('seqd_ledger_connected', 'Whether the ledger answers the node that writes to it', view =>
      Number(view.state !== 'unavailable'),
    );
    add('seqd_ledger_diverged', 'Whether ledger and journal contradict each other', view =>
      Number(view.state === 'diverged'),
    );
    add(
      'seqd_journal_unprojected_bytes',
      'About how much of the journal is not in the ledger yet',
      view => view.unprojectedBytes,
    );
    add(
      'seqd_journal_unprojected_ratio',
      'That as a part of what may wait; from 1 on requests are refused',
      view => view.fullness,
    );
    add('seqd_ledger_projector', 'Whether this node writes to the ledger', () => Number(sources.projects()));
  }

  batchesProjected(series: SeriesId, batches: number): void {
    this.projectedBatches.inc({ series: seriesName(series) }, batches);
  }

  requestAnswered(route: string, status: number, ms: number): void {
    this.answers.record(route, status, ms);
  }

  batchCommitted(series: SeriesId, { batch, ms }: CommittedBatch): void {
    const labels = { series: seriesName(series) };
    this.batches.inc(labels);
    this.batchFacts.observe(labels, batch.facts.length);
    this.commitSeconds.observe(labels, ms / 1000);
  }

  commitConflicted(series: SeriesId): void {
    this.conflicts.inc({ series: seriesName(series) });
  }

  commitUnknown(series: SeriesId): void {
    this.unknowns.inc({ series: seriesName(series) });
  }

  commitReordered(series: SeriesId): void {
    this.reorders.inc({ series: seriesName(series) });
  }

  forwarded(series: SeriesId, requests: number, ms: number): void {
    const labels = { series: seriesName(series) };
    this.forwards.inc(labels, requests);
    this.forwardSeconds.observe(labels, ms / 1000);
  }

  forwardFailed(series: SeriesId, requests: number): void {
    this.forwardFailures.inc({ series: seriesName(series) }, requests);
  }

  private gauge(
    name: string,
    help: string,
    labels: Record<string, string>,
    read: () => number | undefined,
  ): void {
    const gauge: Gauge = new Gauge({
      name,
      help,
      labelNames: Object.keys(labels),
      registers: [this.registry],
      collect: () => {
        const value = read();
        if (value !== undefined) gauge.set(labels, value);
      },
    });
  }
}
