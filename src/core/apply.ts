import { isLargeGap } from './adopt.ts';
import { Draft } from './draft.ts';
import { invariant } from './errors.ts';
import type {
  AdoptFact,
  Batch,
  BlockFact,
  ConfirmFact,
  EndReservationFact,
  Fact,
  ImportStart,
  IssueFact,
  JournalRecord,
  RaiseFact,
  ReleaseFact,
  ReleaseTarget,
  ReserveFact,
  RetireFact,
  VoidFact,
} from './facts.ts';
import type { Head, MutableHead } from './head.ts';
import { formatAllocationId, type Position } from './identifiers.ts';
import {
  addToPage,
  eachPageShare,
  holdNumbers,
  pageOf,
  type PageSet,
  pageStatus,
  removeFromPage,
  unholdNumber,
} from './page.ts';
import {
  addRange,
  type NumberRange,
  type RangeSet,
  rangesInclude,
  rangeSize,
  removeRange,
} from './ranges.ts';
import { drawCount } from './tally.ts';
import type { SeriesView } from './view.ts';

/**
 * The transition function: what one fact does to a series. The only code that changes a draft, used both
 * when a batch is planned and when another node's batch is read from the journal, so that they cannot differ.
 *
 * @throws SeqdError `invariant_violated` when the fact does not fit the state: the journal and the state
 *   disagree, and nothing may be issued from either
 */
export function applyFact(draft: Draft, record: JournalRecord): void {
  transition(draft, record.fact, record.position);
  draft.addRecord(record);
}

function transition(draft: Draft, fact: Fact, position: Position): void {
  switch (fact.kind) {
    case 'issue':
    case 'block':
      return applyIssue(draft, fact, position);
    case 'reserve':
      return applyReserve(draft, fact, position);
    case 'confirm':
      return applyConfirm(draft, fact);
    case 'cancel':
    case 'expire':
      return applyEndReservation(draft, fact);
    case 'release':
      return applyReturn(draft, fact, fact.to);
    case 'void':
      return applyReturn(draft, fact, 'void');
    case 'raise':
      return applyRaise(draft, fact);
    case 'adopt':
      return applyAdopt(draft, fact);
    case 'retire':
      return applyRetire(draft, fact);
  }
}

function applyIssue(draft: Draft, fact: IssueFact | BlockFact, position: Position): void {
  const suppressed = fact.kind === 'issue' ? fact.suppressed : undefined;
  if (suppressed !== undefined) {
    // Drawn and given back in one step: pooled numbers stay where they are, fresh ones go to the pool.
    takeFresh(draft, fact.fresh);
    if (fact.fresh !== null) put(draft, fact.fresh, suppressed.to === 'pool' ? 'pooled' : 'voided');
    if (suppressed.to === 'void') for (const range of fact.reused) move(draft, range, 'pooled', 'voided');
    return;
  }
  takeFresh(draft, fact.fresh);
  for (const range of fact.reused) {
    take(draft, range, 'pooled');
    hold(draft, range, position, fact);
  }
  draft.head.issued += drawCount(fact);
}

function applyReserve(draft: Draft, fact: ReserveFact, position: Position): void {
  takeFresh(draft, fact.fresh);
  if (fact.fresh !== null) put(draft, fact.fresh, 'reserved');
  for (const range of fact.reused) move(draft, range, 'pooled', 'reserved');
  const { owner, reused, fresh, deadline } = fact;
  draft.addReservation({ position, owner, reused, fresh, deadline });
}

function applyConfirm(draft: Draft, fact: ConfirmFact): void {
  if (fact.fresh !== null) take(draft, fact.fresh, 'reserved');
  for (const range of fact.reused) {
    take(draft, range, 'reserved');
    hold(draft, range, fact.reservation, fact);
  }
  draft.head.issued += drawCount(fact);
  endReservation(draft, fact.reservation);
}

function applyEndReservation(draft: Draft, fact: EndReservationFact): void {
  const target = fact.to === 'pool' ? 'pooled' : 'voided';
  if (fact.fresh !== null) move(draft, fact.fresh, 'reserved', target);
  for (const range of fact.reused) move(draft, range, 'reserved', target);
  endReservation(draft, fact.reservation);
}

function endReservation(draft: Draft, reservation: Position): void {
  const id = formatAllocationId(reservation);
  invariant(draft.reservation(id) !== undefined, 'a reservation that ends was open');
  draft.endReservation(id);
}

function applyReturn(draft: Draft, fact: ReleaseFact | VoidFact, to: ReleaseTarget): void {
  const { number } = fact;
  const range = { first: number, last: number };
  invariant(isIssued(draft, number), 'only an issued number is given back');
  unholdNumber(draft.editPage(pageOf(number)), number);
  put(draft, range, to === 'pool' ? 'pooled' : 'voided');
  draft.head.issued -= 1;
}

/** A number that is given back while it is pooled, reserved or void would be counted right, and be in two sets. */
function isIssued(draft: Draft, number: number): boolean {
  const { next, settings, skipped, importedRanges } = draft.head;
  if (number < settings.start || number >= next || rangesInclude(skipped, number)) return false;
  const status = pageStatus(draft.page(pageOf(number)), number);
  return status === 'reissued' || (status === undefined && !rangesInclude(importedRanges, number));
}

