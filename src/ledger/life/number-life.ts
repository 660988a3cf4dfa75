import { SeqdError } from '../../core/errors.ts';
import type { Head } from '../../core/head.ts';
import {
  comparePositions,
  formatAllocationId,
  type Owner,
  type Position,
  type SeriesId,
  seriesName,
} from '../../core/identifiers.ts';
import { EMPTY_PAGE, holdingOf, type Page, pageOf, pageStatus } from '../../core/page.ts';
import { rangesInclude } from '../../core/ranges.ts';
import type { FactsRead, LedgerFact, LedgerReader, Patience } from '../../ports/ledger-reader.ts';
import type { SequenceStore } from '../../ports/sequence-store.ts';
import { Breather } from '../../sequencer/breather.ts';
import { ledgerFactsOf } from '../audit/audit-filter.ts';
import { eventOf, type LifeEvent, type NumberStatus, positionIn, statusAfter } from './life-events.ts';
import { explainBehind, isBehindLedger, SeriesMoment } from '../series-moment.ts';

/** What a number is now, by etcd; by the ledger's last event where etcd is behind the ledger. */
export interface NumberState {
  readonly status: NumberStatus;
  /** Who has it, while it is issued or reserved and that is known. */
  readonly owner: Owner | null;
  /** Which allocation or reservation has it. */
  readonly allocation: Position | null;
  /** Unix milliseconds. */
  readonly deadline: number | null;
  /** Why it is void. */
  readonly reason: string | null;
}

/** Everything that is known of a number. */
export interface NumberLife {
  readonly number: number;
  /** etcd's revision that all of this is of. */
  readonly revision: number;
  readonly state: NumberState;
  /** In journal order, a page of them. */
  readonly events: readonly LifeEvent[];
  /** There are more events after the last one. */
  readonly more: boolean;
  /** Nothing can be missing among the events. */
  readonly complete: boolean;
  /** When not complete: whatever happened since this batch is here, of what was before only some may be. */
  readonly from: number | null;
  /** Whether the events end in the state that etcd has; `null` when that cannot be told. */
  readonly consistent: boolean | null;
  /** The last batch that came from the ledger; `null` when it was not asked: there is none, or it does not answer. */
  readonly ledgerSequence: number | null;
  readonly journalSequence: number;
  /** Why etcd cannot be believed, and so the ledger answers alone; `null` while it can be. */
  readonly problem: string | null;
}

/** What a number's life is read from. */
export interface LifeSources {
  readonly store: SequenceStore;
  readonly series: SeriesId;
  /** `undefined`: there is no ledger. */
  readonly reader: LedgerReader | undefined;
}

/** Batches that the ledger does not have yet and that are looked through at most; of more the newest. */
export const TAIL_BATCHES_MAX = 5_000;

/** Events in one answer. */
export const LIFE_EVENTS_MAX = 1_000;

/** Which events of a number are asked for. */
export interface LifePaging extends Patience {
  /** Only events after this place. */
  readonly after?: Position | undefined;
  readonly limit: number;
}

/** Whatever the journal says of the number after what the ledger has. */
interface Tail {
  readonly facts: readonly LedgerFact[];
  /** The first batch since when nothing is missing; `null` when nothing is missing at all. */
  readonly from: number | null;
}

/**
 * Tells the life of a number: from the ledger, and from etcd's journal what is not there yet.
 *
 * @param paging.signal for the ledger's part: aborted, it counts as a ledger that does not answer
 * @throws SeqdError `never_issued` for a number that was never drawn; `unavailable`
 */
