import { isLargeGap } from './adopt.ts';
import { applyFact, type Digest, finishDraft } from './apply.ts';
import { encodeBatch } from './batch-codec.ts';
import { decide } from './decide.ts';
import { Draft } from './draft.ts';
import type { Batch, Fact, JournalRecord } from './facts.ts';
import { ownerKey } from './identifiers.ts';
import { eachPageShare, PAGE_HOLDING_BYTES, PAGE_RANGE_BYTES, pageBytes } from './page.ts';
import type { NumberRange } from './ranges.ts';
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
  /** Bytes a commit of several facts may write, besides head, tally and the frame of the entry. */
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
 * Takes at least one request, and stops before a request that might make the commit too large: too many records, or too
 * many bytes.
 *
 * The first fact of a batch is taken whatever it costs, because it fits into etcd's request on its own. The largest is the
 * reservation of numbers that are all apart: a draw stops after `DRAW_PAGES_MAX` = 16 pages, of 1,024 / 2 = 512 such
 * numbers each, so it has 8,192 ranges of at most 34 bytes (twice 16 digits and a comma):
 *
 * - 8,192 × 34 = 278,528 bytes in the journal entry, and the same again in the reservation's record;
 * - 16 pages in which the other 512 numbers were all reissued one by one: 16 × 512 × (40 + 10) = 409,600 bytes;
 * - 100,000 numbers, the most a client may ask for, touch at most 91 pages more for what is fresh: with the 16, 107 × 200
 *   = 21,400 bytes.
 *
 * Together 988,056 of 1,572,864 bytes (1.5 MiB); 584,808 are left for texts, names, head and tally. Confirming it writes
 * the ranges once, and 40 bytes for each number of a page: 278,528 + 16 × 1,024 × 40 + 21,400 = 955,288.
 */
export function plan(view: SeriesView, requests: readonly Request[], context: PlanContext): PlanResult {
  const draft = new Draft(view);
  const sequence = view.head.sequence + 1;
  const time = Math.max(context.now, view.head.time);
  const facts: Fact[] = [];
  const outcomes: Outcome[] = [];
  let records = 0;
  let bytes = 0;
  for (const request of requests) {
    // Deciding changes nothing, so a decision that does not fit can be dropped, and what fits is known exactly.
    const decision = decide(draft, request, time);
    if (decision.status !== 'accepted') {
      outcomes.push(decision);
      continue;
    }
    const cost = costOf(draft, decision.fact);
    records += cost.records;
    bytes += cost.bytes;
    if (facts.length > 0 && (records > context.recordsMax || bytes > context.bytesMax)) break;
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
    serial: context.serial,
    next: view.head.next,
    facts,
  };
  const text = encodeBatch(batch);
  finishDraft(draft, batch, context.digest(text));
  return { plan: { batch, text, draft }, outcomes };
}

/** What a fact adds to the commit of a draft, at most. */
interface Cost {
  /** Pages and reservations that the draft does not touch yet. */
  readonly records: number;
  /** Of the journal entry, and of pages and reservations with their keys. */
  readonly bytes: number;
}

/** A page's key, with all that stands before it in the store, and the page with nothing in it. */
const PAGE_RECORD_BYTES = 200;
/** The same of a reservation, with all its fields but names and reused ranges. */
const RESERVATION_RECORD_BYTES = 400;
/** A fact without texts, names and reused ranges: field names, numbers, brackets. */
const FACT_BYTES = 200;
/** A character takes up to six bytes in JSON (`\u0000`). */
const CHARACTER_BYTES_MAX = 6;

