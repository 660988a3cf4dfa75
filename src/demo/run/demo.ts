import type { SeqdClient, Vocabulary } from '../../client/index.ts';
import type { DemoDescription } from '../demo-run.ts';
import type { HostCluster } from '../host/messages.ts';
import type { AnswerBook } from '../load/answer-book.ts';
import type { ClusterWatch } from './cluster-watch.ts';
import type { Disturber } from './disturber.ts';
import type { RunRecord, StepRecord } from './run-record.ts';

/** A demonstration. */
export interface Demo extends Omit<DemoDescription, 'unavailable'> {
  /** Why it cannot be run on this cluster; `null` when it can. */
  readonly obstacle: (cluster: HostCluster) => string | null;
  /**
   * What it does, step by step. Nothing is done yet. Putting back what was broken and the verification follow by
   * themselves.
   */
  readonly steps: (context: DemoContext) => readonly PlannedStep[];
}

/** A step that is going to be made. */
export interface PlannedStep {
  readonly title: string;
  /** @throws DemoFailure when what should be shown is not so; anything else when it cannot go on */
  readonly work: (step: StepRecord) => Promise<void>;
}

/** What a run works with. */
export interface DemoContext {
  readonly runId: string;
  /** `demo failover`: for the fields of requests that say where they come from. */
  readonly label: string;
  readonly parameters: Readonly<Record<string, number>>;
  readonly cluster: HostCluster;
  readonly watch: ClusterWatch;
  readonly disturber: Disturber;
  readonly record: RunRecord;
  /** Every number that a client is given must be noted here. */
  readonly book: AnswerBook;
  /** Of all nodes; follows the retry rule. */
  readonly client: SeqdClient;
  /** Aborted when the run is cancelled or takes too long. */
  readonly signal: AbortSignal;
  /** What requests may name; asked once. @throws SeqdClientError */
  readonly vocabulary: () => Promise<Vocabulary>;
  /** @throws when the run is cancelled */
  readonly sleep: (ms: number) => Promise<void>;
  /** Has something done when the steps are over, however they ended: last registered, first done. */
  readonly onEnd: (work: () => void | Promise<void>) => void;
}

/** What was to be shown is not so. The message is for people. */
export class DemoFailure extends Error {
  override readonly name = 'DemoFailure';
}
