import type { Batch, DrawingFact, EndReservationFact, Fact, RaiseFact } from '../core/facts.ts';
import { type Owner, type Position, sameOwner, samePosition } from '../core/identifiers.ts';
import { pageOf, PAGE_SIZE } from '../core/page.ts';
import type { NumberRange } from '../core/ranges.ts';
import type { JournalEntry } from '../core/records.ts';
import type { BatchRow, FactRow } from '../ports/ledger-rows.ts';

/** Longer texts are cut in the columns, or an index could not take them; `body` has them whole. */
const TEXT_LENGTH_MAX = 600;

/** The batch's row. @param chain hash of the entry's text */
export function batchRowOf({ batch, text, revision }: JournalEntry, chain: string): BatchRow {
  const { sequence, time, next, facts } = batch;
  return {
    sequence,
    time,
    revision,
    node: columnText(batch.node)!,
    next,
    chain,
    facts: facts.length,
    body: text,
  };
}

/**
 * The batch's facts as rows, in order. Runs of consecutive one-number draws that differ in nothing else become one row; a
 * range that was drawn before is cut where pages end. A raise that says nothing of any number has no row, nor has the
 * report that an import has no gaps.
 */
export function factRowsOf(batch: Batch): FactRow[] {
  const rows: MutableRow[] = [];
  for (const [index, fact] of batch.facts.entries()) {
    const before = rows.at(-1);
    if (before !== undefined && continues(before, fact, index)) {
      before.facts += 1;
      before.last += 1;
    } else {
      addRows(rows, batch, index);
    }
  }
  return rows;
}

/** The counter's next number after a batch. */
export function nextAfter(batch: Batch): number {
  return batch.facts.reduce((next, fact) => {
    if (fact.kind === 'raise') return fact.next;
    return draws(fact) && fact.fresh !== null ? fact.fresh.last + 1 : next;
  }, batch.next);
}

/** The columns in which a row read back differs from the one expected there, in the order of {@link FactRow}. */
export function differingColumns(expected: FactRow, stored: FactRow): string[];
export function differingColumns(expected: BatchRow, stored: BatchRow): string[];
export function differingColumns(expected: FactRow | BatchRow, stored: FactRow | BatchRow): string[] {
  const found = stored as unknown as Record<string, unknown>;
  return Object.entries(expected).flatMap(([column, value]) => (same(value, found[column]) ? [] : [column]));
}

/**
 * A text as a column holds it: what PostgreSQL cannot store (a NUL, half a surrogate pair) becomes U+FFFD, and
 * what is too long is cut.
 */
export function columnText(text: string | undefined): string | null {
  if (text === undefined) return null;
  const storable = replaceUnstorable(text);
  return storable.length > TEXT_LENGTH_MAX ? replaceUnstorable(storable.slice(0, TEXT_LENGTH_MAX)) : storable;
}

/** With the flag `u` only half a pair counts as a surrogate. */
function replaceUnstorable(text: string): string {
  return text.replaceAll(/\0|\p{Surrogate}/gu, '\uFFFD');
}

type MutableRow = { -readonly [Column in keyof FactRow]: FactRow[Column] };

/** Adds a row for each range of numbers that a fact is about. */
function addRows(rows: MutableRow[], batch: Batch, index: number): void {
  const fact = batch.facts[index]!;
  for (const [part, { first, last, fresh, kind }] of rangesOf(fact).entries()) {
    // Written out: there is one for each number that comes with a key, and copying from another object takes longer
    // than all the rest.
    rows.push({
      sequence: batch.sequence,
      index,
      part,
      time: batch.time,
      kind: kind ?? fact.kind,
      facts: 1,
      first,
      last,
      fresh,
      owner: 'owner' in fact ? fact.owner : null,
      target: targetOf(fact),
      allocation: allocationOf(fact),
      deadline: fact.kind === 'reserve' ? fact.deadline : null,
      client: columnText(fact.client),
      trace: columnText(fact.trace),
      reference: columnText(fact.reference),
      key: columnText(fact.key),
      reason: columnText(reasonOf(fact)),
      actor: 'actor' in fact ? columnText(fact.actor) : null,
    });
  }
}

