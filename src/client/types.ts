import type { EtcdMemberStatus } from '../store/etcd/etcd-status.ts';

/** A request for numbers. */
export interface NextInput {
  readonly siteId: string;
  readonly partitionId: string;
  readonly invoiceType: string;
  /** Default 1. */
  readonly count?: number;
  /** All numbers in one range; default false. */
  readonly contiguous?: boolean;
  /** The document's own name, at most 200 characters; kept in the journal. */
  readonly reference?: string;
  readonly clientId?: string;
  readonly traceId?: string;
}

/** A request to give a number back. */
export interface ReleaseInput {
  readonly sequenceNumber: number;
  readonly siteId: string;
  readonly partitionId: string;
  readonly reason: string;
  /** Needed when the number was reissued, or the journal entry that issued it is gone. */
  readonly allocationId?: string;
  /** Needed, with `allocationId`, when that journal entry is gone. */
  readonly invoiceType?: string;
  readonly clientId?: string;
  readonly traceId?: string;
}

/** Inclusive. */
export interface NumberRange {
  readonly first: number;
  readonly last: number;
  /** Given range by range where pool and counter are mixed, else see the reply's `reused`. */
  readonly reused?: boolean;
}

/** Who answered. */
interface Answered {
  readonly siteId: string;
  readonly partitionId: string;
  readonly invoiceType: string;
  readonly node: string;
  readonly leader: string | null;
}

/** Numbers drawn. A preview promises nothing and has no `allocationId`. */
export interface NextReply extends Answered {
  /** The first of `numbers`. */
  readonly sequenceNumber: number;
  readonly count: number;
  readonly numbers: readonly NumberRange[];
  /** Whether any of them came from the gap pool. */
  readonly reused: boolean;
  readonly preview?: true;
  readonly allocationId?: string;
  /** etcd revision of the commit. */
  readonly revision?: number;
  /** ISO 8601. */
  readonly issuedAt?: string;
  /** Set when the type is suppressed: the numbers were released in the same step. */
  readonly released?: { readonly reason: string; readonly to: 'pool' | 'void' };
}

/** A number given back. */
export interface ReleaseReply extends Answered {
  readonly sequenceNumber: number;
  readonly releasedTo: 'pool' | 'void';
  /** The allocation the number belonged to. */
  readonly allocationId: string;
  readonly reason: string;
  readonly revision: number;
  /** ISO 8601. */
  readonly releasedAt: string;
}

/** Numbers by owner. */
export interface OwnerStats {
  readonly issued: number;
  readonly drawn: number;
  readonly released: number;
  readonly void: number;
}

/** Nodes, etcd members and the leader, as the answering node knows them. */
export interface ClusterView {
  readonly name: string;
  /** Id of the leading node; null while there is none. */
  readonly leader: string | null;
  readonly epoch: number | null;
  readonly nodes: readonly {
    readonly id: string;
    readonly site: string;
    readonly partition: string;
    readonly url: string;
    readonly version: string;
    readonly startedAt: string;
    readonly leader: boolean;
  }[];
  readonly members: readonly EtcdMemberStatus[];
}

/** What requests may name. */
export interface Vocabulary {
  readonly sites: readonly { readonly id: string; readonly partitions: readonly string[] }[];
  /** Behaviour by name. */
  readonly invoiceTypes: Readonly<Record<string, string>>;
  readonly countMax: number;
}

/** The state of the series; everything in it is of one moment. */
export interface StatsReply {
  readonly series: string;
  readonly next: number;
  readonly start: number;
  readonly maximum: number;
  readonly issued: number;
  readonly pooled: number;
  readonly reserved: number;
  readonly void: number;
  /** Numbers unaccounted for: 0, or the series is broken. */
  readonly holes: number;
  readonly bySite: Readonly<Record<string, OwnerStats>>;
  readonly byPartition: Readonly<Record<string, OwnerStats>>;
  readonly byType: Readonly<Record<string, OwnerStats>>;
  readonly rate: { readonly numbersPerSecond: number; readonly requestsPerSecond: number };
  readonly latencyMs: {
    readonly count: number;
    readonly p50: number;
    readonly p95: number;
    readonly p99: number;
    readonly max: number;
  };
  readonly journal: {
    readonly sequence: number;
    readonly chain: string;
    readonly lastBatchAt: string | null;
  };
  readonly idempotency: {
    readonly keys: number;
    readonly keysMax: number;
    readonly windowHours: number;
    readonly oldestKeyAt: string | null;
  };
  readonly vocabulary: Vocabulary;
  readonly cluster: ClusterView;
  readonly node: string;
  /** Longest time that the node's process could do nothing else, since these stats were last read. */
  readonly eventLoopDelayMaxMs: number;
  readonly uptimeSeconds: number;
}

/** How one node is. */
export interface HealthReply {
  readonly status: 'healthy' | 'unhealthy';
  readonly node: string;
  readonly version: string;
  /** `ok`, or what is wrong, by name. */
  readonly checks: Readonly<Record<string, string>>;
  readonly cluster: ClusterView;
}