function applyRaise(draft: Draft, fact: RaiseFact): void {
  const { head } = draft;
  const { imported } = fact;
  invariant(fact.next > head.next, 'a counter is only raised');
  // Up to here nothing is said of the numbers but that they are skipped.
  const used = imported?.first ?? fact.next;
  invariant(used >= head.next && used <= fact.next, 'an import lies between the counter before and after');
  if (fact.skipped === null) {
    // An empty series has nothing to document: it simply starts later.
    if (used !== head.next) {
      invariant(head.next === head.settings.start, 'only an empty series moves its start');
      head.settings = { ...head.settings, start: used };
    }
  } else {
    const { first, last } = fact.skipped;
    invariant(first === head.next && last === used - 1, 'a raise skips from the next number on');
    head.skipped = withRange(head.skipped, fact.skipped);
    head.voided += rangeSize(fact.skipped);
  }
  head.next = fact.next;
  if (imported !== undefined) openImport(draft, imported, fact.next - 1);
}

function openImport({ head }: Draft, { first, source, gapsTo }: ImportStart, last: number): void {
  invariant(head.openImport === null, 'one import ends before the next begins');
  head.importedRanges = withRange(head.importedRanges, { first, last });
  head.imported += last - first + 1;
  head.openImport = { first, last, source, gapsTo };
}

function applyAdopt(draft: Draft, fact: AdoptFact): void {
  const { head } = draft;
  const open = head.openImport;
  invariant(open !== null && open.source === fact.source, 'gaps belong to the import that is open');
  invariant(open.first === fact.first && fact.last <= open.last, 'the gaps of an import are said in order');
  for (const gap of fact.gaps) {
    invariant(gap.first >= fact.first && gap.last <= fact.last, 'a gap lies in the numbers it is said of');
    head.imported -= rangeSize(gap);
    if (isLargeGap(gap)) {
      invariant(fact.to === 'void', 'a large gap is void');
      const ranges = [...head.importedRanges];
      removeRange(ranges, gap);
      head.importedRanges = ranges;
      head.skipped = withRange(head.skipped, gap);
      head.voided += rangeSize(gap);
    } else {
      put(draft, gap, fact.to === 'pool' ? 'pooled' : 'voided');
    }
  }
  head.openImport = fact.last === open.last ? null : { ...open, first: fact.last + 1 };
}

function applyRetire(draft: Draft, { ranges }: RetireFact): void {
  const { head } = draft;
  for (const range of ranges) move(draft, range, 'pooled', 'voided');
  // What was lost may have said more gaps, and drawn them.
  if (head.openImport !== null) head.openImport = { ...head.openImport, gapsTo: 'void' };
}

function withRange(set: RangeSet, range: NumberRange): RangeSet {
  const ranges = [...set];
  addRange(ranges, range);
  return ranges;
}

function takeFresh(draft: Draft, range: NumberRange | null): void {
  if (range === null) return;
  invariant(range.first === draft.head.next, `fresh numbers start at ${draft.head.next}, not ${range.first}`);
  draft.head.next = range.last + 1;
}

const HEAD_COUNT = {
  pooled: 'pooled',
  reserved: 'reserved',
  voided: 'voided',
} as const satisfies Record<PageSet, keyof MutableHead>;

function put(draft: Draft, range: NumberRange, set: PageSet): void {
  eachPageShare(range, (id, share) => addToPage(draft.editPage(id), set, share));
  draft.head[HEAD_COUNT[set]] += rangeSize(range);
}

function take(draft: Draft, range: NumberRange, set: PageSet): void {
  eachPageShare(range, (id, share) => removeFromPage(draft.editPage(id), set, share));
  draft.head[HEAD_COUNT[set]] -= rangeSize(range);
}

function move(draft: Draft, range: NumberRange, from: PageSet, to: PageSet): void {
  take(draft, range, from);
  put(draft, range, to);
}

function hold(
  draft: Draft,
  range: NumberRange,
  allocation: Position,
  fact: IssueFact | BlockFact | ConfirmFact,
): void {
  const { owner } = fact;
  // Written out, because of `{ ...share, … }` V8 makes objects that are several times slower, to make and in each encoding.
  eachPageShare(range, (id, { first, last }) =>
    holdNumbers(draft.editPage(id), { first, last, allocation, owner }),
  );
}

/** Checks G2's arithmetic on a head: every number below `next` is in exactly one of the five counts. */
export function assertBalanced(head: Head): void {
  const counted = head.issued + head.reserved + head.pooled + head.voided + head.imported;
  const drawn = head.next - head.settings.start;
  invariant(counted === drawn, `${counted} numbers are counted, ${drawn} were drawn`);
}

/**
 * Applies a batch that another node committed.
 *
 * @param digest SHA-256 of a text, in lower-case hex
 * @param text the batch as stored
 * @throws SeqdError `invariant_violated` when it does not follow the view's head
 */
export function applyBatch(view: SeriesView, batch: Batch, text: string, digest: Digest): Draft {
  const { head } = view;
  invariant(batch.sequence === head.sequence + 1, `batch ${batch.sequence} does not follow ${head.sequence}`);
  invariant(batch.previous === head.chain, `batch ${batch.sequence} does not continue the chain`);
  const draft = new Draft(view);
  for (const [index, fact] of batch.facts.entries()) {
    const position = { sequence: batch.sequence, index };
    applyFact(draft, { fact, position, time: batch.time, revision: 0 });
  }
  finishDraft(draft, batch, digest(text));
  return draft;
}

/** Moves the draft's head past the batch; the counts must balance. */
export function finishDraft(draft: Draft, batch: Batch, chain: string): void {
  draft.head.sequence = batch.sequence;
  draft.head.time = batch.time;
  draft.head.chain = chain;
  assertBalanced(draft.head);
  draft.seal();
}

/** SHA-256 of a UTF-8 text in lower-case hex; given in, because the core does no I/O and imports nothing. */
export type Digest = (text: string) => string;