export async function readNumberLife(
  sources: LifeSources,
  number: number,
  paging: LifePaging,
): Promise<NumberLife> {
  const { store, series, reader } = sources;
  const { after, limit, signal } = paging;
  let moment = await SeriesMoment.read(store, series);
  if (!hasDrawn(moment, number)) {
    const through = Number.MAX_SAFE_INTEGER;
    const known = await askLedger(reader, series, number, { through, limit: 1, signal });
    // It may have been drawn, and have come to the ledger, since.
    if (known !== undefined && known.position > 0) moment = await SeriesMoment.read(store, series);
    if (!hasDrawn(moment, number)) {
      if (known === undefined || known.facts.length === 0)
        throw neverIssued(series, number, moment, known?.position ?? 0);
      return ledgerLife(sources, number, { moment, paging });
    }
  }
  const { head, revision } = moment;
  const [ledger, pages] = await Promise.all([
    askLedger(reader, series, number, { through: head.sequence, after, limit: limit + 1, signal }),
    moment.pages({ first: number, last: number }),
  ]);
  const position = ledger?.position ?? 0;
  if (await isBehindLedger(sources, { sequence: head.sequence, position }))
    return ledgerLife(sources, number, { moment, paging });
  const page = pages.get(pageOf(number)) ?? EMPTY_PAGE;
  const said = unusualStatus(head, page, number);
  const tail =
    ledger === undefined
      ? await journalOnly(moment, number, said === undefined || said === 'imported')
      : await tailAfter(moment, ledger.position, number);
  const later = tail.facts.filter(
    row => after === undefined || comparePositions(positionIn(row, number), after) > 0,
  );
  const rows = [...(ledger?.facts ?? []), ...later];
  const from = tail.from ?? lostBefore(ledger?.wholeFrom ?? 1, rows[0], after);
  const all = rows.map(row => eventOf(row, number));
  const events = all.slice(0, limit);
  const more = all.length > limit;
  const status = said === undefined || said === 'reissued' ? 'issued' : said;
  const whole = !more && after === undefined && from === null;
  const last = all.at(-1);
  return {
    number,
    revision,
    state: { status, ...ownershipOf(status, holdingOf(page, number), more ? undefined : last) },
    events,
    more,
    complete: from === null,
    from,
    consistent: whole ? last !== undefined && statusAfter(last) === status : null,
    ledgerSequence: ledger === undefined ? null : Math.min(ledger.position, head.sequence),
    journalSequence: head.sequence,
    problem: null,
  };
}

function hasDrawn(moment: SeriesMoment | null, number: number): moment is SeriesMoment {
  return moment !== null && number >= moment.head.settings.start && number < moment.head.next;
}

function neverIssued(
  series: SeriesId,
  number: number,
  moment: SeriesMoment | null,
  position: number,
): SeqdError {
  const sequence = moment?.head.sequence ?? 0;
  const until = moment === null ? 'nothing was issued yet' : `the next one is ${moment.head.next}`;
  const name = seriesName(series);
  return new SeqdError(
    'never_issued',
    position > sequence
      ? `Nothing is known of number ${number} of ${name}, but ${explainBehind(sequence, position)}`
      : `Number ${number} was never issued in ${name}; ${until}`,
    { details: { number, ...(moment === null ? {} : { next: moment.head.next }) } },
  );
}

/**
 * A number of which the ledger knows more than etcd does, which was set back: all that the ledger says.
 *
 * @throws SeqdError `ledger_unavailable`
 */
async function ledgerLife(
  { series, reader }: LifeSources,
  number: number,
  { moment, paging: { after, limit, signal } }: { moment: SeriesMoment | null; paging: LifePaging },
): Promise<NumberLife> {
  const all: LifeEvent[] = [];
  let position = 0;
  // The state is that after the last of them, whichever page is asked for.
  for (;;) {
    const through = Number.MAX_SAFE_INTEGER;
    const options = { through, after: all.at(-1)?.position, limit: LIFE_EVENTS_MAX, signal };
    const read = await reader!.factsOf(series, number, options);
    position = read.position;
    all.push(...read.facts.map(row => eventOf(row, number)));
    if (read.facts.length < LIFE_EVENTS_MAX) break;
  }
  const later = all.filter(event => after === undefined || comparePositions(event.position, after) > 0);
  const last = all.at(-1);
  const status = last === undefined ? 'issued' : statusAfter(last);
  const sequence = moment?.head.sequence ?? 0;
  return {
    number,
    revision: moment?.revision ?? 0,
    state: { status, ...ownershipOf(status, undefined, last) },
    events: later.slice(0, limit),
    more: later.length > limit,
    complete: false,
    from: null,
    consistent: false,
    ledgerSequence: position,
    journalSequence: sequence,
    problem:
      position > sequence
        ? explainBehind(sequence, position)
        : 'the ledger tells of this number, which etcd has not drawn yet: they hold different histories; see "seqd recover"',
  };
}

/** What etcd says of a number, if there is anything to say. */
function unusualStatus(head: Head, page: Page, number: number): NumberStatus | 'reissued' | undefined {
  if (rangesInclude(head.skipped, number)) return 'void';
  return pageStatus(page, number) ?? (rangesInclude(head.importedRanges, number) ? 'imported' : undefined);
}