/** A range as a row has it; `kind` where it is not the fact's. */
type RowRange = NumberRange & { readonly fresh: boolean; readonly kind?: 'import' };

function rangesOf(fact: Fact): RowRange[] {
  switch (fact.kind) {
    case 'release':
    case 'void':
      return [rangeOf(fact.number, fact.number, false)];
    case 'raise':
      return raisedRanges(fact);
    case 'adopt':
      return fact.gaps.map(({ first, last }) => rangeOf(first, last, false));
    case 'retire':
      return fact.ranges.flatMap(splitAtPages);
    default: {
      const ranges = fact.reused.flatMap(splitAtPages);
      if (fact.fresh !== null && draws(fact)) ranges.push(rangeOf(fact.fresh.first, fact.fresh.last, true));
      else if (fact.fresh !== null) ranges.push(...splitAtPages(fact.fresh));
      return ranges;
    }
  }
}

/** The numbers skipped, which are void, then those that an older numbering has used. */
function raisedRanges({ skipped, imported, next }: RaiseFact): RowRange[] {
  const ranges: RowRange[] = [];
  if (skipped !== null) ranges.push(rangeOf(skipped.first, skipped.last, true));
  if (imported !== undefined) ranges.push({ ...rangeOf(imported.first, next - 1, true), kind: 'import' });
  return ranges;
}

function rangeOf(first: number, last: number, fresh: boolean): RowRange {
  return { first, last, fresh };
}

/** Whether the fact takes its fresh numbers from the counter; those that end a reservation speak of numbers drawn before. */
function draws(fact: Fact): fact is Exclude<DrawingFact, { kind: 'confirm' }> {
  return fact.kind === 'issue' || fact.kind === 'block' || fact.kind === 'reserve';
}

function targetOf(fact: Fact): FactRow['target'] {
  if (fact.kind === 'issue') return fact.suppressed?.to ?? null;
  if (fact.kind === 'retire') return 'void';
  return fact.kind === 'release' || fact.kind === 'adopt' || endsReservation(fact) ? fact.to : null;
}

function allocationOf(fact: Fact): Position | null {
  if (fact.kind === 'release' || fact.kind === 'void') return fact.allocation;
  return fact.kind === 'confirm' || endsReservation(fact) ? fact.reservation : null;
}

function reasonOf(fact: Fact): string | undefined {
  if (fact.kind === 'issue') return fact.suppressed?.reason;
  return 'reason' in fact ? fact.reason : undefined;
}

function endsReservation(fact: Fact): fact is EndReservationFact {
  return fact.kind === 'cancel' || fact.kind === 'expire';
}

/** Whether a fact makes the run that a row stands for longer. */
function continues(row: FactRow, fact: Fact, index: number): boolean {
  return (
    fact.kind === 'issue' &&
    fact.fresh !== null &&
    fact.fresh.first === fact.fresh.last &&
    fact.reused.length === 0 &&
    fact.suppressed === undefined &&
    fact.key === undefined &&
    row.kind === 'issue' &&
    row.fresh &&
    row.part === 0 &&
    row.target === null &&
    row.key === null &&
    row.index + row.facts === index &&
    row.last - row.first + 1 === row.facts &&
    row.last + 1 === fact.fresh.first &&
    sameOwner(row.owner!, fact.owner) &&
    row.client === columnText(fact.client) &&
    row.trace === columnText(fact.trace) &&
    row.reference === columnText(fact.reference)
  );
}

function splitAtPages({ first, last }: NumberRange): RowRange[] {
  const ranges: RowRange[] = [];
  for (let from = first; from <= last;) {
    const to = Math.min(last, (pageOf(from) + 1) * PAGE_SIZE - 1);
    ranges.push(rangeOf(from, to, false));
    from = to + 1;
  }
  return ranges;
}

function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if ('site' in a) return 'site' in b && sameOwner(a as Owner, b as Owner);
  return 'sequence' in b && samePosition(a as Position, b as Position);
}
