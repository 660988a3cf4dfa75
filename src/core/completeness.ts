import type { Digest } from './apply.ts';
import type { AdoptFact, Batch, Fact, RaiseFact } from './facts.ts';
import { GENESIS_CHAIN, type Head } from './head.ts';
import { formatAllocationId, type Position, samePosition } from './identifiers.ts';
import { type Page, pageOf } from './page.ts';
import { type NumberRange, RangeMap, rangeSize, type Run } from './ranges.ts';
import type { JournalEntry } from './records.ts';
import type { Reservation } from './view.ts';

/** Everything stored of a series, read at one revision. */
export interface SeriesSnapshot {
  readonly revision: number;
  readonly head: Head;
  readonly pages: ReadonlyMap<number, Page>;
  readonly reservations: readonly Reservation[];
  /** The first batch that pruning has left; 1 when nothing was pruned. */
  readonly journalFirst: number;
}

/** What the completeness check counted and found. */
export interface CompletenessReport {
  /** Nothing is missing, twice, or contradictory. */
  readonly complete: boolean;
  readonly revision: number;
  readonly start: number;
  readonly next: number;
  /** Numbers drawn so far, `next − start`. */
  readonly numbers: number;
  readonly issued: number;
  readonly reserved: number;
  readonly pooled: number;
  readonly void: number;
  /** Numbers that the numbering before seqd has used. */
  readonly imported: number;
  /** Imported numbers of which it is not yet said whether they were gaps; `null` unless an import is under way. */
  readonly openImport: NumberRange | null;
  /** Runs of numbers below `next` that nothing accounts for. */
  readonly holes: readonly NumberRange[];
  /** Numbers in those runs. */
  readonly missing: number;
  /**
   * Numbers that were given to a second document while the first still had them; at most {@link DUPLICATES_MAX}, how many
   * more is said among the problems.
   */
  readonly duplicates: readonly number[];
  /** Everything else that does not fit, one sentence each; at most {@link PROBLEMS_MAX}. */
  readonly problems: readonly string[];
  /** Of all numbers, those that the journal no longer speaks of: for them the stored state is the only witness. */
  readonly witnessedByStateOnly: number;
  /** The journal is complete from this batch on. */
  readonly journalFirst: number;
  /** Batches replayed. */
  readonly batches: number;
  readonly facts: number;
  /** Hash of the last batch: names this exact history. */
  readonly chain: string;
}

/** More problems than this are only counted. */
export const PROBLEMS_MAX = 50;

/** More duplicates than this are only counted: a single false fact can make billions. */
export const DUPLICATES_MAX = 10_000;

const UNSEEN = 0;
const ISSUED = 1;
const RESERVED = 2;
const POOLED = 3;
const VOID = 4;
/** Drawn before the journal begins: whatever its first fact there needs it to have been, it was. */
const EARLIER = 5;
/** Used by the numbering that was there before. */
const IMPORTED = 6;
const STATUS_NAMES = [
  'unaccounted',
  'issued',
  'reserved',
  'pooled',
  'void',
  'drawn earlier',
  'imported',
] as const;

/** What is stored of a series' numbers, as the check reads it. */
interface Stored {
  readonly statuses: RangeMap<number>;
  /** Current allocation of numbers that came from the pool. */
  readonly holders: RangeMap<Position | undefined>;
}

/**
 * Proves, or refutes, that a series is gap-free: replays its whole journal with its own bookkeeping and
 * compares the result with what is stored.
 *
 * Where the journal was pruned, numbers drawn before its first entry are taken to have been what that entry's
 * successors need them to have been, and what is stored says what they are now.
 *
 * Deliberately shares no code with the state machine (`apply.ts`), whose mistakes it must be able to find.
 * Time and memory go with the facts and with the runs of numbers alike, never with how many numbers a run has: a
 * raise may skip 2^53 of them. Feed every journal entry in order, then ask for the report.
 */
export class CompletenessCheck {
  private readonly snapshot: SeriesSnapshot;
  private readonly digest: Digest;
  private readonly statuses = new RangeMap<number>(UNSEEN);
  private start: number;
  private next: number;
  /** Current allocation of numbers that came from the pool. */
  private readonly holders = new RangeMap<Position | undefined>(undefined);
  private readonly openReservations = new Set<string>();
  private readonly duplicates: number[] = [];
  private duplicateCount = 0;
  private readonly problems: string[] = [];
  private problemCount = 0;
  private chain = GENESIS_CHAIN;
  private sequence = 0;
  private batchCount = 0;
  private factCount = 0;
  private position: Position = { sequence: 0, index: 0 };
  /** Imported numbers whose gaps are to come; `undefined` while the journal, pruned, has not said. */
  private openImport: NumberRange | null | undefined;

