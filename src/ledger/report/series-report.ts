import { SeqdError } from '../../core/errors.ts';
import { GENESIS_CHAIN } from '../../core/head.ts';
import { type SeriesId, seriesName } from '../../core/identifiers.ts';
import type { NumberRange } from '../../core/ranges.ts';
import type { AuditFilter, LedgerReader, LostHistory } from '../../ports/ledger-reader.ts';
import type { SequenceStore } from '../../ports/sequence-store.ts';
import { Breather } from '../../sequencer/breather.ts';
import { ledgerFactsOf } from '../audit/audit-filter.ts';
import { explainBehind, isBehindLedger, SeriesMoment } from '../series-moment.ts';
import { RangeWitness } from './range-witness.ts';
import { countStatuses } from './range-statuses.ts';
import type { VoidReason } from './runs.ts';

/** Which numbers a report is about: by number, by the time they were drawn (Unix milliseconds), or all. */
export type ReportRange =
  | { readonly by: 'number'; readonly first?: number | undefined; readonly last?: number | undefined }
  | { readonly by: 'time'; readonly from?: number | undefined; readonly to?: number | undefined };

/** What a report is made of. */
export interface ReportSources {
  readonly store: SequenceStore;
  readonly series: SeriesId;
  readonly cluster: string;
  readonly reader: LedgerReader | undefined;
  /** Who computes it. */
  readonly node: string;
  /** Unix milliseconds. */
  readonly now: () => number;
}

/** What to report. */
export interface ReportInput {
  readonly range: ReportRange;
  /** etcd's revision; the newest when left out. */
  readonly at?: number | undefined;
  /** Who asked, as they say themselves. */
  readonly requestedBy?: string | undefined;
  /** Nobody waits for it any more. */
  readonly signal?: AbortSignal | undefined;
}

/** Accounts for every number of a range at one revision. */
export interface SeriesReport {
  readonly series: string;
  readonly cluster: string;
  /** ISO 8601. */
  readonly madeAt: string;
  readonly madeBy: string;
  readonly requestedBy: string | null;
  /** etcd's revision that all of it is of. */
  readonly revision: number;
  readonly start: number;
  /** The next number to be drawn. */
  readonly next: number;
  /** The range accounted for, cut to what was drawn; `null` when nothing of it was. */
  readonly from: number | null;
  readonly to: number | null;
  /** Every number of the range is accounted for exactly once, and all witnesses agree. */
  readonly complete: boolean;
  readonly numbers: number;
  readonly issued: number;
  readonly reserved: number;
  readonly pooled: number;
  readonly void: number;
  /** Used by the numbering before seqd. */
  readonly imported: number;
  /** Numbers that no record saw drawn. */
  readonly missing: number;
  readonly missingRanges: readonly NumberRange[];
  /** Numbers that were drawn from the counter twice. */
  readonly drawnTwice: number;
  readonly voidReasons: readonly VoidReason[];
  /** Numbers that neither ledger nor journal speak of any more: for them etcd's state is the only witness. */
  readonly witnessedByStateOnly: number;
  readonly problems: readonly string[];
  /** What `seqd recover --keep-both` has set aside; a problem where it speaks of numbers of the range. */
  readonly lostHistories: readonly LostHistory[];
  readonly journal: {
    /** The last batch, and its hash, which names the whole history. */
    readonly batch: number;
    readonly chain: string;
    readonly at: string | null;
    readonly first: number;
  };
  /** `null` when there is no ledger. */
  readonly ledger: {
    /** The last batch that came from the ledger. */
    readonly batch: number;
    /** Batches that only etcd's journal had. */
    readonly tail: number;
    /** Whether the hash of that batch in the ledger is the one that the journal goes on from. */
    readonly chainAgrees: boolean;
  } | null;
}

/** Numbers from `first` to `last`; none when `last` is less. */
interface Span {
  readonly first: number;
  readonly last: number;
}

/**
 * Accounts for numbers: what each is, from etcd's state; that each was drawn, and once, from the ledger and the journal; and
 * that both tell the same history.
 *
 * @throws SeqdError `invalid_request` for a revision that etcd has not; `unavailable`; `ledger_unavailable`, also for a range by
 *   time without a ledger; the signal's reason
 */