function costOf(draft: Draft, fact: Fact): Cost {
  const owner = 'owner' in fact ? ownerKey(fact.owner).length + 3 : 0;
  const ranges = rangesBytes(listedRanges(fact));
  const pages = pagesCost(draft, fact, owner);
  let { records } = pages;
  let bytes = FACT_BYTES + textBytes(fact) + owner + ranges + pages.bytes;
  if (fact.kind === 'reserve') {
    records += 1;
    bytes += RESERVATION_RECORD_BYTES + owner + ranges;
  } else if ('reservation' in fact) {
    records += 1;
    bytes += RESERVATION_RECORD_BYTES;
  }
  return { records, bytes };
}

/** Ranges that the fact's journal entry lists. */
function listedRanges(fact: Fact): readonly NumberRange[] {
  if ('reused' in fact) return fact.reused;
  if ('gaps' in fact) return fact.gaps;
  return 'ranges' in fact ? fact.ranges : [];
}

/** Ascending ranges written flat: no number has more digits than the last. */
function rangesBytes(ranges: readonly NumberRange[]): number {
  const last = ranges.at(-1);
  return last === undefined ? 0 : ranges.length * 2 * (String(last.last).length + 1);
}

function textBytes(fact: Fact): number {
  const { key, fingerprint, client, trace, reference, ingress } = fact;
  let characters = 0;
  for (const text of [key, fingerprint, client, trace, reference]) characters += text?.length ?? 0;
  if ('reason' in fact) characters += fact.reason.length;
  if ('actor' in fact) characters += fact.actor.length;
  if ('source' in fact) characters += fact.source.length;
  if ('imported' in fact) characters += fact.imported?.source.length ?? 0;
  if ('suppressed' in fact) characters += fact.suppressed?.reason.length ?? 0;
  // Owners and ingress ids are plain names, which JSON leaves as they are.
  return characters * CHARACTER_BYTES_MAX + (ingress === undefined ? 0 : ingress.length + 3);
}

/** The pages a fact changes: whole when the draft has not touched them before, because then they are written anew. */
function pagesCost(draft: Draft, fact: Fact, ownerBytes: number): Cost {
  let records = 0;
  let bytes = 0;
  let previous = -1;
  const changeBytes = pageChangeBytes(fact);
  for (const range of rangesInPages(fact)) {
    eachPageShare(range, id => {
      bytes += changeBytes;
      // Ranges ascend, so those of one page come together.
      if (id === previous) return;
      previous = id;
      bytes += ownerBytes;
      if (draft.pages.has(id)) return;
      records += 1;
      bytes += PAGE_RECORD_BYTES + pageBytes(draft.page(id));
    });
  }
  return { records, bytes };
}

/** What a range moved within a page adds: itself where it goes, and a second half of the range or holding it is cut out of. */
function pageChangeBytes(fact: Fact): number {
  switch (fact.kind) {
    case 'issue':
    case 'block':
    case 'confirm':
    case 'release':
    case 'void':
      return PAGE_HOLDING_BYTES + PAGE_RANGE_BYTES;
    case 'reserve':
    case 'cancel':
    case 'expire':
    case 'raise':
    case 'adopt':
    case 'retire':
      return 2 * PAGE_RANGE_BYTES;
  }
}

/** The numbers that pages speak of after a fact or spoke of before, ascending; plainly issued ones stand in none. */
function rangesInPages(fact: Fact): readonly NumberRange[] {
  switch (fact.kind) {
    case 'block':
      return fact.reused;
    case 'issue':
      return fact.suppressed === undefined ? fact.reused : withFresh(fact);
    case 'reserve':
    case 'confirm':
    case 'cancel':
    case 'expire':
      return withFresh(fact);
    case 'release':
    case 'void':
      return [{ first: fact.number, last: fact.number }];
    case 'raise':
      return [];
    case 'adopt':
      return fact.gaps.filter(gap => !isLargeGap(gap));
    case 'retire':
      return fact.ranges;
  }
}

function withFresh(fact: {
  fresh: NumberRange | null;
  reused: readonly NumberRange[];
}): readonly NumberRange[] {
  return fact.fresh === null ? fact.reused : [...fact.reused, fact.fresh];
}