/**
 * Since when nothing of a number can be missing that a ledger has lost for good; `null` when that was all before the events asked for, or
 * before the number was drawn.
 *
 * @param first the first row that is known
 */
function lostBefore(
  wholeFrom: number,
  first: LedgerFact | undefined,
  after: Position | undefined,
): number | null {
  const isBeforeAll = after !== undefined && after.sequence >= wholeFrom;
  const isBeforeDraw = first !== undefined && first.fresh && first.sequence >= wholeFrom;
  return wholeFrom === 1 || isBeforeAll || isBeforeDraw ? null : wholeFrom;
}

/** A ledger that does not answer is as good as none: the journal still knows something. */
async function askLedger(
  reader: LedgerReader | undefined,
  series: SeriesId,
  number: number,
  options: Parameters<LedgerReader['factsOf']>[2],
): Promise<FactsRead | undefined> {
  try {
    return await reader?.factsOf(series, number, options);
  } catch (error) {
    if (error instanceof SeqdError && error.code === 'ledger_unavailable') return undefined;
    throw error;
  }
}

/** What the journal adds to the ledger. */
async function tailAfter(moment: SeriesMoment, position: number, number: number): Promise<Tail> {
  const last = moment.head.sequence;
  if (position >= last) return { facts: [], from: null };
  const first = Math.max(position + 1, await moment.journalFirst(), last - TAIL_BATCHES_MAX + 1);
  const facts = await collect(moment, first, number);
  return { facts, from: first === position + 1 ? null : first };
}

/**
 * What the journal knows without a ledger: the draw, wherever it is, and what came after it.
 *
 * @param plain nothing is unusual about the number: then nothing has happened to it since it was drawn, but that a reservation may
 *   have been confirmed
 */
async function journalOnly(moment: SeriesMoment, number: number, plain: boolean): Promise<Tail> {
  const { head } = moment;
  const draw = await moment.drawOf(number);
  const drawn = (draw === undefined ? [] : ledgerFactsOf(draw)).filter(row => isAbout(row, number));
  if (plain && drawn.length === 1 && drawn[0]!.kind !== 'reserve') return { facts: drawn, from: null };
  const begin = draw?.batch.sequence ?? (await moment.journalFirst());
  const first = Math.max(begin, head.sequence - TAIL_BATCHES_MAX + 1);
  const facts = await collect(moment, first, number);
  if (first === begin) return { facts, from: draw === undefined ? first : null };
  return { facts: [...drawn, ...facts], from: first };
}

async function collect(moment: SeriesMoment, first: number, number: number): Promise<LedgerFact[]> {
  const found: LedgerFact[] = [];
  const breather = new Breather();
  for await (const entry of moment.entries(first)) {
    for (const row of ledgerFactsOf(entry)) if (isAbout(row, number)) found.push(row);
    if (breather.isDue({ characters: entry.text.length, items: entry.batch.facts.length }))
      await breather.pause();
  }
  return found;
}

function isAbout({ first, last }: LedgerFact, number: number): boolean {
  return first <= number && number <= last;
}

/** @param last the last event there is, if it is known */
function ownershipOf(
  status: NumberStatus,
  holding: { readonly owner: Owner; readonly allocation: Position } | undefined,
  last: LifeEvent | undefined,
): Omit<NumberState, 'status'> {
  const agreed = last !== undefined && statusAfter(last) === status ? last : undefined;
  const nobody = { owner: null, allocation: null, deadline: null };
  if (status === 'void') return { ...nobody, reason: agreed?.reason ?? null };
  if (status === 'pooled' || status === 'imported') return { ...nobody, reason: null };
  const { owner = null, allocation = null } = holding ?? agreed ?? {};
  return { owner, allocation, deadline: agreed?.deadline ?? null, reason: null };
}

/** In the words of the REST interface, without the events. */
export function describeState({ status, owner, allocation, deadline, reason }: NumberState): object {
  return {
    status,
    allocationId: allocation === null ? null : formatAllocationId(allocation),
    siteId: owner?.site ?? null,
    partitionId: owner?.partition ?? null,
    invoiceType: owner?.type ?? null,
    ...(deadline === null ? {} : { deadline: new Date(deadline).toISOString() }),
    ...(status === 'void' ? { reason } : {}),
  };
}