  constructor(snapshot: SeriesSnapshot, digest: Digest) {
    this.snapshot = snapshot;
    this.digest = digest;
    this.start = snapshot.head.settings.start;
    this.next = this.start;
    this.sequence = snapshot.journalFirst - 1;
    this.openImport = snapshot.journalFirst === 1 ? null : undefined;
  }

  /** Replays one journal entry; entries come in order, from the first. */
  feed(entry: JournalEntry): void {
    const { batch, text } = entry;
    if (this.batchCount === 0) this.begin(batch);
    if (batch.sequence !== this.sequence + 1) {
      this.problem(`the journal jumps from batch ${this.sequence} to ${batch.sequence}`);
    }
    if (batch.previous !== this.chain)
      this.problem(`batch ${batch.sequence} does not continue the hash chain`);
    if (batch.next !== this.next)
      this.problem(`batch ${batch.sequence} says next is ${batch.next}, not ${this.next}`);
    this.sequence = batch.sequence;
    this.chain = this.digest(text);
    for (const [index, fact] of batch.facts.entries()) {
      this.position = { sequence: batch.sequence, index };
      this.replay(fact);
      this.factCount += 1;
    }
    this.batchCount += 1;
  }

  /** Where the journal begins: with the series, or with what pruning has left of it. */
  private begin(batch: Batch): void {
    this.next = batch.next;
    if (this.snapshot.journalFirst === 1) {
      // Before its first number an empty series may have been raised; the head only knows where it ended up.
      this.start = batch.next;
      return;
    }
    this.chain = batch.previous;
    this.statuses.set({ first: this.start, last: batch.next - 1 }, EARLIER);
  }

  /** Compares what was replayed with what is stored. */
  report(): CompletenessReport {
    const { head } = this.snapshot;
    this.expect('the last batch', head.sequence, this.sequence);
    this.expect('the chain hash', head.chain, this.chain);
    this.expect('next', head.next, this.next);
    this.expect('the start', head.settings.start, this.start);
    const stored = this.readStored();
    const counts = STATUS_NAMES.map(() => 0);
    let witnessedByStateOnly = 0;
    const holes: NumberRange[] = [];
    let missing = 0;
    for (const run of this.statuses.runs({ first: this.start, last: this.next - 1 })) {
      const { first, last, value: status } = run;
      if (status === EARLIER) {
        witnessedByStateOnly += rangeSize(run);
        for (const part of stored.statuses.runs(run)) counts[part.value]! += rangeSize(part);
        continue;
      }
      counts[status]! += rangeSize(run);
      if (status === UNSEEN) {
        missing += rangeSize(run);
        holes.push({ first, last });
      } else {
        this.compareStatuses(run, stored.statuses);
      }
      if (status === ISSUED) this.compareHolders(run, stored.holders);
    }
    this.expect('the count of issued numbers', head.issued, counts[ISSUED]!);
    this.expect('the count of reserved numbers', head.reserved, counts[RESERVED]!);
    this.expect('the count of pooled numbers', head.pooled, counts[POOLED]!);
    this.expect('the count of void numbers', head.voided, counts[VOID]!);
    this.expect('the count of imported numbers', head.imported, counts[IMPORTED]!);
    if (this.openImport !== undefined)
      this.expect('where the import goes on', head.openImport?.first, this.openImport?.first);
    this.compareReservations();
    this.reportDuplicates();
    if (this.problemCount > PROBLEMS_MAX) this.problems.push(`and ${this.problemCount - PROBLEMS_MAX} more`);
    return {
      complete: missing === 0 && this.duplicateCount === 0 && this.problemCount === 0,
      revision: this.snapshot.revision,
      start: this.start,
      next: this.next,
      numbers: this.next - this.start,
      issued: counts[ISSUED]!,
      reserved: counts[RESERVED]!,
      pooled: counts[POOLED]!,
      void: counts[VOID]!,
      imported: counts[IMPORTED]!,
      openImport:
        head.openImport === null ? null : { first: head.openImport.first, last: head.openImport.last },
      holes,
      missing,
      duplicates: this.duplicates,
      problems: this.problems,
      witnessedByStateOnly,
      journalFirst: this.snapshot.journalFirst,
      batches: this.batchCount,
      facts: this.factCount,
      chain: this.chain,
    };
  }