export async function makeReport(sources: ReportSources, input: ReportInput): Promise<SeriesReport> {
  const { store, series, reader } = sources;
  const { signal } = input;
  const moment = await SeriesMoment.read(store, series, input.at);
  if (moment === null) return emptyReport(sources, input);
  const { head } = moment;
  const journalFirst = await moment.journalFirst();
  const asked = await spanOf(sources, moment, input);
  const span = {
    first: Math.max(asked.first, head.settings.start),
    last: Math.min(asked.last, head.next - 1),
  };
  const witness = new RangeWitness(span);
  // What needs etcd's revision is read before the ledger is asked, which may take longer than etcd keeps a revision.
  const statuses = await countStatuses(moment, span);
  signal?.throwIfAborted();
  const ledger = reader === undefined ? null : await hearLedger(reader, series, { moment, witness, signal });
  signal?.throwIfAborted();
  const behind =
    ledger !== null &&
    (await isBehindLedger(sources, { sequence: head.sequence, position: ledger.ledgerPosition }));
  const lost = (await reader?.lostHistories(series, asked)) ?? [];
  const tail = await hearJournal(moment, witness, {
    position: ledger?.position ?? 0,
    journalFirst,
    // Without a ledger a journal is kept as it was, and what was pruned since then is still in that revision.
    pinned: reader === undefined && input.at !== undefined,
    signal,
  });
  const drawn = witness.drawn();
  const voids = witness.compareVoids(statuses.voids);
  const problems = [
    ...(behind ? [explainBehind(head.sequence, ledger.ledgerPosition)] : []),
    ...lost.flatMap(lostProblem),
    ...balanceProblems(moment),
    ...(ledger === null ? [] : chainProblems(ledger, moment, tail)),
    ...tail.problems,
    ...voids.problems,
  ];
  const numbers = Math.max(0, span.last - span.first + 1);
  const { missing, twice, stateOnly } = drawn;
  return {
    ...frameOf(sources, input),
    revision: moment.revision,
    start: head.settings.start,
    next: head.next,
    from: numbers === 0 ? null : span.first,
    to: numbers === 0 ? null : span.last,
    complete: missing.numbers === 0 && twice === 0 && problems.length === 0,
    numbers,
    issued: statuses.issued - missing.numbers,
    reserved: statuses.reserved,
    pooled: statuses.pooled,
    void: statuses.void,
    imported: statuses.imported,
    missing: missing.numbers,
    missingRanges: missing.ranges,
    drawnTwice: twice,
    voidReasons: voids.reasons,
    witnessedByStateOnly: stateOnly,
    problems,
    lostHistories: lost,
    journal: {
      batch: head.sequence,
      chain: head.chain,
      at: head.time === 0 ? null : new Date(head.time).toISOString(),
      first: Math.max(journalFirst, ledger === null ? tail.first : 1),
    },
    ledger:
      ledger === null
        ? null
        : {
            batch: Math.min(ledger.position, head.sequence),
            tail: Math.max(0, head.sequence - ledger.position),
            chainAgrees: chainProblems(ledger, moment, tail).length === 0,
          },
  };
}

/** What the ledger said of itself. */
interface LedgerWord {
  readonly position: number;
  /** Of batch `min(position, head.sequence)`. */
  readonly chain: string | null;
  /** Where it ends, whatever etcd has. */
  readonly ledgerPosition: number;
}

async function hearLedger(
  reader: LedgerReader,
  series: SeriesId,
  {
    moment,
    witness,
    signal,
  }: { moment: SeriesMoment; witness: RangeWitness; signal: AbortSignal | undefined },
): Promise<LedgerWord> {
  const last = moment.head.sequence;
  const found = await reader.evidence(series, witness.span, { through: last, signal });
  const through = Math.min(found.position, last);
  witness.addCoverage(found.coverage);
  for (const range of found.unrecorded) witness.addUnrecorded(range);
  const breather = new Breather();
  for await (const rows of reader.voids(series, witness.span, { through, signal })) {
    signal?.throwIfAborted();
    for (const row of rows) witness.addVoid(row);
    if (breather.isDue({ items: rows.length })) await breather.pause();
  }
  const chain = through === 0 ? GENESIS_CHAIN : found.chain;
  return { position: through, chain, ledgerPosition: found.position };
}

/** What the journal said. */
interface TailWord {
  /** What the first batch read says is the hash of the one before. */
  readonly previous: string | null;
  /** The first batch read. */
  readonly first: number;
  readonly problems: readonly string[];
}

async function hearJournal(
  moment: SeriesMoment,
  witness: RangeWitness,
  {
    position,
    journalFirst,
    pinned,
    signal,
  }: { position: number; journalFirst: number; pinned: boolean; signal: AbortSignal | undefined },
): Promise<TailWord> {
  const { head } = moment;
  const begin = Math.max(position + 1, journalFirst);
  const problems: string[] = [];
  let previous: string | null = null;
  let first: number | undefined;
  let expected = begin;
  const breather = new Breather();
  for await (const { batch, text, revision } of pinned ? moment.entries(begin) : moment.tail(begin)) {
    signal?.throwIfAborted();
    if (first === undefined) {
      first = batch.sequence;
      previous = batch.previous;
      // Without anything in a ledger, nobody has to speak of what was before the journal.
      if (position === 0) witness.addStateOnly(head.settings.start, batch.next - 1, first);
    } else if (batch.sequence > expected) problems.push(explainPruned(expected, batch.sequence - 1));
    expected = batch.sequence + 1;
    for (const row of ledgerFactsOf({ batch, text, revision })) witness.addRow(row);
    if (breather.isDue({ characters: text.length, items: batch.facts.length })) await breather.pause();
  }
  first ??= Math.max(begin, head.sequence + 1);
  if (expected > begin && expected <= head.sequence) problems.push(explainPruned(expected, head.sequence));
  return { previous, first, problems };
}

