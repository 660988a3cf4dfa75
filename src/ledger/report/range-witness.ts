import { type NumberRange, RangeMap, rangeSize } from '../../core/ranges.ts';
import type { Coverage, LedgerFact, VoidRow } from '../../ports/ledger-reader.ts';
import { RUNS_MAX, runsOf, type VoidReason } from './runs.ts';

const UNSEEN = 0;
const DRAWN = 1;
/** Drawn before anything that still tells of it. */
const STATE_ONLY = 2;

const NOT_KEPT = '(its record is no longer kept)';

/** Void numbers that no fact explains, or facts that etcd does not bear out: at most so many are named. */
const PROBLEMS_MAX = 20;

/** Gathers what ledger and journal tell of a range: which numbers were drawn from the counter, and why some are void. */
export class RangeWitness {
  readonly span: NumberRange;
  private readonly seen = new RangeMap<number>(UNSEEN);
  private readonly reasons = new RangeMap<string | null>(null);
  /** The last number whose record may be among those that are documented to be lost. */
  private unrecordedUpTo = 0;
  private twice = 0;

  constructor(span: NumberRange) {
    this.span = span;
  }

  addCoverage({ covered, breaks }: Coverage): void {
    if (covered === null) return;
    this.seen.set(covered, DRAWN);
    for (const { before, first, last } of breaks) {
      if (first > before + 1) this.seen.set({ first: before + 1, last: first - 1 }, UNSEEN);
      else this.twice += Math.min(before, last) - first + 1;
    }
  }

  /** Numbers of which it is documented that no record of their draw is left; what became of those before may be lost with it. */
  addUnrecorded(range: NumberRange): void {
    this.unrecordedUpTo = Math.max(this.unrecordedUpTo, range.last);
    const unseen = [...this.seen.runs(range)].filter(({ value }) => value === UNSEEN);
    for (const run of unseen) this.seen.set(run, STATE_ONLY);
  }

  /** Numbers drawn before the journal begins, of which there is no ledger. */
  addStateOnly(first: number, last: number, journalFirst: number): void {
    if (journalFirst > 1) this.seen.set({ first, last }, STATE_ONLY);
  }

  /** A row of the journal; in order. */
  addRow(row: LedgerFact): void {
    if (row.fresh) {
      for (const run of this.seen.runs(row)) if (run.value === DRAWN) this.twice += rangeSize(run);
      this.seen.set(row, DRAWN);
    }
    if (row.kind === 'void' || row.kind === 'raise' || row.target === 'void') this.addVoid(row);
  }

  addVoid(row: VoidRow): void {
    const { first, last } = this.span;
    this.reasons.set({ first: Math.max(first, row.first), last: Math.min(last, row.last) }, reasonOf(row));
  }

  drawn(): {
    readonly missing: { readonly numbers: number; readonly ranges: NumberRange[] };
    readonly twice: number;
    readonly stateOnly: number;
  } {
    return {
      missing: runsOf(this.seen, this.span, UNSEEN),
      twice: this.twice,
      stateOnly: runsOf(this.seen, this.span, STATE_ONLY).numbers,
    };
  }

  /** Holds the reasons against the numbers that are void by etcd's state. */
  compareVoids(voids: RangeMap<boolean>): {
    readonly reasons: VoidReason[];
    readonly problems: string[];
  } {
    const found = new Map<string, { numbers: number; runs: number; ranges: NumberRange[] }>();
    const problems: string[] = [];
    let more = 0;
    const problem = (text: string): void => {
      if (problems.length < PROBLEMS_MAX) problems.push(text);
      else more += 1;
    };
    for (const run of this.reasons.runs(this.span)) {
      for (const part of voids.runs(run)) {
        if (run.value !== null && !part.value)
          problem(`a record makes ${describe(part)} void (${run.value}), etcd does not`);
        if (run.value === null && part.value) this.unexplained(part, found, problem);
      }
      if (run.value !== null) addTo(found, run.value, run);
    }
    if (more > 0) problems.push(`and ${more} more about void numbers`);
    const reasons = [...found].map(([reason, counted]) => ({ reason, ...counted }));
    return { reasons: reasons.sort((a, b) => b.numbers - a.numbers), problems };
  }

  private unexplained(
    range: NumberRange,
    found: Parameters<typeof addTo>[0],
    problem: (text: string) => void,
  ): void {
    const gone = { first: range.first, last: Math.min(range.last, this.unrecordedUpTo) };
    if (gone.first <= gone.last) addTo(found, NOT_KEPT, gone);
    const rest = { first: Math.max(range.first, this.unrecordedUpTo + 1), last: range.last };
    for (const run of this.seen.runs(rest)) {
      if (run.value === STATE_ONLY) addTo(found, NOT_KEPT, run);
      else {
        addTo(found, '(no record says why)', run);
        problem(`${describe(run)} is void in etcd, and no record says why`);
      }
    }
  }
}

function addTo(
  found: Map<string, { numbers: number; runs: number; ranges: NumberRange[] }>,
  reason: string,
  { first, last }: NumberRange,
): void {
  const entry = found.get(reason) ?? { numbers: 0, runs: 0, ranges: [] };
  entry.numbers += last - first + 1;
  entry.runs += 1;
  if (entry.ranges.length < RUNS_MAX) entry.ranges.push({ first, last });
  found.set(reason, entry);
}

/** Reasons are texts of clients; where there is none, what happened says it. */
function reasonOf({ kind, reason }: VoidRow): string {
  if (reason !== null && reason !== '') return reason;
  switch (kind) {
    case 'cancel':
      return 'reservation cancelled';
    case 'expire':
      return 'reservation expired';
    case 'raise':
      return 'skipped by raising the counter';
    case 'adopt':
      return 'never used by the imported numbering';
    default:
      return 'released';
  }
}

function describe({ first, last }: NumberRange): string {
  return first === last ? `number ${first}` : `numbers ${first} to ${last}`;
}
