import type { SeriesId } from '../core/identifiers.ts';
import type { LeadershipGuard, LeadershipTransfer } from './sequence-store.ts';

/** A seqd process as the others see it. */
export interface NodeInfo {
  /** The configured name; stays the same over restarts. */
  readonly id: string;
  /** Unique to this process. */
  readonly instance: string;
  readonly site: string;
  readonly partition: string;
  /** Where it serves HTTP. */
  readonly url: string;
  /** What a peer must show to forward requests to it; only who can read the store can know it. */
  readonly peerToken: string;
  /** The lease its registration lives under; whoever leads can hand leadership to it. */
  readonly lease: string;
  readonly version: string;
  /** Unix milliseconds. */
  readonly startedAt: number;
}

/** The node preferred for committing a series. */
export interface Leader {
  /** `undefined` while the leader's registration is not (yet, or any more) known. */
  readonly node: NodeInfo | undefined;
  readonly nodeId: string;
  readonly instance: string;
  /** Rises with every change of leader. */
  readonly epoch: number;
  /** For use in transactions by the leader itself. */
  readonly guard: LeadershipGuard;
}

/**
 * Stands for a series in an election of its own: of the process that writes the series' journal to the ledger. To be used with the
 * methods of {@link Coordination} only; no series has this name, for names have no slashes.
 */
export function projectorElection({ tenant, series, period }: SeriesId): SeriesId {
  return { tenant, series: `${series}/${period}/projector`, period };
}

/**
 * Who is there, who leads, and what time it is. Who leads is advice: what is read here may be out of date, and no
 * decision that matters for correctness rests on it, only on the guard inside a transaction.
 */
export interface Coordination {
  readonly self: NodeInfo;
  /** Registers this node and learns of the others; may be called again if it failed. @throws SeqdError `unavailable` */
  start(): Promise<void>;
  /** Nodes registered as of the last look, by id. */
  nodes(): readonly NodeInfo[];
  leader(series: SeriesId): Leader | undefined;
  /** Whether this process leads the series, as far as it can know: the key stands and the lease is fresh. */
  leads(series: SeriesId): boolean;
  /**
   * Tries to become leader. With `insteadOf`, replaces that leader, which the caller could not reach;
   * otherwise succeeds only if there is none. Never rejects.
   */
  campaign(series: SeriesId, insteadOf?: Leader): Promise<boolean>;
  /**
   * The time to stamp on a batch, Unix milliseconds: this node's wall clock, held within a tolerance of the lower
   * median of all registered nodes' clocks (ADR 009). So no single clock that is far off can empty the retry windows
   * or end reservations early.
   *
   * Of two nodes the clock that is behind counts. A node without others has nothing to hold its clock against: it
   * is believed, and after a jump it is believed again from the next look on.
   */
  timeMs(): number;
  /**
   * What makes another live node the leader, for use in a transaction; `undefined` when there is none that serves the
   * series, as far as is known.
   */
  successor(series: SeriesId): LeadershipTransfer | undefined;
  /** Hands leadership over to {@link successor} in a step of its own. Never rejects. */
  handOver(series: SeriesId): Promise<void>;
  /** Gives the election up to nobody, if this process holds it: whoever campaigns next gets it. Never rejects. */
  resign(series: SeriesId): Promise<void>;
  /**
   * This process serves the series no more, for good: makes that known, so that nobody hands leadership to it, and if it leads
   * hands over to {@link successor}, or, when there is none, leaves the series without a leader. It must not campaign
   * afterwards. May come to nothing, so to be repeated while it leads. Never rejects.
   */
  withdraw(series: SeriesId): Promise<void>;
  /** Looks again now, because what was known proved wrong. Never rejects. */
  refresh(): Promise<void>;
  /** Whether the last contact with the store was a success. */
  readonly connected: boolean;
  /** Gives up leadership and registration. */
  close(): Promise<void>;
}
