import { applyFact, type Digest, finishDraft } from './apply.ts';
import { encodeBatch } from './batch-codec.ts';
import { decide, DRAW_PAGES_MAX } from './decide.ts';
import { Draft } from './draft.ts';
import type { Batch, Fact, JournalRecord } from './facts.ts';
import type { Outcome, Request } from './requests.ts';
import type { SeriesView } from './view.ts';

/** What the plan needs from outside; the state machine has no clock and no identity. */
export interface PlanContext {
  /** Unix milliseconds. */
  readonly now: number;
  /** This node process, unique over restarts. */
  readonly node: string;
  readonly digest: Digest;
  /** Stored records one commit may touch besides head and journal entry: etcd allows 128 operations. */
  readonly recordsMax: number;
}

/** A batch to commit. */
export interface Plan {
  readonly batch: Batch;
  /** The batch as it will be stored. */
  readonly text: string;
  /** What the series becomes once the batch is committed. */
  readonly draft: Draft;
}

/** The plan for the first `outcomes.length` of the given requests. */
export interface PlanResult {
  /** `null` when no request changes anything. */
  readonly plan: Plan | null;
  /** One for each request taken, in order; the rest did not fit and must be planned again. */
  readonly outcomes: readonly Outcome[];
}

/**
 * Decides what becomes of requests, in their order, on top of a view. Pure: the same view, requests and
 * context give the same result, and the view is left as it is.
 *
 * Takes at least one request, and stops before a request that might make the commit touch too many records.
 */
export function plan(view: SeriesView, requests: readonly Request[], context: PlanContext): PlanResult {
  const draft = new Draft(view);
  const sequence = view.head.sequence + 1;
  const time = Math.max(context.now, view.head.time);
  const facts: Fact[] = [];
  const outcomes: Outcome[] = [];
  for (const request of requests) {
    if (outcomes.length > 0 && draft.recordsTouched + recordsTouchedMax(request) > context.recordsMax) break;
    const decision = decide(draft, request, time);
    if (decision.status !== 'accepted') {
      outcomes.push(decision);
      continue;
    }
    const record: JournalRecord = {
      fact: decision.fact,
      position: { sequence, index: facts.length },
      time,
      revision: 0,
    };
    applyFact(draft, record);
    facts.push(decision.fact);
    outcomes.push({ status: 'done', record, replayed: false });
  }
  if (facts.length === 0) return { plan: null, outcomes };
  const batch: Batch = {
    sequence,
    previous: view.head.chain,
    time,
    node: context.node,
    next: view.head.next,
    facts,
  };
  const text = encodeBatch(batch);
  finishDraft(draft, batch, context.digest(text));
  return { plan: { batch, text, draft }, outcomes };
}

/** A bound on the pages and reservations a request can touch: numbers in the pool may all be apart. */
function recordsTouchedMax(request: Request): number {
  const { command } = request;
  switch (command.kind) {
    case 'issue':
    case 'block':
    case 'reserve':
      return 2 + Math.min(command.count, DRAW_PAGES_MAX);
    default:
      return 2;
  }
}