  private replay(fact: Fact): void {
    switch (fact.kind) {
      case 'issue':
      case 'block': {
        const end = fact.kind === 'issue' && fact.suppressed !== undefined ? fact.suppressed.to : undefined;
        const to = end === undefined ? ISSUED : end === 'pool' ? POOLED : VOID;
        this.replayDraw(fact.fresh, fact.reused, to);
        if (to === ISSUED) this.recordHolders(fact.reused, this.position);
        return;
      }
      case 'reserve':
        this.replayDraw(fact.fresh, fact.reused, RESERVED);
        this.openReservations.add(formatAllocationId(this.position));
        return;
      case 'confirm':
        this.endReservation(fact.reservation);
        for (const range of rangesOf(fact)) this.change(range, RESERVED, ISSUED);
        this.recordHolders(fact.reused, fact.reservation);
        return;
      case 'cancel':
      case 'expire':
        this.endReservation(fact.reservation);
        for (const range of rangesOf(fact)) this.change(range, RESERVED, fact.to === 'pool' ? POOLED : VOID);
        return;
      case 'release':
      case 'void': {
        const to = fact.kind === 'void' || fact.to === 'void' ? VOID : POOLED;
        this.checkHolder(fact.number, fact.allocation);
        this.change({ first: fact.number, last: fact.number }, ISSUED, to);
        this.holders.set({ first: fact.number, last: fact.number }, undefined);
        return;
      }
      case 'raise':
        this.replayRaise(fact);
        return;
      case 'adopt':
        this.replayAdopt(fact);
        return;
      case 'retire':
        for (const range of fact.ranges) this.change(range, POOLED, VOID);
    }
  }

  private replayRaise({ next, skipped, imported }: RaiseFact): void {
    const first = imported?.first ?? next;
    if (skipped !== null) this.drawFresh(skipped, VOID);
    else if (first !== this.next) this.start = this.next = first;
    if (imported === undefined) return;
    const range = { first, last: next - 1 };
    this.drawFresh(range, IMPORTED);
    if (this.openImport) this.problem(`${this.at()} imports, though an import was under way`);
    this.openImport = range;
  }

  private replayAdopt({ first, last, gaps, to }: AdoptFact): void {
    const open = this.openImport;
    if (open === null || (open !== undefined && (open.first !== first || open.last < last)))
      this.problem(`${this.at()} says the gaps of ${first} to ${last}, which are not next to be said`);
    for (const gap of gaps) {
      if (gap.first < first || gap.last > last)
        this.problem(`${this.at()} names a gap outside of ${first} to ${last}`);
      this.change(gap, IMPORTED, to === 'pool' ? POOLED : VOID);
    }
    if (open) this.openImport = last >= open.last ? null : { first: last + 1, last: open.last };
  }

  private replayDraw(fresh: NumberRange | null, reused: readonly NumberRange[], to: number): void {
    if (fresh !== null) this.drawFresh(fresh, to);
    for (const range of reused) this.change(range, POOLED, to);
  }

  private drawFresh(range: NumberRange, to: number): void {
    if (range.first !== this.next) {
      this.problem(`${this.at()} draws from ${range.first}, but the counter stood at ${this.next}`);
    }
    if (to === ISSUED) {
      for (const run of this.statuses.runs(range)) if (run.value === ISSUED) this.duplicate(run);
    }
    this.statuses.set(range, to);
    this.next = Math.max(this.next, range.last + 1);
  }

  private change(range: NumberRange, from: number, to: number): void {
    for (const run of this.statuses.runs(range)) {
      const { value: is } = run;
      if (is === from || is === EARLIER) continue;
      if (is === ISSUED && to === ISSUED) this.duplicate(run);
      this.problem(
        `${this.at()} takes ${describe(run)} for ${STATUS_NAMES[from]}, but it was ${STATUS_NAMES[is]}`,
      );
    }
    this.statuses.set(range, to);
  }

  private recordHolders(ranges: readonly NumberRange[], allocation: Position): void {
    for (const range of ranges) this.holders.set(range, allocation);
  }

  private checkHolder(number: number, allocation: Position): void {
    const holder = this.holders.at(number).value;
    if (holder === undefined || samePosition(holder, allocation)) return;
    this.problem(
      `${this.at()} takes number ${number} from ${formatAllocationId(allocation)}, but ${formatAllocationId(holder)} had it`,
    );
  }

  private endReservation(reservation: Position): void {
    const id = formatAllocationId(reservation);
    if (reservation.sequence < this.snapshot.journalFirst) return;
    if (!this.openReservations.delete(id))
      this.problem(`${this.at()} ends reservation ${id}, which was not open`);
  }