function explainPruned(first: number, last: number): string {
  return `batches ${first} to ${last} were pruned from the journal while this report was made; make it again`;
}

/** Two histories of a number are one too many, whether both have drawn it or only the one that was lost. */
function lostProblem({ period, first, last, numbers, both }: LostHistory): string[] {
  if (numbers === null) return [];
  const twice = both === null ? '' : `; numbers ${both.first} to ${both.last} were drawn in both`;
  return [
    `a lost history of numbers ${numbers.first} to ${numbers.last} is kept in the ledger under period ${period} (batches ${first} to ${last})${twice}`,
  ];
}

function balanceProblems({ head }: SeriesMoment): string[] {
  const counted = head.issued + head.reserved + head.pooled + head.voided + head.imported;
  const drawn = head.next - head.settings.start;
  if (counted === drawn) return [];
  return [`etcd counts ${counted} numbers of the ${drawn} that the whole series has drawn`];
}

function chainProblems(
  { position, chain }: LedgerWord,
  { head }: SeriesMoment,
  tail: { readonly previous: string | null; readonly first: number },
): string[] {
  if (position < head.sequence && tail.first > position + 1)
    return [
      `batches ${position + 1} to ${tail.first - 1} are in neither: the ledger ends before them, the journal begins after them`,
    ];
  const expected = position === head.sequence ? head.chain : tail.previous;
  if (expected === null || chain === expected) return [];
  return chain === null
    ? [`batch ${position} is missing in the ledger`]
    : [`batch ${position} of the ledger has another hash than etcd knows it by`];
}

async function spanOf(
  sources: ReportSources,
  moment: SeriesMoment,
  { range, signal }: ReportInput,
): Promise<Span> {
  if (range.by === 'number') return { first: range.first ?? 1, last: range.last ?? Number.MAX_SAFE_INTEGER };
  const { reader, series } = sources;
  if (reader === undefined)
    throw new SeqdError(
      'ledger_unavailable',
      'Only a ledger knows which numbers were drawn when; give "from" and "to" as numbers, or configure sequence.ledger.url',
    );
  const { position, numbers } = await reader.drawnBetween(series, range, moment.head.sequence);
  let first = numbers?.first ?? Number.POSITIVE_INFINITY;
  let last = numbers?.last ?? 0;
  const filter: AuditFilter = {
    ...(range.from === undefined ? {} : { from: range.from }),
    ...(range.to === undefined ? {} : { to: range.to }),
  };
  if (position < moment.head.sequence) {
    for await (const { batch } of moment.tail(Math.max(position + 1, await moment.journalFirst()))) {
      signal?.throwIfAborted();
      if (batch.time < (filter.from ?? 0) || batch.time >= (filter.to ?? Number.POSITIVE_INFINITY)) continue;
      for (const row of ledgerFactsOf({ batch, text: '', revision: 0 })) {
        if (!row.fresh) continue;
        first = Math.min(first, row.first);
        last = Math.max(last, row.last);
      }
    }
  }
  return first > last ? { first: 1, last: 0 } : { first, last };
}

type Frame = Pick<SeriesReport, 'series' | 'cluster' | 'madeAt' | 'madeBy' | 'requestedBy'>;

function frameOf({ series, cluster, node, now }: ReportSources, { requestedBy }: ReportInput): Frame {
  return {
    series: seriesName(series),
    cluster,
    madeAt: new Date(now()).toISOString(),
    madeBy: `seqd node ${node}`,
    requestedBy: requestedBy ?? null,
  };
}

/** Of a series that etcd does not have: in which nothing was ever drawn, if the ledger knows of nothing either. */
async function emptyReport(sources: ReportSources, input: ReportInput): Promise<SeriesReport> {
  const { reader, series } = sources;
  const position = (await reader?.position(series)) ?? 0;
  const behind = await isBehindLedger(sources, { sequence: 0, position });
  const { range } = input;
  const all = { first: 1, last: Number.MAX_SAFE_INTEGER };
  const asked = range.by === 'time' ? all : { first: range.first ?? all.first, last: range.last ?? all.last };
  const lost = (await reader?.lostHistories(series, asked)) ?? [];
  const problems = [...(behind ? [explainBehind(0, position)] : []), ...lost.flatMap(lostProblem)];
  return {
    ...frameOf(sources, input),
    revision: input.at ?? 0,
    start: 0,
    next: 0,
    from: null,
    to: null,
    complete: problems.length === 0,
    numbers: 0,
    issued: 0,
    reserved: 0,
    pooled: 0,
    void: 0,
    imported: 0,
    missing: 0,
    missingRanges: [],
    drawnTwice: 0,
    voidReasons: [],
    witnessedByStateOnly: 0,
    problems,
    lostHistories: lost,
    journal: { batch: 0, chain: GENESIS_CHAIN, at: null, first: 1 },
    ledger: reader === undefined ? null : { batch: 0, tail: 0, chainAgrees: !behind },
  };
}
