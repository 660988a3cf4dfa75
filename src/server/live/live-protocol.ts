import type { PatrolView } from '../../verify/ledger-patrol.ts';
import type { EtcdMemberStatus } from '../../store/etcd/etcd-status.ts';
import type { LedgerView } from '../../sequencer/ledger-progress.ts';
import type { RestoreGuardView } from '../../ports/restore-guard.ts';
import type { OwnerTallies } from '../owner-tallies.ts';
import type { DemoRun } from '../../demo/demo-run.ts';

// The frames of the live stream (docs/live-stream.md). Fields may be added; any other change is another protocol.

/** Where viewers connect, and the subprotocol they must name. */
export const LIVE_PATH = '/ws';
export const LIVE_PROTOCOL = 'seqd.live.1';

/** A frame to a viewer. `seq` rises by one from frame to frame of one `stream`; a gap means that one was missed. */
export type LiveFrame = HelloFrame | SnapshotFrame | DeltaFrame | HeartbeatFrame;

/** First on every connection. */
export interface HelloFrame {
  readonly type: 'hello';
  readonly protocol: typeof LIVE_PROTOCOL;
  /** Identifies the numbering of frames: one node process. */
  readonly stream: string;
  /** The last frame's; the next delta has one more. */
  readonly seq: number;
  readonly node: string;
  readonly version: string;
  /** Milliseconds between deltas at the moment; at least 100. */
  readonly intervalMs: number;
}

/** Everything, as of frame `seq`: after the hello, and again after `{"type":"resync"}` from the viewer or when it was too slow. */
export interface SnapshotFrame {
  readonly type: 'snapshot';
  readonly seq: number;
  readonly why: 'hello' | 'resync' | 'slow';
  readonly view: LiveView;
  readonly history: LiveHistory;
  /** Oldest first, at most 200. */
  readonly events: readonly LiveEvent[];
}

/** What has changed since the frame before. */
export interface DeltaFrame {
  readonly type: 'delta';
  readonly seq: number;
  readonly at: number;
  /** Sections of the view that changed, each whole. */
  readonly changes: Partial<LiveView>;
  /** Samples of 100 ms that ended since, oldest first. */
  readonly samples: readonly LiveSample[];
  readonly events: readonly LiveEvent[];
  /** Events that are not in the frame because there were too many. */
  readonly eventsSkipped: number;
}

/** Nothing has changed; sent after a second without a delta. */
export interface HeartbeatFrame {
  readonly type: 'heartbeat';
  readonly seq: number;
  readonly at: number;
}

/** The cluster as one node sees it, with what the other nodes told it. Times are Unix milliseconds. */
export interface LiveView {
  readonly cluster: string;
  readonly series: string;
  readonly numbers: LiveNumbers;
  /** Over the last second or so. */
  readonly traffic: LiveTraffic;
  readonly nodes: readonly LiveNode[];
  readonly members: readonly EtcdMemberStatus[];
  readonly leader: LiveLeader | null;
  readonly ledger: LedgerView & { readonly verification: PatrolView | null };
  readonly restoreGuard: RestoreGuardView;
  readonly owners: LiveOwners;
  readonly alerts: readonly LiveAlert[];
  readonly demo: { readonly available: boolean; readonly run: DemoRun | null };
  readonly vocabulary: {
    readonly sites: readonly { readonly id: string; readonly partitions: readonly string[] }[];
    readonly invoiceTypes: Readonly<Record<string, string>>;
    readonly countMax: number;
  };
}

/** The series' numbers by state, from the newest head that any node has seen. */
export interface LiveNumbers {
  readonly start: number;
  readonly next: number;
  readonly maximum: number;
  readonly reuse: string;
  readonly issued: number;
  readonly pooled: number;
  readonly reserved: number;
  readonly void: number;
  readonly imported: number;
  /** Numbers from start to next − 1 that are in no state: always 0, or an invariant is broken. */
  readonly holes: number;
  /** The last batch. */
  readonly sequence: number;
  /** Its chain hash. */
  readonly chain: string;
  readonly revision: number;
  readonly lastBatchAt: number | null;
}

