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

/** A request to raise the counter. */
export interface RaiseInput {
  /** The number to be given out next. */
  readonly next: number;
  readonly reason: string;
  readonly actor: string;
  /** The numbers from `first` to `next − 1` are another numbering's, known as `source`; its gaps follow. */
  readonly imported?: {
    readonly first: number;
    readonly source: string;
    readonly gapsTo: 'pool' | 'void';
  };
}

/** The counter was raised. */
export interface RaiseReply {
  readonly next: number;
  /** Numbers that became void by it. */
  readonly skipped: { readonly first: number; readonly last: number } | null;
  readonly imported: { readonly first: number; readonly last: number; readonly source: string } | null;
  readonly node: string;
  readonly revision: number;
  /** ISO 8601. */
  readonly raisedAt: string;
}

/** Which of the imported numbers, from where the import stands to `last`, were never used. */
export interface AdoptInput {
  readonly first: number;
  readonly last: number;
  /** First and last of each, ascending. */
  readonly gaps: readonly (readonly [number, number])[];
  readonly source: string;
  readonly reason: string;
  readonly actor: string;
}

/** The gaps are void or in the pool, the other numbers are documented as imported. */
export interface AdoptReply {
  readonly first: number;
  readonly last: number;
  readonly imported: number;
  readonly gaps: number;
  readonly gapsTo: 'pool' | 'void';
  readonly node: string;
  readonly revision: number;
  /** ISO 8601. */
  readonly adoptedAt: string;
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

/** How the ledger of the series is doing, as far as the node that answers can tell without asking it. */
export interface LedgerStatus {
  /** `none`: the cluster has no ledger. */
  readonly state: 'ok' | 'lagging' | 'unavailable' | 'diverged' | 'none';
  /** What is wrong; empty when nothing is. */
  readonly detail: string;
  /** The last batch that is in the ledger; null without one. */
  readonly position: number | null;
  readonly lagBatches: number;
  /** About how long the oldest batch that is not in the ledger has been waiting for it. */
  readonly lagSeconds: number;
  readonly unprojectedBytes: number;
  /** What waits for the ledger as a part of what may; from 1 on requests are refused. */
  readonly fullness: number;
  /** Id of the node that writes to the ledger; null while there is none. */
  readonly projector: string | null;
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
  /** Whether numbers that are given back are given out again. */
  readonly reuse: 'lowest-first' | 'never';
  readonly issued: number;
  readonly pooled: number;
  readonly reserved: number;
  readonly void: number;
  /** Numbers of the numbering before seqd. */
  readonly imported: number;
  /** Where an import that is under way goes on, and how far. */
  readonly openImport: { readonly first: number; readonly last: number; readonly source: string } | null;
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
  readonly ledger: LedgerStatus;
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
  readonly cluster: ClusterView & { readonly ledger: LedgerStatus };
}

/** How far an answer about the past reaches. */
interface Reach {
  /** Nothing can be missing. */
  readonly complete: boolean;
  /** When not complete: nothing is missing since this batch. */
  readonly from?: number;
  /** Why etcd cannot be believed: it is behind the ledger. */
  readonly problem?: string;
  /** etcd's revision that the answer is of. */
  readonly revision: number;
  /** The last batch that came from the ledger; null when there is none, or it did not answer. */
  readonly ledger: { readonly batch: number } | null;
  readonly journal: { readonly batch: number };
}

/** Something that happened to a number. What does not apply is left out. */
export interface NumberEvent {
  readonly event: string;
  /** ISO 8601. */
  readonly at: string;
  /** Its place in the journal. */
  readonly position: string;
  readonly allocationId?: string;
  /** All numbers it happened to, when there are more. */
  readonly numbers?: NumberRange;
  readonly siteId?: string;
  readonly partitionId?: string;
  readonly invoiceType?: string;
  readonly clientId?: string;
  readonly reference?: string;
  readonly traceId?: string;
  readonly idempotencyKey?: string;
  readonly releasedTo?: 'pool' | 'void';
  readonly deadline?: string;
  readonly reason?: string;
  readonly actor?: string;
  readonly node: string;
  readonly revision: number;
}

/** The life of a number. */
export interface NumberLifeReply extends Reach {
  readonly number: number;
  readonly series: string;
  readonly state: {
    readonly status: 'issued' | 'reserved' | 'pooled' | 'void' | 'imported';
    readonly allocationId: string | null;
    readonly siteId: string | null;
    readonly partitionId: string | null;
    readonly invoiceType: string | null;
    readonly deadline?: string;
    readonly reason?: string | null;
  };
  /** In the order in which they happened. */
  readonly events: readonly NumberEvent[];
  /** For the next page of events. */
  readonly next: string | null;
  /** Whether the events end in the state; null when that cannot be told. */
  readonly consistent: boolean | null;
}

/** A row of the audit trail: a fact about numbers, or with `facts` above 1 a run of facts about one number each. */
export type AuditRow = Readonly<Record<string, string | number | null>> & {
  readonly first: number;
  readonly last: number;
};

/** A page of the audit trail. */
export interface AuditReply extends Reach {
  readonly series: string;
  readonly rows: readonly AuditRow[];
  /** The cursor of the next page. */
  readonly next: string | null;
}
