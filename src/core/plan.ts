import { applyFact, type Digest, finishDraft } from './apply.ts';
import { encodeBatch } from './batch-codec.ts';
import { decide, DRAW_PAGES_MAX } from './decide.ts';
import { Draft } from './draft.ts';
import type { Batch, Fact, JournalRecord } from './facts.ts';
import { formatAllocationId } from './identifiers.ts';
import { PAGE_SIZE } from './page.ts';
import { rangeSize } from './ranges.ts';
import type { Outcome, Request } from './requests.ts';
import type { SeriesView } from './view.ts';

/** What the plan needs from outside; the state machine has no clock and no identity. */
export interface PlanContext {
  /** Unix milliseconds. */
  readonly now: number;
  /** This node process, unique over restarts. */
  readonly node: string;
  /** Must never be given twice by the same process. */
  readonly serial: number;
  readonly digest: Digest;
  /** Stored records one commit may touch besides head and journal entry: etcd allows 128 operations. */
  readonly recordsMax: number;
  /** Bytes one commit may write, roughly: etcd allows 1.5 MiB. */
  readonly bytesMax: number;
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
  let factBytes = 0;
  for (const request of requests) {
    if (outcomes.length > 0) {
      if (draft.recordsTouched + recordsTouchedMax(draft, request) > context.recordsMax) break;
      if (factBytes + requestBytesMax(request) + draft.pageBytes > context.bytesMax) break;
    }
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
    factBytes += requestBytesMax(request);
    outcomes.push({ status: 'done', record, replayed: false });
  }
  if (facts.length === 0) return { plan: null, outcomes };
  const batch: Batch = {
    sequence,
    previous: view.head.chain,
    time,
    node: context.node,
    serial: context.serial,
    next: view.head.next,
    facts,
  };
  const text = encodeBatch(batch);
  finishDraft(draft, batch, context.digest(text));
  return { plan: { batch, text, draft }, outcomes };
}

/** A bound on the pages and reservations a request can touch: numbers in the pool may all be apart. */
function recordsTouchedMax(view: SeriesView, request: Request): number {
  const { command } = request;
  switch (command.kind) {
    case 'block':
      return 0;
    case 'issue':
    case 'reserve': {
      const marked = command.kind === 'reserve' || command.suppress !== undefined;
      // What is drawn fresh is only noted in pages when it is not plainly issued.
      const freshPages = marked ? Math.ceil(command.count / PAGE_SIZE) + 1 : 0;
      return 1 + Math.min(command.count, DRAW_PAGES_MAX) + freshPages;
    }
    case 'confirm':
    case 'cancel':
    case 'expire': {
      const reservation = view.reservation(formatAllocationId(command.reservation));
      if (reservation === undefined) return 0;
      const fresh = reservation.fresh === null ? 0 : Math.ceil(rangeSize(reservation.fresh) / PAGE_SIZE) + 1;
      return 1 + reservation.reused.length + fresh;
    }
    case 'release':
    case 'void':
      return 1;
    case 'raise':
      return 0;
  }
}

/** Bytes of a fact without any text in it, with plenty of room. */
const FACT_BYTES = 200;
/** A character takes up to six bytes in JSON (`\\u0000`). */
const CHARACTER_BYTES_MAX = 6;

/** A bound on what a request adds to the journal entry. */
function requestBytesMax({ command, origin }: Request): number {
  let characters = 0;
  for (const text of [origin.key, origin.client, origin.trace, origin.reference])
    characters += text?.length ?? 0;
  if ('reason' in command) characters += command.reason.length;
  return FACT_BYTES + characters * CHARACTER_BYTES_MAX;
}
