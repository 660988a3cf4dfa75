import type { Fact } from '../../core/facts.ts';
import type { SeriesId } from '../../core/identifiers.ts';
import { drawCount } from '../../core/tally.ts';
import type { CommittedBatch, SequencerObserver } from '../../sequencer/observer.ts';
import type { AnswerListener } from '../http/request-context.ts';
import { LatencyHistogram } from './latency-histogram.ts';
import type { NumberEvent } from './live-protocol.ts';
import { numberEventOf } from './number-event.ts';

/** What one node did in a stretch of time; of all nodes together it is what the cluster did. */
export interface NodeSample {
  /** Its end, Unix milliseconds by the node's clock, a multiple of 100. */
  readonly t: number;
  /** Its length, a multiple of 100. */
  readonly spanMs: number;
  /** Draws and releases answered. */
  readonly requests: number;
  /** Of them, with 429 or 5xx: those that were not carried out. */
  readonly errors: number;
  /** Drawn, in batches that this node committed. */
  readonly numbers: number;
  readonly batches: number;
  readonly facts: number;
  /** As {@link LatencyHistogram.encode} makes it. */
  readonly latency: readonly number[];
}

/** What {@link NodeSampler.take} gives: a sample, and the newest facts of the same time. */
export interface NodeActivity {
  readonly sample: NodeSample;
  /** Oldest first, at most {@link EVENTS_MAX}. */
  readonly events: readonly NumberEvent[];
  readonly eventsSkipped: number;
}

/** Of each sample. Nobody reads more than so many a tenth of a second. */
export const EVENTS_MAX = 8;
/** The newest batches are enough for that many facts. */
const BATCHES_MAX = EVENTS_MAX;

/**
 * Counts what this node does. It is called on the way of every request and commit, so it only adds up there; what takes longer is
 * done by {@link take}.
 */
export class NodeSampler implements AnswerListener, Pick<SequencerObserver, 'batchCommitted'> {
  private requests = 0;
  private errors = 0;
  private numbers = 0;
  private batches = 0;
  private facts = 0;
  private readonly latency = new LatencyHistogram();
  /** A ring. */
  private readonly newest: { readonly series: SeriesId; readonly committed: CommittedBatch }[] = [];

  requestAnswered(status: number, ms: number): void {
    this.requests += 1;
    if (status >= 500 || status === 429) this.errors += 1;
    this.latency.record(ms);
  }

  batchCommitted(series: SeriesId, committed: CommittedBatch): void {
    const { facts } = committed.batch;
    this.newest[this.batches % BATCHES_MAX] = { series, committed };
    this.batches += 1;
    this.facts += facts.length;
    for (const fact of facts) this.numbers += drawn(fact);
  }

  /** What was done since the last call. */
  take(t: number, spanMs: number): NodeActivity {
    const { requests, errors, numbers, batches, facts } = this;
    const events = this.takeEvents();
    const latency = this.latency.encode();
    this.latency.clear();
    this.requests = this.errors = this.numbers = this.batches = this.facts = 0;
    return {
      sample: { t, spanMs, requests, errors, numbers, batches, facts, latency },
      events,
      eventsSkipped: facts - events.length,
    };
  }

  private takeEvents(): NumberEvent[] {
    const events: NumberEvent[] = [];
    for (let back = 1; back <= Math.min(this.batches, BATCHES_MAX) && events.length < EVENTS_MAX; back += 1) {
      const { series, committed } = this.newest[(this.batches - back) % BATCHES_MAX]!;
      for (let i = committed.batch.facts.length - 1; i >= 0 && events.length < EVENTS_MAX; i -= 1) {
        events.push(numberEventOf(committed, i, series));
      }
    }
    this.newest.length = 0;
    return events.toReversed();
  }
}

/** As tallies count: a reservation draws nothing until it is confirmed. */
function drawn(fact: Fact): number {
  return fact.kind === 'issue' || fact.kind === 'block' || fact.kind === 'confirm' ? drawCount(fact) : 0;
}
