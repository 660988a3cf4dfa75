import type { SeriesId } from '../../core/identifiers.ts';
import type { SeriesState } from '../../core/state.ts';
import type { PatrolView } from '../../verify/ledger-patrol.ts';
import type { Coordination } from '../../ports/coordination.ts';
import type { RestoreGuardView } from '../../ports/restore-guard.ts';
import type { LedgerView } from '../../sequencer/ledger-progress.ts';
import type { SeriesSequencer } from '../../sequencer/series-sequencer.ts';
import type { HealthCheck } from '../http/health-routes.ts';
import type { LiveLeader, LiveNumbers } from './live-protocol.ts';

/** How a node stands, as it tells the others. */
export interface NodeStatus {
  /** Why it is not ready; none when it is. */
  readonly problems: readonly string[];
  readonly etcdConnected: boolean;
  /** As it last read; only as good as its contact with etcd. */
  readonly leader: LiveLeader | null;
  readonly projector: boolean;
  readonly leaseMs: number | null;
  /** As of the newest batch it has seen; `null` before it has read the series. */
  readonly numbers: LiveNumbers | null;
  readonly ledger: LedgerView;
  /** `null` on nodes that do not verify the ledger. */
  readonly verification: PatrolView | null;
  readonly restoreGuard: RestoreGuardView;
  /** Why it serves the series no more; `null` when it does. */
  readonly stopped: string | null;
  readonly pending: number;
  readonly eventLoopDelayMs: number;
  readonly numbersPerSecond: number;
  readonly requestsPerSecond: number;
  readonly errorsPerSecond: number;
  readonly p99: number;
}

/** What a node's own status is read from. */
export interface StatusSources {
  readonly series: SeriesId;
  readonly sequencer: Pick<
    SeriesSequencer,
    'lastKnown' | 'lastKnownRevision' | 'ledger' | 'restoreGuard' | 'load' | 'fatal'
  >;
  readonly coordination: Pick<Coordination, 'connected' | 'leader' | 'nodes' | 'self'>;
  /** What is left of this node's lease, milliseconds. */
  readonly leaseMs: () => number | undefined;
  readonly patrol: () => PatrolView | undefined;
  /** Whether this node writes to the ledger. */
  readonly projects: () => boolean;
  readonly checks: () => readonly HealthCheck[];
}

type Measured = Pick<
  NodeStatus,
  'leader' | 'eventLoopDelayMs' | 'numbersPerSecond' | 'requestsPerSecond' | 'errorsPerSecond' | 'p99'
>;

/** This node's status now. */
export function readStatus(sources: StatusSources, measured: Measured): NodeStatus {
  const { sequencer, coordination } = sources;
  const { lastKnown } = sequencer;
  const { state, detail } = sequencer.restoreGuard;
  const leaseMs = sources.leaseMs();
  return {
    ...measured,
    problems: sources.checks().flatMap(({ problem }) => problem ?? []),
    etcdConnected: coordination.connected,
    projector: sources.projects(),
    leaseMs: leaseMs === undefined ? null : Math.round(leaseMs),
    numbers: lastKnown === undefined ? null : numbersOf(lastKnown, sequencer.lastKnownRevision),
    ledger: roundLedger(sequencer.ledger.view()),
    verification: sources.patrol() ?? null,
    restoreGuard: { state, detail },
    stopped: sequencer.fatal?.message ?? null,
    pending: sequencer.load,
  };
}

/** The series' numbers as stats tell them, too. */
export function numbersOf({ head }: Pick<SeriesState, 'head'>, revision: number): LiveNumbers {
  const { settings, next, issued, pooled, reserved, voided, imported, sequence, chain, time } = head;
  const accounted = issued + pooled + reserved + voided + imported;
  return {
    start: settings.start,
    next,
    maximum: settings.maximum,
    reuse: settings.reuse,
    issued,
    pooled,
    reserved,
    void: voided,
    imported,
    holes: next - settings.start - accounted,
    sequence,
    chain,
    revision,
    lastBatchAt: time === 0 ? null : time,
  };
}

function roundLedger(view: LedgerView): LedgerView {
  return {
    ...view,
    lagSeconds: Math.round(view.lagSeconds * 10) / 10,
    unprojectedBytes: Math.round(view.unprojectedBytes),
    fullness: Math.round(view.fullness * 1_000) / 1_000,
  };
}