/** What the whole cluster does. */
export interface LiveTraffic {
  readonly numbersPerSecond: number;
  readonly requestsPerSecond: number;
  readonly errorsPerSecond: number;
  readonly batchesPerSecond: number;
  /** Mean facts of a batch; 0 without batches. */
  readonly batchSize: number;
  /** Milliseconds over the last ten seconds or so; 0 without requests. */
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

/** One node, as it last told us, or as it is registered. */
export interface LiveNode {
  readonly id: string;
  readonly site: string;
  readonly partition: string;
  readonly url: string;
  readonly version: string;
  readonly startedAt: number;
  /**
   * `serving`: ready. `not-ready`: it answers and says why it is not. `silent`: registered, but we hear nothing from it.
   * `gone`: was registered within the last minute.
   */
  readonly state: 'serving' | 'not-ready' | 'silent' | 'gone';
  readonly problems: readonly string[];
  readonly leader: boolean;
  /** Writes to the ledger. */
  readonly projector: boolean;
  /** Serves this stream. */
  readonly self: boolean;
  /** What is left of its lease, milliseconds; `null` when not known. */
  readonly leaseMs: number | null;
  /** Batches that it has not seen yet. */
  readonly behindBatches: number;
  readonly numbersPerSecond: number;
  readonly requestsPerSecond: number;
  readonly errorsPerSecond: number;
  readonly p99: number;
  readonly pending: number;
  readonly eventLoopDelayMs: number;
}

export interface LiveLeader {
  readonly node: string;
  readonly epoch: string;
  /** When this node first saw it lead. */
  readonly since: number;
}

/** Numbers by owner, at most two seconds older than {@link LiveNumbers}. */
export type LiveOwners = OwnerTallies;
export type { OwnerTally } from '../owner-tallies.ts';

/** Something that somebody should know now, worst first. */
export interface LiveAlert {
  /** Stable while the same thing is wrong. */
  readonly id: string;
  readonly level: 'critical' | 'warning' | 'info';
  readonly title: string;
  readonly detail: string;
  readonly since: number;
  /** Heading in docs/runbook.md, for people. */
  readonly runbook?: string;
}

/** A stretch of the whole cluster's past. Rates are per second; percentiles are `null` without requests. */
export interface LiveSample {
  /** Its end, Unix milliseconds. */
  readonly t: number;
  readonly numbers: number;
  readonly requests: number;
  readonly errors: number;
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
  /** Mean facts of a batch; `null` without batches. */
  readonly batch: number | null;
  /** Seconds that the ledger is behind; `null` without one. */
  readonly ledgerLag: number | null;
}

/** Samples by column, oldest first; the columns of {@link LiveSample}. */
export interface LiveSamples {
  readonly stepMs: number;
  readonly t: readonly number[];
  readonly numbers: readonly number[];
  readonly requests: readonly number[];
  readonly errors: readonly number[];
  readonly p50: readonly (number | null)[];
  readonly p95: readonly (number | null)[];
  readonly p99: readonly (number | null)[];
  readonly batch: readonly (number | null)[];
  readonly ledgerLag: readonly (number | null)[];
}

/** The past at three resolutions: 1 min by 100 ms, 5 min by 1 s, 1 h by 10 s. */
export interface LiveHistory {
  readonly minute: LiveSamples;
  readonly fiveMinutes: LiveSamples;
  readonly hour: LiveSamples;
}

/** Something that happened: to numbers, to the cluster, or in a demonstration. */
export type LiveEvent = NumberEvent | ClusterEvent;

/** A fact of the journal. */
export interface NumberEvent {
  /** Its place in the journal, `batch-index`; the same on every node. */
  readonly id: string;
  readonly category: 'number';
  readonly at: number;
  /** Kind of the fact: issue, block, reserve, confirm, cancel, expire, release, void, raise, adopt, retire. */
  readonly kind: string;
  /** Ascending, at most 8; `count` says of how many. */
  readonly numbers: readonly { readonly first: number; readonly last: number; readonly reused?: boolean }[];
  readonly count: number;
  readonly site?: string;
  readonly partition?: string;
  readonly type?: string;
  /** The allocation it makes or is about. */
  readonly allocationId?: string;
  readonly reference?: string;
  readonly client?: string;
  readonly reason?: string;
  readonly actor?: string;
  /** Where numbers that were given back went. */
  readonly to?: 'pool' | 'void';
  /** Given back in the step that issued them. */
  readonly suppressed?: boolean;
  /** The node that committed it. */
  readonly node: string;
  readonly revision: number;
}

/** Something about nodes, members, leader, ledger, alerts or a demonstration; those with `mark` are drawn on the charts. */
export interface ClusterEvent {
  readonly id: string;
  readonly category: 'cluster' | 'demo';
  readonly at: number;
  /** `noun:verb`, for example `node:left`, `leader:changed`, `member:lost`, `demo:started`, `demo:disturbed`, `demo:ended`. */
  readonly kind: string;
  readonly text: string;
  readonly mark: boolean;
}

/** What a viewer may send. */
export interface ResyncRequest {
  readonly type: 'resync';
}