  /** A number that no record speaks of is stored as issued, to the allocation that first drew it. */
  private readStored(): Stored {
    const statuses = new RangeMap<number>(ISSUED);
    const holders = new RangeMap<Position | undefined>(undefined);
    const { skipped, importedRanges } = this.snapshot.head;
    for (const range of skipped) statuses.set(range, VOID);
    for (const range of importedRanges) {
      for (const run of statuses.runs(range))
        if (run.value !== ISSUED) this.problem(`${describe(run)} is stored as imported and as void`);
      statuses.set(range, IMPORTED);
    }
    for (const [id, page] of this.snapshot.pages) {
      const { pooled, reserved, voided, reissued } = page;
      for (const [ranges, status] of [
        [pooled, POOLED] as const,
        [reserved, RESERVED] as const,
        [voided, VOID] as const,
      ]) {
        for (const range of ranges) {
          this.checkPlace(id, range, statuses);
          statuses.set(range, status);
        }
      }
      for (const holding of reissued) {
        this.checkPlace(id, holding, statuses);
        // A gap of an import that was pooled and drawn.
        statuses.set(holding, ISSUED);
        holders.set(holding, holding.allocation);
      }
    }
    return { statuses, holders };
  }

  /** A page speaks of its own numbers only, of none that was never drawn, and of none that has a status already. */
  private checkPlace(id: number, range: NumberRange, before: RangeMap<number>): void {
    const { first, last } = range;
    if (pageOf(first) !== id || pageOf(last) !== id)
      this.problem(`page ${id} speaks of numbers ${first} to ${last}, which are not its own`);
    if (first < this.start || last >= this.next)
      this.problem(`page ${id} speaks of numbers ${first} to ${last}, which were never drawn`);
    for (const run of before.runs(range)) {
      if (run.value !== ISSUED && run.value !== IMPORTED)
        this.problem(`page ${id} speaks of ${describe(run)}, stored as ${STATUS_NAMES[run.value]} already`);
    }
  }

  private compareStatuses(run: Run<number>, stored: RangeMap<number>): void {
    for (const part of stored.runs(run)) {
      if (part.value === run.value) continue;
      this.problem(
        `${describe(part)} is stored as ${STATUS_NAMES[part.value]}, but the journal makes it ${STATUS_NAMES[run.value]}`,
      );
    }
  }

  private compareHolders(issued: NumberRange, stored: RangeMap<Position | undefined>): void {
    for (const part of stored.runs(issued)) {
      for (const run of this.holders.runs(part)) {
        const [held, holder] = [part.value, run.value];
        if (held === holder) continue;
        if (held !== undefined && holder !== undefined && samePosition(held, holder)) continue;
        this.problem(`${describe(run)} is stored with another allocation than the journal gives it`);
      }
    }
  }

  private compareReservations(): void {
    const recent = this.snapshot.reservations.filter(
      ({ position }) => position.sequence >= this.snapshot.journalFirst,
    );
    const stored = new Set(recent.map(({ position }) => formatAllocationId(position)));
    for (const id of this.openReservations)
      if (!stored.has(id)) this.problem(`reservation ${id} is not stored`);
    for (const id of stored)
      if (!this.openReservations.has(id)) this.problem(`reservation ${id} is stored but not open`);
  }

  private duplicate({ first, last }: NumberRange): void {
    this.duplicateCount += rangeSize({ first, last });
    for (let number = first; number <= last && this.duplicates.length < DUPLICATES_MAX; number += 1)
      this.duplicates.push(number);
  }

  private reportDuplicates(): void {
    const more = this.duplicateCount - this.duplicates.length;
    if (more > 0) this.problem(`${more} more numbers are used twice`);
  }

  private expect(what: string, stored: unknown, replayed: unknown): void {
    if (stored !== replayed)
      this.problem(`${what} is stored as ${String(stored)}, but the journal gives ${String(replayed)}`);
  }

  private problem(text: string): void {
    this.problemCount += 1;
    if (this.problems.length < PROBLEMS_MAX) this.problems.push(text);
  }

  private at(): string {
    return `fact ${formatAllocationId(this.position)}`;
  }
}

function describe({ first, last }: NumberRange): string {
  return first === last ? `number ${first}` : `numbers ${first} to ${last}`;
}

function rangesOf(fact: { fresh: NumberRange | null; reused: readonly NumberRange[] }): NumberRange[] {
  return fact.fresh === null ? [...fact.reused] : [...fact.reused, fact.fresh];
}
